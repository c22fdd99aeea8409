package cli

import (
	"os"

	"github.com/urfave/cli/v2"

	"github.com/crun-go/crun-go/libcontainer"
)

func (inv *invocation) startCommand() *cli.Command {
	return inv.simpleCommand("start", "start a created container",
		`Lets the program of a created container run. If systemd waits for a word of the
program's (NOTIFY_SOCKET is set, here and for create), so does start.`,
		func(container *libcontainer.Container) error {
			return container.Start(os.Getenv("NOTIFY_SOCKET"), inv.log.warn)
		})
}
