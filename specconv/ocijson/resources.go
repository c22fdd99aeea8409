package ocijson

import (
	"github.com/opencontainers/runtime-spec/specs-go"

	"github.com/crun-go/crun-go/specconv/jsontext"
)

func resources(r *jsontext.Reader, l *specs.LinuxResources) {
	for key := range r.Fields() {
		switch key {
		case "devices":
			jsontext.List(r, &l.Devices, "objects", deviceRule)
		case "memory":
			jsontext.Pointer(r, &l.Memory, memory)
		case "cpu":
			jsontext.Pointer(r, &l.CPU, cpu)
		case "pids":
			jsontext.Pointer(r, &l.Pids, pids)
		case "blockIO":
			jsontext.Pointer(r, &l.BlockIO, blockIO)
		case "hugepageLimits":
			jsontext.List(r, &l.HugepageLimits, "objects", hugepageLimit)
		case "network":
			jsontext.Pointer(r, &l.Network, network)
		case "rdma":
			jsontext.Map(r, &l.Rdma, rdma)
		case "unified":
			jsontext.Map(r, &l.Unified, jsontext.Text)
		}
	}
}

func deviceRule(r *jsontext.Reader, d *specs.LinuxDeviceCgroup) {
	for key := range r.Fields() {
		switch key {
		case "allow":
			jsontext.Bool(r, &d.Allow)
		case "type":
			jsontext.Text(r, &d.Type)
		case "major":
			jsontext.Pointer(r, &d.Major, jsontext.Int)
		case "minor":
			jsontext.Pointer(r, &d.Minor, jsontext.Int)
		case "access":
			jsontext.Text(r, &d.Access)
		}
	}
}

func memory(r *jsontext.Reader, m *specs.LinuxMemory) {
	for key := range r.Fields() {
		switch key {
		case "limit":
			jsontext.Pointer(r, &m.Limit, jsontext.Int)
		case "reservation":
			jsontext.Pointer(r, &m.Reservation, jsontext.Int)
		case "swap":
			jsontext.Pointer(r, &m.Swap, jsontext.Int)
		case "kernel":
			//nolint:staticcheck // deprecated in cgroup v2, but Docker sends it, as 0
			jsontext.Pointer(r, &m.Kernel, jsontext.Int)
		case "kernelTCP":
			jsontext.Pointer(r, &m.KernelTCP, jsontext.Int)
		case "swappiness":
			jsontext.Pointer(r, &m.Swappiness, jsontext.Uint)
		case "disableOOMKiller":
			jsontext.Pointer(r, &m.DisableOOMKiller, jsontext.Bool)
		case "useHierarchy":
			jsontext.Pointer(r, &m.UseHierarchy, jsontext.Bool)
		case "checkBeforeUpdate":
			jsontext.Pointer(r, &m.CheckBeforeUpdate, jsontext.Bool)
		}
	}
}

func cpu(r *jsontext.Reader, c *specs.LinuxCPU) {
	for key := range r.Fields() {
		switch key {
		case "shares":
			jsontext.Pointer(r, &c.Shares, jsontext.Uint)
		case "quota":
			jsontext.Pointer(r, &c.Quota, jsontext.Int)
		case "burst":
			jsontext.Pointer(r, &c.Burst, jsontext.Uint)
		case "period":
			jsontext.Pointer(r, &c.Period, jsontext.Uint)
		case "realtimeRuntime":
			jsontext.Pointer(r, &c.RealtimeRuntime, jsontext.Int)
		case "realtimePeriod":
			jsontext.Pointer(r, &c.RealtimePeriod, jsontext.Uint)
		case "cpus":
			jsontext.Text(r, &c.Cpus)
		case "mems":
			jsontext.Text(r, &c.Mems)
		case "idle":
			jsontext.Pointer(r, &c.Idle, jsontext.Int)
		}
	}
}

func pids(r *jsontext.Reader, p *specs.LinuxPids) {
	for key := range r.Fields() {
		if key == "limit" {
			jsontext.Pointer(r, &p.Limit, jsontext.Int)
		}
	}
}

func hugepageLimit(r *jsontext.Reader, h *specs.LinuxHugepageLimit) {
	for key := range r.Fields() {
		switch key {
		case "pageSize":
			jsontext.Text(r, &h.Pagesize)
		case "limit":
			jsontext.Uint(r, &h.Limit)
		}
	}
}

func rdma(r *jsontext.Reader, d *specs.LinuxRdma) {
	for key := range r.Fields() {
		switch key {
		case "hcaHandles":
			jsontext.Pointer(r, &d.HcaHandles, jsontext.Uint)
		case "hcaObjects":
			jsontext.Pointer(r, &d.HcaObjects, jsontext.Uint)
		}
	}
}

func network(r *jsontext.Reader, n *specs.LinuxNetwork) {
	for key := range r.Fields() {
		switch key {
		case "classID":
			jsontext.Pointer(r, &n.ClassID, jsontext.Uint)
		case "priorities":
			jsontext.List(r, &n.Priorities, "objects", interfacePriority)
		}
	}
}

func interfacePriority(r *jsontext.Reader, p *specs.LinuxInterfacePriority) {
	for key := range r.Fields() {
		switch key {
		case "name":
			jsontext.Text(r, &p.Name)
		case "priority":
			jsontext.Uint(r, &p.Priority)
		}
	}
}
