package cli

import (
	"github.com/urfave/cli/v2"

	"github.com/crun-go/crun-go/libcontainer"
)

func (inv *invocation) deleteCommand() *Command {
	var force, regex bool
	return &Command{
		Title:       "delete a stopped container",
		Args:        containerArg(),
		Description: "The container must have exited, or not have been started yet.",
		Example:     "crun-go delete --force web",
		flags: []cli.Flag{
			&cli.BoolFlag{
				Name: "force", Aliases: []string{"f"}, Destination: &force,
				Usage: "kill a running container first; succeed even if it does not exist",
			},
			regexFlag(&regex),
		},
		run: func(c *cli.Context) error {
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
