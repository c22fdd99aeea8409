package bundle

import (
	"errors"
	"fmt"
	"path/filepath"
	"slices"
	"strings"

	specs "github.com/opencontainers/runtime-spec/specs-go"
	"golang.org/x/sys/unix"

	"github.com/crun-go/crun-go/cgroups"
	"github.com/crun-go/crun-go/libcontainer/foreground"
	"github.com/crun-go/crun-go/libcontainer/sys"
	"github.com/crun-go/crun-go/specconv"
	"github.com/crun-go/crun-go/specconv/jsontext"
	"github.com/crun-go/crun-go/specconv/ocijson"
	"github.com/crun-go/crun-go/specconv/plan"
)

// MaxConfig bounds config.json: far above any real one, far below memory.
const MaxConfig = 64 << 20

// Bundle is a container before anything of it exists.
type Bundle struct {
	Spec      *specs.Spec
	Config    string          // absolute path of config.json
	Text      []byte          // what it holds
	Aside     []jsontext.Span // of that
	unknown   []string        // keys in it that mean nothing
	Host      specconv.Host
	Plan      *plan.Plan
	Hierarchy cgroups.Hierarchy
	Warnings  []specconv.Warning
	Rootless  bool
}

// Load reads the bundle and makes the plan: that of a restore, if there is an
// image. detach reports whether this process will end before the container does.
func Load(o *Options, run, detach bool, image *specconv.Image) (*Bundle, error) {
	b, err := readBundle(o)
	if err != nil {
		return nil, err
	}
	if image != nil {
		o.notifyAsIn(image)
	}
	options, err := b.Facts(o, run, detach)
	switch {
	case err != nil:
	case image != nil:
		b.Plan, b.Warnings, err = specconv.Restore(b.Spec, b.Host, options, *image)
	default:
		b.Plan, b.Warnings, err = specconv.Plan(b.Spec, b.Host, options)
	}
	if len(b.unknown) > 0 {
		unknown := &UnknownKeysError{Keys: b.unknown, Err: err}
		b.Warnings = append(b.Warnings, specconv.Warning{Field: b.unknown[0], Text: "unknown keys are ignored: " + strings.Join(b.unknown, ", "), Err: unknown})
		if err != nil {
			err = unknown
		}
	}
	return b, err
}

// UnknownKeysError is an error of a config.json that has keys which mean nothing: one may be misspelt.
type UnknownKeysError struct {
	Keys []string // their paths
	Err  error    // nil: that may be all that is wrong
}

func (e *UnknownKeysError) Error() string { return e.Err.Error() }

// Unwrap returns the cause.
func (e *UnknownKeysError) Unwrap() error { return e.Err }

// readBundle reads the bundle's config.json.
func readBundle(o *Options) (*Bundle, error) {
	b := ConfigOf(o)
	if err := b.read(); err != nil {
		return nil, err
	}
	return b, nil
}

// ConfigOf names the configuration.
func ConfigOf(o *Options) *Bundle {
	b := &Bundle{Config: o.Config}
	if b.Config == "" {
		b.Config = "config.json"
	}
	if !filepath.IsAbs(b.Config) {
		b.Config = filepath.Join(o.Bundle, b.Config)
	}
	return b
}

// Facts gathers what the plan follows from beside config.json: the host's facts, and the
// options.
func (b *Bundle) Facts(o *Options, run, detach bool) (specconv.Options, error) {
	var err error
	if b.Host, err = HostFacts(b.Spec); err != nil {
		return specconv.Options{}, err
	}
	b.Hierarchy, err = cgroups.Find(cgroups.Root)
	if err != nil && !errors.Is(err, cgroups.ErrNotSupported) {
		return specconv.Options{}, err
	}
	b.Host.CgroupRoot = b.Hierarchy.Path // or nothing
	b.Rootless = o.Rootless == "true" || o.Rootless != "false" && (b.Host.EUID != 0 || b.Host.UserNS)
	systemd := o.SystemdCgroup || o.CgroupManager == "systemd"
	disabled := o.CgroupManager == "disabled"
	if (b.Host.EUID != 0 || b.Host.UserNS) && !systemd && !disabled && !absoluteCgroup(b.Spec) {
		b.Host.CgroupParent = cgroupParent(b.Hierarchy)
	}
	if run && !detach {
		foreground.FitTerminal(b.Spec.Process)
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
		Rootless:      b.Rootless,
		NotifyDir:     notify,
		ListenFDs:     o.ListenFDs,
		ListenFDNames: o.ListenFDNames,
		TraceEnv:      o.Trace.Parent.Env,
		Watch:         o.Watched.Option(),
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
func (b *Bundle) read() error {
	err := b.ReadText()
	if err != nil {
		return err
	}
	b.Spec, b.Aside, b.unknown, err = ocijson.Config(filepath.Base(b.Config), b.Text)
	return err
}

// ReadText reads config.json, and leaves open what it says.
func (b *Bundle) ReadText() error {
	read := sys.ReadRegular
	if _, given := sys.OwnDescriptor(b.Config); given { // create --config /dev/stdin
		read = sys.ReadGiven
	}
	var err error
	b.Text, err = read(b.Config, MaxConfig)
	if errors.Is(err, unix.ENOENT) {
		return plan.InField("", &NoConfigError{b.Config})
	}
	return err
}

// BuildPlan makes the plan that create would carry out or, if there is an image,
// restore, and changes nothing. Who will get the terminal
// need not be known. With it come the facts about the machine that it follows from.
func BuildPlan(o Options, image *specconv.Image) (*plan.Plan, specconv.Host, []specconv.Warning, error) {
	b, err := Load(&o, false, false, image)
	if err != nil {
		return nil, specconv.Host{}, nil, err
	}
	return b.Plan, b.Host, b.Warnings, nil
}

// SeccompProfile reads linux.seccomp of a bundle's config.json; nil if there is none.
func SeccompProfile(o Options) (*specs.LinuxSeccomp, error) {
	b, err := readBundle(&o)
	if err != nil || b.Spec.Linux == nil {
		return nil, err
	}
	return b.Spec.Linux.Seccomp, nil
}

// ReadProcess reads a process of config.json alone.
func ReadProcess(path string) (*specs.Process, error) {
	data, err := sys.ReadGiven(path, MaxConfig)
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
