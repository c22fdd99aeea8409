package cli

import (
	"os"

	"github.com/crun-go/crun-go/libcontainer"
	"github.com/crun-go/crun-go/libcontainer/initlink"
)

func (inv *invocation) startCommand() *Command {
	trace := new(initlink.TraceFiles)
	c := inv.simpleCommand("start a created container",
		`Executes the process of a created container. With NOTIFY_SOCKET set, here and at create, waits until the process reports
readiness (sd_notify(3)).`,
		"crun-go start web",
		func(container *libcontainer.Container) error {
			if err := inv.completeTrace(trace); err != nil {
				return err
			}
			return container.Start(os.Getenv("NOTIFY_SOCKET"), trace, inv.log.warn)
		})
	c.flags = traceFlags(trace)
	return c
}
