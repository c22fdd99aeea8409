package cli

import (
	"fmt"
	"strconv"
	"strings"

	"golang.org/x/sys/unix"

	"github.com/crun-go/crun-go/specconv/spell"
)

// The real-time signals as programs know them: the C library keeps the first two of the kernel's, 32 and 33, for itself
// (signal(7)).
const (
	signalRTMin = 34
	signalRTMax = 64
)

// parseSignal reads a signal: a number from 0 to 64, or a name in any case, with or without SIG. RTMIN+n and RTMAX-n are
// names, too. Nothing means SIGTERM.
func parseSignal(text string) (unix.Signal, error) {
	if text == "" {
		return unix.SIGTERM, nil
	}
	if n, err := strconv.ParseUint(text, 10, 8); err == nil && n <= signalRTMax {
		return unix.Signal(n), nil
	}
	name := strings.TrimPrefix(strings.ToUpper(text), "SIG")
	if signal := namedSignal(name); signal != 0 {
		return signal, nil
	}
	hint := spell.Hint(name, signalNames()) + " a signal is a name, such as TERM or SIGTERM, or a number, such as 15"
	return 0, withHint(fmt.Errorf("unknown signal %q", text), strings.TrimSpace(hint))
}

// namedSignal returns 0 for names that are none. The numbers of some differ between architectures.
func namedSignal(name string) unix.Signal {
	switch name {
	case "CLD":
		return unix.SIGCHLD
	case "IOT":
		return unix.SIGIOT
	case "POLL":
		return unix.SIGPOLL
	case "RTMIN":
		return signalRTMin
	case "RTMAX":
		return signalRTMax
	}
	if offset, ok := strings.CutPrefix(name, "RTMIN+"); ok {
		if n, err := strconv.ParseUint(offset, 10, 8); err == nil && n <= signalRTMax-signalRTMin {
			return signalRTMin + unix.Signal(n)
		}
	}
	if offset, ok := strings.CutPrefix(name, "RTMAX-"); ok {
		if n, err := strconv.ParseUint(offset, 10, 8); err == nil && n <= signalRTMax-signalRTMin {
			return signalRTMax - unix.Signal(n)
		}
	}
	return unix.SignalNum("SIG" + name)
}
