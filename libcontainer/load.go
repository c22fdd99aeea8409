package libcontainer

import (
	"errors"
	"fmt"
	"path/filepath"
	"slices"
	"strings"

	specs "github.com/opencontainers/runtime-spec/specs-go"
	"golang.org/x/sys/unix"

	"github.com/crun-go/crun-go/cgroups"
	"github.com/crun-go/crun-go/libcontainer/sys"
	"github.com/crun-go/crun-go/specconv"
	"github.com/crun-go/crun-go/specconv/jsontext"
	"github.com/crun-go/crun-go/specconv/ocijson"
	"github.com/crun-go/crun-go/specconv/plan"
)

// maxConfig bounds config.json: far above any real one, far below memory.
const maxConfig = 64 << 20

// blueprint is a container before anything of it exists.
type blueprint struct {
	spec      *specs.Spec
	config    string          // absolute path of config.json
	text      []byte          // what it holds
	aside     []jsontext.Span // of that
	unknown   []string        // keys in it that mean nothing
	host      specconv.Host
	plan      *plan.Plan
	hierarchy cgroups.Hierarchy
	warnings  []specconv.Warning
	rootless  bool
}

// draw reads the bundle and makes the plan: that of a restore, if there is an
// image. detach reports whether this process will end before the container does.
func draw(o *Options, run, detach bool, image *specconv.Image) (*blueprint, error) {
	b, err := readBundle(o)
	if err != nil {
		return nil, err
	}
	if image != nil {
		o.notifyAsIn(image)
	}
	options, err := b.facts(o, run, detach)
	switch {
	case err != nil:
	case image != nil:
		b.plan, b.warnings, err = specconv.Restore(b.spec, b.host, options, *image)
	default:
		b.plan, b.warnings, err = specconv.Plan(b.spec, b.host, options)
	}
	if len(b.unknown) > 0 {
		b.warnings = append(b.warnings, specconv.Warning{Field: b.unknown[0], Text: "unknown keys are ignored: " + strings.Join(b.unknown, ", ")})
	}
	return b, err
}

// readBundle reads the bundle's config.json.
func readBundle(o *Options) (*blueprint, error) {
	b := configOf(o)
	if err := b.read(); err != nil {
		return nil, err
	}
	return b, nil
}

// configOf names the configuration.
func configOf(o *Options) *blueprint {
	b := &blueprint{config: o.Config}
	if b.config == "" {
		b.config = "config.json"
	}
	if !filepath.IsAbs(b.config) {
		b.config = filepath.Join(o.Bundle, b.config)
	}
	return b
}

// facts gathers what the plan follows from beside config.json: the host's facts, and the
// options.
func (b *blueprint) facts(o *Options, run, detach bool) (specconv.Options, error) {
	var err error
	if b.host, err = host(b.spec); err != nil {
		return specconv.Options{}, err
	}
	b.hierarchy, err = cgroups.Find(cgroups.Root)
	if err != nil && !errors.Is(err, cgroups.ErrNotSupported) {
		return specconv.Options{}, err
	}
	b.host.CgroupRoot = b.hierarchy.Path // or nothing
	b.rootless = o.Rootless == "true" || o.Rootless != "false" && (b.host.EUID != 0 || b.host.UserNS)
	systemd := o.SystemdCgroup || o.CgroupManager == "systemd"
	disabled := o.CgroupManager == "disabled"
	if (b.host.EUID != 0 || b.host.UserNS) && !systemd && !disabled && !absoluteCgroup(b.spec) {
		b.host.CgroupParent = cgroupParent(b.hierarchy)
	}
	if run && !detach {
		fitTerminal(b.spec.Process)
	}
	var notify string
	if o.NotifySocket != "" {
		notify = filepath.Join(o.Root, o.ID, "notify")
	}
	return specconv.Options{
		ID:            o.ID,
		Bundle:        o.Bundle,
		Run:           run,
		Detach:        detach,
		ConsoleSocket: o.ConsoleSocket != "",
		NoPivot:       o.NoPivot,
		NoNewKeyring:  o.NoNewKeyring,
		SystemdCgroup: systemd,
		NoCgroup:      disabled,
		Rootless:      b.rootless,
		NotifyDir:     notify,
		ListenFDs:     o.ListenFDs,
		ListenFDNames: o.ListenFDNames,
	}, nil
}

func absoluteCgroup(spec *specs.Spec) bool {
	return spec.Linux != nil && strings.HasPrefix(spec.Linux.CgroupsPath, "/")
}

// NoConfigError means that a bundle has no config.json. Engines match the text.
type NoConfigError struct{ Path string }

func (e *NoConfigError) Error() string {
	return fmt.Sprintf("JSON specification file %s not found in %q", filepath.Base(e.Path), filepath.Dir(e.Path))
}

// read reads the bundle's config.json, once in the container's life.
func (b *blueprint) read() error {
	err := b.readText()
	if err != nil {
		return err
	}
	b.spec, b.aside, b.unknown, err = ocijson.Config(filepath.Base(b.config), b.text)
	return err
}

func (b *blueprint) readText() error {
	read := sys.ReadRegular
	if _, given := sys.OwnDescriptor(b.config); given { // create --config /dev/stdin
		read = sys.ReadGiven
	}
	var err error
	b.text, err = read(b.config, maxConfig)
	if errors.Is(err, unix.ENOENT) {
		return plan.InField("", &NoConfigError{b.config})
	}
	return err
}

// BuildPlan makes the plan that create would carry out or, if there is an image,
// restore, and changes nothing. Who will get the terminal
// need not be known. With it come the facts about the machine that it follows from.
func BuildPlan(o Options, image *specconv.Image) (*plan.Plan, specconv.Host, []specconv.Warning, error) {
	b, err := draw(&o, false, false, image)
	if err != nil {
		return nil, specconv.Host{}, nil, err
	}
	return b.plan, b.host, b.warnings, nil
}

// SeccompProfile reads linux.seccomp of a bundle's config.json; nil if there is none.
func SeccompProfile(o Options) (*specs.LinuxSeccomp, error) {
	b, err := readBundle(&o)
	if err != nil || b.spec.Linux == nil {
		return nil, err
	}
	return b.spec.Linux.Seccomp, nil
}

func readProcess(path string) (*specs.Process, error) {
	data, err := sys.ReadGiven(path, maxConfig)
	if err != nil {
		return nil, err
	}
	return ocijson.Process(filepath.Base(path), data)
}

// notifyAsIn gives the container the mount for messages to systemd if the
// dumped one had it. Nobody waits for a container that has been ready before.
func (o *Options) notifyAsIn(image *specconv.Image) {
	o.NotifySocket = ""
	if slices.ContainsFunc(image.Mounts, func(m plan.ImageMount) bool { return m.Kind == plan.ExternalBind && m.Target == specconv.NotifyTarget }) {
		o.NotifySocket = specconv.NotifyTarget
	}
}
