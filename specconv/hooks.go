package specconv

import (
	"math"
	"path"
	"time"

	specs "github.com/opencontainers/runtime-spec/specs-go"

	"github.com/crun-go/crun-go/specconv/plan"
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
	b.plan.Poststart, b.plan.Poststop = hooks.Poststart, hooks.Poststop
	return nil
}

// maxTimeout is how many seconds time.Duration can hold.
const maxTimeout = int64(math.MaxInt64 / time.Second)

func checkHook(field string, h *specs.Hook) error {
	if !path.IsAbs(h.Path) {
		return invalid(field+".path", "", "%q is not absolute, expected the absolute path of a program", h.Path)
	}
	if err := checkNull(field+".path", h.Path); err != nil {
		return err
	}
	if h.Timeout != nil && *h.Timeout <= 0 {
		return invalid(field+".timeout", "leave it out to wait without limit", "%d, expected a number of seconds greater than 0", *h.Timeout)
	}
	if h.Timeout != nil && int64(*h.Timeout) > maxTimeout {
		return invalid(field+".timeout", "leave it out to wait without limit", "%d is out of range, expected at most %d seconds", *h.Timeout, maxTimeout)
	}
	for i, arg := range h.Args {
		if err := checkNull(index(field+".args", i), arg); err != nil {
			return err
		}
	}
	return nil
}

// inside plans hooks that init runs. If they are confined, one without an environment
// has the process's.
func (b *builder) inside(kind string, status specs.ContainerState, hooks []specs.Hook, confined bool) *plan.Hooks {
	s := &plan.Hooks{Kind: kind, Hooks: make([]plan.Hook, len(hooks)), Log: b.hookLog, Confined: confined}
	s.Before, s.After = b.plan.Container.StateAround(status)
	for i, h := range hooks {
		s.Hooks[i] = plan.Hook{Path: h.Path, Args: h.Args, ProcessEnv: confined && h.Env == nil}
		if len(h.Args) == 0 {
			s.Hooks[i].Args = []string{h.Path}
		}
		if len(h.Env) > 0 {
			s.Hooks[i].Env = h.Env
		}
		if h.Timeout != nil {
			s.Hooks[i].Timeout = *h.Timeout
		}
	}
	return s
}

// createContainerHooks plans the host's programs that init runs, in the
// container's namespaces.
func (b *builder) createContainerHooks() {
	if hooks := b.hooks.CreateContainer; len(hooks) > 0 {
		s := b.inside("createContainer", specs.StateCreating, hooks, false)
		s.Dir = b.plan.Container.Rootfs
		b.add("hooks.createContainer", s)
	}
}

// startContainerHooks plans the container's own programs that init runs.
func (b *builder) startContainerHooks() {
	if hooks := b.hooks.StartContainer; len(hooks) > 0 {
		b.addLast(b.inside("startContainer", specs.StateCreated, hooks, true))
	}
}

// hooksOutside plans hooks that the parent runs.
func (b *builder) hooksOutside(kind string, hooks []specs.Hook) {
	if len(hooks) > 0 {
		b.parentAdd("hooks."+kind, &plan.RunHooks{Kind: kind, Status: specs.StateCreating, Hooks: hooks, Log: b.hookLog})
	}
}
