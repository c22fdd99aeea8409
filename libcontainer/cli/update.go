package cli

import (
	"errors"
	"fmt"
	"slices"
	"strconv"

	specs "github.com/opencontainers/runtime-spec/specs-go"
	"github.com/urfave/cli/v2"

	"github.com/crun-go/crun-go/libcontainer"
	"github.com/crun-go/crun-go/libcontainer/mounts"
	"github.com/crun-go/crun-go/libcontainer/sys"
	"github.com/crun-go/crun-go/specconv"
	"github.com/crun-go/crun-go/specconv/ocijson"
)

func (inv *invocation) updateCommand() *Command {
	var file string
	limits := limitFlags()
	given := make([]string, len(limits))
	flags := []cli.Flag{&cli.StringFlag{Name: "resources", Aliases: []string{"r"}, Destination: &file,
		Usage: "read a linux.resources object from `FILE`, - for standard input, and ignore the other flags",
	}}
	var devices deviceFlags
	flags = append(flags, devices.flags()...)
	for i, f := range limits {
		flags = append(flags, &cli.StringFlag{Name: f.name, Destination: &given[i], Usage: f.usage})
	}
	return &Command{
		Name:  "update",
		Title: "change the resource limits of a container",
		Args:  containerArg(),
		Description: `Limits that are not given, and the device rules, stay as they are. SIZE is in bytes, or has a suffix: k, m, g. -1
means no limit; 0 leaves a limit unchanged, except for --cpu-burst and --cpu-idle. If one limit is refused, none is changed. A
file may have all limits of linux.resources in cgroup v2, also hugepageLimits, rdma and unified.

Devices are changed by --device-add and --device-remove, which can be repeated, and are not combined with limits. A device
that is added gets its node with mode and owner of the host's, at a path where nothing is yet, and a rule that allows ACCESS
(rwm if not given); in a user namespace the host's node is mounted there. Either all are added, or none. Only what was added
can be removed; then the rule is gone, and the node, unless the container has put another file in its place.`,
		Example: "crun-go update --memory 512m --cpu-quota 50000 web\ncrun-go update --device-add /dev/ttyUSB0:/dev/modem:rw web",
		flags:   flags,
		run: func(c *cli.Context) error {
			return inv.onContainer(c, func(container *libcontainer.Container) error {
				if devices.given() {
					// Limits and devices are undone apart.
					if file != "" || slices.ContainsFunc(given, func(value string) bool { return value != "" }) {
						return errors.New("--device-add and --device-remove take an update of their own: leave out the limits")
					}
					return mounts.ChangeDevices(container, devices.add, devices.remove)
				}
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
		cpuUint("cpu-period", "period for --cpu-quota, in `MICROSECONDS`", func(c *specs.LinuxCPU) **uint64 { return &c.Period }),
		cpuInt("cpu-quota", "CPU time in each period, in `MICROSECONDS`", func(c *specs.LinuxCPU) **int64 { return &c.Quota }),
		cpuUint("cpu-burst", "CPU time that may be saved for later, in `MICROSECONDS`", func(c *specs.LinuxCPU) **uint64 { return &c.Burst }),
		cpuUint("cpu-share", "share of CPU time, `N` from 2 to 262144, usually 1024", func(c *specs.LinuxCPU) **uint64 { return &c.Shares }),
		{name: "cpu-rt-period", usage: "accepted, but `N` has no effect in cgroup v2"},
		{name: "cpu-rt-runtime", usage: "accepted, but `N` has no effect in cgroup v2"},
		cpuInt("cpu-idle", "`N` is 1 to run only when no other process wants to, 0 otherwise", func(c *specs.LinuxCPU) **int64 { return &c.Idle }),
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
		{name: "l3-cache-schema", usage: "limit the L3 cache by a `SCHEMA` of resctrl", take: func(u *libcontainer.Update, text string) error {
			u.L3CacheSchema = text
			return nil
		}},
		{name: "mem-bw-schema", usage: "limit the memory bandwidth by a `SCHEMA` of resctrl", take: func(u *libcontainer.Update, text string) error {
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
