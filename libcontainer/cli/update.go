package cli

import (
	"fmt"
	"strconv"

	specs "github.com/opencontainers/runtime-spec/specs-go"
	"github.com/urfave/cli/v2"

	"github.com/crun-go/crun-go/libcontainer"
	"github.com/crun-go/crun-go/libcontainer/sys"
	"github.com/crun-go/crun-go/specconv"
	"github.com/crun-go/crun-go/specconv/ocijson"
)

func (inv *invocation) updateCommand() *cli.Command {
	var file string
	limits := limitFlags()
	given := make([]string, len(limits))
	flags := []cli.Flag{&cli.StringFlag{
		Name: "resources", Aliases: []string{"r"}, Destination: &file,
		Usage: "read a linux.resources object from `FILE`, or from standard input if it is -; the other flags are ignored then",
	}}
	for i, f := range limits {
		flags = append(flags, &cli.StringFlag{Name: f.name, Destination: &given[i], Usage: f.usage})
	}
	return &cli.Command{
		Name:      "update",
		Usage:     "change the resource limits of a container",
		ArgsUsage: "<container-id>",
		Description: `What is not given stays as it is, and so do the device rules. SIZE is in bytes, or
has a suffix: k, m, g. -1 stands for no limit; 0 is no value, but for burst and
idle. If one limit is refused, none is changed. A file may have everything that linux.resources may limit in cgroup v2,
hugepageLimits, rdma and unified included.`,
		Flags: flags,
		Action: func(c *cli.Context) error {
			return inv.onContainer(c, func(container *libcontainer.Container) error {
				u := libcontainer.Update{Resources: new(specs.LinuxResources)}
				var err error
				if file != "" {
					u.Resources, err = readResources(file)
				} else {
					err = inv.takeLimits(&u, limits, given)
				}
				if err != nil {
					return err
				}
				for _, w := range specconv.IgnoredResources(u.Resources) {
					inv.log.warn(w)
				}
				return container.Update(u)
			})
		},
	}
}

// maxResources bounds what is read as resources.
const maxResources = 4 << 20

// readResources reads a file; "-" is standard input.
func readResources(file string) (*specs.LinuxResources, error) {
	data, err := sys.ReadGiven(file, maxResources)
	if err != nil {
		return nil, err
	}
	if file == "-" {
		file = "standard input"
	}
	return ocijson.Resources(file, data)
}

// takeLimits puts the values of flags into an update.
func (inv *invocation) takeLimits(u *libcontainer.Update, limits []limitFlag, given []string) error {
	for i, f := range limits {
		if given[i] == "" {
			continue
		}
		if f.take == nil {
			inv.log.warn(specconv.Warning{Text: "--" + f.name + " has no effect with cgroup v2"})
			continue
		}
		if err := f.take(u, given[i]); err != nil {
			return fmt.Errorf("invalid value for %s: %w", f.name, err)
		}
	}
	return nil
}

// limitFlag is a flag that sets one limit.
type limitFlag struct {
	name, usage string
	take        func(u *libcontainer.Update, text string) error // nil: cgroup v2 has no such thing
}

func limitFlags() []limitFlag {
	return []limitFlag{
		{name: "blkio-weight", usage: "share of disk time, `N` from 10 to 1000", take: func(u *libcontainer.Update, text string) error {
			n, err := strconv.ParseUint(text, 10, 16)
			weight := uint16(n)
			made(&u.Resources.BlockIO).Weight = &weight
			return number(err, text)
		}},
		cpuUint("cpu-period", "the period that --cpu-quota is of, in `MICROSECONDS`", func(c *specs.LinuxCPU) **uint64 { return &c.Period }),
		cpuInt("cpu-quota", "CPU time in each period, in `MICROSECONDS`", func(c *specs.LinuxCPU) **int64 { return &c.Quota }),
		cpuUint("cpu-burst", "CPU time that may be saved up for later, in `MICROSECONDS`", func(c *specs.LinuxCPU) **uint64 { return &c.Burst }),
		cpuUint("cpu-share", "share of CPU time, `N` from 2 to 262144; usual is 1024", func(c *specs.LinuxCPU) **uint64 { return &c.Shares }),
		{name: "cpu-rt-period", usage: "accepted, but `N` has no effect in cgroup v2"},
		{name: "cpu-rt-runtime", usage: "accepted, but `N` has no effect in cgroup v2"},
		cpuInt("cpu-idle", "`1` to run only when nobody else wants to, 0 not to", func(c *specs.LinuxCPU) **int64 { return &c.Idle }),
		{name: "cpuset-cpus", usage: "CPUs to run on, a `LIST` such as 0-3,7", take: func(u *libcontainer.Update, text string) error {
			made(&u.Resources.CPU).Cpus = text
			return nil
		}},
		{name: "cpuset-mems", usage: "memory nodes to use, a `LIST` such as 0-3,7", take: func(u *libcontainer.Update, text string) error {
			made(&u.Resources.CPU).Mems = text
			return nil
		}},
		memorySize("memory", "limit memory to `SIZE`", func(m *specs.LinuxMemory) **int64 { return &m.Limit }),
		memorySize("memory-reservation", "protect `SIZE` of memory from being reclaimed", func(m *specs.LinuxMemory) **int64 { return &m.Reservation }),
		memorySize("memory-swap", "limit memory and swap together to `SIZE`", func(m *specs.LinuxMemory) **int64 { return &m.Swap }),
		{name: "pids-limit", usage: "limit processes and threads to `N`", take: func(u *libcontainer.Update, text string) error {
			n, err := strconv.ParseInt(text, 10, 64)
			made(&u.Resources.Pids).Limit = &n
			return number(err, text)
		}},
		{name: "l3-cache-schema", usage: "what of the L3 cache may be used, a `SCHEMA` of resctrl", take: func(u *libcontainer.Update, text string) error {
			u.L3CacheSchema = text
			return nil
		}},
		{name: "mem-bw-schema", usage: "what of the memory bandwidth may be used, a `SCHEMA` of resctrl", take: func(u *libcontainer.Update, text string) error {
			u.MemBwSchema = text
			return nil
		}},
		{name: "kernel-memory", usage: "accepted, but `N` has no effect in cgroup v2"},
		{name: "kernel-memory-tcp", usage: "accepted, but `N` has no effect in cgroup v2"},
	}
}

// made makes a section of the resources, if it is not there yet.
func made[T any](p **T) *T {
	if *p == nil {
		*p = new(T)
	}
	return *p
}

func cpuUint(name, usage string, field func(*specs.LinuxCPU) **uint64) limitFlag {
	return limitFlag{name: name, usage: usage, take: func(u *libcontainer.Update, text string) error {
		n, err := strconv.ParseUint(text, 10, 64)
		*field(made(&u.Resources.CPU)) = &n
		return number(err, text)
	}}
}

func cpuInt(name, usage string, field func(*specs.LinuxCPU) **int64) limitFlag {
	return limitFlag{name: name, usage: usage, take: func(u *libcontainer.Update, text string) error {
		n, err := strconv.ParseInt(text, 10, 64)
		*field(made(&u.Resources.CPU)) = &n
		return number(err, text)
	}}
}

func memorySize(name, usage string, field func(*specs.LinuxMemory) **int64) limitFlag {
	return limitFlag{name: name, usage: usage, take: func(u *libcontainer.Update, text string) error {
		n, err := parseSize(text)
		*field(made(&u.Resources.Memory)) = &n
		return err
	}}
}

// number puts strconv's error into words for people.
func number(err error, text string) error {
	if err == nil {
		return nil
	}
	return fmt.Errorf("%q is not a whole number in the range of the limit", text)
}
