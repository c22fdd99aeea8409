package cli

import (
	"fmt"

	"github.com/urfave/cli/v2"

	"github.com/crun-go/crun-go/libcontainer"
)

func (inv *invocation) runCommand() *cli.Command {
	o := new(libcontainer.Options)
	flags := append(bundleFlags(o), inv.startFlags(o)...)
	flags = append(flags,
		&cli.BoolFlag{Name: "detach", Aliases: []string{"d"}, Destination: &o.Detach, Usage: "do not wait for the container"},
		&cli.BoolFlag{Name: "keep", Destination: &o.Keep, Usage: "do not delete the container when it has exited"},
	)
	return &cli.Command{
		Name:      "run",
		Usage:     "create a container, start it and wait for it",
		ArgsUsage: "<container-id>",
		Description: `The exit code is that of the container, or 128 and its signal. Signals are passed
on. The container is deleted when it has exited.`,
		Flags: flags,
		Action: func(c *cli.Context) error {
			if err := inv.arity(c, 1, 1); err != nil {
				return err
			}
			err := inv.complete(o, c.Args().First())
			if err == nil {
				err = inv.makeXDGRoot()
			}
			if err == nil {
				inv.code, err = libcontainer.Run(*o)
			}
			if err != nil {
				return fmt.Errorf("%s run failed: %w", program, inv.hintRoot(err))
			}
			return nil
		},
	}
}
