package cli

import (
	"runtime"

	specs "github.com/opencontainers/runtime-spec/specs-go"
	"github.com/urfave/cli/v2"

	"github.com/crun-go/crun-go/libcontainer/sys"
)

func (inv *invocation) versionCommand() *Command {
	return &Command{
		Title:       "show the version",
		Example:     "crun-go version",
		Description: "Prints the versions of the program, of the runtime specification and of Go, and which kernel is needed.",
		run: func(c *cli.Context) error {
			return inv.print(inv.versionText())
		},
	}
}

// versionText is what moby and go-runc parse: "version" must stand in the first line and in no other, and "commit: " and
// "spec: " begin theirs.
func (inv *invocation) versionText() string {
	version, commit := inv.build()
	text := program + " version " + version + "\n"
	if commit != "" {
		text += "commit: " + commit + "\n"
	}
	return text + "spec: " + specs.Version + "\ngo: " + runtime.Version() + "\nkernel: Linux " + sys.OldestKernel + " or newer\n"
}

// develVersion stands for what has no version: a build in a checkout without VCS stamp.
const develVersion = "0.0.0-devel"

// build returns the version and the commit that the program was made from: what make has set, or else what go has put into
// the binary (go install module@version, or go build in a checkout).
func (inv *invocation) build() (version, commit string) {
	if inv.version != "" {
		return inv.version, inv.commit
	}
	return buildInfo()
}
