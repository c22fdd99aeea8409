package cli

import (
	"errors"
	"fmt"
	"io/fs"
	"regexp"
	"regexp/syntax"

	"github.com/urfave/cli/v2"

	"github.com/crun-go/crun-go/libcontainer"
	"github.com/crun-go/crun-go/libcontainer/state"
)

func regexFlag(asked *bool) cli.Flag {
	return &cli.BoolFlag{
		Name: "regex", Aliases: []string{"r"}, Destination: asked,
		Usage: "treat the id as a POSIX extended regular expression, and apply this to all matching containers",
	}
}

// eachMatch calls a function for every container whose id matches. As with crun, a container that it fails for is named on
// standard error, and the others follow; no match at all is not an error.
func (inv *invocation) eachMatch(text string, do func(id string) error) error {
	re, err := regexp.CompilePOSIX(text)
	if err != nil {
		return regexError(text, err)
	}
	ids, err := libcontainer.List(inv.global.root)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return err
	}
	for _, id := range ids {
		if !re.MatchString(id) {
			continue
		}
		if err := do(id); err != nil && !errors.Is(err, state.ErrNotExist) {
			inv.note("container %s: %v", id, err)
		}
	}
	return nil
}

// regexError says what is wrong with a regular expression, and where, if that is a part of it.
func regexError(text string, err error) error {
	var wrong *syntax.Error
	if !errors.As(err, &wrong) {
		return err
	}
	at := ""
	if wrong.Expr != text {
		at = fmt.Sprintf(" at %q", wrong.Expr)
	}
	return fmt.Errorf("invalid regular expression %q: %s%s", text, wrong.Code, at)
}
