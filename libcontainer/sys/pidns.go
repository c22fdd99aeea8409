package sys

import (
	"github.com/crun-go/crun-go/libcontainer/sys/fault"
	"github.com/crun-go/crun-go/libcontainer/sys/raw"
)

// ProcOf makes a procfs as NewFilesystem does, of a pid namespace that this process need
// not be in (fsconfig's pidns; Linux 6.17).
func ProcOf(pidns int, source string, params []string) (int, error) {
	fs, err := procContext(pidns)
	if err != nil {
		return -1, err
	}
	defer raw.Close(fs)
	var held held
	defer held.release()
	return held.newMount(fs, source, params, "", 0)
}

// ShowsPID reports whether ProcOf can do that.
func ShowsPID(pidns int) bool {
	fs, err := procContext(pidns)
	if err == nil {
		raw.Close(fs)
	}
	return err == nil
}

func procContext(pidns int) (int, error) {
	fs, errno := raw.Fsopen("proc")
	if errno != 0 {
		return -1, fault.Call("fsopen", errno)
	}
	if errno := raw.FsconfigFD(fs, "pidns", pidns); errno != 0 {
		raw.Close(fs)
		return -1, fault.New(errno, "fsconfig pidns")
	}
	return fs, nil
}
