package cli

import (
	"fmt"

	"github.com/urfave/cli/v2"

	"github.com/crun-go/crun-go/libcontainer/bundle"
	"github.com/crun-go/crun-go/libcontainer/checkpoint"
)

func (inv *invocation) restoreCommand() *Command {
	o := new(bundle.Options)
	r := new(checkpoint.RestoreOptions)
	var image imageFlags
	flags := append(bundleFlags(o), image.flags(&r.ImageOptions)...)
	flags = append(flags,
		&cli.BoolFlag{Name: "detach", Aliases: []string{"d"}, Destination: &o.Detach, Usage: "do not wait for the container"},
		&cli.StringFlag{
			Name: "console-socket", Destination: &o.ConsoleSocket,
			Usage: "send the terminal's master to the socket at `PATH`",
		},
		&cli.StringFlag{Name: "pid-file", Destination: &o.PidFile, Usage: "write the process id of init to `FILE`"},
		&cli.BoolFlag{Name: "keep", Destination: &o.Keep, Usage: "do not delete the container when it has exited"},
		&cli.BoolFlag{
			Name: "no-subreaper", Destination: &o.NoSubreaper,
			Usage: "do not adopt processes whose parent has died",
		},
		&cli.BoolFlag{Name: "no-pivot", Destination: &o.NoPivot, Usage: "accepted and ignored: CRIU changes the root"},
		&cli.StringFlag{Name: "parent-path", Usage: "accepted and ignored: an image knows its `PARENT`"},
		&cli.BoolFlag{Name: "tcp-close", Destination: &r.TCPClose, Usage: "restore open TCP connections as closed ones"},
		&cli.StringFlag{Name: "lsm-profile", Destination: &r.LSMProfile, Usage: "confine the processes by `TYPE:NAME`, such as apparmor:web, instead of as before"},
		&cli.StringFlag{Name: "lsm-mount-context", Destination: &r.MountContext, Usage: "mount with the SELinux `CONTEXT` instead of the one in the image"},
	)
	flags = append(flags, traceFlags(&o.Trace)...)
	return &Command{
		Title: "restore a container from a checkpoint image",
		Args:  newContainerArg(),
		Description: `The id must not be taken; it may differ from that at the checkpoint. Use the same config.json as at the checkpoint.
CRIU's log is restore.log in the work directory. The exit code is that of the container's process, or 128 and the number of the
signal that ended it.`,
		Example: "crun-go restore --bundle /srv/web --image-path /srv/image web",
		flags:   flags,
		run: func(c *cli.Context) error {
			err := inv.complete(o, c.Args().First())
			if err == nil {
				err = image.complete(&r.ImageOptions)
			}
			if err == nil {
				err = inv.makeXDGRoot()
			}
			if err == nil {
				inv.code, err = checkpoint.Restore(*o, *r)
			}
			if err != nil {
				return fmt.Errorf("%s restore failed: %w", program, err)
			}
			return nil
		},
	}
}
