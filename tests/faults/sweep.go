package main

import (
	"bufio"
	"cmp"
	"encoding/json"
	"fmt"
	"hash/fnv"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"time"
)

// A sweep is one series of points of one runtime.
type sweep struct {
	runtime  string
	sample   bool
	only     string
	call     string
	every    int
	jobs     int
	out      string
	accepted string
	limit    time.Duration
	looks    int

	lock    sync.Mutex
	results []result
	strange map[string]bool // system calls that the table does not have
}

// A result is what came of one point.
type result struct {
	job
	report
}

func (s *sweep) run() error {
	began := time.Now()
	var names []string
	for _, name := range order {
		if scenarios[name].has(s.runtime) && listed(s.only, name) {
			names = append(names, name)
		}
	}
	hands, err := s.hire()
	defer func() {
		for _, h := range hands {
			h.dismiss()
		}
	}()
	if err != nil {
		return err
	}
	points := map[string][]point{}
	if err := spread(hands, names, func(h *hand, name string) error {
		found, err := h.points(name)
		s.lock.Lock()
		defer s.lock.Unlock()
		points[name] = found
		return err
	}); err != nil {
		return err
	}
	jobs := s.plan(names, points)
	all := jobs
	jobs = nil
	for i := s.every / 2; i < len(all); i += s.every {
		jobs = append(jobs, all[i])
	}
	fmt.Fprintf(os.Stderr, "%d points in %d commands, found in %.0f s\n", len(jobs), len(names), time.Since(began).Seconds())
	swept := time.Now()
	err = spread(hands, jobs, func(h *hand, j job) error {
		r, err := h.surely(j)
		if err != nil {
			return err
		}
		s.lock.Lock()
		defer s.lock.Unlock()
		s.results = append(s.results, result{j, r})
		return nil
	})
	if err != nil {
		return err
	}
	took := time.Since(swept)
	fmt.Fprintf(os.Stderr, "%.0f s, %.0f points a second\n", took.Seconds(), float64(len(jobs))/took.Seconds())
	return s.conclude()
}

func listed(list, name string) bool {
	return list == "" || slices.Contains(strings.Split(list, ","), name)
}

// points finds those of a scenario, by three runs.
func (h *hand) points(scenario string) ([]point, error) {
	var runs [][]point
	for range 3 {
		r, err := h.ask(job{Scenario: scenario})
		if err != nil {
			return nil, err
		}
		if !good[r.Outcome] && r.Outcome != another { // it will be found to vary
			return nil, fmt.Errorf("%s: %w: %s: %s", scenario, errUnharmed, r.Outcome, r.Detail)
		}
		runs = append(runs, r.Points)
	}
	return kept(runs), nil
}

// plan says what is tried at which points.
func (s *sweep) plan(names []string, points map[string][]point) (jobs []job) {
	s.strange = map[string]bool{}
	tried := map[string]bool{}
	for _, name := range names {
		command := scenarios[name].args[0]
		for _, p := range points[name] {
			known := byName(p.Call)
			if known == nil {
				s.strange[p.Call] = true
				continue
			}
			if len(known.fails(p.Class)) == 0 || !listed(s.call, p.Call) {
				continue
			}
			everywhere := name + " " + p.Call
			if s.sample {
				everywhere = command + " " + p.Call
			}
			if !tried[everywhere] && known.refused {
				for _, errno := range []string{"ENOSYS", "EPERM"} {
					jobs = append(jobs, job{name, &fault{Point: point{Role: "all", Call: p.Call}, Errno: errno, Every: true}})
				}
			}
			tried[everywhere] = true
			if once := command + " " + p.Role + " " + p.Call; s.sample && tried[once] {
				continue
			} else {
				tried[once] = true
			}
			jobs = append(jobs, s.tries(name, p, known)...)
		}
	}
	return jobs
}

// tries are the faults of a point.
func (s *sweep) tries(name string, p point, known *call) (jobs []job) {
	chosen, kills := known.fails(p.Class), []string{"it", "all"}
	if s.sample {
		hash := fnv.New32()
		_, _ = io.WriteString(hash, name+p.String())
		n := int(hash.Sum32() >> 1)
		chosen, kills = chosen[n%len(chosen):][:1], kills[n%2:][:1]
	}
	for _, errno := range chosen {
		jobs = append(jobs, job{name, &fault{Point: p, Errno: errno}})
	}
	for _, kill := range kills {
		jobs = append(jobs, job{name, &fault{Point: p, Kill: kill}})
	}
	return jobs
}

func byName(name string) *call {
	for _, c := range calls {
		if c.name == name {
			return c
		}
	}
	return nil
}

// A hand is the way to one worker.
type hand struct {
	cmd *exec.Cmd
	in  *json.Encoder
	out *bufio.Reader
	end io.Closer
	dir string // its cgroup
}

func (s *sweep) hire() (hands []*hand, err error) {
	for n := range s.jobs {
		h, err := s.hireOne(n)
		if err != nil {
			return hands, err
		}
		hands = append(hands, h)
	}
	return hands, nil
}

func (s *sweep) hireOne(n int) (*hand, error) {
	h := &hand{dir: fmt.Sprintf("/sys/fs/cgroup/faults-%d-%d", time.Now().UnixNano()%1e9, n)}
	h.cmd = exec.Command("/proc/self/exe", "-runtime", s.runtime, "-probe", probePath, "-limit", s.limit.String(), "-looks", strconv.Itoa(s.looks), "-worker", h.dir)
	h.cmd.Stderr = os.Stderr
	h.cmd.SysProcAttr = &syscall.SysProcAttr{
		Pdeathsig:  syscall.SIGKILL,
		Cloneflags: syscall.CLONE_NEWNS | syscall.CLONE_NEWPID | syscall.CLONE_NEWUTS | syscall.CLONE_NEWIPC | syscall.CLONE_NEWNET,
	}
	in, err := h.cmd.StdinPipe()
	if err != nil {
		return nil, err
	}
	out, err := h.cmd.StdoutPipe()
	if err != nil {
		return nil, err
	}
	h.in, h.out, h.end = json.NewEncoder(in), bufio.NewReader(out), in
	return h, h.cmd.Start()
}

// dismiss ends a worker and what it has left.
func (h *hand) dismiss() {
	_ = h.end.Close()
	_ = h.cmd.Wait()
	dirs := cgroupsBelow(h.dir)
	slices.Reverse(dirs)
	for _, dir := range append(dirs, "") {
		_ = os.Remove(filepath.Join(h.dir, dir))
	}
}

// ask has the worker do a job.
func (h *hand) ask(j job) (r report, err error) {
	if err = h.in.Encode(j); err != nil {
		return r, err
	}
	line, err := h.out.ReadBytes('\n')
	if err != nil {
		return r, fmt.Errorf("%s: the worker has ended: %w", j.Scenario, err)
	}
	return r, json.Unmarshal(line, &r)
}

// surely asks again when a call was not made this time, or when all took so long
// that the machine may have had others to serve.
func (h *hand) surely(j job) (r report, err error) {
	for range 3 {
		if r, err = h.ask(j); err != nil || r.Outcome != unreached && r.Outcome != hangs {
			break
		}
	}
	return r, err
}

// spread has the workers do what there is to do, each the next thing.
func spread[T any](hands []*hand, items []T, do func(*hand, T) error) error {
	queue := make(chan T, len(items))
	for _, item := range items {
		queue <- item
	}
	close(queue)
	failed := make(chan error, len(hands))
	for _, h := range hands {
		go func() {
			for item := range queue {
				if err := do(h, item); err != nil {
					failed <- err
					return
				}
			}
			failed <- nil
		}()
	}
	var first error
	for range hands {
		first = cmp.Or(first, <-failed)
	}
	return first
}
