package watch

import (
	"strconv"
	"strings"

	specs "github.com/opencontainers/runtime-spec/specs-go"
	"golang.org/x/sys/unix"

	"github.com/crun-go/crun-go/specconv/jsontext"
	"github.com/crun-go/crun-go/specconv/seccomp"
)

// result is a JSON object. Arguments are texts: not every reader has numbers of 64 bits.
func (l counter) result(job *Job) (text []byte, warnings []string) {
	w := jsontext.NewWriter("  ")
	w.Object()
	w.Key("id").Text(job.ID)
	w.Key("calls").Array()
	for _, r := range l.List {
		writeRefusal(w, r)
	}
	w.End()
	w.Key("unlisted").Uint(l.Unlisted)
	w.End()
	return append(w.Bytes(), '\n'), nil
}

func writeRefusal(w *jsontext.Writer, r *seccomp.Refusal) {
	w.Object()
	if r.Name != "" {
		w.Key("call").Text(r.Name)
	}
	w.Key("number").Uint(uint64(r.Call.Number))
	if r.Architecture != "" {
		w.Key("architecture").Text(r.Architecture)
	}
	w.Key("arguments").Array()
	for _, arg := range r.Call.Args {
		w.Text("0x" + strconv.FormatUint(arg, 16))
	}
	w.End()
	w.Key("errnoRet").Uint(uint64(r.Rule.Data))
	if name := unix.ErrnoName(unix.Errno(r.Rule.Data)); name != "" {
		w.Key("errno").Text(name)
	}
	w.Key("count").Uint(r.Count)
	w.Key("field").Text(r.Rule.Field)
	if conditions := r.Rule.Conditions(); conditions != nil {
		w.Key("conditions").Texts(conditions)
	}
	if r.Rule.Newer {
		w.Key("newer").Bool(true)
	}
	w.End()
}

// result is an object as linux.seccomp of config.json.
func (w *recorder) result(job *Job) (text []byte, warnings []string) {
	if cut := w.Cut(); len(cut) > 0 {
		warnings = append(warnings, "more different arguments than are recorded, so that some are not allowed: "+strings.Join(cut, ", "))
	}
	if left := w.Left(); len(left) > 0 {
		warnings = append(warnings, "calls of other architectures are not allowed, an entry for them would allow others that the profile in force does not: "+strings.Join(left, ", "))
	}
	if w.Unnamed > 0 {
		warnings = append(warnings, strconv.FormatUint(w.Unnamed, 10)+" calls have no name that a profile could allow them by")
	}
	profile := w.Profile(job.Needs)
	if _, err := seccomp.Compile(profile); err != nil {
		warnings = append(warnings, "the recorded profile cannot be used as it is: "+err.Error())
	}
	return profileJSON(profile), warnings
}

func profileJSON(p *specs.LinuxSeccomp) []byte {
	w := jsontext.NewWriter("  ")
	w.Object()
	w.Key("defaultAction").Text(string(p.DefaultAction))
	if p.DefaultErrnoRet != nil {
		w.Key("defaultErrnoRet").Uint(uint64(*p.DefaultErrnoRet))
	}
	w.Key("architectures").Array()
	for _, a := range p.Architectures {
		w.Text(string(a))
	}
	w.End()
	if p.Flags != nil {
		w.Key("flags").Array()
		for _, f := range p.Flags {
			w.Text(string(f))
		}
		w.End()
	}
	w.Key("syscalls").Array()
	for _, call := range p.Syscalls {
		writeEntry(w, &call)
	}
	w.End()
	w.End()
	return append(w.Bytes(), '\n')
}

func writeEntry(w *jsontext.Writer, call *specs.LinuxSyscall) {
	w.Object()
	w.Key("names").Texts(call.Names)
	w.Key("action").Text(string(call.Action))
	if call.ErrnoRet != nil {
		w.Key("errnoRet").Uint(uint64(*call.ErrnoRet))
	}
	if len(call.Args) > 0 {
		w.Key("args").Array()
		for _, a := range call.Args {
			w.Object()
			w.Key("index").Uint(uint64(a.Index))
			w.Key("value").Uint(a.Value)
			if a.Op == specs.OpMaskedEqual {
				w.Key("valueTwo").Uint(a.ValueTwo)
			}
			w.Key("op").Text(string(a.Op))
			w.End()
		}
		w.End()
	}
	w.End()
}
