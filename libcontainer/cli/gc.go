package cli

import (
	"errors"
	"fmt"

	"github.com/urfave/cli/v2"

	"github.com/crun-go/crun-go/libcontainer"
	"github.com/crun-go/crun-go/specconv/jsontext"
)

func (inv *invocation) gcCommand() *Command {
	var dryRun, json bool
	return &Command{
		Title: "remove what killed runtimes have left",
		Description: `Looks at every container below --root and removes those whose creation was cut off, because the runtime that made them
was killed, with their processes, cgroups, units, and all else that they have on the host. Containers that were created are left
alone, and so is what other commands are working on.`,
		Example: "crun-go gc --dry-run",
		flags: []cli.Flag{
			&cli.BoolFlag{Name: "dry-run", Destination: &dryRun, Usage: "say what would be removed, and remove nothing"},
			&cli.BoolFlag{Name: "json", Destination: &json, Usage: "print JSON"},
		},
		run: func(*cli.Context) error {
			leftovers, err := libcontainer.CollectGarbage(inv.global.root, dryRun, inv.log.warn)
			if err != nil {
				return err
			}
			var failed []error
			for _, l := range leftovers {
				if l.Err != nil {
					failed = append(failed, fmt.Errorf("container %q: %w", l.ID, l.Err))
				}
			}
			if json {
				err = inv.printJSON(append(leftoversJSON(leftovers, dryRun), '\n'))
			} else {
				err = inv.print(leftoversText(leftovers, dryRun))
			}
			return errors.Join(append(failed, err)...)
		},
	}
}

func leftoversText(leftovers []libcontainer.Leftover, dryRun bool) string {
	done := "removed"
	if dryRun {
		done = "would remove"
	}
	text := ""
	for _, l := range leftovers {
		if l.Err == nil {
			text += done + " " + l.ID + ": " + leftoverKind(&l) + "\n"
		}
	}
	return text
}

func leftoverKind(l *libcontainer.Leftover) string {
	switch {
	case l.Unfinished:
		return "its creation was cut off"
	case l.Err != nil:
		return ""
	}
	return "a state directory without a state"
}

func leftoversJSON(leftovers []libcontainer.Leftover, dryRun bool) []byte {
	w := jsontext.NewWriter("  ")
	w.Array()
	for _, l := range leftovers {
		w.Object()
		w.Key("id").Text(l.ID)
		if kind := leftoverKind(&l); kind != "" {
			w.Key("found").Text(kind)
		}
		w.Key("removed").Bool(l.Err == nil && !dryRun)
		if l.Err != nil {
			w.Key("error").Text(l.Err.Error())
		}
		w.End()
	}
	w.End()
	return w.Bytes()
}
