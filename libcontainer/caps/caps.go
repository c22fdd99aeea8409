// Package caps sets the calling thread's identity and capabilities, the way
// execve(2) will find them. See capabilities(7).
package caps

import (
	"fmt"
	"strconv"
	"strings"

	"golang.org/x/sys/unix"

	"github.com/crun-go/crun-go/libcontainer/sys"
	"github.com/crun-go/crun-go/libcontainer/sys/fault"
	"github.com/crun-go/crun-go/libcontainer/sys/raw"
	"github.com/crun-go/crun-go/specconv/plan"
)

// Become changes this thread's umask, groups and ids. Permitted capabilities
// stay until Apply.
func Become(s *plan.SetIdentity) error {
	if _, errno := raw.Prctl(unix.PR_SET_KEEPCAPS, 1, 0, 0, 0); errno != 0 {
		return fault.Call("prctl PR_SET_KEEPCAPS", errno)
	}
	if !s.KeepGroups {
		if err := sys.SetGroups(s.Groups); err != nil {
			return err
		}
	}
	if err := sys.SetGID(s.GID); err != nil {
		return err
	}
	if err := sys.SetUID(s.UID); err != nil {
		return err
	}
	// Where fs.suid_dumpable is 1, other ids make a process dumpable again: then a process
	// with the same ids in the same pid namespace could trace it.
	if _, errno := raw.Prctl(unix.PR_SET_DUMPABLE, 0, 0, 0, 0); errno != 0 {
		return fault.Call("prctl PR_SET_DUMPABLE", errno)
	}
	raw.Umask(s.Umask)
	return nil
}

// Apply sets all five sets of this thread.
func Apply(s *plan.SetCapabilities) error {
	now, err := current()
	if err != nil {
		return err
	}
	// Changing ids emptied the effective set; dropping from the bounding set
	// needs CAP_SETPCAP in it.
	if err := set(now.permitted, now.permitted, now.inheritable); err != nil {
		return err
	}
	if err := drop(s.Bounding, s.Last); err != nil {
		return err
	}
	permitted, effective := s.Permitted, s.Effective
	if s.KeepAdmin {
		admin := uint64(1) << unix.CAP_SYS_ADMIN & now.permitted
		permitted |= admin
		effective |= admin
	}
	if missing := permitted &^ now.permitted; missing != 0 {
		return fault.New(unix.EPERM, "capset: %e: the runtime itself lacks capabilities %x").Num(int64(missing))
	}
	if err := set(effective, permitted, s.Inheritable); err != nil {
		return err
	}
	if err := setAmbient(s.Ambient); err != nil {
		return err
	}
	return check(s, sets{effective, permitted, s.Inheritable})
}

// drop removes from the bounding set all that keep does not name. last is the
// kernel's highest. Without CAP_SETPCAP that is refused also for what is not there.
func drop(keep uint64, last int) error {
	for c := 0; c <= last; c++ {
		if keep&(1<<uint(c)) != 0 {
			continue
		}
		_, errno := raw.Prctl(unix.PR_CAPBSET_DROP, uintptr(c), 0, 0, 0)
		if errno == 0 {
			continue
		}
		if has, failed := bounding(c); has || failed != 0 {
			return fault.Call("prctl PR_CAPBSET_DROP", errno)
		}
	}
	return nil
}

// check reads back what this thread has: a filter can make a call
// appear to succeed.
func check(s *plan.SetCapabilities, want sets) error {
	got, err := current()
	if err != nil {
		return err
	}
	if got != want {
		return fault.New(0, "capset has not set what it was asked for: effective %x, permitted %x, inheritable %x, expected %x, %x, %x").
			Num(int64(got.effective)).Num(int64(got.permitted)).Num(int64(got.inheritable)).
			Num(int64(want.effective)).Num(int64(want.permitted)).Num(int64(want.inheritable))
	}
	for c := 0; c <= s.Last; c++ {
		if s.Bounding&(1<<uint(c)) != 0 {
			continue
		}
		has, errno := bounding(c)
		if errno != 0 {
			return fault.Call("prctl PR_CAPBSET_READ", errno)
		}
		if has {
			return fault.New(0, "prctl PR_CAPBSET_DROP has not done what it was asked for: capability %d is still there").Num(int64(c))
		}
	}
	// The kernel keeps the ambient set within these two (capabilities(7)).
	for c, may := 0, want.permitted&want.inheritable; may>>uint(c) != 0; c++ {
		if may&(1<<uint(c)) == 0 {
			continue
		}
		is, errno := ambient(c)
		if errno != 0 {
			return fault.Call("prctl PR_CAP_AMBIENT_IS_SET", errno)
		}
		if is != (s.Ambient&(1<<uint(c)) != 0) {
			return fault.New(0, "prctl has not set what it was asked for: capability %d is ambient: %s").Num(int64(c)).Str(word(is))
		}
	}
	return nil
}

func word(is bool) string {
	if is {
		return "true"
	}
	return "false"
}

// bounding reports whether a capability is in this thread's bounding set.
func bounding(c int) (bool, unix.Errno) { return ask(unix.PR_CAPBSET_READ, uintptr(c), 0) }

// ambient reports whether a capability is in this thread's ambient set.
func ambient(c int) (bool, unix.Errno) {
	return ask(unix.PR_CAP_AMBIENT, unix.PR_CAP_AMBIENT_IS_SET, uintptr(c))
}

func ask(option int, arg2, arg3 uintptr) (bool, unix.Errno) {
	yes, errno := raw.Prctl(option, arg2, arg3, 0, 0)
	return yes > 0, errno
}

func setAmbient(caps uint64) error {
	if _, errno := raw.Prctl(unix.PR_CAP_AMBIENT, unix.PR_CAP_AMBIENT_CLEAR_ALL, 0, 0, 0); errno != 0 {
		return fault.Call("prctl PR_CAP_AMBIENT_CLEAR_ALL", errno)
	}
	for c := range 64 {
		if caps&(1<<c) == 0 {
			continue
		}
		if _, errno := raw.Prctl(unix.PR_CAP_AMBIENT, unix.PR_CAP_AMBIENT_RAISE, uintptr(c), 0, 0); errno != 0 {
			return fault.Call("prctl PR_CAP_AMBIENT_RAISE", errno)
		}
	}
	return nil
}

// DropAdmin ends what Apply has kept.
func DropAdmin(s *plan.DropAdmin) error { return set(s.Effective, s.Permitted, s.Inheritable) }

type sets struct{ effective, permitted, inheritable uint64 }

func current() (sets, error) {
	header := unix.CapUserHeader{Version: unix.LINUX_CAPABILITY_VERSION_3}
	var data [2]unix.CapUserData
	if errno := raw.Capget(&header, &data); errno != 0 {
		return sets{}, fault.Call("capget", errno)
	}
	return sets{
		effective:   uint64(data[1].Effective)<<32 | uint64(data[0].Effective),
		permitted:   uint64(data[1].Permitted)<<32 | uint64(data[0].Permitted),
		inheritable: uint64(data[1].Inheritable)<<32 | uint64(data[0].Inheritable),
	}, nil
}

// Permitted returns this thread's permitted set.
func Permitted() (uint64, error) {
	now, err := current()
	return now.permitted, err
}

func set(effective, permitted, inheritable uint64) error {
	header := unix.CapUserHeader{Version: unix.LINUX_CAPABILITY_VERSION_3}
	data := [2]unix.CapUserData{
		{Effective: uint32(effective), Permitted: uint32(permitted), Inheritable: uint32(inheritable)},
		{Effective: uint32(effective >> 32), Permitted: uint32(permitted >> 32), Inheritable: uint32(inheritable >> 32)},
	}
	return fault.Call("capset", raw.Capset(&header, &data))
}

// Last returns the number of the kernel's highest capability.
func Last() (int, error) {
	const file = "/proc/sys/kernel/cap_last_cap"
	text, err := sys.ReadFile(file, 16)
	if err != nil {
		return 0, err
	}
	last, err := strconv.Atoi(strings.TrimSpace(string(text)))
	if err != nil || last < 0 || last > 63 {
		return 0, fmt.Errorf("read %s: unexpected %q", file, text)
	}
	return last, nil
}
