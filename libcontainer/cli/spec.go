package cli

import (
	"errors"
	"io"
	"io/fs"
	"os"

	"github.com/urfave/cli/v2"
	"golang.org/x/sys/unix"

	"github.com/crun-go/crun-go/libcontainer/sys/retry"
)

const configName = "config.json"

func (inv *invocation) specCommand() *cli.Command {
	var bundle, file string
	var rootless bool
	return &cli.Command{
		Name:  "spec",
		Usage: "write a config.json to start from",
		Description: `Writes a config.json that runs sh from the directory rootfs beside it. It is meant
to be edited.`,
		Flags: []cli.Flag{
			&cli.StringFlag{
				Name: "bundle", Aliases: []string{"b"}, Destination: &bundle,
				Usage: "write it to `DIR` (default: the current directory)",
			},
			&cli.StringFlag{
				Name: "file", Aliases: []string{"f"}, Destination: &file, Value: configName,
				Usage: "call it `FILE`",
			},
			&cli.BoolFlag{Name: "rootless", Destination: &rootless, Usage: "write one for a user who is not root"},
		},
		Action: func(c *cli.Context) error {
			if err := inv.arity(c, 0, 0); err != nil {
				return err
			}
			text := startSpec()
			if rootless {
				text = rootlessSpec(os.Geteuid(), os.Getegid())
			}
			return writeSpec(bundle, file, text)
		},
	}
}

// writeSpec writes a file into a bundle, where none of its name may be yet.
func writeSpec(bundle, name, text string) error {
	if bundle != "" {
		if err := os.Chdir(bundle); err != nil {
			return err
		}
	}
	f, err := retry.OpenFile(name, unix.O_WRONLY|unix.O_CREAT|unix.O_EXCL, 0o644)
	if errors.Is(err, fs.ErrExist) {
		return errors.New("File " + name + " exists. Remove it first")
	}
	if err != nil {
		return err
	}
	_, err = io.WriteString(f, text)
	return errors.Join(err, f.Close())
}
