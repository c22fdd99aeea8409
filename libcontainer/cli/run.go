package cli

import (
	"fmt"

	"github.com/urfave/cli/v2"

	"github.com/crun-go/crun-go/libcontainer/bundle"
	"github.com/crun-go/crun-go/libcontainer/create"
)

func (inv *invocation) runCommand() *Command {
	o := new(bundle.Options)
	flags := append(bundleFlags(o), inv.startFlags(o)...)
	flags = append(flags,
		&cli.BoolFlag{Name: "detach", Aliases: []string{"d"}, Destination: &o.Detach, Usage: "do not wait for the container"},
		&cli.BoolFlag{Name: "keep", Destination: &o.Keep, Usage: "do not delete the container when it has exited"},
	)
	return &Command{
		Title: "create a container, start it and wait for it",
		Args:  newContainerArg(),
		Description: `The exit code is that of the container's process, or 128 and the number of the signal that ended it. Signals are
forwarded. The container is deleted when it has exited.`,
		Example: "crun-go run --bundle /srv/web web",
		flags:   flags,
		run: func(c *cli.Context) error {
			err := inv.complete(o, c.Args().First())
			if err == nil {
				err = inv.makeXDGRoot()
			}
			if err == nil {
				inv.code, err = create.Run(*o)
			}
			if err != nil {
				return fmt.Errorf("%s run failed: %w", program, inv.hintRoot(err))
			}
			return nil
		},
	}
}
