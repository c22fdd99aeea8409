/*
 * floor: what Docker's default container costs at least.
 *
 *     floor --root DIR run --bundle BUNDLE ID
 *
 * takes a runtime's arguments, and asks the kernel for what a runtime has to:
 * the namespaces, the mounts, the devices, the masks, the capabilities, the
 * programs for seccomp and devices, a cgroup and a state file. It reads no
 * config.json, all is written here or lies compiled in BUNDLE; it checks nothing,
 * can't be killed safely, and has one process less to start than a runtime that
 * protects its binary. Nobody should run a container with it: it is there to be
 * measured.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <linux/bpf.h>
#include <linux/capability.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <net/if.h>
#include <sched.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/sysmacros.h>
#include <sys/wait.h>
#include <unistd.h>

/* Since Linux 5.2, 5.7 and 5.12; older headers lack them. */
#ifndef CLONE_INTO_CGROUP
#define CLONE_INTO_CGROUP 0x200000000ULL
#endif
#ifndef __NR_mount_setattr
#define __NR_mount_setattr 442
#endif
enum {
	FSOPEN_CLOEXEC_ = 1, FSMOUNT_CLOEXEC_ = 1,
	SET_FLAG = 0, SET_STRING = 1, CMD_CREATE = 6,
	ATTR_RDONLY = 1, ATTR_NOSUID = 2, ATTR_NODEV = 4, ATTR_NOEXEC = 8, ATTR_STRICTATIME = 0x20,
	TREE_CLONE = 1, TREE_RECURSIVE = 0x8000, EMPTY_TO = 0x40, EMPTY_FROM = 4,
};
struct mount_attributes { uint64_t set, clear, propagation, userns; };
struct clone_arguments {
	uint64_t flags, pidfd, child_tid, parent_tid, exit_signal, stack, stack_size, tls, set_tid, set_tid_size, cgroup;
};

static void die(const char *what)
{
	fprintf(stderr, "floor: %s: %s\n", what, strerror(errno));
	_exit(1);
}

static long must(long result, const char *what)
{
	if (result < 0)
		die(what);
	return result;
}

/* Where things are in the new container, and where they come from. */
static int rootfs;

static int in_root(const char *path) { return must(openat(rootfs, path + 1, O_PATH | O_CLOEXEC), path); }

static void attach(int mount, const char *path)
{
	int at = in_root(path);
	must(syscall(__NR_move_mount, mount, "", at, "", EMPTY_FROM | EMPTY_TO), path);
	close(at);
	close(mount);
}

/* Options are "key=value" or "flag", comma-separated. */
static int make(const char *type, const char *options, unsigned attributes)
{
	int fs = must(syscall(__NR_fsopen, type, FSOPEN_CLOEXEC_), type);
	char copy[128], *rest = copy, *option;
	strcpy(copy, options);
	while ((option = strsep(&rest, ","))) {
		char *value = strchr(option, '=');
		if (value)
			*value++ = 0;
		must(syscall(__NR_fsconfig, fs, value ? SET_STRING : SET_FLAG, option, value, 0), option);
	}
	must(syscall(__NR_fsconfig, fs, CMD_CREATE, 0, 0, 0), type);
	int mount = must(syscall(__NR_fsmount, fs, FSMOUNT_CLOEXEC_, attributes), type);
	close(fs);
	return mount;
}

static void mount_new(const char *type, const char *path, const char *options, unsigned attributes)
{
	attach(make(type, options, attributes), path);
}

static void mount_dev(const char *type, const char *path, const char *options, unsigned attributes)
{
	mkdirat(rootfs, path + 1, 0755);
	mount_new(type, path, options, attributes);
}

static void again(const char *path, const struct mount_attributes *attributes)
{
	int at = openat(rootfs, path + 1, O_PATH | O_CLOEXEC);
	if (at < 0)
		return; /* this kernel has no such file */
	int tree = must(syscall(__NR_open_tree, at, "", AT_EMPTY_PATH | TREE_CLONE | O_CLOEXEC | TREE_RECURSIVE), path);
	must(syscall(__NR_mount_setattr, tree, "", AT_EMPTY_PATH | TREE_RECURSIVE, attributes, sizeof *attributes), path);
	close(at);
	attach(tree, path);
}

static void mask(const char *path)
{
	static const struct mount_attributes quiet = { .set = ATTR_RDONLY | ATTR_NOSUID | ATTR_NOEXEC };
	static int empty = -1;
	struct stat found;
	if (fstatat(rootfs, path + 1, &found, 0))
		return;
	if (S_ISDIR(found.st_mode)) {
		if (empty < 0)
			empty = make("tmpfs", "ro,size=4k,nr_inodes=1,mode=755", ATTR_RDONLY | ATTR_NOSUID | ATTR_NODEV | ATTR_NOEXEC);
		attach(must(syscall(__NR_open_tree, empty, "", AT_EMPTY_PATH | TREE_CLONE | O_CLOEXEC), "tmpfs"), path);
		return;
	}
	int tree = must(syscall(__NR_open_tree, AT_FDCWD, "/dev/null", TREE_CLONE | O_CLOEXEC), "/dev/null");
	must(syscall(__NR_mount_setattr, tree, "", AT_EMPTY_PATH, &quiet, sizeof quiet), "/dev/null");
	attach(tree, path);
}

static void *load(const char *path, size_t *size)
{
	static char buffers[2][65536];
	static int used;
	char *buffer = buffers[used++];
	int fd = must(open(path, O_RDONLY | O_CLOEXEC), path);
	*size = must(read(fd, buffer, sizeof buffers[0]), path);
	close(fd);
	return buffer;
}

static void put(int at, const char *path, const char *text)
{
	int fd = must(openat(at, path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600), path);
	must(write(fd, text, strlen(text)), path);
	close(fd);
}

static void limit_devices(int cgroup)
{
	size_t size;
	void *program = load("devices.bpf", &size);
	union bpf_attr attr = { 0 };
	attr.prog_type = BPF_PROG_TYPE_CGROUP_DEVICE;
	attr.insns = (uintptr_t)program;
	attr.insn_cnt = size / 8;
	attr.license = (uintptr_t)"Apache-2.0";
	int loaded = must(syscall(__NR_bpf, BPF_PROG_LOAD, &attr, sizeof attr), "load devices.bpf");
	memset(&attr, 0, sizeof attr);
	attr.target_fd = cgroup;
	attr.attach_bpf_fd = loaded;
	attr.attach_type = BPF_CGROUP_DEVICE;
	attr.attach_flags = BPF_F_ALLOW_MULTI;
	must(syscall(__NR_bpf, BPF_PROG_ATTACH, &attr, sizeof attr), "attach devices.bpf");
	close(loaded);
}

static void devices(void)
{
	static const struct { const char *path; int major, minor; } nodes[] = {
		{ "dev/null", 1, 3 }, { "dev/zero", 1, 5 }, { "dev/full", 1, 7 },
		{ "dev/random", 1, 8 }, { "dev/urandom", 1, 9 }, { "dev/tty", 5, 0 },
	};
	static const char *const links[][2] = {
		{ "/proc/self/fd", "dev/fd" }, { "/proc/self/fd/0", "dev/stdin" }, { "/proc/self/fd/1", "dev/stdout" },
		{ "/proc/self/fd/2", "dev/stderr" }, { "pts/ptmx", "dev/ptmx" },
	};
	for (size_t i = 0; i < sizeof nodes / sizeof *nodes; i++)
		must(mknodat(rootfs, nodes[i].path, S_IFCHR | 0666, makedev(nodes[i].major, nodes[i].minor)), nodes[i].path);
	for (size_t i = 0; i < sizeof links / sizeof *links; i++)
		must(symlinkat(links[i][0], rootfs, links[i][1]), links[i][1]);
}

static void mounts(const int *binds)
{
	static const struct mount_attributes read_only = { .set = ATTR_RDONLY };
	static const char *const read_only_paths[] = { "/proc/bus", "/proc/fs", "/proc/irq", "/proc/sys", "/proc/sysrq-trigger" };
	static const char *const masked_paths[] = { "/proc/asound", "/proc/acpi", "/proc/kcore", "/proc/keys",
		"/proc/latency_stats", "/proc/timer_list", "/proc/timer_stats", "/proc/sched_debug", "/proc/scsi", "/sys/firmware" };
	const unsigned safe = ATTR_NOSUID | ATTR_NODEV | ATTR_NOEXEC;
	mount_new("proc", "/proc", "source=proc", safe);
	mount_new("tmpfs", "/dev", "source=tmpfs,mode=755,size=65536k", ATTR_NOSUID | ATTR_STRICTATIME);
	mount_dev("devpts", "/dev/pts", "source=devpts,newinstance,ptmxmode=0666,mode=0620,gid=5", ATTR_NOSUID | ATTR_NOEXEC);
	mount_new("sysfs", "/sys", "source=sysfs", safe | ATTR_RDONLY);
	mount_new("cgroup2", "/sys/fs/cgroup", "source=cgroup", safe | ATTR_RDONLY);
	mount_dev("mqueue", "/dev/mqueue", "source=mqueue", safe);
	mount_dev("tmpfs", "/dev/shm", "source=shm,mode=1777,size=67108864", safe);
	attach(binds[0], "/etc/resolv.conf");
	attach(binds[1], "/etc/hostname");
	attach(binds[2], "/etc/hosts");
	devices();
	for (size_t i = 0; i < sizeof read_only_paths / sizeof *read_only_paths; i++)
		again(read_only_paths[i], &read_only);
	for (size_t i = 0; i < sizeof masked_paths / sizeof *masked_paths; i++)
		mask(masked_paths[i]);
}

static void drop(const struct sock_fprog *filter)
{
	static const int kept[] = { CAP_CHOWN, CAP_DAC_OVERRIDE, CAP_FSETID, CAP_FOWNER, CAP_MKNOD, CAP_NET_RAW, CAP_SETGID,
		CAP_SETUID, CAP_SETFCAP, CAP_SETPCAP, CAP_NET_BIND_SERVICE, CAP_SYS_CHROOT, CAP_KILL, CAP_AUDIT_WRITE };
	uint64_t set = 0;
	for (size_t i = 0; i < sizeof kept / sizeof *kept; i++)
		set |= 1ULL << kept[i];
	for (int c = 0; c <= CAP_LAST_CAP; c++)
		if (!(set >> c & 1))
			prctl(PR_CAPBSET_DROP, c);
	struct __user_cap_header_struct header = { .version = _LINUX_CAPABILITY_VERSION_3 };
	struct __user_cap_data_struct data[2] = { { set, set, 0 }, { set >> 32, set >> 32, 0 } };
	must(prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_CLEAR_ALL, 0, 0, 0), "ambient capabilities");
	/* Without no_new_privs this takes a capability that goes. */
	must(syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, SECCOMP_FILTER_FLAG_SPEC_ALLOW, filter), "seccomp");
	must(syscall(SYS_capset, &header, data), "capset");
}

static void container(const struct sock_fprog *filter, const int *binds, int limited)
{
	static const struct mount_attributes slave = { .propagation = MS_SLAVE };
	gid_t group = 0;
	char go;
	setsid();
	must(unshare(CLONE_NEWCGROUP), "unshare");
	int s = must(socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0), "socket");
	struct ifreq lo = { .ifr_name = "lo", .ifr_flags = IFF_UP | IFF_RUNNING };
	must(ioctl(s, SIOCSIFFLAGS, &lo), "lo");
	close(s);
	must(syscall(__NR_mount_setattr, AT_FDCWD, "/", TREE_RECURSIVE, &slave, sizeof slave), "/");
	must(syscall(__NR_mount_setattr, rootfs, "", AT_EMPTY_PATH | TREE_RECURSIVE, &slave, sizeof slave), "rootfs");
	int old = must(open("rootfs", O_PATH | O_CLOEXEC), "rootfs");
	must(syscall(__NR_move_mount, rootfs, "", old, "", EMPTY_FROM | EMPTY_TO), "rootfs");
	close(old);
	must(syscall(SYS_keyctl, 1, "_ses.floor"), "session keyring");
	mounts(binds);

	old = must(open("/", O_PATH | O_CLOEXEC), "/");
	must(fchdir(rootfs), "rootfs");
	must(syscall(SYS_pivot_root, ".", "."), "pivot_root");
	must(fchdir(old), "old root");
	must(umount2(".", MNT_DETACH), "old root");
	must(chdir("/"), "/");
	must(sethostname("floor", 5), "sethostname");
	int proc = must(syscall(__NR_fsmount, ({
		int fs = syscall(__NR_fsopen, "proc", FSOPEN_CLOEXEC_);
		must(syscall(__NR_fsconfig, fs, CMD_CREATE, 0, 0, 0), "proc");
		fs;
	}), FSMOUNT_CLOEXEC_, 0), "proc");
	put(proc, "sys/net/ipv4/ip_unprivileged_port_start", "0");
	put(proc, "sys/net/ipv4/ping_group_range", "0 2147483647");
	must(setgroups(1, &group), "setgroups");
	must(read(limited, &go, 1), "wait for the limits");
	drop(filter);
	syscall(SYS_close_range, 3, ~0U, 4 /* CLOSE_RANGE_CLOEXEC */);
	char *const argv[] = { "true", NULL }, *const env[] = { "PATH=/bin", NULL };
	execve("/bin/true", argv, env);
	die("/bin/true");
}

int main(int argc, char **argv)
{
	if (argc != 7 || strcmp(argv[3], "run"))
		return fprintf(stderr, "usage: floor --root DIR run --bundle BUNDLE ID\n"), 2;
	const char *root = argv[2], *bundle = argv[5], *id = argv[6];
	static const char *const sources[] = { "etc-resolv.conf", "etc-hostname", "etc-hosts" };
	char cgroup_path[128] = "/sys/fs/cgroup/";
	int binds[3], status, limited[2];

	mkdir(root, 0700);
	int states = must(open(root, O_PATH | O_CLOEXEC), root);
	must(mkdirat(states, id, 0711), id);
	int state = must(openat(states, id, O_RDONLY | O_CLOEXEC), id);
	put(state, "state.json", "{}");
	must(chdir(bundle), bundle);
	int name = must(open("cgroup", O_RDONLY | O_CLOEXEC), "cgroup");
	must(read(name, cgroup_path + strlen(cgroup_path), 64), "cgroup");
	close(name);
	must(mkdir(cgroup_path, 0755), cgroup_path);
	int cgroup = must(open(cgroup_path, O_PATH | O_CLOEXEC), cgroup_path);
	rootfs = must(syscall(__NR_open_tree, AT_FDCWD, "rootfs", TREE_CLONE | O_CLOEXEC | TREE_RECURSIVE), "rootfs");
	for (int i = 0; i < 3; i++)
		binds[i] = must(syscall(__NR_open_tree, AT_FDCWD, sources[i], TREE_CLONE | O_CLOEXEC | TREE_RECURSIVE), sources[i]);
	must(pipe2(limited, O_CLOEXEC), "pipe2");
	size_t size;
	struct sock_fprog filter = { .filter = load("filter.bpf", &size) };
	filter.len = size / sizeof(struct sock_filter);

	struct clone_arguments clone = {
		.flags = CLONE_NEWNS | CLONE_NEWUTS | CLONE_NEWIPC | CLONE_NEWPID | CLONE_NEWNET | CLONE_INTO_CGROUP,
		.exit_signal = SIGCHLD, .cgroup = cgroup,
	};
	pid_t pid = must(syscall(SYS_clone3, &clone, sizeof clone), "clone3");
	if (pid == 0)
		container(&filter, binds, limited[0]);
	limit_devices(cgroup);
	put(state, "state.json", "{\"created\":true}");
	must(write(limited[1], "", 1), "limited");
	must(waitpid(pid, &status, 0), "waitpid");
	must(rmdir(cgroup_path), cgroup_path);
	must(unlinkat(state, "state.json", 0), "state.json");
	must(unlinkat(states, id, AT_REMOVEDIR), id);
	return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}
