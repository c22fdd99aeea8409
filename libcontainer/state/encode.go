package state

import (
	"slices"
	"strconv"
	"time"

	specs "github.com/opencontainers/runtime-spec/specs-go"

	"github.com/crun-go/crun-go/libcontainer/proc"
	"github.com/crun-go/crun-go/specconv/jsontext"
)

// encode writes the state file as one line of JSON. Order and names follow runc, up to namespace_paths.
func (s *State) encode() []byte {
	w := jsontext.NewWriter("")
	w.Object()
	w.Key("id").Text(s.Container.ID)
	w.Key("init_process_pid").Int(int64(s.Init.PID))
	w.Key("init_process_start").Uint(s.Init.Start)
	w.Key("created").Text(s.Created.UTC().Format(time.RFC3339Nano))
	w.Key("config")
	s.encodeConfig(w)
	if s.Rootless {
		w.Key("rootless").Bool(true)
	}
	if s.Cgroup.Dir != "" {
		// The key of a path is its controller, and in version 2 there is one path for all.
		w.Key("cgroup_paths").Object()
		w.Key("").Text(s.Cgroup.Dir)
		w.End()
	}
	if s.Init.PID > 0 {
		w.Key("namespace_paths")
		encodeNamespacePaths(w, s.Init.PID)
	}
	w.Key("status").Text(string(s.Status))
	w.Key("bundle").Text(s.Container.Bundle)
	w.Key("config_path").Text(s.Config)
	if s.Kept {
		w.Key("config_kept").Bool(true)
	}
	if len(s.Container.Annotations) > 0 {
		// Again, beside the labels: in those a key with a "=" in it would be ambiguous.
		w.Key("annotations").TextMap(s.Container.Annotations)
	}
	if s.Cgroup.ID != 0 {
		w.Key("cgroup_id").Uint(s.Cgroup.ID)
	}
	if len(s.Cgroup.Made) > 0 {
		w.Key("cgroup_made").Texts(s.Cgroup.Made)
	}
	if s.Rdt.Dir != "" {
		w.Key("intel_rdt_path").Text(s.Rdt.Dir)
		w.Key("intel_rdt_made").Bool(s.Rdt.Made)
		w.Key("intel_rdt_monitor").Text(s.Rdt.Monitor)
	}
	if len(s.NetDevices) > 0 {
		encodeNetDevices(w, s.NetDevices)
	}
	w.End()
	return append(w.Bytes(), '\n')
}

// encodeConfig writes the part of the config that others look for, and what delete needs.
func (s *State) encodeConfig(w *jsontext.Writer) {
	w.Object()
	w.Key("rootfs").Text(s.Container.Rootfs)
	w.Key("namespaces").Array()
	for _, ns := range s.Namespaces {
		w.Object()
		w.Key("type").Text(proc.NamespaceOf(ns.Type).FlagName)
		if ns.Path != "" {
			w.Key("path").Text(ns.Path)
		}
		w.End()
	}
	w.End()
	if s.Cgroup.Systemd {
		w.Key("cgroups").Object()
		w.Key("systemd").Bool(true)
		w.Key("unit").Text(s.Cgroup.Unit)
		w.Key("user").Bool(s.Cgroup.User)
		w.End()
	}
	if len(s.Poststart)+len(s.Poststop) > 0 {
		w.Key("hooks").Object()
		encodeHooks(w, "poststart", s.Poststart)
		encodeHooks(w, "poststop", s.Poststop)
		w.End()
	}
	if s.NoNewKeyring {
		w.Key("no_new_keyring").Bool(true)
	}
	w.Key("version").Text(s.Container.OCIVersion)
	w.Key("labels").Texts(s.labels())
	w.End()
}

// labels returns the annotations as runc keeps them, sorted, with the bundle as the last. An annotation of that name stays
// out: hooks would take it for the bundle's path.
func (s *State) labels() []string {
	list := make([]string, 0, len(s.Container.Annotations)+1)
	for key, value := range s.Container.Annotations {
		if key != "bundle" {
			list = append(list, key+"="+value)
		}
	}
	slices.Sort(list)
	return append(list, "bundle="+s.Container.Bundle)
}

func encodeHooks(w *jsontext.Writer, kind string, list []specs.Hook) {
	if len(list) == 0 {
		return
	}
	w.Key(kind).Array()
	for _, h := range list {
		w.Object()
		w.Key("path").Text(h.Path)
		if h.Args != nil {
			w.Key("args").Texts(h.Args)
		}
		// An environment that is there but empty is one, and not the runtime's own.
		if h.Env != nil {
			w.Key("env").Texts(h.Env)
		}
		if h.Timeout != nil {
			w.Key("timeout").Int(int64(*h.Timeout))
		}
		w.End()
	}
	w.End()
}

func encodeNetDevices(w *jsontext.Writer, list []NetDevice) {
	w.Key("net_devices").Array()
	for _, d := range list {
		w.Object()
		w.Key("name").Text(d.Name)
		w.Key("to").Text(d.To)
		w.Key("up").Bool(d.Up)
		w.Key("mac").Text(d.MAC)
		w.End()
	}
	w.End()
}

func encodeNamespacePaths(w *jsontext.Writer, pid int) {
	dir := "/proc/" + strconv.Itoa(pid) + "/ns/"
	w.Object()
	for _, ns := range proc.Namespaces() {
		w.Key(ns.FlagName).Text(dir + ns.File)
	}
	w.End()
}
