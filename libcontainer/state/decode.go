package state

import (
	"time"

	specs "github.com/opencontainers/runtime-spec/specs-go"

	"github.com/crun-go/crun-go/libcontainer/proc"
	"github.com/crun-go/crun-go/specconv/jsontext"
	"github.com/crun-go/crun-go/specconv/ocijson"
)

// decode reads a state file. Keys it does not know are skipped. The error is a [*jsontext.Error].
func decode(data []byte) (*State, error) {
	return jsontext.Decode(journalName, data, readState)
}

func readState(r *jsontext.Reader, s *State) {
	for key := range r.Fields() {
		switch key {
		case "id":
			jsontext.Text(r, &s.Container.ID)
		case "init_process_pid":
			jsontext.Int(r, &s.Init.PID)
		case "init_process_start":
			jsontext.Uint(r, &s.Init.Start)
		case "created":
			readTime(r, &s.Created)
		case "config":
			readConfig(r, s)
		case "rootless":
			jsontext.Bool(r, &s.Rootless)
		case "cgroup_paths":
			for controller := range r.Fields() {
				if controller == "" {
					jsontext.Text(r, &s.Cgroup.Dir)
				}
			}
		case "status":
			jsontext.Text(r, &s.Status)
		case "bundle":
			jsontext.Text(r, &s.Container.Bundle)
		case "config_path":
			jsontext.Text(r, &s.Config)
		case "config_kept":
			jsontext.Bool(r, &s.Kept)
		case "annotations":
			jsontext.Map(r, &s.Container.Annotations, jsontext.Text)
		case "cgroup_id":
			jsontext.Uint(r, &s.Cgroup.ID)
		case "cgroup_made":
			jsontext.Texts(r, &s.Cgroup.Made)
		case "intel_rdt_path":
			jsontext.Text(r, &s.Rdt.Dir)
		case "intel_rdt_made":
			jsontext.Bool(r, &s.Rdt.Made)
		case "intel_rdt_monitor":
			jsontext.Text(r, &s.Rdt.Monitor)
		case "net_devices":
			jsontext.List(r, &s.NetDevices, "objects", readNetDevice)
		}
	}
}

func readConfig(r *jsontext.Reader, s *State) {
	for key := range r.Fields() {
		switch key {
		case "rootfs":
			jsontext.Text(r, &s.Container.Rootfs)
		case "namespaces":
			jsontext.List(r, &s.Namespaces, "objects", readNamespace)
		case "cgroups":
			for key := range r.Fields() {
				switch key {
				case "systemd":
					jsontext.Bool(r, &s.Cgroup.Systemd)
				case "unit":
					jsontext.Text(r, &s.Cgroup.Unit)
				case "user":
					jsontext.Bool(r, &s.Cgroup.User)
				}
			}
		case "hooks":
			for kind := range r.Fields() {
				switch kind {
				case "poststart":
					jsontext.List(r, &s.Poststart, "objects", ocijson.Hook)
				case "poststop":
					jsontext.List(r, &s.Poststop, "objects", ocijson.Hook)
				}
			}
		case "no_new_keyring":
			jsontext.Bool(r, &s.NoNewKeyring)
		case "version":
			jsontext.Text(r, &s.Container.OCIVersion)
		}
	}
}

func readNetDevice(r *jsontext.Reader, d *NetDevice) {
	for key := range r.Fields() {
		switch key {
		case "name":
			jsontext.Text(r, &d.Name)
		case "to":
			jsontext.Text(r, &d.To)
		case "up":
			jsontext.Bool(r, &d.Up)
		case "mac":
			jsontext.Text(r, &d.MAC)
		}
	}
}

func readNamespace(r *jsontext.Reader, ns *specs.LinuxNamespace) {
	for key := range r.Fields() {
		switch key {
		case "type":
			if name, ok := r.Text(); ok {
				ns.Type = proc.NamespaceOfFlagName(name).Type
			}
		case "path":
			jsontext.Text(r, &ns.Path)
		}
	}
}

// readTime leaves the zero time where the text is not a time: a state file that is otherwise sound must not keep a container from
// being deleted.
func readTime(r *jsontext.Reader, t *time.Time) {
	if text, ok := r.Text(); ok {
		if parsed, err := time.Parse(time.RFC3339Nano, text); err == nil {
			*t = parsed
		}
	}
}
