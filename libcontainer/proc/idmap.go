package proc

import (
	"bytes"
	"errors"
	"fmt"
	"strconv"

	specs "github.com/opencontainers/runtime-spec/specs-go"
)

// ParseIDMap reads /proc/PID/uid_map or gid_map, see user_namespaces(7): lines of an id,
// the id outside, and how many. No line at all is an error.
func ParseIDMap(text []byte) ([]specs.LinuxIDMapping, error) {
	var maps []specs.LinuxIDMapping
	for line := range bytes.Lines(text) {
		fields := bytes.Fields(line)
		var numbers [3]uint32
		bad := len(fields) != len(numbers)
		for i := 0; i < len(numbers) && !bad; i++ {
			n, err := strconv.ParseUint(string(fields[i]), 10, 32)
			numbers[i], bad = uint32(n), err != nil
		}
		if bad {
			return nil, fmt.Errorf("unexpected line %q", line)
		}
		maps = append(maps, specs.LinuxIDMapping{ContainerID: numbers[0], HostID: numbers[1], Size: numbers[2]})
	}
	if len(maps) == 0 {
		return nil, errors.New("no id is mapped")
	}
	return maps, nil
}

// HasHostID reports whether an id outside the user namespace is mapped into it.
func HasHostID(maps []specs.LinuxIDMapping, id uint32) bool {
	for _, m := range maps {
		if id >= m.HostID && id-m.HostID < m.Size {
			return true
		}
	}
	return false
}

// HostID translates an id to the one outside the user namespace; -1 if it is not mapped.
func HostID(maps []specs.LinuxIDMapping, id uint32) int {
	for _, m := range maps {
		if id >= m.ContainerID && id-m.ContainerID < m.Size {
			return int(m.HostID + (id - m.ContainerID))
		}
	}
	return -1
}
