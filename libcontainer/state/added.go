package state

import (
	"errors"
	"strconv"
	"strings"
)

// addedName is the file of the mounts that were added to the living container: an id of statx(2) on each line.
const addedName = "mounts.added"

// AddedMounts returns the ids of the mounts that were added to the container, none if there was never one.
func (d *Dir) AddedMounts() ([]uint64, error) {
	text, err := d.read(addedName)
	if errors.Is(err, ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	var ids []uint64
	for line := range strings.Lines(string(text)) {
		id, err := strconv.ParseUint(strings.TrimSuffix(line, "\n"), 10, 64)
		if err != nil {
			return nil, d.failed("read", addedName, err)
		}
		ids = append(ids, id)
	}
	return ids, nil
}

// SaveAddedMounts replaces the ids as a whole.
func (d *Dir) SaveAddedMounts(ids []uint64) error {
	var text []byte
	for _, id := range ids {
		text = append(strconv.AppendUint(text, id, 10), '\n')
	}
	return d.replace(addedName, text)
}
