package cli

import (
	"fmt"
	"path/filepath"

	"github.com/urfave/cli/v2"

	"github.com/crun-go/crun-go/libcontainer"
	"github.com/crun-go/crun-go/libcontainer/plan"
)

func (inv *invocation) planCommand() *cli.Command {
	o := new(libcontainer.Options)
	var json bool
	return &cli.Command{
		Name:      "plan",
		Usage:     "show what starting a bundle would do, and do nothing",
		ArgsUsage: "[container-id]",
		Description: `Prints the steps of the runtime and of the container's init in their order, each
with the field of config.json that asks for it. Mistakes in config.json are
reported as create would.`,
		Flags: append(bundleFlags(o),
			&cli.BoolFlag{Name: "json", Destination: &json, Usage: "print it for programs"},
			&cli.BoolFlag{Name: "no-pivot", Destination: &o.NoPivot, Usage: "as for create"},
			&cli.BoolFlag{Name: "no-new-keyring", Destination: &o.NoNewKeyring, Usage: "as for create"},
		),
		Action: func(c *cli.Context) error {
			if err := inv.arity(c, 0, 1); err != nil {
				return err
			}
			id := c.Args().First()
			if err := inv.complete(o, id); err != nil {
				return err
			}
			if id == "" {
				o.ID = filepath.Base(o.Bundle)
			}
			p, warnings, err := libcontainer.BuildPlan(*o)
			if err != nil {
				return err
			}
			for _, w := range warnings {
				fmt.Fprintf(inv.stderr, "warning: %s: %s\n", w.Field, w.Text)
			}
			if json {
				return plan.JSON(inv.stdout, p)
			}
			return plan.Text(inv.stdout, p)
		},
	}
}
