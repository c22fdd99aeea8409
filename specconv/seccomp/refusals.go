package seccomp

import (
	"github.com/opencontainers/runtime-spec/specs-go"
	"golang.org/x/sys/unix"
)

// Refusals counts the calls that the filter of a profile refuses with an errno. It stays of a
// bounded size, whatever calls are made.
type Refusals struct {
	List     []*Refusal // in the order of their first calls
	Unlisted uint64     // calls that there was no more room for

	filter []unix.SockFilter
	calls  explained
	known  map[callKey]int // where they are in the list, from 1
}

// A Refusal is one or more calls that are alike in all that the profile's rules look at.
type Refusal struct {
	Name         string // "": a number that has no name
	Architecture string
	Call         Call // the first of them
	Rule         Rule
	Count        uint64
}

// maxRefusals bounds the list.
const maxRefusals = 1024

// NewRefusals is for the filter that [Compile] has made of a profile.
func NewRefusals(cfg *specs.LinuxSeccomp, filter []unix.SockFilter) (*Refusals, error) {
	calls, err := explainAll(cfg)
	if err != nil {
		return nil, err
	}
	return &Refusals{filter: filter, calls: calls, known: make(map[callKey]int)}, nil
}

// Answer is the errno that the filter gives. A call that the filter does not refuse with an errno
// has no business here: it gets the errno of a call that does not exist.
func (r *Refusals) Answer(c *Call) unix.Errno {
	answer := c.answer(r.filter)
	if answer&unix.SECCOMP_RET_ACTION_FULL != unix.SECCOMP_RET_ERRNO {
		return unix.ENOSYS
	}
	return unix.Errno(answer & unix.SECCOMP_RET_DATA)
}

// Add counts a call that was answered so.
func (r *Refusals) Add(c *Call, answer unix.Errno) {
	at, v := r.calls.find(c)
	k := callKeyOf(c, at, v)
	known := r.known[k]
	if known == 0 && len(r.List) == maxRefusals {
		r.Unlisted++
		return
	}
	if known == 0 {
		r.List = append(r.List, r.first(c, at, v, answer))
		known = len(r.List)
		r.known[k] = known
	}
	r.List[known-1].Count++
}

// first describes a call of which there was none like it.
func (r *Refusals) first(c *Call, at int, v *Verdict, answer unix.Errno) *Refusal {
	first := &Refusal{Call: *c}
	if at >= 0 {
		first.Architecture = r.calls[at].name
	}
	if v != nil {
		first.Name = v.Call
		for _, rule := range v.Rules {
			if rule.Holds(c.Args[:]...) {
				first.Rule = rule
				return first
			}
		}
	}
	// Without a name it is nothing that a rule could be about.
	first.Rule = ruleOf(unix.SECCOMP_RET_ERRNO|uint32(answer), "linux.seccomp.defaultAction")
	first.Rule.Newer = answer == unix.ENOSYS
	return first
}
