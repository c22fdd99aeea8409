package cli

import (
	"bytes"
	"cmp"
	"path/filepath"
	"strconv"
	"strings"

	"github.com/urfave/cli/v2"
	"golang.org/x/sys/unix"

	"github.com/crun-go/crun-go/libcontainer/bundle"
	"github.com/crun-go/crun-go/libcontainer/checkpoint"
	"github.com/crun-go/crun-go/specconv"
	"github.com/crun-go/crun-go/specconv/plan"
)

func (inv *invocation) planCommand() *Command {
	o := new(bundle.Options)
	var json bool
	var image string
	return &Command{
		Title: "show what a start would do, and do nothing",
		Args:  []Arg{{Name: "container-id", Optional: true}},
		Description: `Prints the steps of the runtime and of the container's init in their order, each with the field of config.json that
asks for it. Facts about the machine that they depend on come first. Mistakes in config.json are reported as by create.
With --restore it shows what restore would do.`,
		Example: "crun-go plan --bundle /srv/web",
		flags: append(bundleFlags(o),
			&cli.BoolFlag{Name: "json", Destination: &json, Usage: "print JSON"},
			&cli.StringFlag{Name: "restore", Destination: &image, Usage: "plan the restore of the checkpoint in `DIR`"},
			&cli.BoolFlag{Name: "no-pivot", Destination: &o.NoPivot, Usage: "as for create"},
			&cli.BoolFlag{Name: "no-new-keyring", Destination: &o.NoNewKeyring, Usage: "as for create"},
		),
		run: func(c *cli.Context) error {
			id := c.Args().First()
			if err := inv.complete(o, id); err != nil {
				return err
			}
			if id == "" {
				o.ID = filepath.Base(o.Bundle)
			}
			var of *specconv.Image
			if image != "" {
				dir, err := absolute(image)
				if err == nil {
					of, err = checkpoint.ReadImage(dir)
				}
				if err != nil {
					return err
				}
			}
			p, host, warnings, err := bundle.BuildPlan(*o, of)
			if err != nil {
				return err
			}
			for _, w := range warnings {
				inv.note("warning: %s: %s", w.Field, w.Text)
			}
			if json {
				var text bytes.Buffer
				if err := plan.JSON(&text, p); err != nil {
					return err
				}
				return inv.printJSON(text.Bytes())
			}
			if err := inv.print(describeHost(host)); err != nil {
				return err
			}
			return plan.Text(inv.stdout, p)
		},
	}
}

// describeHost is the head of a plan: what it takes from the machine and not from config.json. Whether there are AppArmor and
// SELinux is not asked where config.json has no labels for them.
func describeHost(h specconv.Host) string {
	namespace := "initial"
	switch {
	case h.UserNS && h.SetgroupsDenied:
		namespace = "another, setgroups denied"
	case h.UserNS:
		namespace = "another"
	}
	rows := [][]string{
		{"host", "uid", strconv.Itoa(h.EUID)},
		{"host", "user namespace", namespace},
		{"host", "capabilities", capabilityText(h.Caps, h.LastCap)},
		{"host", "open files", limitText(h.NoFileSoft) + ", at most " + limitText(h.NoFileHard)},
		{"host", "cgroups", cmp.Or(h.CgroupRoot, "not mounted")},
	}
	add := func(is bool, name, value string) {
		if is {
			rows = append(rows, []string{"host", name, value})
		}
	}
	add(h.CgroupParent != "", "parent cgroup", h.CgroupParent)
	add(h.AppArmor && !h.StackProfiles, "AppArmor", "enabled")
	add(h.StackProfiles, "AppArmor", "enabled, and confines the runtime")
	add(h.SELinux, "SELinux", "enabled")
	add(h.Kcore, "/proc/kcore", "exists")
	return columns(rows, 0, 2) + "\n"
}

// capabilityText names the capabilities among 0 to last that are held, or those that are not, whichever are fewer.
func capabilityText(held uint64, last int) string {
	names := specconv.Capabilities()
	var have, lack []string
	for n := range last + 1 {
		name := strconv.Itoa(n) // younger than this program
		if n < len(names) {
			name = names[n]
		}
		if held&(1<<n) != 0 {
			have = append(have, name)
		} else {
			lack = append(lack, name)
		}
	}
	switch {
	case len(have) == 0:
		return "none"
	case len(lack) == 0:
		return "all"
	case len(lack) < len(have):
		return "all but " + strings.Join(lack, " ")
	}
	return strings.Join(have, " ")
}

func limitText(n uint64) string {
	if n == unix.RLIM_INFINITY {
		return "unlimited"
	}
	return strconv.FormatUint(n, 10)
}
