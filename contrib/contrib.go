// Package contrib is what a host has beside the binary: completions for shells, and for each engine the file that makes
// crun-go known to it. People copy them from this directory, the program prints or writes them ("crun-go completion",
// "crun-go engines --install"), and both are the same bytes.
//
// In the files for engines the binary is [Path]; a setting that is there to be chosen is commented out, without a space after the #.
package contrib

import _ "embed" // for the directives below

// Path is where the files expect the binary: where "make install" puts it.
const Path = "/usr/local/bin/crun-go"

// The files, by the engine that reads them.
var (
	//go:embed docker/daemon.json
	Docker string // /etc/docker/daemon.json (dockerd(8))

	//go:embed containerd/config-v2.toml
	ContainerdV2 string // /etc/containerd/config.toml of version 2: containerd 1.6 and 1.7 (containerd-config.toml(5))

	//go:embed containerd/config-v3.toml
	ContainerdV3 string // the same of version 3: containerd 2

	//go:embed podman/crun-go.conf
	Podman string // a file of /etc/containers/containers.conf.d, for Buildah, too (containers.conf(5))

	//go:embed crio/crun-go.conf
	CRIO string // a file of /etc/crio/crio.conf.d (crio.conf(5))

	//go:embed kubernetes/runtimeclass.yaml
	RuntimeClass string // an object of the cluster, not a file of a node
)

// The completions, by the shell that reads them. They ask the program, which knows its commands and flags.
var (
	//go:embed completions/crun-go.bash
	Bash string

	//go:embed completions/_crun-go
	Zsh string

	//go:embed completions/crun-go.fish
	Fish string
)
