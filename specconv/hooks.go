package specconv

import (
	"math"
	"path"
	"strings"
	"time"

	specs "github.com/opencontainers/runtime-spec/specs-go"

	"github.com/crun-go/crun-go/specconv/plan"
)

// hookBuilder plans hooks.
type hookBuilder struct {
	*draft
	trees *treeBuilder
	list  specs.Hooks
	log   plan.HookLog
}

// planHooks checks all hooks and sorts out where they run. Hooks without an
// environment get the runtime's on the host, none at createContainer but the trace that
// they are part of, and the process's at startContainer, as with runc.
func (b *hookBuilder) planHooks() error {
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
	b.list = *hooks
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
func (b *hookBuilder) inside(kind string, status specs.ContainerState, hooks []specs.Hook, confined bool) *plan.Hooks {
	s := &plan.Hooks{Kind: kind, Hooks: make([]plan.Hook, len(hooks)), Log: b.log, Confined: confined}
	s.Before, s.After = b.plan.Container.StateAround(status)
	for i, h := range hooks {
		s.Hooks[i] = plan.Hook{Path: h.Path, Args: h.Args, ProcessEnv: confined && h.Env == nil}
		if len(h.Args) == 0 {
			s.Hooks[i].Args = []string{h.Path}
		}
		switch {
		case len(h.Env) > 0:
			s.Hooks[i].Env = h.Env
		case h.Env == nil && !confined:
			s.Hooks[i].Env = b.opts.TraceEnv
		}
		if h.Timeout != nil {
			s.Hooks[i].Timeout = *h.Timeout
		}
	}
	return s
}

// createContainer plans the host's programs that init runs, in the
// container's namespaces.
func (b *hookBuilder) createContainer() {
	if hooks := b.list.CreateContainer; len(hooks) > 0 {
		s := b.inside("createContainer", specs.StateCreating, hooks, false)
		s.Dir = b.plan.Container.Rootfs
		b.add("hooks.createContainer", s)
	}
}

// startContainer plans the container's own programs that init runs.
func (b *hookBuilder) startContainer() {
	if hooks := b.list.StartContainer; len(hooks) > 0 {
		b.addLast(b.inside("startContainer", specs.StateCreated, hooks, true))
	}
}

// outside plans hooks that the parent runs.
func (b *hookBuilder) outside(kind string, hooks []specs.Hook) {
	if len(hooks) > 0 {
		b.parentAdd("hooks."+kind, &plan.RunHooks{Kind: kind, Status: specs.StateCreating, Hooks: hooks, Log: b.log})
	}
}

// planHookLogs opens the files that hooks' output is copied to.
func (b *hookBuilder) planHookLogs() error {
	for _, log := range [...]struct {
		key  string
		slot *int
	}{{HooksStdout, &b.log.Stdout}, {HooksStderr, &b.log.Stderr}} {
		name := b.spec.Annotations[log.key]
		if name == "" {
			continue
		}
		field := "annotations." + log.key
		if !path.IsAbs(name) || strings.ContainsRune(name, 0) {
			return invalid(field, "", "%q is not absolute, expected the absolute path of a file", name)
		}
		h := &b.list
		if len(h.Prestart)+len(h.CreateRuntime)+len(h.CreateContainer)+len(h.StartContainer) == 0 { //nolint:staticcheck // deprecated, but engines use it
			continue
		}
		slot := len(b.trees.list)
		b.trees.list = append(b.trees.list, plan.Item{Field: field, Step: &plan.OpenLog{Slot: slot, Path: name}})
		*log.slot = slot + 1
	}
	return nil
}
