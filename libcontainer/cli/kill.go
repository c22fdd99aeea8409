package cli

import (
	"github.com/urfave/cli/v2"

	"github.com/crun-go/crun-go/libcontainer"
)

func (inv *invocation) killCommand() *cli.Command {
	var all bool
	return &cli.Command{
		Name:      "kill",
		Usage:     "send a signal to a container's init",
		ArgsUsage: "<container-id> [signal]",
		Description: `The signal is a name, with or without SIG, or a number (default: SIGTERM). If the
container has no pid namespace of its own, SIGKILL goes to all its processes.`,
		Flags: []cli.Flag{
			&cli.BoolFlag{
				Name: "all", Aliases: []string{"a"}, Destination: &all,
				Usage: "signal every process of the container; none left is no error",
			},
		},
		Action: func(c *cli.Context) error {
			if err := inv.arity(c, 1, 2); err != nil {
				return err
			}
			container, err := libcontainer.Open(inv.global.root, c.Args().Get(0))
			if err != nil {
				return err
			}
			defer container.Close()
			signal, err := parseSignal(c.Args().Get(1))
			if err != nil {
				return err
			}
			return container.Kill(signal, all)
		},
	}
}
