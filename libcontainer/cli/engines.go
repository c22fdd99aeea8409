package cli

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"github.com/urfave/cli/v2"

	"github.com/crun-go/crun-go/contrib/engines"
	"github.com/crun-go/crun-go/specconv/jsontext"
	"github.com/crun-go/crun-go/specconv/spell"
)

// enginesOptions are the flags of engines.
type enginesOptions struct {
	install, uninstall string
	settings           engines.Settings
	prefix             string
	json, dryRun       bool
}

func (inv *invocation) enginesCommand() *Command {
	o := new(enginesOptions)
	return &Command{
		Title:   "show and change registration with container engines",
		Example: "crun-go engines --install podman",
		Description: `Looks for Docker, containerd, Podman, Buildah, CRI-O and the kubelet, and shows
where the runtime is registered, or which lines would register it. --install writes them to a file of their own, where the
engine reads such files; otherwise it adds them to the engine's file, or, where that is not safe, prints them to be added by
hand. --uninstall removes what --install has written. No engine is restarted. For kubernetes the command to run is printed.`,
		flags: []cli.Flag{
			oneOf(engines.Names(), &cli.StringFlag{Name: "install", Destination: &o.install, Usage: "register the runtime with `ENGINE`"}),
			oneOf(engines.Names(), &cli.StringFlag{Name: "uninstall", Destination: &o.uninstall, Usage: "undo the registration with `ENGINE`"}),
			&cli.BoolFlag{Name: "default", Destination: &o.settings.Default, Usage: "for containers that ask for no runtime, too"},
			&cli.BoolFlag{Name: "dry-run", Destination: &o.dryRun, Usage: "print the files as they would be, and write none"},
			&cli.StringFlag{
				Name: "path", Destination: &o.settings.Path, DefaultText: "that of this program",
				Usage: "register the binary at `PATH`",
			},
			&cli.StringFlag{Name: "prefix", Destination: &o.prefix, Usage: "look and write below `DIR` instead of /"},
			&cli.BoolFlag{Name: "json", Destination: &o.json, Usage: "print JSON"},
		},
		run: func(c *cli.Context) error {
			return inv.engines(o)
		},
	}
}

func (inv *invocation) engines(o *enginesOptions) error {
	if o.install != "" && o.uninstall != "" {
		return errors.New("--install and --uninstall exclude each other")
	}
	if o.install == "" && o.uninstall == "" && o.dryRun {
		return errors.New("--dry-run goes with --install or --uninstall")
	}
	if o.settings.Path == "" {
		path, err := os.Executable()
		if err != nil {
			return err
		}
		o.settings.Path = path
	}
	if !filepath.IsAbs(o.settings.Path) || strings.ContainsAny(o.settings.Path, "\n\x00") {
		return fmt.Errorf("invalid value %q for --path: expected an absolute path", o.settings.Path)
	}
	host, err := engines.Open(engines.Options{
		Prefix: o.prefix, Path: os.Getenv("PATH"), Config: userConfig(os.Geteuid(), o.prefix, os.Getenv), Version: versionOf,
	})
	if err != nil {
		return err
	}
	defer host.Close()
	switch {
	case o.install != "":
		if exposed := engines.Exposed(o.settings.Path); exposed != "" && os.Geteuid() == 0 && o.prefix == "" {
			inv.note("warning: others than root can change %s, and with it what engines run as root", exposed)
		}
		err = inv.changeEngine(host, o, o.install, func(name string) (*engines.Change, string, error) {
			return host.Install(name, o.settings)
		})
	case o.uninstall != "":
		err = inv.changeEngine(host, o, o.uninstall, host.Uninstall)
	case o.json:
		err = inv.printEnginesJSON(host.Survey(o.settings))
	default:
		err = inv.print(describeEngines(host.Survey(o.settings), o.settings.Path))
	}
	var edited *engines.EditedError
	var manual *engines.ManualError
	var unknown *engines.UnknownError
	switch {
	case errors.Is(err, engines.ErrCluster) && o.install != "":
		return withHint(err, program+` engines --json | jq -r '.[] | select(.engine == "kubernetes").lines' | kubectl apply -f -`)
	case errors.Is(err, engines.ErrCluster):
		return withHint(err, "kubectl delete runtimeclass "+engines.Runtime)
	case errors.As(err, &unknown):
		return withHint(err, spell.Hint(unknown.Name, engines.Names()))
	case errors.Is(err, fs.ErrPermission):
		return withHint(err, "the files of engines are root's")
	case errors.As(err, &edited):
		return withHint(err, "edit it by hand")
	case errors.As(err, &manual):
		return errors.Join(inv.print(manual.Lines), err)
	}
	return err
}

// userConfig is where an ordinary user's engines have their configuration; empty for root.
func userConfig(euid int, prefix string, env func(string) string) string {
	if euid == 0 || prefix != "" {
		return ""
	}
	if dir := env("XDG_CONFIG_HOME"); filepath.IsAbs(dir) {
		return dir
	}
	if home := env("HOME"); filepath.IsAbs(home) {
		return filepath.Join(home, ".config")
	}
	return ""
}

// versionOf asks a program for its version. What it cannot say is not known.
func versionOf(binary string) string {
	text, _, err := output(binary, []string{binary, "--version"})
	if err != nil {
		return ""
	}
	return text
}

// changeEngine makes or shows a change and says what is to be done next.
func (inv *invocation) changeEngine(host *engines.Host, o *enginesOptions, name string, plan func(string) (*engines.Change, string, error)) error {
	change, restart, err := plan(name)
	if err != nil {
		return err
	}
	if change == nil {
		return inv.print("nothing to do: " + name + " is as it should be\n")
	}
	if o.dryRun {
		return inv.print(describeChange(host, change, "would be ") + change.Text)
	}
	if err = host.Apply(change); err == nil {
		err = inv.print(describeChange(host, change, ""))
	}
	if err != nil {
		return err
	}
	if restart == "" || o.prefix != "" {
		return nil
	}
	return inv.print("next: " + restart + "\n")
}

// describeChange says what becomes of a file, on one line.
func describeChange(host *engines.Host, c *engines.Change, would string) string {
	line := host.Shown(c.File) + ": " + would
	switch {
	case c.Remove:
		return line + "removed\n"
	case c.Exists:
		return line + "changed\n"
	}
	return line + "written\n"
}

// describeEngines is the table of engines, and what would make those know the runtime that are there and do not.
func describeEngines(list []engines.Status, path string) string {
	rows := [][]string{{"ENGINE", "VERSION", "FOUND", "REGISTERED", "DEFAULT"}}
	var b strings.Builder
	for _, st := range list {
		word := func(s, without string) string {
			if s == "" {
				return without
			}
			return s
		}
		rows = append(rows, []string{
			st.Engine, word(st.Version, "-"), word(st.Binary, "no"), word(st.Registered.String(), "no"), word(st.Default.String(), "no"),
		})
		b.WriteString(describeEngine(st, path))
	}
	return columns(rows, 0, 2) + b.String()
}

func describeEngine(st engines.Status, path string) string {
	switch {
	case st.Err != nil:
		return "\n" + st.Engine + ": " + st.Err.Error() + "\n"
	case !st.Registered.IsZero():
		if st.Path != path && st.Path != "" {
			return "\n" + st.Engine + ": it runs " + st.Path + "\n"
		}
		return ""
	case st.Binary == "":
		return ""
	case st.File == "":
		return "\n" + st.Engine + ": " + st.Manual + "\n\n" + indented(st.Lines)
	case st.Manual != "":
		return "\n" + st.Engine + ": to be added by hand to " + st.File + ", because " + st.Manual + "\n\n" + indented(st.Lines)
	}
	text := "\n" + st.Engine + ": " + program + " engines --install " + st.Engine + " would put into " + st.File + "\n\n" + indented(st.Lines)
	if st.Restart != "" {
		text += "\nfollowed by: " + st.Restart + "\n"
	}
	return text
}

// indented sets lines off from the text around them, without the comments and empty lines that are for readers of the file.
func indented(lines string) string {
	var b strings.Builder
	for line := range strings.Lines(lines) {
		if word := strings.TrimLeft(line, " "); word != "\n" && !strings.HasPrefix(word, "#") {
			b.WriteString("    " + line)
		}
	}
	return b.String()
}

// printEnginesJSON leaves out what is not known.
func (inv *invocation) printEnginesJSON(list []engines.Status) error {
	w := jsontext.NewWriter("    ")
	w.Array()
	for _, st := range list {
		text := func(key, value string) {
			if value != "" {
				w.Key(key).Text(value)
			}
		}
		w.Object()
		w.Key("engine").Text(st.Engine)
		w.Key("found").Bool(st.Binary != "")
		text("binary", st.Binary)
		text("version", st.Version)
		w.Key("registered").Bool(!st.Registered.IsZero())
		text("registeredAt", st.Registered.String())
		text("path", st.Path)
		w.Key("default").Bool(!st.Default.IsZero())
		text("defaultAt", st.Default.String())
		text("file", st.File)
		text("lines", st.Lines)
		text("restart", st.Restart)
		text("manual", st.Manual)
		if st.Err != nil {
			w.Key("error").Text(st.Err.Error())
		}
		w.End()
	}
	w.End()
	return inv.printJSON(append(w.Bytes(), '\n'))
}
