package rtstart_test

import (
	"os"
	"os/exec"
	"runtime/debug"
	"strings"
	"syscall"
	"testing"

	"github.com/crun-go/crun-go/libcontainer/rtstart"
)

// TestBeforeSyscall runs this test again with a soft limit below the hard one.
func TestBeforeSyscall(t *testing.T) {
	const soft = 64
	if os.Getenv("EARLY_CHILD") != "" {
		if rtstart.Soft != soft {
			t.Fatalf("remembered %d, the caller's soft limit is %d: package syscall came first", rtstart.Soft, soft)
		}
		var now syscall.Rlimit
		if err := syscall.Getrlimit(syscall.RLIMIT_NOFILE, &now); err != nil || now.Cur == soft {
			t.Skipf("Go does not raise the limit any more (%d, %v): this package is of no use", now.Cur, err)
		}
		return
	}
	cmd := exec.Command("sh", "-c", "ulimit -Sn 64; exec \"$0\" -test.run=TestBeforeSyscall -test.v", os.Args[0])
	cmd.Env = append(os.Environ(), "EARLY_CHILD=1")
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
}

// TestMistakesDump: a mistake in the program is dumped as ever.
func TestMistakesDump(t *testing.T) {
	if os.Getenv("EARLY_MISTAKE") != "" {
		debug.SetMaxStack(1 << 16)
		t.Log(deep(1 << 30))
	}
	cmd := exec.Command(os.Args[0], "-test.run=TestMistakesDump")
	cmd.Env = append(os.Environ(), "EARLY_MISTAKE=1")
	out, err := cmd.CombinedOutput()
	if text := string(out); err == nil || !strings.Contains(text, "fatal error: stack overflow\n") || !strings.Contains(text, "rtstart_test.deep") {
		t.Errorf("%v\n%.500s", err, text)
	}
}

func deep(n int) int {
	if n == 0 {
		return 0
	}
	return deep(n-1) + 1
}
