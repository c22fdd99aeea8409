package cli

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"strconv"
	"strings"

	"github.com/urfave/cli/v2"

	"github.com/crun-go/crun-go/libcontainer"
	"github.com/crun-go/crun-go/libcontainer/proc"
	"github.com/crun-go/crun-go/libcontainer/state"
	"github.com/crun-go/crun-go/specconv/jsontext"
)

func (inv *invocation) listCommand() *Command {
	var format string
	var quiet bool
	return &Command{
		Title:       "list the containers below the root",
		Example:     "crun-go list --format json",
		Description: "Lists all containers whose state is below --root, in the order of their ids.",
		flags: []cli.Flag{
			formatFlag(&format),
			&cli.BoolFlag{Name: "quiet", Aliases: []string{"q"}, Destination: &quiet, Usage: "ids only"},
		},
		run: func(c *cli.Context) error {
			list, err := inv.list()
			if err != nil {
				return err
			}
			switch {
			case quiet:
				return printIDs(inv.stdout, list)
			case format == "table":
				return printTable(inv.stdout, list)
			case format == "json":
				return printList(inv.stdout, list)
			}
			return errFormat(format)
		},
	}
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
func (inv *invocation) list() ([]*status, error) {
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
		s, err := inspectOwned(root, id)
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

// inspectOwned is statusOf, and names the owner.
func inspectOwned(root, id string) (*status, error) {
	container, err := libcontainer.Open(root, id)
	if err != nil {
		return nil, err
	}
	defer container.Close()
	s, err := statusOf(container)
	if err != nil {
		return nil, err
	}
	uid, err := container.Owner()
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

func printTable(w io.Writer, list []*status) error {
	rows := [][]string{{"ID", "PID", "STATUS", "BUNDLE", "CREATED", "OWNER"}}
	for _, s := range list {
		rows = append(rows, []string{s.id, strconv.Itoa(s.pid), s.word, s.bundle, s.createdText(), s.owner})
	}
	_, err := io.WriteString(w, columns(rows, 12, 3))
	return err
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
	_, err := out.Write(append(w.Bytes(), '\n'))
	return err
}

// ownerName names a user: "#1000" if the user has no name.
func ownerName(uid int) string {
	if name := proc.UserName(uid); name != "" {
		return name
	}
	return "#" + strconv.Itoa(uid)
}
