package cli

import (
	"errors"
	"fmt"
	"os"
	"slices"
	"strconv"
	"strings"

	"github.com/urfave/cli/v2"

	"github.com/crun-go/crun-go/libcontainer"
	"github.com/crun-go/crun-go/specconv/jsontext"
	"github.com/crun-go/crun-go/specconv/plan"
)

func (inv *invocation) psCommand() *Command {
	var format string
	var usage bool
	return &Command{
		Title: "list the processes of a container",
		Args:  append(containerArg(), Arg{Name: "ps options", Optional: true, Many: true}),
		Description: `A table is what the host's ps(1) prints of the container's processes; the options are its own (default: -ef), and the
columns must include PID. The JSON is an array of process ids of the host. With --usage, which stands before the id, the table
is crun-go's own: of each process its threads, its processor time and its resident memory.`,
		Example: "crun-go ps web -o pid,args",
		flags: []cli.Flag{
			formatFlag(&format),
			&cli.BoolFlag{Name: "usage", Aliases: []string{"u"}, Destination: &usage, Usage: "show what each process uses"},
		},
		run: func(c *cli.Context) error {
			if !slices.Contains(formats, format) {
				return errFormat(format)
			}
			if usage && c.NArg() > 1 {
				return withHint(fmt.Errorf("options of ps(1) with --usage: %q", c.Args().Tail()), "leave out either")
			}
			pids, err := inv.processes(c.Args().First())
			if err != nil {
				return err
			}
			if usage {
				return inv.printProcesses(pids, format)
			}
			if format == "json" {
				return inv.print(pidArray(pids) + "\n")
			}
			out, err := hostPS(psOptions(c.Args().Tail()))
			if err != nil {
				return err
			}
			table, err := selectPIDs(out, pids)
			if err != nil {
				return err
			}
			return inv.print(table)
		},
	}
}

func (inv *invocation) processes(id string) ([]int, error) {
	container, err := libcontainer.Open(inv.global.root, id)
	if err != nil {
		return nil, err
	}
	defer container.Close()
	return container.Processes()
}

// pidArray is null for no processes, as with runc.
func pidArray(pids []int) string {
	w := jsontext.NewWriter("")
	if pids == nil {
		w.Null()
		return string(w.Bytes())
	}
	w.Array()
	for _, pid := range pids {
		w.Int(int64(pid))
	}
	w.End()
	return string(w.Bytes())
}

// psOptions are those for ps(1). go-runc passes all of them as one argument.
func psOptions(args []string) []string {
	if len(args) == 1 {
		args = strings.Fields(args[0])
	}
	if len(args) == 0 {
		return []string{"-ef"}
	}
	return args
}

// isOwnFlag reports whether an option for ps(1) was probably meant for crun-go.
func isOwnFlag(option string) bool {
	name, _, _ := strings.Cut(option, "=")
	return name == "--usage" || name == "--format"
}

// hostPS runs the host's ps(1) and returns what it prints.
func hostPS(options []string) (string, error) {
	path, err := lookPath("ps", os.Getenv)
	if err != nil {
		return "", withHint(err, "install ps(1), which Linux distributions have in their package procps, or ask for --format json")
	}
	out, complaint, err := output(path, append([]string{"ps"}, options...))
	if err != nil {
		return "", err
	}
	if complaint != "" {
		err := errors.New(strings.Join(append([]string{"ps"}, options...), " ") + ": " + complaint)
		if slices.ContainsFunc(options, isOwnFlag) {
			return "", withHint(err, "what follows the id goes to ps(1): the options of crun-go stand before it, as in crun-go ps --usage ID")
		}
		return "", err
	}
	return out, nil
}

// selectPIDs keeps the header of a table and the lines of these processes.
func selectPIDs(table string, pids []int) (string, error) {
	header, lines, _ := strings.Cut(table, "\n")
	index := slices.Index(strings.Fields(header), "PID")
	if index < 0 {
		return "", withHint(errors.New("couldn't find PID field in ps output"), "add the column: -o pid,...")
	}
	end := headerEnd(header, "PID")
	var b strings.Builder
	b.WriteString(header + "\n")
	for line := range strings.Lines(lines) {
		if pid, ok := linePID(line, index, end); ok && slices.Contains(pids, pid) {
			b.WriteString(plan.Printable(strings.TrimSuffix(line, "\n")) + "\n")
		}
	}
	return b.String(), nil
}

// headerEnd is where the column's title ends.
func headerEnd(header, title string) int {
	for from := 0; ; {
		end := from + strings.Index(header[from:], title) + len(title)
		before := end - len(title)
		if (before == 0 || header[before-1] == ' ') && (end == len(header) || header[end] == ' ') {
			return end
		}
		from = end
	}
}

// linePID finds the process id in a line of ps(1). Numbers end where their
// title does; where none does, because a cell before it is too wide or ps is a
// simple one, it is the field with the title's index. The other way round, a
// cell with a blank in it, such as a command's name, would be taken for two.
func linePID(line string, index, end int) (int, bool) {
	line = strings.TrimRight(line, "\n")
	if end <= len(line) && line[end-1] != ' ' && (end == len(line) || line[end] == ' ') {
		start := strings.LastIndexByte(line[:end], ' ') + 1
		if pid, err := strconv.Atoi(line[start:end]); err == nil {
			return pid, true
		}
	}
	fields := strings.Fields(line)
	if index >= len(fields) {
		return 0, false
	}
	pid, err := strconv.Atoi(fields[index])
	return pid, err == nil
}
