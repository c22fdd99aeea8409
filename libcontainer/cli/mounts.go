package cli

import (
	"fmt"
	"path/filepath"

	specs "github.com/opencontainers/runtime-spec/specs-go"
	"github.com/urfave/cli/v2"

	"github.com/crun-go/crun-go/libcontainer"
	"github.com/crun-go/crun-go/libcontainer/sys"
	"github.com/crun-go/crun-go/specconv/ocijson"
)

// maxMounts bounds the file of mounts: far above any real one.
const maxMounts = 16 << 20

func (inv *invocation) mountsCommand() *cli.Command {
	return &cli.Command{
		Name:      "mounts",
		Usage:     "add mounts to a container, or remove some",
		ArgsUsage: "add|remove <container-id> FILE",
		Description: `FILE holds mounts as config.json has them: the array, or an object with it. - is
standard input. Sources are the host's, relative ones below the bundle; mount
points that are missing are made. Of mounts to remove only the destination
counts, which must not lead over symbolic links; they must have been added. Either all mounts are added or
removed, or none. The changes end with the container.`,
		Action: func(c *cli.Context) error {
			if err := inv.arity(c, 3, 3); err != nil {
				return err
			}
			args := c.Args()
			change := (*libcontainer.Container).AddMounts
			switch args.Get(0) {
			case "add":
			case "remove":
				change = (*libcontainer.Container).RemoveMounts
			default:
				return withHint(fmt.Errorf("unknown command mounts %s", args.Get(0)), "mounts add and mounts remove is what there is")
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
			return change(container, mounts, inv.log.warn)
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
