package cli

import (
	"os"

	"github.com/crun-go/crun-go/libcontainer"
)

func (inv *invocation) startCommand() *Command {
	return inv.simpleCommand("start a created container",
		`Executes the process of a created container. With NOTIFY_SOCKET set, here and at create, waits until the process reports
readiness (sd_notify(3)).`,
		"crun-go start web",
		func(container *libcontainer.Container) error {
			return container.Start(os.Getenv("NOTIFY_SOCKET"), inv.log.warn)
		})
}
