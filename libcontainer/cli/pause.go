package cli

import (
	"github.com/urfave/cli/v2"

	"github.com/crun-go/crun-go/libcontainer"
)

func (inv *invocation) pauseCommand() *cli.Command {
	return inv.simpleCommand("pause", "stop all processes of a container for a while",
		"Returns when they have stopped. The container may be created or running; resume lets it go on.",
		(*libcontainer.Container).Pause)
}

func (inv *invocation) resumeCommand() *cli.Command {
	return inv.simpleCommand("resume", "let the processes of a paused container go on",
		"The container must be paused.",
		(*libcontainer.Container).Resume)
}

// simpleCommand describes a command without flags that does one thing to one
// container.
func (inv *invocation) simpleCommand(name, usage, description string, act func(*libcontainer.Container) error) *cli.Command {
	return &cli.Command{
		Name:        name,
		Usage:       usage,
		ArgsUsage:   "<container-id>",
		Description: description,
		Action:      func(c *cli.Context) error { return inv.onContainer(c, act) },
	}
}
