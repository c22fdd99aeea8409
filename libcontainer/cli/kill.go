package cli

import (
	"errors"

	"github.com/urfave/cli/v2"

	"github.com/crun-go/crun-go/libcontainer"
	"github.com/crun-go/crun-go/libcontainer/state"
)

func (inv *invocation) killCommand() *Command {
	var all, regex bool
	return &Command{
		Title: "send a signal to a container's init",
		Args:  append(containerArg(), Arg{Name: "signal", Optional: true, kind: kindSignal}),
		Description: `The signal is a name, with or without SIG, or a number (default: SIGTERM). If the container has no pid namespace
of its own, SIGKILL goes to all its processes.`,
		Example: "crun-go kill web KILL",
		flags: []cli.Flag{
			&cli.BoolFlag{
				Name: "all", Aliases: []string{"a"}, Destination: &all,
				Usage: "signal all processes of the container; succeed even if none is left",
			},
			regexFlag(&regex),
		},
		run: func(c *cli.Context) error {
			kill := func(id string) error {
				return inv.kill(id, c.Args().Get(1), all)
			}
			if !regex {
				return kill(c.Args().First())
			}
			if _, err := parseSignal(c.Args().Get(1)); err != nil {
				return err
			}
			return inv.eachMatch(c.Args().First(), kill)
		},
	}
}

// kill looks for the container first: engines ask by a signal whether it is there.
func (inv *invocation) kill(id, signal string, all bool) error {
	container, err := libcontainer.Open(inv.global.root, id)
	if _, none := parseSignal(id); none == nil && signal != "" && errors.Is(err, state.ErrNotExist) {
		return withHint(err, "the id comes before the signal: kill ID "+id)
	}
	if err != nil {
		return err
	}
	defer container.Close()
	number, err := parseSignal(signal)
	if err != nil {
		return err
	}
	return container.Kill(number, all)
}
