package cli

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"slices"
	"strconv"
	"strings"
	"time"

	specs "github.com/opencontainers/runtime-spec/specs-go"
	"github.com/urfave/cli/v2"

	"github.com/crun-go/crun-go/libcontainer"
	"github.com/crun-go/crun-go/libcontainer/proc"
	"github.com/crun-go/crun-go/libcontainer/state"
	"github.com/crun-go/crun-go/libcontainer/sys/retry"
	"github.com/crun-go/crun-go/specconv/jsontext"
)

func (inv *invocation) listCommand() *Command {
	var o listOptions
	return &Command{
		Title:   "list the containers below the root",
		Example: "crun-go list --usage --sort memory",
		Description: "Lists all containers whose state is below --root, in the order of their ids. With --usage the table has what each " +
			"container's cgroup has used.",
		flags: []cli.Flag{
			formatFlag(&o.format),
			&cli.BoolFlag{Name: "quiet", Aliases: []string{"q"}, Destination: &o.quiet, Usage: "ids only"},
			&cli.BoolFlag{Name: "usage", Aliases: []string{"u"}, Destination: &o.usage, Usage: "show age, processor time, memory and processes"},
			oneOf(sortKeys, &cli.StringFlag{Name: "sort", Destination: &o.sort, Value: "id", Usage: "in the order of `KEY`, the largest or youngest first"}),
			&cli.DurationFlag{Name: "watch", Destination: &o.watch, Usage: "print the list again every `TIME`, such as 2s"},
		},
		run: func(c *cli.Context) error {
			if !o.quiet && !slices.Contains(formats, o.format) {
				return errFormat(o.format)
			}
			if !slices.Contains(sortKeys, o.sort) {
				return withHint(fmt.Errorf("invalid --sort: %q", o.sort), choiceHint("--sort", o.sort, sortKeys))
			}
			o.usage = o.usage || o.sort != "id" && o.sort != "age"
			if c.IsSet("watch") && o.watch < 100*time.Millisecond {
				return fmt.Errorf("--watch %s: expected a time of at least 100ms, such as 2s", o.watch)
			}
			for {
				if err := inv.printContainers(&o); err != nil || o.watch == 0 {
					return err
				}
				retry.Sleep(o.watch)
			}
		},
	}
}

type listOptions struct {
	format       string
	quiet, usage bool
	sort         string
	watch        time.Duration
}

// printContainers prints the list once. At a terminal it replaces what is there if it is
// printed again and again.
func (inv *invocation) printContainers(o *listOptions) error {
	list, err := inv.list(o.usage)
	if err != nil {
		return err
	}
	sortBy(list, o.sort)
	if o.watch > 0 && isTerminal(inv.stdout) {
		inv.print("\x1b[H\x1b[2J")
	}
	switch {
	case o.quiet:
		return printIDs(inv.stdout, list)
	case o.format == "table" && o.usage:
		return inv.print(statusColors(inv.stdout, usageTable(list, time.Now()), list))
	case o.format == "table":
		return inv.print(statusColors(inv.stdout, plainTable(list), list))
	}
	return printList(inv.stdout, list)
}

var formats = []string{"table", "json"}

func formatFlag(format *string) cli.Flag {
	return oneOf(formats, &cli.StringFlag{
		Name: "format", Aliases: []string{"f"}, Destination: format, Value: "table", Usage: "print in `FORMAT`",
	})
}

// errFormat is runc's answer to a --format that does not exist.
func errFormat(format string) error {
	return withHint(errors.New("invalid format option"), choiceHint("--format", format, formats)+fmt.Sprintf(", not %q", format))
}

// list inspects every container below the root. One that can't be read is named on standard error and left out: it must not
// hide the others. So is one that is gone by the time we look.
func (inv *invocation) list(withUsage bool) ([]*status, error) {
	root := inv.global.root
	ids, err := state.List(root)
	if errors.Is(err, fs.ErrNotExist) && !inv.global.rootGiven {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	var list []*status
	for _, id := range ids {
		s, err := inspectOwned(root, id, withUsage)
		if errors.Is(err, state.ErrNotExist) {
			continue
		}
		if err != nil {
			inv.note("load container %s: %v", id, err)
			continue
		}
		list = append(list, s)
	}
	return list, nil
}

// inspectOwned is statusOf, and names the owner and, if asked, what the container uses.
func inspectOwned(root, id string, withUsage bool) (*status, error) {
	container, err := libcontainer.Open(root, id)
	if err != nil {
		return nil, err
	}
	defer container.Close()
	s, err := statusOf(container)
	if err != nil {
		return nil, err
	}
	if withUsage {
		u := usageOf(container)
		s.usage = &u
	}
	uid, err := container.Dir.Owner()
	s.owner = ownerName(uid)
	return s, err
}

func printIDs(w io.Writer, list []*status) error {
	var b strings.Builder
	for _, s := range list {
		b.WriteString(s.id)
		b.WriteByte('\n')
	}
	_, err := io.WriteString(w, b.String())
	return err
}

func plainTable(list []*status) string {
	rows := [][]string{{"ID", "PID", "STATUS", "BUNDLE", "CREATED", "OWNER"}}
	for _, s := range list {
		rows = append(rows, []string{s.id, strconv.Itoa(s.pid), s.word, s.bundle, s.createdText(), s.owner})
	}
	return columns(rows, 12, 3)
}

// statusColors tells apart, where there are colors, containers that do not run.
func statusColors(w io.Writer, table string, list []*status) string {
	return colors(w).paintRows(table, func(row int) color { return statusColor(list[row]) })
}

func statusColor(s *status) color {
	switch specs.ContainerState(s.word) {
	case specs.StateRunning:
		return uncolored
	case specs.StateStopped:
		return dim
	}
	return yellow
}

// printList prints null for no containers, as runc does.
func printList(out io.Writer, list []*status) error {
	w := jsontext.NewWriter("")
	if list == nil {
		w.Null()
	} else {
		w.Array()
		for _, s := range list {
			s.write(w)
		}
		w.End()
	}
	_, err := out.Write(shown(out, append(w.Bytes(), '\n')))
	return err
}

// ownerName names a user: "#1000" if the user has no name.
func ownerName(uid int) string {
	if name := proc.UserName(uid); name != "" {
		return name
	}
	return "#" + strconv.Itoa(uid)
}
