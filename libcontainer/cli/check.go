package cli

import (
	"strings"

	"github.com/urfave/cli/v2"

	"github.com/crun-go/crun-go/libcontainer/bundle"
	"github.com/crun-go/crun-go/libcontainer/diagnose"
	"github.com/crun-go/crun-go/specconv/jsontext"
	"github.com/crun-go/crun-go/specconv/plan"
)

func (inv *invocation) checkCommand() *Command {
	o := new(bundle.Options)
	var json, strict bool
	return &Command{
		Title: "find all that is wrong with a bundle, or with this host",
		Description: `Without --bundle it checks this host: what works here for this user, and what does not. With it, it checks the bundle's
config.json, its root filesystem, and what they need of this host, and reports every problem at once; nothing is made or changed.
Errors are what create would report; warnings are about parts without effect; notes are about what gives the container rights
over the host. The exit code is 1 if there are errors, and with --strict also if there are warnings.`,
		Example: "crun-go check --bundle /srv/web",
		flags: append(bundleFlags(o),
			&cli.BoolFlag{Name: "json", Destination: &json, Usage: "print JSON"},
			&cli.BoolFlag{Name: "strict", Destination: &strict, Usage: "exit with 1 for warnings, too"},
		),
		run: func(c *cli.Context) error {
			found := []diagnose.Finding(nil)
			if c.IsSet("bundle") || c.IsSet("config") {
				if err := inv.complete(o, ""); err != nil {
					return err
				}
				o.ID = "check"
				var err error
				if found, err = diagnose.Bundle(*o); err != nil {
					return err
				}
			} else {
				found = diagnose.Host(inv.global.root)
			}
			if diagnose.Errors(found, strict) {
				inv.code = exitFailure
			}
			if json {
				return inv.printJSON(append(findingsJSON(found), '\n'))
			}
			return inv.print(findingsText(colors(inv.stdout), found))
		},
	}
}

// findingsText has a line for each finding, and one below it for what to do.
func findingsText(p palette, found []diagnose.Finding) string {
	if len(found) == 0 {
		return "no findings\n"
	}
	var b strings.Builder
	for _, f := range found {
		b.WriteString(p.paint(severityColor(f.Severity), string(f.Severity)+":") + " " + plan.Printable(f.Where))
		if f.Where != "" {
			b.WriteString(": ")
		}
		b.WriteString(plan.Printable(f.Text) + "\n")
		if f.Hint != "" {
			b.WriteString("  " + plan.Printable(f.Hint) + "\n")
		}
	}
	return b.String()
}

func severityColor(s diagnose.Severity) color {
	switch s {
	case diagnose.Error:
		return red
	case diagnose.Warning:
		return yellow
	case diagnose.OK:
		return green
	}
	return cyan
}

func findingsJSON(found []diagnose.Finding) []byte {
	w := jsontext.NewWriter("  ")
	w.Array()
	for _, f := range found {
		w.Object()
		w.Key("severity").Text(string(f.Severity))
		w.Key("where").Text(f.Where)
		if f.Field != "" {
			w.Key("field").Text(f.Field)
		}
		w.Key("text").Text(f.Text)
		if f.Hint != "" {
			w.Key("hint").Text(f.Hint)
		}
		w.End()
	}
	w.End()
	return w.Bytes()
}
