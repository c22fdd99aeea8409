package specconv

import (
	"math"
	"path"
	"strings"
	"time"

	specs "github.com/opencontainers/runtime-spec/specs-go"

	"github.com/crun-go/crun-go/libcontainer/plan"
)

// planHooks checks all hooks and sorts out where they run. Hooks without an
// environment get the runtime's on the host, none at createContainer, and the
// process's at startContainer, as with runc.
func (b *builder) planHooks() error {
	hooks := b.spec.Hooks
	if hooks == nil {
		return nil
	}
	for _, list := range [...]struct {
		field string
		hooks []specs.Hook
	}{
		{"hooks.prestart", hooks.Prestart}, //nolint:staticcheck // deprecated, but engines use it
		{"hooks.createRuntime", hooks.CreateRuntime},
		{"hooks.createContainer", hooks.CreateContainer},
		{"hooks.startContainer", hooks.StartContainer},
		{"hooks.poststart", hooks.Poststart},
		{"hooks.poststop", hooks.Poststop},
	} {
		for i := range list.hooks {
			if err := checkHook(index(list.field, i), &list.hooks[i]); err != nil {
				return err
			}
		}
	}
	b.hooks = *hooks
	b.hooks.CreateContainer = withEnv(hooks.CreateContainer, []string{})
	b.plan.Poststart, b.plan.Poststop = hooks.Poststart, hooks.Poststop
	return nil
}

// maxTimeout is how many seconds time.Duration can hold.
const maxTimeout = int64(math.MaxInt64 / time.Second)

func checkHook(field string, h *specs.Hook) error {
	if !path.IsAbs(h.Path) {
		return invalid(field+".path", "", "%q is not absolute, expected the absolute path of a program", h.Path)
	}
	if h.Timeout != nil && *h.Timeout <= 0 {
		return invalid(field+".timeout", "leave it out to wait without limit", "%d, expected a number of seconds greater than 0", *h.Timeout)
	}
	if h.Timeout != nil && int64(*h.Timeout) > maxTimeout {
		return invalid(field+".timeout", "leave it out to wait without limit", "%d is out of range, expected at most %d seconds", *h.Timeout, maxTimeout)
	}
	for i, arg := range h.Args {
		if strings.ContainsRune(arg, 0) {
			return invalid(index(field+".args", i), "", "%q contains a null byte", arg)
		}
	}
	return nil
}

// withEnv returns hooks with env for those that have none of their own.
func withEnv(hooks []specs.Hook, env []string) []specs.Hook {
	var filled []specs.Hook
	for _, h := range hooks {
		if h.Env == nil {
			h.Env = env
		}
		filled = append(filled, h)
	}
	return filled
}

// createContainerHooks plans the host's programs that init runs, in the
// container's namespaces.
func (b *builder) createContainerHooks() {
	if hooks := b.hooks.CreateContainer; len(hooks) > 0 {
		b.add("hooks.createContainer", &plan.Hooks{Kind: "createContainer", Status: specs.StateCreating,
			Dir: b.plan.Container.Rootfs, Hooks: hooks, Log: b.hookLog})
	}
}

// startContainerHooks plans the container's own programs that init runs.
func (b *builder) startContainerHooks() {
	if hooks := b.hooks.StartContainer; len(hooks) > 0 {
		b.add("hooks.startContainer", &plan.Hooks{Kind: "startContainer", Status: specs.StateCreated,
			Hooks: hooks, Log: b.hookLog, Confined: true})
	}
}

// hooksOutside plans hooks that the parent runs.
func (b *builder) hooksOutside(kind string, hooks []specs.Hook) {
	if len(hooks) > 0 {
		b.parentAdd("hooks."+kind, &plan.RunHooks{Kind: kind, Status: specs.StateCreating, Hooks: hooks, Log: b.hookLog})
	}
}
