package advice

import (
	"os"
	"strings"
	"testing"

	specs "github.com/opencontainers/runtime-spec/specs-go"
	"golang.org/x/sys/unix"

	"github.com/crun-go/crun-go/libcontainer/sys/fault"
	"github.com/crun-go/crun-go/libcontainer/wire"
	"github.com/crun-go/crun-go/specconv/plan"
)

// TestStep: what the kernel's refusals mean.
func TestStep(t *testing.T) {
	for _, c := range []struct {
		step plan.Step
		err  error
		want string
	}{
		{&plan.SetLabels{AppArmor: "p"}, unix.ENOENT, "apparmor_parser"},
		{&plan.SetLabels{AppArmor: "p"}, unix.EACCES, "-> p,"},
		{&plan.SetLabels{AppArmor: "p", Stack: true}, &wire.Failure{Fault: fault.New(unix.EACCES, "")}, "-> &p,"},
		{&plan.SetLabels{AppArmor: "p"}, unix.EIO, ""},
		{&plan.SetLabels{SELinux: "l"}, unix.ENOENT, ""},
		{&plan.SetLabels{SELinux: "l"}, unix.EINVAL, "knows no such label"},
		{&plan.JoinKeyring{Label: "l"}, unix.EACCES, "does not let the runtime"},
		{&plan.JoinKeyring{}, unix.EINVAL, ""},
		{&plan.MountFS{Type: "proc"}, fault.Call("fsmount", unix.EPERM), "cannot mount proc"},
		{&plan.MountFS{Type: "sysfs"}, &wire.Failure{Fault: fault.Of(fault.Call("fsmount", unix.EPERM))}, "cannot mount sysfs"},
		{&plan.MountFS{Type: "sysfs"}, os.NewSyscallError("fsconfig", unix.EPERM), "network namespace"},
		{&plan.MountFS{Type: "mqueue"}, os.NewSyscallError("fsconfig", unix.EPERM), "ipc namespace"},
		{&plan.MountFS{Type: "proc"}, unix.EBUSY, ""},
		{&plan.MountFS{Type: "bnid"}, fault.Call("fsopen", unix.ENODEV), "did you mean bind? /proc/filesystems lists"},
		{&plan.MountFS{Type: "procfs"}, fault.Call("fsopen", unix.ENODEV), "did you mean proc? "},
		{&plan.MountFS{Type: "nosuchfs"}, fault.Call("fsopen", unix.ENODEV), "this kernel has no filesystem \"nosuchfs\""},
		{&plan.MountFS{Type: "tmpfs"}, unix.EPERM, ""},
		{&plan.CreateCgroup{}, &os.PathError{Op: "mkdir", Path: "/x", Err: unix.EROFS}, "read-only"},
		{&plan.CreateCgroup{}, unix.EACCES, "cannot make cgroups"},
		{&plan.CreateCgroup{}, unix.ENOSPC, ""},
		{&plan.Spawn{}, os.NewSyscallError("clone3", unix.EPERM), "CAP_SYS_ADMIN"},
		{&plan.Spawn{}, os.NewSyscallError("clone3", unix.EACCES), "security module"},
		{&plan.Spawn{}, os.NewSyscallError("clone3", unix.ENOSPC), "fs.mount-max"},
		{&plan.Spawn{Join: []plan.Namespace{{Type: specs.PIDNamespace}}}, os.NewSyscallError("clone3", unix.ENOMEM), "has ended"},
		{&plan.Bind{}, unix.ENOSPC, "fs.mount-max"},
		{&plan.Bind{}, unix.EINVAL, ""},
		{&plan.JoinKeyring{}, unix.EPERM, "--no-new-keyring"},
		{&plan.SetIdentity{}, unix.EINVAL, "uid_map"},
		{&plan.Spawn{New: []specs.LinuxNamespaceType{specs.UserNamespace}}, os.NewSyscallError("clone3", unix.EPERM), "kernel.unprivileged_userns_clone"},
		{&plan.Spawn{New: []specs.LinuxNamespaceType{specs.UserNamespace}}, os.NewSyscallError("clone3", unix.ENOSPC), "user.max_user_namespaces"},
		{&plan.Spawn{}, &os.PathError{Op: "write", Path: "uid_map", Err: unix.EPERM}, ""},
		{&plan.LoopbackUp{}, unix.EPERM, "CAP_NET_ADMIN"},
	} {
		if got := For(&plan.StepError{Item: plan.Item{Step: c.step}, Err: c.err}); !strings.Contains(got, c.want) || (got == "") != (c.want == "") {
			t.Errorf("%v, %v: %q", c.step, c.err, got)
		}
	}
}
