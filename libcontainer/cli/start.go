package cli

import (
	"os"

	"github.com/urfave/cli/v2"

	"github.com/crun-go/crun-go/libcontainer"
)

func (inv *invocation) startCommand() *cli.Command {
	return &cli.Command{
		Name:      "start",
		Usage:     "start a created container",
		ArgsUsage: "<container-id>",
		Description: `Lets the program of a created container run. If systemd waits for a word of the
program's (NOTIFY_SOCKET is set, here and for create), so does start.`,
		Action: func(c *cli.Context) error {
			if err := inv.arity(c, 1, 1); err != nil {
				return err
			}
			container, err := libcontainer.Open(inv.global.root, c.Args().First())
			if err != nil {
				return err
			}
			defer container.Close()
			return container.Start(os.Getenv("NOTIFY_SOCKET"), inv.log.warn)
		},
	}
}
