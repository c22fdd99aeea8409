package cli

import (
	"github.com/urfave/cli/v2"

	"github.com/crun-go/crun-go/libcontainer"
)

func (inv *invocation) startCommand() *cli.Command {
	return &cli.Command{
		Name:        "start",
		Usage:       "start a created container",
		ArgsUsage:   "<container-id>",
		Description: "Lets the program of a created container run.",
		Action: func(c *cli.Context) error {
			if err := inv.arity(c, 1, 1); err != nil {
				return err
			}
			container, err := libcontainer.Open(inv.global.root, c.Args().First())
			if err != nil {
				return err
			}
			defer container.Close()
			return container.Start(inv.log.warn)
		},
	}
}
