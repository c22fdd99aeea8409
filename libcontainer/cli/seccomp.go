package cli

import (
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/urfave/cli/v2"
	"golang.org/x/sys/unix"

	"github.com/crun-go/crun-go/libcontainer/bundle"
	"github.com/crun-go/crun-go/specconv/jsontext"
	"github.com/crun-go/crun-go/specconv/seccomp"
	"github.com/crun-go/crun-go/specconv/spell"
)

var seccompWords = []string{"explain", "record"}

func (inv *invocation) seccompCommand() *Command {
	o := new(bundle.Options)
	var arch string
	var json bool
	explain := []cli.Flag{
		&cli.StringFlag{Name: "arch", Destination: &arch, Usage: "explain: for the architecture `ARCH`, such as SCMP_ARCH_X86 (default: this program's)"},
		&cli.BoolFlag{Name: "json", Destination: &json, Usage: "explain: print JSON"},
	}
	record := append(inv.startFlags(o), keepFlag(o), &cli.StringFlag{
		Name: "output", Aliases: []string{"o"}, Destination: &o.Watched.File,
		Usage: "record: write the profile to `FILE`; - is standard output",
	})
	return &Command{
		Title: "explain a seccomp filter, or record one",
		Args:  []Arg{{Name: "subcommand", Choices: seccompWords}, {Name: "argument", Optional: true, Many: true}},
		Description: `explain prints what the filter made of linux.seccomp answers to each system call, or to those that are given, and which part of
config.json says so. If a call has several lines, the answer is that of the first line whose condition holds. With arguments, as in
'socket(40)', it prints the answer to just that call.

record runs a container as run does, with the id that is given, and writes the smallest linux.seccomp that allows the system
calls it has made, and those that the kernel and the runtime need. The filter of config.json stays in force: what it refuses is refused, and not
recorded. What it decides by arguments is recorded with them. Only what the program did in this run is allowed
later, so it has to do all that it is for. Every call takes longer; a program that uses
SECCOMP_RET_USER_NOTIF itself cannot be recorded; calls that SCMP_ACT_LOG would have logged are not.

Of the options, both take --bundle and --config, explain those marked "explain", and record all others: --output and those of run.`,
		Example: "crun-go seccomp explain --bundle /srv/web clone 'clone(0x10000000)'\ncrun-go seccomp record --bundle /srv/web --output profile.json web",
		flags:   append(append(bundleFlags(o), explain...), record...),
		run: func(c *cli.Context) error {
			word, rest := c.Args().First(), c.Args().Slice()[1:]
			switch word {
			case "explain":
				if err := refuseFlags(c, word, record); err != nil {
					return err
				}
				return inv.explainSeccomp(o, arch, json, rest)
			case "record":
				if err := refuseFlags(c, word, explain); err != nil {
					return err
				}
				return inv.recordSeccomp(o, rest)
			}
			return withHint(fmt.Errorf("unknown command seccomp %s", word), choiceHint("the word after seccomp", word, seccompWords))
		},
	}
}

// refuseFlags refuses flags that are another subcommand's.
func refuseFlags(c *cli.Context, word string, flags []cli.Flag) error {
	for _, f := range flags {
		if slices.ContainsFunc(f.Names(), c.IsSet) {
			return fmt.Errorf("%s does not go with seccomp %s", dashed(f.Names()[0]), word)
		}
	}
	return nil
}

func (inv *invocation) explainSeccomp(o *bundle.Options, arch string, json bool, calls []string) error {
	if err := inv.complete(o, ""); err != nil {
		return err
	}
	profile, err := bundle.SeccompProfile(*o)
	if err != nil {
		return err
	}
	verdicts, err := seccomp.Explain(profile, arch)
	if err != nil {
		return err
	}
	if verdicts, err = selectCalls(verdicts, calls); err != nil {
		return err
	}
	if json {
		return inv.printJSON(append(verdictsJSON(verdicts), '\n'))
	}
	return inv.print(verdictTable(verdicts))
}

func (inv *invocation) recordSeccomp(o *bundle.Options, args []string) error {
	switch {
	case len(args) != 1:
		return withHint(fmt.Errorf("seccomp record takes one container id, not %d", len(args)), "crun-go seccomp record --bundle DIR --output FILE ID")
	case o.Watched.File == "":
		return errors.New("seccomp record needs --output, the file that gets the profile")
	}
	o.Watched.Record = true
	return inv.runContainer("seccomp record", o, args[0])
}

// selectCalls picks the verdicts on calls such as "clone" and "clone(0x10000000)". One
// with arguments has a single rule left. Without calls all verdicts stay.
func selectCalls(all []seccomp.Verdict, calls []string) ([]seccomp.Verdict, error) {
	if len(calls) == 0 {
		return all, nil
	}
	var picked []seccomp.Verdict
	for _, call := range calls {
		name, args, err := parseCall(call)
		if err != nil {
			return nil, err
		}
		v, err := verdictOn(all, name)
		if err != nil {
			return nil, err
		}
		if args != nil {
			for _, r := range v.Rules {
				if r.Holds(args...) {
					v.Call, v.Rules = call, []seccomp.Rule{r.Unconditional()}
					break
				}
			}
		}
		picked = append(picked, v)
	}
	return picked, nil
}

func verdictOn(all []seccomp.Verdict, name string) (seccomp.Verdict, error) {
	for _, v := range all {
		if v.Call == name {
			return v, nil
		}
	}
	names := make([]string, len(all))
	for i, v := range all {
		names[i] = v.Call
	}
	return seccomp.Verdict{}, withHint(fmt.Errorf("%q is not a system call of this architecture", name),
		strings.TrimSpace(spell.Hint(name, names)+" seccomp explain without calls lists all"))
}

// parseCall splits "socket(40, 0x2)". args is nil if there are no parentheses.
func parseCall(call string) (name string, args []uint64, err error) {
	name, list, found := strings.Cut(call, "(")
	if !found {
		return name, nil, nil
	}
	list, closed := strings.CutSuffix(list, ")")
	if !closed {
		return "", nil, fmt.Errorf("%q: expected a system call such as clone, or clone(0x10000000)", call)
	}
	args = []uint64{}
	if strings.TrimSpace(list) == "" {
		return name, args, nil
	}
	for text := range strings.SplitSeq(list, ",") {
		text = strings.TrimSpace(text)
		n, err := strconv.ParseUint(text, 0, 64)
		if err != nil {
			var signed int64
			if signed, err = strconv.ParseInt(text, 0, 64); err != nil {
				return "", nil, fmt.Errorf("%q: argument %q is not a number, expected one such as 40, -1 or 0x28", call, text)
			}
			n = uint64(signed)
		}
		args = append(args, n)
	}
	if len(args) > seccomp.MaxArgs {
		return "", nil, fmt.Errorf("%q: %d arguments, a system call has at most %d", call, len(args), seccomp.MaxArgs)
	}
	return name, args, nil
}

func verdictTable(verdicts []seccomp.Verdict) string {
	rows := [][]string{{"CALL", "NUMBER", "ANSWER", "CONDITION", "FIELD"}}
	for _, v := range verdicts {
		for _, r := range v.Rules {
			condition := strings.Join(r.Conditions(), " && ")
			switch {
			case r.Newer:
				condition = "newer than the profile"
			case condition == "" && len(v.Rules) > 1:
				condition = "otherwise"
			case condition == "":
				condition = "-"
			}
			rows = append(rows, []string{v.Call, strconv.FormatUint(uint64(v.Number), 10), answer(&r), condition, r.Field})
		}
	}
	return columns(rows, 0, 2)
}

// answer says what the caller gets: "allow", "errno EPERM".
func answer(r *seccomp.Rule) string {
	word := strings.ToLower(strings.TrimPrefix(string(r.Action), "SCMP_ACT_"))
	if !r.HasData() {
		return word
	}
	if name := unix.ErrnoName(unix.Errno(r.Data)); name != "" {
		return word + " " + name
	}
	return word + " " + strconv.Itoa(int(r.Data))
}

func verdictsJSON(verdicts []seccomp.Verdict) []byte {
	w := jsontext.NewWriter("  ")
	w.Array()
	for _, v := range verdicts {
		w.Object()
		w.Key("call").Text(v.Call)
		w.Key("number").Uint(uint64(v.Number))
		w.Key("rules").Array()
		for _, r := range v.Rules {
			w.Object()
			w.Key("action").Text(string(r.Action))
			if r.HasData() {
				w.Key("errnoRet").Uint(uint64(r.Data))
			}
			if conditions := r.Conditions(); conditions != nil {
				w.Key("conditions").Texts(conditions)
			}
			if r.Newer {
				w.Key("newer").Bool(true)
			}
			w.Key("field").Text(r.Field)
			w.End()
		}
		w.End()
		w.End()
	}
	w.End()
	return w.Bytes()
}
