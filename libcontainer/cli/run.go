package cli

import (
	"errors"
	"fmt"

	"github.com/urfave/cli/v2"

	"github.com/crun-go/crun-go/libcontainer/bundle"
	"github.com/crun-go/crun-go/libcontainer/create"
)

func (inv *invocation) runCommand() *Command {
	o := new(bundle.Options)
	flags := append(bundleFlags(o), inv.startFlags(o)...)
	flags = append(flags,
		&cli.BoolFlag{Name: "detach", Aliases: []string{"d"}, Destination: &o.Detach, Usage: "do not wait for the container"},
		keepFlag(o),
		seccompLogFlag(&o.Watched.File),
	)
	return &Command{
		Title: "create a container, start it and wait for it",
		Args:  newContainerArg(),
		Description: `The exit code is that of the container's process, or 128 and the number of the signal that ended it. Signals are
forwarded. The container is deleted when it has exited.`,
		Example: "crun-go run --bundle /srv/web web",
		flags:   flags,
		run: func(c *cli.Context) error {
			return inv.runContainer("run", o, c.Args().First())
		},
	}
}

// runContainer runs a container for a command.
func (inv *invocation) runContainer(command string, o *bundle.Options, id string) error {
	err := inv.complete(o, id)
	if err == nil && o.Detach && o.Watched.File != "" {
		err = errors.New("--seccomp-log cannot be combined with --detach: nobody would be there to answer the filter and to write it")
	}
	if err == nil {
		err = inv.makeXDGRoot()
	}
	if err == nil {
		inv.code, err = create.Run(*o)
	}
	if err != nil {
		return fmt.Errorf("%s %s failed: %w", program, command, err)
	}
	return nil
}

func keepFlag(o *bundle.Options) cli.Flag {
	return &cli.BoolFlag{Name: "keep", Destination: &o.Keep, Usage: "do not delete the container when it has exited"}
}

func seccompLogFlag(to *string) cli.Flag {
	return &cli.StringFlag{
		Name: "seccomp-log", Destination: to,
		Usage: "write the system calls that the seccomp filter refuses with an errno to `FILE`, as JSON; - is standard output",
	}
}
