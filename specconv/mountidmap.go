package specconv

import (
	"errors"
	"slices"
	"strconv"
	"strings"

	specs "github.com/opencontainers/runtime-spec/specs-go"

	"github.com/crun-go/crun-go/specconv/plan"
)

// mountIDMap resolves the mapping of an id-mapped mount: its own, or with the
// option alone the container's.
func (b *namespaceBuilder) mountIDMap(field string, m *specs.Mount, w *mountWords) (*plan.IDMap, error) {
	uids, gids := m.UIDMappings, m.GIDMappings
	own := len(uids)+len(gids) > 0
	switch {
	case w.mapping >= 0 && own:
		return nil, invalid(index(field+".options", w.mapping), "remove one of them",
			"%q beside uidMappings or gidMappings, expected one mapping", m.Options[w.mapping])
	case w.mapping >= 0:
		return b.inlineIDMap(index(field+".options", w.mapping), m.Options[w.mapping], w.ridmap)
	case !own && !w.idmap && !w.ridmap:
		return nil, nil
	case !own && !b.has(specs.UserNamespace):
		return nil, invalid(field, "add uidMappings and gidMappings to the mount",
			"option idmap without mappings takes those of the user namespace, found none")
	case !own:
		return &plan.IDMap{UIDs: b.spawn.UIDMaps, GIDs: b.spawn.GIDMaps, UserNS: b.joinedUserNS(), Recursive: w.ridmap}, nil
	case len(uids) == 0:
		return nil, invalid(field+".uidMappings", "", "empty, expected mappings beside gidMappings")
	case len(gids) == 0:
		return nil, invalid(field+".gidMappings", "", "empty, expected mappings beside uidMappings")
	}
	if err := checkIDMaps(field+".uidMappings", uids); err != nil {
		return nil, err
	}
	if err := checkIDMaps(field+".gidMappings", gids); err != nil {
		return nil, err
	}
	return &plan.IDMap{UIDs: uids, GIDs: gids, Recursive: w.ridmap}, nil
}

// joinedUserNS is the path of the user namespace that the container joins; empty:
// none. That of a container that exists may lead to another one by now.
func (b *namespaceBuilder) joinedUserNS() string {
	i := slices.IndexFunc(b.spawn.Join, func(ns plan.Namespace) bool { return ns.Type == specs.UserNamespace })
	if i < 0 || b.live {
		return ""
	}
	return b.spawn.Join[i].Path
}

// inlineIDMap reads a mapping that is part of the option itself, the way podman
// writes it (crun(1), "idmap mount options"):
//
//	idmap=uids=0-100000-1000#1000-5-1;gids=@0-0-1000
//
// Each range is the first id on the filesystem, the first on the host, and how
// many. After an @ the second is not of the host but of the container.
func (b *namespaceBuilder) inlineIDMap(field, word string, recursive bool) (*plan.IDMap, error) {
	_, text, _ := strings.Cut(word, "=")
	idmap := &plan.IDMap{Recursive: recursive}
	for part := range strings.SplitSeq(strings.TrimSuffix(text, ";"), ";") {
		var maps *[]specs.LinuxIDMapping
		var container []specs.LinuxIDMapping
		key, ranges, _ := strings.Cut(part, "=")
		switch key {
		case "uids":
			maps, container = &idmap.UIDs, b.linux.UIDMappings
		case "gids":
			maps, container = &idmap.GIDs, b.linux.GIDMappings
		default:
			return nil, invalid(field, "", "%q: found %q, expected uids= and gids=", word, part)
		}
		if *maps != nil {
			return nil, invalid(field, "", "%q: %s are given twice", word, key)
		}
		for one := range strings.SplitSeq(ranges, "#") {
			m, err := readIDRange(one, container)
			if err != nil {
				return nil, invalid(field, "", "%q: %s: %q %w", word, key, one, err)
			}
			*maps = append(*maps, m)
		}
		if err := checkIDMaps(key, *maps); err != nil {
			var wrong *plan.FieldError
			errors.As(err, &wrong)
			return nil, invalid(field, "", "%q: %s: %w", word, wrong.Field, wrong.Err)
		}
	}
	if idmap.UIDs == nil || idmap.GIDs == nil {
		return nil, invalid(field, "", "%q: expected both uids= and gids=", word)
	}
	return idmap, nil
}

var (
	errIDRange    = errors.New("is not a range, expected FIRST-HOST-COUNT, such as 0-100000-65536")
	errNoIDMaps   = errors.New("counts from the container's ids, but its configuration has no mappings")
	errUnmappedID = errors.New("is not in one of the container's mappings, expected a range that is")
)

// readIDRange reads one range. container are the mappings of the container's
// user namespace.
func readIDRange(text string, container []specs.LinuxIDMapping) (specs.LinuxIDMapping, error) {
	var m specs.LinuxIDMapping
	numbers, relative := strings.CutPrefix(text, "@")
	fields := strings.Split(numbers, "-")
	into := [...]*uint32{&m.ContainerID, &m.HostID, &m.Size}
	if len(fields) != len(into) {
		return m, errIDRange
	}
	for i, field := range fields {
		n, err := strconv.ParseUint(field, 10, 32)
		if err != nil {
			return m, errIDRange
		}
		*into[i] = uint32(n)
	}
	if !relative {
		return m, nil
	}
	if len(container) == 0 {
		return m, errNoIDMaps
	}
	i := slices.IndexFunc(container, func(c specs.LinuxIDMapping) bool {
		return m.HostID >= c.ContainerID && uint64(m.HostID)+uint64(m.Size) <= uint64(c.ContainerID)+uint64(c.Size)
	})
	if i < 0 {
		return m, errUnmappedID
	}
	m.HostID += container[i].HostID - container[i].ContainerID
	return m, nil
}
