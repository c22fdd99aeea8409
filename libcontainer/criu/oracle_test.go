package criu

import (
	"reflect"
	"testing"

	"github.com/checkpoint-restore/go-criu/v7/rpc"
	"golang.org/x/sys/unix"
	"google.golang.org/protobuf/proto"
)

// fullOptions has a value of its own in every field.
func fullOptions() *Options {
	return &Options{
		ImagesDir: 11, WorkDir: 12, LogFile: "dump.log", LogLevel: 4, Config: "/etc/criu/some.conf",
		PID: 4711, ParentImages: "../before", TrackMemory: true, LeaveRunning: true, FreezeCgroup: "/sys/fs/cgroup/c",
		AutoDedup: true, LazyPages: true, StatusFD: 13, PageServer: &PageServer{"::1", 27000}, NetworkLock: LockSkip,
		SkipInFlight: true, LinkRemap: true, FileLocks: true, ExtUnixSock: true, TCP: true, TCPClose: true,
		ShellJob: true, OrphanMaster: true, Evasive: true, EmptyNS: unix.CLONE_NEWNET, CgroupMode: CgroupStrict,
		CgroupRoots: []CgroupRoot{{"", "/new"}, {"cpu", "/cpu"}}, CgroupYard: "/run/yard", Root: "/run/root", Sibling: true,
		Inherit: []Inherited{{"pipe:[1]", 4}, {"pipe:[2]", 5}}, Joins: []Join{{"ipc", "/proc/1/ns/ipc"}},
		Mounts: []Mount{{"/data", "mount-0"}, {"/with space", "mount-1"}}, External: []string{"net[1]:extRootNetNS", "tty[2:3]"},
		LSMProfile: "apparmor:web", MountContext: "system_u:object_r:container_file_t:s0", OldMounts: true,
		Unprivileged: true, NotifyScripts: true,
	}
}

// TestOptionsOracle has go-criu read what is written here.
func TestOptionsOracle(t *testing.T) {
	o := fullOptions()
	for i := range reflect.ValueOf(o).Elem().NumField() {
		if reflect.ValueOf(o).Elem().Field(i).IsZero() {
			t.Fatalf("the test sets no %s", reflect.TypeFor[Options]().Field(i).Name)
		}
	}
	var got rpc.CriuReq
	if err := proto.Unmarshal((&request{kind: kindDump, opts: o, keepOpen: true}).encode(), &got); err != nil {
		t.Fatal(err)
	}
	mode, lock := rpc.CriuCgMode_STRICT, rpc.CriuNetworkLockMethod_SKIP
	want := &rpc.CriuReq{Type: rpc.CriuReqType_DUMP.Enum(), KeepOpen: proto.Bool(true), Opts: &rpc.CriuOpts{
		ImagesDirFd: proto.Int32(11), WorkDirFd: proto.Int32(12), LogFile: proto.String("dump.log"), LogLevel: proto.Int32(4),
		ConfigFile: proto.String("/etc/criu/some.conf"), Pid: proto.Int32(4711), ParentImg: proto.String("../before"),
		TrackMem: proto.Bool(true), LeaveRunning: proto.Bool(true), FreezeCgroup: proto.String("/sys/fs/cgroup/c"),
		AutoDedup: proto.Bool(true), LazyPages: proto.Bool(true), StatusFd: proto.Int32(13),
		Ps: &rpc.CriuPageServerInfo{Address: proto.String("::1"), Port: proto.Int32(27000)}, NetworkLock: &lock,
		TcpSkipInFlight: proto.Bool(true), LinkRemap: proto.Bool(true), FileLocks: proto.Bool(true), ExtUnixSk: proto.Bool(true),
		TcpEstablished: proto.Bool(true), TcpClose: proto.Bool(true), ShellJob: proto.Bool(true), OrphanPtsMaster: proto.Bool(true),
		EvasiveDevices: proto.Bool(true), EmptyNs: proto.Uint32(unix.CLONE_NEWNET), ManageCgroupsMode: &mode,
		CgRoot:     []*rpc.CgroupRoot{{Path: proto.String("/new")}, {Ctrl: proto.String("cpu"), Path: proto.String("/cpu")}},
		CgroupYard: proto.String("/run/yard"), Root: proto.String("/run/root"), RstSibling: proto.Bool(true),
		InheritFd: []*rpc.InheritFd{{Key: proto.String("pipe:[1]"), Fd: proto.Int32(4)}, {Key: proto.String("pipe:[2]"), Fd: proto.Int32(5)}},
		JoinNs:    []*rpc.JoinNamespace{{Ns: proto.String("ipc"), NsFile: proto.String("/proc/1/ns/ipc")}},
		ExtMnt: []*rpc.ExtMountMap{
			{Key: proto.String("/data"), Val: proto.String("mount-0")}, {Key: proto.String("/with space"), Val: proto.String("mount-1")},
		},
		External:   []string{"net[1]:extRootNetNS", "tty[2:3]"},
		LsmProfile: proto.String("apparmor:web"), LsmMountContext: proto.String("system_u:object_r:container_file_t:s0"),
		MntnsCompatMode: proto.Bool(true), Unprivileged: proto.Bool(true), NotifyScripts: proto.Bool(true),
	}}
	if !proto.Equal(&got, want) {
		t.Errorf("got  %v\nwant %v", &got, want)
	}
}

// TestOptionsDefault: what is not asked for is not sent, but descriptors and the cgroup mode.
func TestOptionsDefault(t *testing.T) {
	var got rpc.CriuReq
	if err := proto.Unmarshal((&request{kind: kindRestore, opts: &Options{StatusFD: -1}}).encode(), &got); err != nil {
		t.Fatal(err)
	}
	mode := rpc.CriuCgMode_IGNORE
	want := &rpc.CriuReq{Type: rpc.CriuReqType_RESTORE.Enum(), Opts: &rpc.CriuOpts{
		ImagesDirFd: proto.Int32(0), WorkDirFd: proto.Int32(0), LogLevel: proto.Int32(0), ManageCgroupsMode: &mode,
	}}
	if !proto.Equal(&got, want) {
		t.Errorf("got %v, want %v", &got, want)
	}
}

// TestResponseOracle reads what go-criu has written.
func TestResponseOracle(t *testing.T) {
	for _, c := range []struct {
		sent *rpc.CriuResp
		want response
	}{
		{
			&rpc.CriuResp{Type: rpc.CriuReqType_RESTORE.Enum(), Success: proto.Bool(true), Restore: &rpc.CriuRestoreResp{Pid: proto.Int32(77)}},
			response{kind: kindRestore, success: true, pid: 77, notify: Notification{FD: -1}},
		},
		{
			&rpc.CriuResp{Type: rpc.CriuReqType_NOTIFY.Enum(), Success: proto.Bool(true), Notify: &rpc.CriuNotify{Script: proto.String("setup-namespaces"), Pid: proto.Int32(-1)}},
			response{kind: kindNotify, success: true, notify: Notification{Script: "setup-namespaces", PID: -1, FD: -1}},
		},
		{
			&rpc.CriuResp{Type: rpc.CriuReqType_DUMP.Enum(), Success: proto.Bool(false), CrErrno: proto.Int32(3), CrErrmsg: proto.String("no such")},
			response{kind: kindDump, errno: unix.ESRCH, message: "no such", notify: Notification{FD: -1}},
		},
		{
			&rpc.CriuResp{Type: rpc.CriuReqType_FEATURE_CHECK.Enum(), Success: proto.Bool(true), Features: &rpc.CriuFeatures{MemTrack: proto.Bool(true), LazyPages: proto.Bool(true)}},
			response{kind: kindFeatures, success: true, features: Features{true, true}, notify: Notification{FD: -1}},
		},
		{
			&rpc.CriuResp{Type: rpc.CriuReqType_VERSION.Enum(), Success: proto.Bool(true), Version: &rpc.CriuVersion{
				MajorNumber: proto.Int32(4), MinorNumber: proto.Int32(1), Sublevel: proto.Int32(2), Gitid: proto.String("x"), Name: proto.String("y"),
			}},
			response{kind: kindVersion, success: true, version: Version{4, 1, 2}, notify: Notification{FD: -1}},
		},
	} {
		data, err := proto.Marshal(c.sent)
		if err != nil {
			t.Fatal(err)
		}
		got, err := decodeResponse(data)
		if err != nil {
			t.Errorf("%v: %v", c.sent, err)
		} else if *got != c.want {
			t.Errorf("%v: got %+v, want %+v", c.sent, *got, c.want)
		}
	}
}

func FuzzDecodeResponse(f *testing.F) {
	for _, r := range []*rpc.CriuResp{
		{Type: rpc.CriuReqType_NOTIFY.Enum(), Success: proto.Bool(true), Notify: &rpc.CriuNotify{Script: proto.String("post-dump")}},
		{Type: rpc.CriuReqType_RESTORE.Enum(), Success: proto.Bool(true), Restore: &rpc.CriuRestoreResp{Pid: proto.Int32(1)}},
		{Type: rpc.CriuReqType_DUMP.Enum(), Success: proto.Bool(false), CrErrmsg: proto.String("no"), CrErrno: proto.Int32(-1)},
	} {
		data, err := proto.Marshal(r)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(data)
	}
	f.Add([]byte{0x08})
	f.Add([]byte{0x2a, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x01})
	f.Fuzz(func(t *testing.T, data []byte) {
		got, err := decodeResponse(data)
		if err != nil {
			return
		}
		// What is accepted here is no other message to go-criu.
		var want rpc.CriuResp
		if (proto.UnmarshalOptions{AllowPartial: true}).Unmarshal(data, &want) != nil {
			return
		}
		if got.kind != kind(want.GetType()) && want.Type != nil || got.success != want.GetSuccess() ||
			got.message != want.GetCrErrmsg() || got.notify.Script != want.GetNotify().GetScript() || got.pid != int(want.GetRestore().GetPid()) {
			t.Errorf("%x: got %+v, want %v", data, *got, &want)
		}
	})
}
