package cli

import (
	"os"

	"github.com/urfave/cli/v2"

	"github.com/crun-go/crun-go/libcontainer"
)

func (inv *invocation) startCommand() *Command {
	trace := new(string)
	c := inv.simpleCommand("start a created container",
		`Executes the process of a created container. With NOTIFY_SOCKET set, here and at create, waits until the process reports
readiness (sd_notify(3)).`,
		"crun-go start web",
		func(container *libcontainer.Container) error {
			to, err := *trace, error(nil)
			if to != "" && to != "-" {
				to, err = absolute(to)
			}
			if err != nil {
				return err
			}
			return container.Start(os.Getenv("NOTIFY_SOCKET"), to, inv.log.warn)
		})
	c.flags = []cli.Flag{traceFlag(trace)}
	return c
}
