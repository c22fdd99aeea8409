package cli

import (
	"errors"
	"io/fs"

	"github.com/urfave/cli/v2"

	"github.com/crun-go/crun-go/libcontainer"
	"github.com/crun-go/crun-go/libcontainer/state"
)

func regexFlag(asked *bool) cli.Flag {
	return &cli.BoolFlag{
		Name: "regex", Aliases: []string{"r"}, Destination: asked,
		Usage: "take the id for an extended regular expression, and do it to every container whose id has a match of it",
	}
}

// eachMatch does something to every container whose id matches. As with crun, one that it can't be done to is named on
// standard error, and keeps nobody from going on; none at all is no error.
func (inv *invocation) eachMatch(text string, do func(id string) error) error {
	p, err := parsePattern(text)
	if err != nil {
		return err
	}
	ids, err := libcontainer.List(inv.global.root)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return err
	}
	for _, id := range ids {
		if !p.matches(id) {
			continue
		}
		if err := do(id); err != nil && !errors.Is(err, state.ErrNotExist) {
			inv.note("container %s: %v", id, err)
		}
	}
	return nil
}
