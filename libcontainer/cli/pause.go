package cli

import (
	"github.com/urfave/cli/v2"

	"github.com/crun-go/crun-go/libcontainer"
)

func (inv *invocation) pauseCommand() *Command {
	return inv.simpleCommand("suspend all processes of a container",
		"Returns when they have stopped. The container may be created or running; resume lets it go on.",
		"crun-go pause web", (*libcontainer.Container).Pause)
}

func (inv *invocation) resumeCommand() *Command {
	return inv.simpleCommand("resume the processes of a paused container", "The container must be paused.",
		"crun-go resume web", (*libcontainer.Container).Resume)
}

// simpleCommand describes a command without flags that does one thing to one container.
func (inv *invocation) simpleCommand(title, description, example string, act func(*libcontainer.Container) error) *Command {
	return &Command{
		Title:       title,
		Args:        containerArg(),
		Description: description,
		Example:     example,
		run:         func(c *cli.Context) error { return inv.onContainer(c, act) },
	}
}
