package cli

import (
	"fmt"
	"path/filepath"

	specs "github.com/opencontainers/runtime-spec/specs-go"
	"github.com/urfave/cli/v2"

	"github.com/crun-go/crun-go/libcontainer"
	"github.com/crun-go/crun-go/libcontainer/mounts"
	"github.com/crun-go/crun-go/libcontainer/sys"
	"github.com/crun-go/crun-go/specconv/ocijson"
)

// maxMounts bounds the file of mounts: far above any real one.
const maxMounts = 16 << 20

var mountsChanges = []string{"add", "remove"}

func (inv *invocation) mountsCommand() *Command {
	return &Command{
		Title: "add mounts to a container, or remove them",
		Args:  []Arg{{Choices: mountsChanges}, {Name: "container-id", kind: kindContainer}, {Name: "file", kind: kindFile}},
		Description: `The file holds mounts as config.json does: the array, or an object with it; - is standard input. Sources are paths of
the host, relative ones below the bundle; missing mount points are made. Of a mount to remove only the destination counts,
which must not contain symbolic links; only mounts that were added can be removed. Either all mounts are added or removed, or
none. The changes end with the container.`,
		Example: "crun-go mounts add web mounts.json",
		run: func(c *cli.Context) error {
			args := c.Args()
			change := mounts.Add
			switch args.Get(0) {
			case "add":
			case "remove":
				change = mounts.Remove
			default:
				return withHint(fmt.Errorf("unknown command mounts %s", args.Get(0)), choiceHint("the word after mounts", args.Get(0), mountsChanges))
			}
			container, err := libcontainer.Open(inv.global.root, args.Get(1))
			if err != nil {
				return err
			}
			defer container.Close()
			mounts, err := readMounts(args.Get(2))
			if err != nil {
				return err
			}
			return change(container, mounts, inv.stepListener(), inv.log.warn)
		},
	}
}

// readMounts reads mounts from a file, or from standard input.
func readMounts(path string) ([]specs.Mount, error) {
	data, err := sys.ReadGiven(path, maxMounts)
	if err != nil {
		return nil, err
	}
	return ocijson.Mounts(filepath.Base(path), data)
}
