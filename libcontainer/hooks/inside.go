package hooks

import (
	"github.com/crun-go/crun-go/libcontainer/sys"
	"github.com/crun-go/crun-go/libcontainer/sys/fault"
	"github.com/crun-go/crun-go/libcontainer/sys/raw"
)

// Inside is what hooks of a kind have in common that init runs.
type Inside struct {
	Kind  string
	Log   Log
	State [3]string // the state document, in three parts
	Dir   int       // descriptor of the working directory; 0: the caller's
	// Under is more than the caller is under: each hook takes that on itself, so that
	// the caller need not live with it.
	Under sys.Confinement
}

// Run runs one of the hooks: path is program's for words, timeout in seconds, 0 is
// none. Its error is a fault, with the index as its entry.
func (in *Inside) Run(index int, path string, program *sys.Program, timeout int) error {
	r := running{kind: in.Kind, index: index, path: path, limit: timeout, log: in.Log}
	before := raw.IgnorePipe()
	err := r.inside(in, program)
	r.close()
	raw.RestorePipe(&before)
	return err
}

func (r *running) inside(in *Inside, program *sys.Program) error {
	if err := r.open(); err != nil {
		return err
	}
	child := sys.Child{Confinement: in.Under, Program: program, Dir: in.Dir, Stdio: [3]int32{r.stdin[0], r.stdout[1], r.stderr[1]}}
	pid, err := child.Start()
	if err != nil {
		return r.notStarted(fault.Of(err))
	}
	if err := r.started(pid); err != nil {
		return err
	}
	return r.end(r.serve(in.State))
}
