package early_test

import (
	"os"
	"os/exec"
	"syscall"
	"testing"

	"github.com/crun-go/crun-go/libcontainer/early"
)

// TestBeforeSyscall runs this test again with a soft limit below the hard one.
func TestBeforeSyscall(t *testing.T) {
	const soft = 64
	if os.Getenv("EARLY_CHILD") != "" {
		if early.Soft != soft {
			t.Fatalf("remembered %d, the caller's soft limit is %d: package syscall came first", early.Soft, soft)
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
