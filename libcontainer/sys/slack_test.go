package sys

import (
	"os"
	"path/filepath"
	"runtime"
	"strconv"
	"strings"
	"testing"

	"golang.org/x/sys/unix"
)

func slackOf(t *testing.T, tid string) string {
	t.Helper()
	text, err := os.ReadFile("/proc/" + tid + "/timerslack_ns")
	if os.IsPermission(err) || os.IsNotExist(err) {
		t.Log("timer slack of other threads needs CAP_SYS_NICE")
		t.SkipNow()
	}
	if err != nil {
		t.Fatal(err)
	}
	return strings.TrimSpace(string(text))
}

func TestRelaxTimers(t *testing.T) {
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	if err := unix.Prctl(unix.PR_SET_TIMERSLACK, 77777, 0, 0, 0); err != nil {
		t.Fatal(err)
	}
	defer unix.Prctl(unix.PR_SET_TIMERSLACK, 0, 0, 0, 0)
	RelaxTimers()
	threads, err := filepath.Glob("/proc/self/task/*")
	if err != nil {
		t.Fatal(err)
	}
	relaxed := 0
	for _, path := range threads {
		tid := filepath.Base(path)
		switch slack := slackOf(t, tid); {
		case tid == strconv.Itoa(unix.Gettid()):
			if slack != "77777" {
				t.Errorf("this thread's slack: %s", slack)
			}
		case slack == "10000000":
			relaxed++
		}
	}
	if relaxed == 0 {
		t.Errorf("none of %d threads is relaxed", len(threads))
	}
}
