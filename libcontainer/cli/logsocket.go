package cli

import (
	"encoding/binary"
	"os"
	"strconv"
	"strings"

	"golang.org/x/sys/unix"

	"github.com/crun-go/crun-go/libcontainer/sys/retry"
	"github.com/crun-go/crun-go/specconv/plan"
)

// syslogDatagram is a record under a name in the form of RFC 3164 that the local logger takes: it adds time and host.
func syslogDatagram(name string, r *record) []byte {
	const daemon = 3 << 3
	return []byte("<" + strconv.Itoa(daemon|priority(r.level)) + ">" + identifier(name) + ": " + plan.Printable(r.msg))
}

// journaldDatagram is a record under a name in the native protocol of systemd's journal
// (https://systemd.io/JOURNAL_NATIVE_PROTOCOL/).
func journaldDatagram(name string, r *record) []byte {
	var b []byte
	b = appendJournald(b, "MESSAGE", r.msg)
	b = appendJournald(b, "PRIORITY", strconv.Itoa(priority(r.level)))
	b = appendJournald(b, "SYSLOG_IDENTIFIER", identifier(name))
	b = appendJournald(b, "CRUN_GO_FIELD", r.field)
	return appendJournald(b, "CRUN_GO_HINT", r.hint)
}

// appendJournald appends a field unless it is empty. A value with a newline in it is preceded by its length, 8 bytes little
// endian, in place of the equals sign.
func appendJournald(b []byte, key, value string) []byte {
	if value == "" {
		return b
	}
	b = append(b, key...)
	if strings.Contains(value, "\n") {
		b = binary.LittleEndian.AppendUint64(append(b, '\n'), uint64(len(value)))
	} else {
		b = append(b, '=')
	}
	return append(append(b, value...), '\n')
}

// priority is the severity of syslog(3).
func priority(l level) int {
	switch l {
	case levelWarning:
		return 4
	case levelDebug:
		return 7
	}
	return 3
}

func identifier(name string) string {
	if name == "" {
		return program
	}
	return name
}

func sendDatagram(path string, data []byte) error {
	fd, err := unix.Socket(unix.AF_UNIX, unix.SOCK_DGRAM|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		return os.NewSyscallError("socket", err)
	}
	defer unix.Close(fd)
	// Nobody waits for a log that does not read.
	limit := unix.Timeval{Sec: 5}
	if err := unix.SetsockoptTimeval(fd, unix.SOL_SOCKET, unix.SO_SNDTIMEO, &limit); err != nil {
		return os.NewSyscallError("setsockopt", err)
	}
	if err := retry.Sendto(fd, data, 0, &unix.SockaddrUnix{Name: path}); err != nil {
		return &os.PathError{Op: "send to", Path: path, Err: err}
	}
	return nil
}
