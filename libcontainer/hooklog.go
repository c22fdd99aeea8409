package libcontainer

import (
	"os"
	"slices"

	specs "github.com/opencontainers/runtime-spec/specs-go"
	"golang.org/x/sys/unix"

	"github.com/crun-go/crun-go/libcontainer/hooks"
	"github.com/crun-go/crun-go/libcontainer/sys"
	"github.com/crun-go/crun-go/specconv"
	"github.com/crun-go/crun-go/specconv/plan"
)

// hookLog opens the files that annotations name for hooks' output. It has to be
// closed.
func hookLog(annotations map[string]string) (log hooks.Log, err error) {
	for _, f := range [...]struct {
		key string
		fd  *int
	}{{specconv.HooksStdout, &log.Stdout}, {specconv.HooksStderr, &log.Stderr}} {
		if path := annotations[f.key]; path != "" && err == nil {
			if *f.fd, err = sys.OpenAppend(path, 0o600, false); err != nil {
				err = plan.InField("annotations."+f.key, err)
			}
		}
	}
	return log, err
}

func closeLog(log hooks.Log) {
	for _, fd := range [...]int{log.Stdout, log.Stderr} {
		if fd > 0 {
			unix.Close(fd)
		}
	}
}

// runPoststop runs the poststop hooks: each failure is a warning, and the next
// hook runs all the same (runtime-spec, lifecycle step 13).
func runPoststop(list []specs.Hook, st *specs.State, warn func(specconv.Warning)) {
	if len(list) == 0 {
		return
	}
	if err := sys.FenceFrom(3); err != nil {
		warn(specconv.Warning{Text: err.Error(), Must: true})
	}
	log, err := hookLog(st.Annotations)
	if err != nil {
		warn(specconv.Warning{Text: err.Error(), Must: true})
	}
	defer closeLog(log)
	sys.CatchSignals() // which end a hook, and nothing else any more
	for i := range list {
		sys.TakeCaught()
		one := slices.Clone(list[i : i+1])
		if err := log.Run("poststop", one, plan.AppendState(nil, st), "", os.Environ()); err != nil {
			warn(specconv.Warning{Field: (&hooks.Error{Kind: "poststop", Index: i}).Field(), Text: err.Error(), Must: true})
		}
	}
}
