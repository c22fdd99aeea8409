package cli

import (
	specs "github.com/opencontainers/runtime-spec/specs-go"
	"github.com/urfave/cli/v2"

	"github.com/crun-go/crun-go/libcontainer/sys"
	"github.com/crun-go/crun-go/specconv"
	"github.com/crun-go/crun-go/specconv/jsontext"
	"github.com/crun-go/crun-go/specconv/seccomp"
)

func (inv *invocation) featuresCommand() *Command {
	return &Command{
		Title:       "print supported features",
		Example:     "crun-go features",
		Description: "Prints the features document of the runtime specification (features.md).",
		run: func(c *cli.Context) error {
			return inv.printJSON(append(inv.features(), '\n'))
		},
	}
}

// features says what the build knows, not what the machine it runs on has: so the specification wants it (features.md), and
// engines ask once and keep the answer. seccomp's supported flags alone are the kernel's.
func (inv *invocation) features() []byte {
	w := jsontext.NewWriter("    ")
	w.Object()
	w.Key("ociVersionMin").Text("1.0.0")
	w.Key("ociVersionMax").Text(specs.Version)
	w.Key("hooks").Texts([]string{
		"prestart", "createRuntime", "createContainer", "startContainer", "poststart", "poststop",
	})
	w.Key("mountOptions").Texts(specconv.MountOptions())
	w.Key("linux")
	writeLinuxFeatures(w)
	w.Key("annotations").Object()
	// The name by which engines ask for it.
	w.Key("org.opencontainers.runc.checkpoint.enabled").Text("true")
	version, commit := inv.build()
	if commit != "" {
		w.Key("io.github.crun-go.commit").Text(commit)
	}
	w.Key("io.github.crun-go.kernel").Text("Linux " + sys.OldestKernel + " or newer: " + sys.NeededCalls())
	w.Key("io.github.crun-go.version").Text(version)
	w.End()
	w.Key("potentiallyUnsafeConfigAnnotations").Texts([]string{"org.criu.config", "org.systemd.property.", "run.oci."})
	w.End()
	return w.Bytes()
}

func writeLinuxFeatures(w *jsontext.Writer) {
	texts := func(key string, list []string) { w.Key(key).Texts(list) }
	flag := func(key string, is bool) { w.Key(key).Bool(is) }
	enabled := func(feature string, is bool) {
		w.Key(feature).Object()
		w.Key("enabled").Bool(is)
		w.End()
	}
	w.Object()
	texts("namespaces", specconv.Namespaces())
	texts("capabilities", specconv.Capabilities())
	w.Key("cgroup").Object()
	flag("v1", false)
	flag("v2", true)
	flag("systemd", true)
	flag("systemdUser", true)
	flag("rdma", true)
	w.End()
	w.Key("seccomp").Object()
	flag("enabled", true)
	texts("actions", seccomp.SupportedActions())
	texts("operators", seccomp.SupportedOperators())
	texts("archs", seccomp.SupportedArchs())
	texts("knownFlags", seccomp.SupportedFlags())
	texts("supportedFlags", seccomp.KernelFlags())
	w.End()
	enabled("apparmor", true)
	enabled("selinux", true)
	w.Key("intelRdt").Object()
	flag("enabled", true)
	flag("schemata", true)
	flag("monitoring", true)
	w.End()
	w.Key("memoryPolicy").Object()
	texts("modes", specconv.MemoryPolicyModes())
	texts("flags", specconv.MemoryPolicyFlags())
	w.End()
	w.Key("mountExtensions").Object()
	enabled("idmap", true)
	w.End()
	enabled("netDevices", true)
	w.End()
}
