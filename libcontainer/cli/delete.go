package cli

import (
	"github.com/urfave/cli/v2"

	"github.com/crun-go/crun-go/libcontainer"
)

func (inv *invocation) deleteCommand() *cli.Command {
	var force, regex bool
	return &cli.Command{
		Name:        "delete",
		Usage:       "remove what is left of a container",
		ArgsUsage:   "<container-id>",
		Description: "The container must have exited or not been started yet.",
		Flags: []cli.Flag{
			&cli.BoolFlag{
				Name: "force", Aliases: []string{"f"}, Destination: &force,
				Usage: "kill the container if it runs, remove it whatever state it is in, and if it does not exist, do not mind",
			},
			regexFlag(&regex),
		},
		Action: func(c *cli.Context) error {
			if err := inv.arity(c, 1, 1); err != nil {
				return err
			}
			remove := func(id string) error {
				return libcontainer.Delete(inv.global.root, id, force, inv.log.warn)
			}
			if regex {
				return inv.eachMatch(c.Args().First(), remove)
			}
			return remove(c.Args().First())
		},
	}
}
