package cli

import (
	"testing"

	"golang.org/x/sys/unix"
)

func TestParseSignal(t *testing.T) {
	for text, want := range map[string]unix.Signal{
		"": unix.SIGTERM, "9": unix.SIGKILL, "KILL": unix.SIGKILL, "SIGKILL": unix.SIGKILL, "kill": unix.SIGKILL, "sigkill": unix.SIGKILL,
		"SigUsr1": unix.SIGUSR1, "0": 0, "64": 64, "34": 34, "HUP": unix.SIGHUP, "WINCH": unix.SIGWINCH, "CLD": unix.SIGCHLD,
		"SIGIOT": unix.SIGABRT, "POLL": unix.SIGIO, "RTMIN": 34, "SIGRTMIN+1": 35, "rtmin+30": 64, "RTMAX": 64, "RTMAX-30": 34,
	} {
		if got, err := parseSignal(text); err != nil || got != want {
			t.Errorf("parseSignal(%q) = %d, %v, want %d", text, got, err, want)
		}
	}
	for _, text := range []string{"BOGUS", "65", "-1", "-9", "+9", "SIG", "SIGSIGKILL", "9 ", "RTMIN+31", "RTMIN-1", "RTMIN+", "RTMAX+1", "RTMAX--1", "256", "SIG9", "1e1"} {
		_, err := parseSignal(text)
		if want := `unknown signal "` + text + `"`; err == nil || err.Error() != want {
			t.Errorf("parseSignal(%q): %v, want %s", text, err, want)
		}
	}
}

func FuzzParseSignal(f *testing.F) {
	f.Add("KILL")
	f.Add("RTMIN+3")
	f.Add("-64")
	f.Fuzz(func(t *testing.T, text string) {
		if signal, err := parseSignal(text); err == nil && (signal < 0 || signal > 64) {
			t.Errorf("parseSignal(%q) = %d", text, signal)
		}
	})
}
