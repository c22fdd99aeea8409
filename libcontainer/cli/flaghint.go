package cli

import (
	"flag"
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/urfave/cli/v2"

	"github.com/crun-go/crun-go/specconv/spell"
)

// What is wrong with a flag is said in the words of Go's flag package, which are runc's, too. Here is what those who come
// from docker(1) or kill(1) may have meant.

// globalFlagHint is for flags before the command.
func (inv *invocation) globalFlagHint(set *flag.FlagSet, args []string) string {
	name := unknownFlag(set, args)
	if name == "" {
		return valueHint(set, args)
	}
	for _, entry := range commandEntries() {
		if hasFlag(entry.describe(inv).flags, name) {
			return "flags of a command follow it, as in " + program + " " + entry.name + " " + dashed(name)
		}
	}
	return likelyFlag(name, set)
}

// commandFlagHint is for flags after the command.
func (inv *invocation) commandFlagHint(c *Command, set *flag.FlagSet, args []string) string {
	command, name := c.Name, unknownFlag(set, args)
	switch {
	case name == "":
		return valueHint(set, args)
	case command == "kill":
		if _, err := parseSignal(name); err == nil {
			return "the signal has no dash and follows the id: kill ID " + name
		}
		if name == "s" || name == "signal" {
			return "the signal takes no flag and follows the id: kill ID TERM"
		}
	case command == "exec" && (name == "i" || name == "interactive"):
		return "leave out " + dashed(name) + ": the process always has the caller's standard input"
	case (command == "run" || command == "create") && (name == "tty" || strings.Trim(name, "it") == ""):
		return "process.terminal in config.json says whether there is a terminal; standard input is always the caller's"
	}
	if hasFlag(inv.global.flags(), name) {
		return dashed(name) + " stands before the command: " + program + " " + dashed(name) + " ... " + command
	}
	if hint := joinedHint(command, name, set); hint != "" {
		return hint
	}
	return likelyFlag(name, set)
}

// likelyFlag is for names that are misspelt.
func likelyFlag(name string, set *flag.FlagSet) string {
	var names []string
	set.VisitAll(func(f *flag.Flag) {
		if len(f.Name) > 1 {
			names = append(names, dashed(f.Name))
		}
	})
	return spell.Hint(dashed(name), names)
}

// joinedHint is for flags of one letter that share a dash.
func joinedHint(command, letters string, set *flag.FlagSet) string {
	var words []string
	spare := ""
	for _, letter := range letters {
		switch {
		case letter == 'i' && command == "exec":
			spare = "; -i is not needed: the process always has the caller's standard input"
		case set.Lookup(string(letter)) == nil:
			return ""
		default:
			words = append(words, dashed(string(letter)))
		}
	}
	if words == nil {
		return ""
	}
	return "flags are not joined: say " + strings.Join(words, " ") + spare
}

// valueHint is for values that a flag does not take.
func valueHint(set *flag.FlagSet, args []string) string {
	name, value := failed(set, args)
	f := set.Lookup(name)
	if f == nil {
		return ""
	}
	typed, ok := f.Value.(flag.Getter)
	if !ok {
		return ""
	}
	switch typed.Get().(type) {
	case time.Duration:
		if _, err := time.ParseDuration(value); err == nil {
			return ""
		}
		if _, err := strconv.ParseUint(value, 10, 32); err == nil {
			return fmt.Sprintf("a unit is missing: %[1]ss is %[1]s seconds; the others are ms, m and h", value)
		}
		return "a time is a number and a unit, such as 500ms, 5s, 1m or 1h"
	case int:
		if _, err := strconv.ParseInt(value, 0, strconv.IntSize); err != nil {
			return dashed(name) + " takes a whole number"
		}
	case bool:
		if _, err := strconv.ParseBool(value); err != nil {
			return dashed(name) + " takes no value, or true or false after an equals sign"
		}
	}
	return ""
}

// unknownFlag is the name of the flag at which parse gave up, if it is one that there is not.
func unknownFlag(set *flag.FlagSet, args []string) string {
	at := len(args) - set.NArg() - 1
	if at < 0 || !strings.HasPrefix(args[at], "-") {
		return ""
	}
	if name, _ := failed(set, args); set.Lookup(name) == nil {
		return name
	}
	return ""
}

// failed splits what parse has read last into the flag and its value, which may be words of their own.
func failed(set *flag.FlagSet, args []string) (name, value string) {
	at := len(args) - set.NArg() - 1
	if at < 0 {
		return "", ""
	}
	if at > 0 && !strings.Contains(args[at-1], "=") {
		if f := set.Lookup(bare(args[at-1])); f != nil && strings.HasPrefix(args[at-1], "-") && !isSwitch(f) {
			return f.Name, args[at]
		}
	}
	name, value, _ = strings.Cut(args[at], "=")
	return bare(name), value
}

// bare takes the dashes from a flag.
func bare(word string) string {
	return strings.TrimPrefix(strings.TrimPrefix(word, "-"), "-")
}

// dashed writes a flag as its help does.
func dashed(name string) string {
	if len(name) == 1 {
		return "-" + name
	}
	return "--" + name
}

// isSwitch reports whether a flag takes no word after it.
func isSwitch(f *flag.Flag) bool {
	b, ok := f.Value.(interface{ IsBoolFlag() bool })
	return ok && b.IsBoolFlag()
}

func hasFlag(flags []cli.Flag, name string) bool {
	for _, f := range flags {
		for _, n := range f.Names() {
			if n == name {
				return true
			}
		}
	}
	return false
}
