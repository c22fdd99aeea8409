package spawn

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"runtime"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	specs "github.com/opencontainers/runtime-spec/specs-go"
	"golang.org/x/sys/unix"

	"github.com/crun-go/crun-go/libcontainer/sys/systest"
	"github.com/crun-go/crun-go/libcontainer/wire"
)

// childName is argument zero of this test binary as a spawned process.
const childName = "spawn-test-child"

// The spawned test binary tells of its main thread: the parent death signal is
// a thread's own.
func init() { runtime.LockOSThread() }

func TestMain(m *testing.M) {
	if os.Args[0] == childName {
		os.Exit(child())
	}
	os.Exit(m.Run())
}

// child answers questions about itself until the socket ends: a path to read,
// a link to read ("->" in front), or "ids".
func child() int {
	fd, err := strconv.Atoi(os.Args[len(os.Args)-1])
	if err != nil {
		return 3
	}
	conn := wire.FromFD(fd)
	for {
		m, err := conn.Recv()
		if err != nil {
			return 7
		}
		var answer []byte
		switch ask := string(m.Payload); {
		case ask == "ids":
			groups, _ := unix.Getgroups()
			answer = fmt.Appendf(nil, "%d %d %d %d %v", unix.Getpid(), unix.Getuid(), unix.Geteuid(), unix.Getgid(), groups)
		case ask == "args":
			answer = []byte(strings.Join(os.Args, " "))
		case ask == "env":
			answer = []byte(strings.Join(os.Environ(), " "))
		case ask == "pdeathsig":
			var signal int
			unix.Prctl(unix.PR_GET_PDEATHSIG, ptr(&signal), 0, 0, 0)
			answer = strconv.AppendInt(nil, int64(signal), 10)
		case ask == "clock":
			var ts unix.Timespec
			unix.ClockGettime(unix.CLOCK_BOOTTIME, &ts)
			answer = strconv.AppendInt(nil, ts.Sec, 10)
		case strings.HasPrefix(ask, "->"):
			target, err := os.Readlink(ask[2:])
			answer = []byte(target)
			if err != nil {
				answer = []byte(err.Error())
			}
		default:
			answer, err = os.ReadFile(ask)
			if err != nil {
				answer = []byte(err.Error())
			}
		}
		if conn.Send(wire.Phase, answer) != nil {
			return 8
		}
	}
}

func ask(t *testing.T, p *Process, question string) string {
	t.Helper()
	systest.MustDo(t, p.Conn.Send(wire.Continue, []byte(question)))
	m, err := p.Conn.Recv()
	systest.MustDo(t, err)
	if m.Kind != wire.Phase {
		t.Fatalf("%s: message of kind %d: %q", question, m.Kind, m.Payload)
	}
	return string(m.Payload)
}

func needRoot(t *testing.T) {
	t.Helper()
	if os.Geteuid() != 0 {
		t.Skip("namespaces need root")
	}
}

// self opens the test binary as it is.
func self(t *testing.T) int {
	t.Helper()
	fd, err := unix.Open("/proc/self/exe", unix.O_PATH|unix.O_CLOEXEC, 0)
	systest.MustDo(t, err)
	t.Cleanup(func() { unix.Close(fd) })
	return fd
}

func config(t *testing.T) *Config {
	return &Config{Exe: self(t), Args: []string{childName, "second"}, Cgroup: -1}
}

// start starts a process that ends with the test.
func start(t *testing.T, c *Config) *Process {
	t.Helper()
	runtime.LockOSThread()
	t.Cleanup(runtime.UnlockOSThread)
	p, err := Start(c)
	systest.MustDo(t, err)
	t.Cleanup(func() { p.Kill() })
	return p
}

// noChildren fails if this process has any child, dead or alive.
func noChildren(t *testing.T) {
	t.Helper()
	if pid, err := unix.Wait4(-1, nil, unix.WNOHANG|unix.WALL, nil); err != unix.ECHILD {
		t.Errorf("a child is left: wait4 says %d, %v", pid, err)
	}
}

// namespace opens one of a process's namespaces.
func namespace(t *testing.T, pid int, name string) int {
	t.Helper()
	fd, err := unix.Open(fmt.Sprintf("/proc/%d/ns/%s", pid, name), unix.O_RDONLY|unix.O_CLOEXEC, 0)
	systest.MustDo(t, err)
	t.Cleanup(func() { unix.Close(fd) })
	return fd
}

func nsOf(t *testing.T, pid int, name string) string {
	t.Helper()
	link, err := os.Readlink(fmt.Sprintf("/proc/%d/ns/%s", pid, name))
	systest.MustDo(t, err)
	return link
}

func TestPlain(t *testing.T) {
	noneLeft := systest.Descriptors(t)
	c := config(t)
	p, err := Start(c)
	systest.MustDo(t, err)
	if got := ask(t, p, "args"); !strings.HasPrefix(got, childName+" second ") {
		t.Errorf("arguments are %q", got)
	}
	if got := ask(t, p, "env"); got != "" {
		t.Errorf("the environment is %q, expected none", got)
	}
	if got := ask(t, p, "pdeathsig"); got != "9" {
		t.Errorf("parent death signal is %s", got)
	}
	if got, want := strings.Fields(ask(t, p, "ids"))[0], strconv.Itoa(p.Pid); got != want {
		t.Errorf("pid is %s, want %s", got, want)
	}
	for _, name := range []string{"pid", "mnt", "user"} {
		if nsOf(t, p.Pid, name) != nsOf(t, os.Getpid(), name) {
			t.Errorf("a new %s namespace nobody asked for", name)
		}
	}
	systest.MustDo(t, unix.PidfdSendSignal(p.PidFD, 0, nil, 0))
	// The process is told of our end by that of the socket.
	systest.MustDo(t, unix.Shutdown(p.Conn.FD(), unix.SHUT_WR))
	status, err := p.Wait()
	if err != nil || status.ExitStatus() != 7 {
		t.Errorf("status %v, %v", status, err)
	}
	p.Close()
	noChildren(t)
	unix.Close(c.Exe)
	noneLeft()
}

func TestKill(t *testing.T) {
	noneLeft := systest.Descriptors(t)
	c := config(t)
	for range 20 {
		p, err := Start(c)
		systest.MustDo(t, err)
		p.Kill()
	}
	noChildren(t)
	unix.Close(c.Exe)
	noneLeft()
}

func TestNewNamespaces(t *testing.T) {
	needRoot(t)
	c := config(t)
	c.New = unix.CLONE_NEWPID | unix.CLONE_NEWNS | unix.CLONE_NEWNET | unix.CLONE_NEWIPC | unix.CLONE_NEWUTS
	p := start(t, c)
	if got := strings.Fields(ask(t, p, "ids"))[0]; got != "1" {
		t.Errorf("pid is %s, want 1", got)
	}
	for _, name := range []string{"pid", "mnt", "net", "ipc", "uts"} {
		if nsOf(t, p.Pid, name) == nsOf(t, os.Getpid(), name) {
			t.Errorf("%s namespace is not new", name)
		}
	}
}

// maps maps ids 0 to 999 to 100000 and on.
var maps = IDMaps{
	UIDs: []specs.LinuxIDMapping{{ContainerID: 0, HostID: 100000, Size: 1000}},
	GIDs: []specs.LinuxIDMapping{{ContainerID: 0, HostID: 200000, Size: 1000}},
}

func inUserNS(c *Config, m IDMaps) {
	c.New |= unix.CLONE_NEWUSER
	c.MapIDs = m.Write
	c.UID, c.GID = Root(m.UIDs), Root(m.GIDs)
	c.SetGroups = m.SetGroups()
}

// TestUserNamespace: before the binary runs the process has the ids of the
// namespace's root, on the host the mapped ones, and none of the host's groups.
func TestUserNamespace(t *testing.T) {
	needRoot(t)
	c := config(t)
	c.New = unix.CLONE_NEWPID
	inUserNS(c, maps)
	p := start(t, c)
	if got := ask(t, p, "ids"); got != "1 0 0 0 []" {
		t.Errorf("pid, ids and groups are %q", got)
	}
	status := statusOf(t, p.Pid)
	if status["Uid"] != "100000\t100000\t100000\t100000" || status["Gid"] != "200000\t200000\t200000\t200000" || status["Groups"] != "" {
		t.Errorf("on the host: uid %q gid %q groups %q", status["Uid"], status["Gid"], status["Groups"])
	}
	if status["CapEff"] == "0000000000000000" {
		t.Error("the namespace's root has no capabilities")
	}
	if got := ask(t, p, "pdeathsig"); got != "9" {
		t.Errorf("parent death signal is %s: lost with the change of ids", got)
	}
}

// TestWaitEndsWithParent: who waits for its maps has no copy of the parent's end of
// the socket. It would never see the end of a parent that was killed before the
// parent death signal was set, and would keep what it has inherited, the lock of
// the container's state among it.
func TestWaitEndsWithParent(t *testing.T) {
	needRoot(t)
	before := sockets(t, os.Getpid())
	c := config(t)
	inUserNS(c, maps)
	c.MapIDs = func(pid int) error {
		ours := ""
		for link := range sockets(t, os.Getpid()) {
			if !before[link] {
				ours = link
			}
		}
		if ours == "" {
			t.Error("no socket to the process that waits")
		}
		for n := 0; sockets(t, pid)[ours]; n++ {
			if n == 1000 {
				t.Fatalf("the process that waits has the parent's end of the socket: %s", ours)
			}
			time.Sleep(10 * time.Millisecond)
		}
		return maps.Write(pid)
	}
	start(t, c)
}

// sockets are those that a process has open.
func sockets(t *testing.T, pid int) map[string]bool {
	t.Helper()
	dir := fmt.Sprintf("/proc/%d/fd/", pid)
	entries, err := os.ReadDir(dir)
	systest.MustDo(t, err)
	found := map[string]bool{}
	for _, e := range entries {
		if link, err := os.Readlink(dir + e.Name()); err == nil && strings.HasPrefix(link, "socket:") {
			found[link] = true
		}
	}
	return found
}

// TestUserNamespaceWithoutRoot: no id 0 is mapped. The first that is keeps its
// capabilities through execve.
func TestUserNamespaceWithoutRoot(t *testing.T) {
	needRoot(t)
	c := config(t)
	inUserNS(c, IDMaps{
		UIDs: []specs.LinuxIDMapping{{ContainerID: 5, HostID: 100000, Size: 10}},
		GIDs: []specs.LinuxIDMapping{{ContainerID: 7, HostID: 200000, Size: 10}},
	})
	p := start(t, c)
	if got := ask(t, p, "ids"); !strings.HasSuffix(got, " 5 5 7 []") {
		t.Errorf("pid, ids and groups are %q", got)
	}
	if status := statusOf(t, p.Pid); status["CapEff"] == "0000000000000000" {
		t.Error("capabilities were lost")
	}
}

func statusOf(t *testing.T, pid int) map[string]string {
	t.Helper()
	data, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", pid))
	systest.MustDo(t, err)
	fields := map[string]string{}
	for line := range strings.Lines(string(data)) {
		if name, value, ok := strings.Cut(line, ":"); ok {
			fields[name] = strings.TrimSpace(value)
		}
	}
	return fields
}

func TestJoin(t *testing.T) {
	needRoot(t)
	other := config(t)
	other.New = unix.CLONE_NEWPID | unix.CLONE_NEWNET | unix.CLONE_NEWUTS
	host := start(t, other)

	c := config(t)
	c.New = unix.CLONE_NEWIPC
	c.Joins = []Join{
		{namespace(t, host.Pid, "net"), unix.CLONE_NEWNET},
		{namespace(t, host.Pid, "pid"), unix.CLONE_NEWPID},
	}
	p := start(t, c)
	for _, name := range []string{"net", "pid"} {
		if nsOf(t, p.Pid, name) != nsOf(t, host.Pid, name) {
			t.Errorf("%s namespace was not joined", name)
		}
	}
	if nsOf(t, p.Pid, "uts") != nsOf(t, os.Getpid(), "uts") || nsOf(t, p.Pid, "ipc") == nsOf(t, os.Getpid(), "ipc") {
		t.Error("uts or ipc namespace is wrong")
	}
	if got, want := strings.Fields(ask(t, p, "ids"))[0], strings.Fields(statusOf(t, p.Pid)["NSpid"]); len(want) != 2 || got != want[1] {
		t.Errorf("its own pid is %s, in all namespaces it has %s", got, want)
	}
	// A child of ours, not of stage one's, which is gone.
	if got := statusOf(t, p.Pid)["PPid"]; got != strconv.Itoa(os.Getpid()) {
		t.Errorf("parent is %s, want %d", got, os.Getpid())
	}
	systest.MustDo(t, unix.PidfdSendSignal(p.PidFD, unix.SIGKILL, nil, 0))
	if status, err := p.Wait(); err != nil || status.Signal() != unix.SIGKILL {
		t.Errorf("status %v, %v: the pidfd is not of the process", status, err)
	}
}

// TestJoinUser: the new network namespace belongs to the joined user
// namespace, and none of the host's groups come along.
func TestJoinUser(t *testing.T) {
	if os.Getenv("SPAWN_TEST_GROUPS") == "" {
		needRoot(t)
		cmd := exec.Command("/proc/self/exe", "-test.run=^TestJoinUser$", "-test.v")
		cmd.Env = append(os.Environ(), "SPAWN_TEST_GROUPS=1")
		cmd.SysProcAttr = &syscall.SysProcAttr{Credential: &syscall.Credential{Groups: []uint32{0, 4242}}}
		if out, err := cmd.CombinedOutput(); err != nil {
			t.Fatalf("%v\n%s", err, out)
		}
		return
	}
	userns, err := UserNamespace(maps)
	systest.MustDo(t, err)
	defer unix.Close(userns)
	noChildren(t)
	c := config(t)
	c.Joins = []Join{{userns, unix.CLONE_NEWUSER}}
	c.New = unix.CLONE_NEWNET | unix.CLONE_NEWPID
	p := start(t, c)
	if got := ask(t, p, "ids"); got != "1 0 0 0 []" {
		t.Errorf("pid, ids and groups are %q", got)
	}
	if got := statusOf(t, p.Pid)["Uid"]; got != "100000\t100000\t100000\t100000" {
		t.Errorf("uid on the host: %q", got)
	}
	net := namespace(t, p.Pid, "net")
	owner, err := unix.IoctlRetInt(net, unix.NS_GET_USERNS)
	systest.MustDo(t, err)
	defer unix.Close(owner)
	var a, b unix.Stat_t
	systest.MustDo(t, unix.Fstat(owner, &a))
	systest.MustDo(t, unix.Fstat(userns, &b))
	if a.Ino != b.Ino {
		t.Error("the network namespace belongs to another user namespace")
	}
}

func TestTimeNamespace(t *testing.T) {
	needRoot(t)
	for name, user := range map[string]bool{"host user namespace": false, "new user namespace": true} {
		t.Run(name, func(t *testing.T) {
			c := config(t)
			c.NewTime = true
			c.TimeOffsets = []byte("boottime 1000000 0\n")
			if user {
				inUserNS(c, maps)
			}
			p := start(t, c)
			ask(t, p, "ids") // it is execve that enters
			if nsOf(t, p.Pid, "time") == nsOf(t, os.Getpid(), "time") {
				t.Error("the time namespace is not new")
			}
			var here unix.Timespec
			systest.MustDo(t, unix.ClockGettime(unix.CLOCK_BOOTTIME, &here))
			there, err := strconv.ParseInt(ask(t, p, "clock"), 10, 64)
			if ahead := there - here.Sec; err != nil || ahead < 1000000 || ahead > 1000100 {
				t.Errorf("its clock is %d seconds ahead (%v)", ahead, err)
			}
		})
	}
}

// TestFailures: what fails is named, and nothing is left.
func TestFailures(t *testing.T) {
	needRoot(t)
	null, err := unix.Open("/dev/null", unix.O_RDONLY|unix.O_CLOEXEC, 0)
	systest.MustDo(t, err)
	defer unix.Close(null)
	exe := self(t)
	net := namespace(t, os.Getpid(), "net")
	noneLeft := systest.Descriptors(t)
	for name, c := range map[string]struct {
		config Config
		errno  error
		want   string
	}{
		"argument with NUL": {Config{Exe: exe, Args: []string{"a\x00b"}, Cgroup: -1}, unix.EINVAL, ""},
		"not a cgroup":      {Config{Exe: exe, Args: []string{childName}, Cgroup: null}, unix.EBADF, "clone3"},
		"not a namespace": {Config{Exe: exe, Args: []string{childName}, Cgroup: -1, Joins: []Join{{null, unix.CLONE_NEWNET}}},
			unix.EINVAL, "join namespace network"},
		"another namespace": {Config{Exe: exe, Args: []string{childName}, Cgroup: -1, Joins: []Join{{net, unix.CLONE_NEWNET}, {net, unix.CLONE_NEWIPC}}},
			unix.EINVAL, "join namespace ipc"},
		"bad flags after joining": {Config{Exe: exe, Args: []string{childName}, Cgroup: -1, Joins: []Join{{net, unix.CLONE_NEWNET}},
			New: unix.CLONE_FS | unix.CLONE_NEWNS}, unix.EINVAL, "clone3"},
		"maps": {Config{Exe: exe, Args: []string{childName}, Cgroup: -1, New: unix.CLONE_NEWUSER,
			MapIDs: func(int) error { return unix.EDOM }}, unix.EDOM, ""},
	} {
		p, err := Start(&c.config)
		if err == nil {
			t.Errorf("%s: started", name)
			p.Kill()
			continue
		}
		if !errors.Is(err, c.errno) || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: error %v, want %q and %v", name, err, c.want, c.errno)
		}
		noChildren(t)
	}
	noneLeft()
}

// TestBadBinary: the child says so over the socket, after Start has returned;
// or, if there were namespaces to join, before.
func TestBadBinary(t *testing.T) {
	null, err := unix.Open("/dev/null", unix.O_RDONLY|unix.O_CLOEXEC, 0)
	systest.MustDo(t, err)
	defer unix.Close(null)
	cases := map[string]Config{"vfork": {}}
	if os.Geteuid() == 0 {
		cases["fork"] = Config{NewTime: true}
		cases["join"] = Config{Joins: []Join{{namespace(t, os.Getpid(), "net"), unix.CLONE_NEWNET}}}
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			c.Exe, c.Args, c.Cgroup = null, []string{childName}, -1
			for range 20 {
				p, err := Start(&c)
				if err == nil {
					m, recvErr := p.Conn.Recv()
					if recvErr != nil || m.Kind != wire.SpawnFailed {
						t.Fatalf("message %d %v", m.Kind, recvErr)
					}
					err = c.Failure(m.Payload)
					p.Wait()
					p.Close()
				}
				if !errors.Is(err, unix.EACCES) || !strings.Contains(err.Error(), "execute the sealed binary") {
					t.Fatalf("error %v", err)
				}
				noChildren(t)
			}
		})
	}
}

func TestFailurePayload(t *testing.T) {
	c := Config{Joins: []Join{{0, unix.CLONE_NEWNET}}, UID: 5, GID: 6}
	payload := func(stage, index, errno byte) []byte {
		return []byte{stage, 0, 0, 0, index, 0, 0, 0, errno, 0, 0, 0}
	}
	for _, tc := range []struct {
		payload []byte
		want    string
	}{
		{payload(stageJoin, 0, byte(unix.EPERM)), "join namespace network: operation not permitted"},
		{payload(stageIDs, 0, byte(unix.EINVAL)), "become uid 5 gid 6 of the user namespace: invalid argument"},
		{payload(stageTime, 0, byte(unix.EPERM)), "make time namespace: operation not permitted"},
		{payload(stageJoin, 1, byte(unix.EPERM)), "unexpected EOF"},
		{payload(stageJoin, 1, byte(unix.EPERM))[:11], "unexpected EOF"},
		{nil, "unexpected EOF"},
	} {
		if err := c.Failure(tc.payload); err.Error() != tc.want {
			t.Errorf("%v: %v, want %s", tc.payload, err, tc.want)
		}
	}
}
