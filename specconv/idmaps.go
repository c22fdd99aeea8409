package specconv

import (
	"strconv"

	specs "github.com/opencontainers/runtime-spec/specs-go"
)

// planIDMaps checks linux.uidMappings and linux.gidMappings and hands them to
// the Spawn step. With a user namespace that is joined they only describe it.
func (b *namespaceBuilder) planIDMaps() error {
	uids, gids := b.linux.UIDMappings, b.linux.GIDMappings
	made := b.makes(specs.UserNamespace)
	for _, m := range [...]struct {
		field string
		maps  []specs.LinuxIDMapping
	}{{"linux.uidMappings", uids}, {"linux.gidMappings", gids}} {
		switch {
		case len(m.maps) > 0 && !b.has(specs.UserNamespace):
			return invalid(m.field, `add {"type": "user"} to linux.namespaces, or remove the mappings`,
				"user namespace mappings specified, but the configuration has no user namespace")
		case len(m.maps) == 0 && made:
			return invalid(m.field, `add a mapping such as {"containerID": 0, "hostID": 100000, "size": 65536}`,
				"empty, expected at least one mapping for the new user namespace")
		}
		if err := checkIDMaps(m.field, m.maps); err != nil {
			return err
		}
	}
	if made {
		b.spawn.UIDMaps, b.spawn.GIDMaps = uids, gids
	}
	return nil
}

// maxIDMaps is how many lines the kernel takes in an id map, and maxIDMapText how
// many bytes, at least: a page. See user_namespaces(7).
const (
	maxIDMaps    = 340
	maxIDMapText = 4096
)

// checkIDMaps checks ranges as the kernel does, see user_namespaces(7): they
// hold at least one id, don't end beyond the largest and don't overlap on
// either side, and are not too many.
func checkIDMaps(field string, maps []specs.LinuxIDMapping) error {
	const ids = 1<<32 - 1 // the largest uint32 is not an id
	const fewer = "join ranges that follow each other, or map fewer"
	if len(maps) > maxIDMaps {
		return invalid(field, fewer, "%d mappings, the kernel takes at most %d", len(maps), maxIDMaps)
	}
	text := 0
	for i, m := range maps {
		at := index(field, i)
		if m.Size == 0 {
			return invalid(at+".size", "", "0 maps nothing, expected at least 1")
		}
		if uint64(m.ContainerID)+uint64(m.Size) > ids || uint64(m.HostID)+uint64(m.Size) > ids {
			return invalid(at+".size", "", "%d ids from %d (host: %d) go beyond the largest id, 4294967294",
				m.Size, m.ContainerID, m.HostID)
		}
		for j, other := range maps[:i] {
			if overlap(m.ContainerID, other.ContainerID, m.Size, other.Size) {
				return invalid(at+".containerID", "", "%d and the next %d ids overlap with %s", m.ContainerID, m.Size-1, index(field, j))
			}
			if overlap(m.HostID, other.HostID, m.Size, other.Size) {
				return invalid(at+".hostID", "", "%d and the next %d ids overlap with %s", m.HostID, m.Size-1, index(field, j))
			}
		}
		text += digits(m.ContainerID) + digits(m.HostID) + digits(m.Size) + len("  \n")
	}
	if text >= maxIDMapText {
		return invalid(field, fewer, "%d mappings are %d bytes for the kernel, which takes less than a page (%d)", len(maps), text, maxIDMapText)
	}
	return nil
}

func digits(n uint32) int { return len(strconv.FormatUint(uint64(n), 10)) }

func overlap(a, b, sizeA, sizeB uint32) bool {
	return uint64(a) < uint64(b)+uint64(sizeB) && uint64(b) < uint64(a)+uint64(sizeA)
}

// hostID translates an id of the container.
func hostID(maps []specs.LinuxIDMapping, id uint32) (host uint32, mapped bool) {
	for _, m := range maps {
		if id >= m.ContainerID && id-m.ContainerID < m.Size {
			return m.HostID + (id - m.ContainerID), true
		}
	}
	return 0, false
}

// checkID checks that an id exists in the container. A user namespace that is
// joined without mappings in the configuration is checked by the kernel alone.
func checkID(field, mapsField string, maps []specs.LinuxIDMapping, id uint32) error {
	if id == 1<<32-1 {
		return invalid(field, "", "%d is not a valid id, expected at most 4294967294", id)
	}
	if len(maps) == 0 {
		return nil
	}
	if _, mapped := hostID(maps, id); !mapped {
		return invalid(field, "choose a mapped id, or extend the mappings", "%d is not mapped in %s", id, mapsField)
	}
	return nil
}
