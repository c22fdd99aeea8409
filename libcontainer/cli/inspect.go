package cli

import (
	"github.com/urfave/cli/v2"

	"github.com/crun-go/crun-go/libcontainer"
	"github.com/crun-go/crun-go/libcontainer/inspect"
	"github.com/crun-go/crun-go/specconv/jsontext"
)

func (inv *invocation) inspectCommand() *Command {
	var json, drift bool
	return &Command{
		Title: "compare a running container with its config.json",
		Args:  containerArg(),
		Description: `Prints what the kernel has of the container's init beside what config.json asked for: namespaces, ids, capabilities,
filters, labels, limits, mounts, masked and read-only paths, the files of its cgroup, kernel parameters, processes. A difference
that no process of the container could make by itself is marked with "!".`,
		Example: "crun-go inspect --drift web",
		flags: []cli.Flag{
			&cli.BoolFlag{Name: "json", Destination: &json, Usage: "print JSON"},
			&cli.BoolFlag{Name: "drift", Destination: &drift, Usage: "print only what differs, and exit with 1 if anything does"},
		},
		run: func(c *cli.Context) error {
			return inv.onContainer(c, func(container *libcontainer.Container) error {
				view, err := container.View()
				if err != nil {
					return err
				}
				defer view.Close()
				facts, err := inspect.Facts(view)
				if err != nil {
					return err
				}
				if drift {
					facts = differing(facts)
					if len(facts) > 0 {
						inv.code = exitFailure
					}
				}
				if json {
					return inv.printJSON(append(factsJSON(facts), '\n'))
				}
				return inv.print(factsTable(colors(inv.stdout), facts))
			})
		},
	}
}

func differing(facts []inspect.Fact) []inspect.Fact {
	var list []inspect.Fact
	for _, f := range facts {
		if f.Differs {
			list = append(list, f)
		}
	}
	return list
}

func factsTable(p palette, facts []inspect.Fact) string {
	if len(facts) == 0 {
		return ""
	}
	rows := [][]string{{" ", "PROPERTY", "ASKED", "IS"}}
	for _, f := range facts {
		mark, asked := " ", f.Asked
		if f.Differs {
			mark = "!"
		}
		if asked == "" {
			asked = "-"
		}
		rows = append(rows, []string{mark, f.Name, asked, f.Is})
	}
	return p.paintRows(columns(rows, 0, 1), func(row int) color {
		if facts[row].Differs {
			return red
		}
		return uncolored
	})
}

func factsJSON(facts []inspect.Fact) []byte {
	w := jsontext.NewWriter("  ")
	w.Array()
	for _, f := range facts {
		w.Object()
		w.Key("name").Text(f.Name)
		if f.Field != "" {
			w.Key("field").Text(f.Field)
		}
		if f.Asked != "" {
			w.Key("asked").Text(f.Asked)
		}
		w.Key("is").Text(f.Is)
		w.Key("differs").Bool(f.Differs)
		w.End()
	}
	w.End()
	return w.Bytes()
}
