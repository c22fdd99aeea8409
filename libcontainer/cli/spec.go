package cli

import (
	_ "embed" // for spec.json
	"errors"
	"io"
	"io/fs"
	"os"
	"strconv"
	"strings"

	"github.com/urfave/cli/v2"
	"golang.org/x/sys/unix"

	"github.com/crun-go/crun-go/libcontainer/sys/retry"
)

const configName = "config.json"

// startSpec is the config.json that spec writes: what containers usually get, and a shell on a terminal in it.
//
//go:embed spec.json
var startSpec string

func (inv *invocation) specCommand() *Command {
	var bundle, file string
	var rootless bool
	return &Command{
		Title:       "write a config.json to start from",
		Description: "Writes a config.json that runs sh in the directory rootfs beside it. It is meant to be edited.",
		Example:     "crun-go spec --bundle /srv/web",
		flags: []cli.Flag{
			&cli.StringFlag{
				Name: "bundle", Aliases: []string{"b"}, Destination: &bundle,
				Usage: "write it to `DIR` (default: the current directory)",
			},
			&cli.StringFlag{
				Name: "file", Aliases: []string{"f"}, Destination: &file, Value: configName,
				Usage: "call it `FILE`",
			},
			&cli.BoolFlag{Name: "rootless", Destination: &rootless, Usage: "write one for other users than root"},
		},
		run: func(c *cli.Context) error {
			text := startSpec
			if rootless {
				text = rootlessSpec(os.Geteuid(), os.Getegid())
			}
			return writeSpec(bundle, file, text)
		},
	}
}

// writeSpec writes a file into a bundle, where none of its name may be yet.
func writeSpec(bundle, name, text string) error {
	if bundle != "" {
		if err := os.Chdir(bundle); err != nil {
			return err
		}
	}
	f, err := retry.OpenFile(name, unix.O_WRONLY|unix.O_CREAT|unix.O_EXCL, 0o644)
	if errors.Is(err, fs.ErrExist) {
		return errors.New("File " + name + " exists. Remove it first")
	}
	if err != nil {
		return err
	}
	_, err = io.WriteString(f, text)
	return errors.Join(err, f.Close())
}

// rootlessSpec is startSpec for a user without privileges, which becomes root in a user namespace. That user has no network
// namespace to configure and so no sysfs to mount, no group 5 to give terminals to, and no cgroup with limits.
func rootlessSpec(uid, gid int) string {
	const resources = `"resources": {
			"devices": [
				{
					"allow": false,
					"access": "rwm"
				}
			]
		},
`
	mapping := func(kind string, id int) string {
		return `"` + kind + `Mappings": [
			{
				"containerID": 0,
				"hostID": ` + strconv.Itoa(id) + `,
				"size": 1
			}
		],
`
	}
	return strings.NewReplacer(
		",\n\t\t\t\t\"gid=5\"", "",
		`"type": "sysfs",
			"source": "sysfs",
			"options": [
`, `"type": "none",
			"source": "/sys",
			"options": [
				"rbind",
`,
		resources, mapping("uid", uid)+"\t\t"+mapping("gid", gid),
		`			{
				"type": "network"
			},
`, "",
		`"type": "cgroup"
			}`, `"type": "cgroup"
			},
			{
				"type": "user"
			}`,
	).Replace(startSpec)
}
