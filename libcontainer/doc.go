// Package libcontainer operates on containers that exist, from the host: status, signals,
// limits, events, deletion. Operations with a plan are in the packages create, exec, mounts
// and checkpoint.
//
// # The plan
//
// A container is described by a plan, and a plan is data:
//
//	config.json ──specconv──▶ Plan ──▶ parent: cgroup, spawn, id maps, hooks, state
//	              (pure)          └──▶ init (re-exec'd): runs its steps ──▶ execve
//
// specconv resolves everything that can be known in advance: policy, flags, numbers. The
// result are two lists of small typed steps, one for the parent and one for init, each with
// the field of config.json that it comes from. "crun-go plan" prints them; the error of a
// step that fails has its field, its text and the errno; tests compare plans with golden
// files. docs/architecture.svg shows which packages do what.
//
// # Two processes, one socket, two round trips
//
//	parent: create, run                       raw child, then init
//	read, validate, plan
//	write the intent to the state file
//	make the cgroup
//	open the mount sources (open_tree)
//	lock their flags (user namespaces)
//	clone3 into cgroup and namespaces
//	id maps                                   wait for the maps, take on ids
//	    ── go ────────────────────────────▶  execveat of the sealed binary
//	state file: pid and start time
//	    ── plan and descriptors ──────────▶
//	limits, device filter, oom score          mounts, devices, masks
//	    ◀── empty, and more descriptors ─▶    (only with more than 128 of them)
//	    ◀───────────────────────── mounted ──  (if the parent has to wait for it)
//	prestart, createRuntime hooks
//	    ── continue ──────────────────────▶
//	                                          hooks, sysctl, pivot_root, names,
//	                                          terminal, identity, capabilities,
//	                                          rlimits, seccomp
//	    ◀─────────────────────────── ready ──
//	exec.fifo by its name, pid file
//	                                          wait for start (exec.fifo; not in run)
//	                                          hooks, execve
//
// An init that waits for start holds nothing that the container's process will not have, so
// tracing it gains nothing. While it waits it makes only system calls that the filter must
// allow. If the filter refuses them, create fails, or the filter is loaded after the wait, if
// no_new_privs lets a process without CAP_SYS_ADMIN do so (specconv, seccompnotify.go).
//
// A failure in init is one message {step, errno, text}. If the socket ends before ready, init
// has crashed, and the parent finds out why before it reports. It knows the step from a number
// in memory that both share until init is ready or, in exec, until the process executes.
//
// After ready there are two fifos, whose ends init received with the plan. Init reads one byte
// from start on exec.fifo, and answers on answer.fifo with a byte that says that it continues,
// and then with the same message if a step fails; the end of the fifo means that execve
// succeeded. Until ready, init exits when the socket does.
//
// # A pid namespace by path
//
// Processes in that namespace would see init, and could be able to trace it. So init stays
// outside, and clones the process that stays when nothing of the host is left, as exec's init
// does:
//
//	parent                                    init                      its clone
//	procfs of the pid namespace
//	    ── plan and descriptors ──────────▶
//	                                          …, pivot_root, identity,
//	                                          seccomp, clone into the pid
//	    ◀────────────── pidfd of the clone    namespace, end
//	state file: pid and start time
//	pids.max, scheduler
//	    ── continue ──────────────────────────────────────────────────▶
//	    ◀───────────────────────────────────────────────────── ready ──
//
// Where the kernel cannot mount such a procfs, or init cannot join from its user namespace,
// all namespaces are joined before the sealed binary is executed.
//
// # The mount namespace
//
// With Linux 7.0 the parent makes a mount namespace of the root filesystem's tree alone
// (open_tree(2) with OPEN_TREE_NAMESPACE), which init enters before it mounts anything: the
// host's mounts are not copied, whatever their number, and there is no old root to leave.
// Otherwise init starts in a copy of the host's mounts and leaves it with pivot_root(2): on
// older kernels, for hooks that come before that, for mounts that need the host's beside the
// root filesystem, and in user namespaces. See chooseNamespace in specconv.
//
// # Mounts in their order
//
// The parent opens the sources of bind mounts that are on the host, with its rights and its
// view, 128 trees at a time: with more of them, init asks for the next batch when it has
// attached the last. A source below root.path is part of the container: init opens it inside
// the root, in the order of the mounts, so it can be on an earlier mount, and a link in the
// image never leads to the host. If its ids must be mapped, init sends the mount to the
// parent, which has the right to do so.
//
// # Init
//
// Init is Go without Go's runtime: the program's entry (package rtstart) finds init's
// name in argv[0] and calls package initproc, on a stack and with a goroutine's
// descriptor that no scheduler knows. So it is one thread from its first instruction, with a
// fixed amount of memory, and a container that waits for start needs a tenth of the memory of
// a Go runtime. The price is that nothing in it may allocate, or need the runtime in another
// way: steps are read in place in the message (codec), system calls are made by sys/raw, and
// an error is a fault (sys/fault), whose text the parent makes. tests/bare walks the linked
// program and prints the calls that break this rule. Without such an entry (other
// architectures, plain go build, libseccomp) the same code runs in Go's runtime.
//
// # Exec
//
// A process in an existing container has a plan, too. Its init joins the container's
// namespaces except the pid namespace, and works in the host's, where a container that can
// trace does not see it:
//
//	parent: exec                              raw child, then init       its clone
//	find init's namespaces, plan
//	clone3 into the container's cgroup
//	                                          setns each, execveat
//	limits, oom score
//	    ── plan and descriptors ──────────▶
//	                                          terminal, identity, …
//	                                          seccomp, clone into the pid
//	    ◀──────── ready; pidfd of the clone   namespace, end
//	scheduler, CPUs, cgroup if cloned outside
//	    ── one byte ──────────────────────────────────────────────────▶
//	                                                                     rlimits,
//	    ◀──────────────────────────────────────────── end of the socket  execve
//	pid file
//
// # Little memory
//
// The memory of init and its execve stays charged to the cgroup where it was first used: about
// 300 KiB, which is more than a small program needs. If the container has not much more than
// that, init is cloned into the runtime's own cgroup; also for an exec into a cgroup that is
// frozen or has room for few processes only. Its first step then reports Born, and it waits
// until the parent has moved it. For exec the clone is moved, as its last act.
//
// # systemd
//
// systemd makes a cgroup by moving a process into it, and there is none yet. So the raw child
// has a first stage that waits: the parent has systemd start the unit with that stage in it,
// then lets it continue, and it clones the process that becomes init, as a child of the
// parent. So init is cloned into its cgroup here, too; the process that was moved has one
// thread, has executed nothing, and exits. A user's runtime also needs no right to clone into
// the unit's cgroup, which it does not have in a login session.
//
// # Crash safety
//
// The state file (package state, where it is called the journal) names everything that must be
// undone, before it is made. For each kind of thing one type of package resource makes it and
// its entry, and removes it by that entry. A create that fails, delete and gc remove by the
// same method, resource.Set.Remove. A runtime killed at any instruction leaves an init that
// exits by itself (parent death signal, end of the socket), and a state file from which delete
// --force finishes the work. It does not wait for a runtime that hangs: a process that holds
// the lock for longer than a second, because of a hook for example, is killed together with
// its children.
//
// # Signals
//
// From the first thing that is made until the container is complete (the pid file is written,
// the process executes) a signal kills the process that the runtime waits for, init or a hook,
// and is recorded: the wait ends, and what was made is undone. From then on a runtime in the
// foreground forwards signals. Handlers do both with one system call (sys.CatchSignals);
// signals are never blocked, and no thread waits for them.
//
// # The configuration of create
//
// config.json is read once: the container may be able to write it, and its owner may change it
// for the next container. A copy is kept in the state directory, with the compiled filter;
// exec, mounts, update and checkpoint use that. So exec decodes and compiles less than create.
// See package state for the format.
//
// # Changes while it lives
//
// pause, resume and ps take no lock; hooks may call them. update writes only what was asked
// for, and what depends on that: some limits have a meaning only together. The other limits it
// reads from limits.json, which the last update wrote, or from the copy that create kept. If
// the kernel refuses a limit, the earlier values are written back. The update ends after that,
// or after limits.json is written.
//
// # Changes of mounts
//
// A change of the mounts of an existing container is a plan as well. Its init, a helper
// process, joins the container's user namespace and the namespaces that filesystems show, but
// not its pid namespace: the container does not see it. It joins the mount namespace by
// descriptor once all sources are open, carries out its steps, and ends with "done". If one
// fails it undoes the others first.
//
// # Checkpoint and restore
//
// CRIU does both, as a child that gets requests over a socket (package criu), in a mount
// namespace of its own, where the runtime has mounted what it needs. A restore has a plan,
// specconv.Restore, without a part for an init: the parent carries out the steps in order,
// those that wait for CRIU among them.
//
//	parent: restore                           criu swrk          the container
//	state file, cgroup, mount sources
//	new mount namespace, for one thread
//	    ── execve ────────────────────────▶
//	CRIU into the cgroup, limits
//	root, volumes, cgroups: mounted there
//	    ── request ───────────────────────▶
//	                                          ── clone ────────▶ namespaces
//	    ◀──────────────── setup-namespaces ──
//	lo, sysctls, devices, hooks
//	    ── go on ─────────────────────────▶
//	                                          ── restore ──────▶ mounts, memory
//	    ◀──────────────────── post-restore ──
//	check the mounts, pids.max,
//	state file: created; limits of updates
//	    ── go on ─────────────────────────▶
//	                                          ── resume ───────▶ runs
//	    ◀────────────────────────── its pid ──
//	pid file
//
// External mounts are passed to CRIU under opaque keys, which the image has in a file of
// crun-go. At the dump a mount is identified by being of the same file as the source, and as
// restricted as config.json asks, wherever the container's links lead. At the restore the
// sources have these restrictions before CRIU sees them, and are compared afterwards.
//
// A runtime that is killed leaves a CRIU without a client. In a dump CRIU gives up and lets the
// processes continue; in a restore it is in the container's cgroup, and is killed with that.
//
// # Packages
//
//	main        sends the process to init or to the command line
//	specconv    config.json in, Plan out: no system calls, no clock
//	cgroups     cgroup v2, without knowledge of containers
//	systemd     cgroups by way of systemd: transient units over D-Bus
//	plan        Plan and its steps, their texts and their binary form
//	cli         commands, output, exit codes: the only one to print
//	advice      what a person can do about an error: hints, for cli
//	engines     registers the runtime with container engines (contrib)
//	create      makes a container, and runs one in the foreground
//	builder     what create and restore share: a container while it is being made
//	exec        runs a process in a container
//	mounts      changes the mounts of a container
//	checkpoint  dumps containers into images, and restores them
//	foreground  the caller's side: terminal, streams, pid file, the wait for the end
//	sources     what of the host is mounted in a container
//	resource    what a container owns on the host: made, named in the state file, removed
//	bundle      config.json and the facts of the host, for specconv
//	state       the state directory: state file, lock, start's fifos; init by pid and start time
//	resctrl     classes of service for caches and memory bandwidth
//	netdev      network devices, moved between namespaces
//	rtstart     what runs before all other packages, and before Go's runtime
//	codec       the binary form of messages between parent and init, read in place
//	sys/raw     system calls, and sys/fault errors, that need no runtime
//	wire        the messages between parent and init
//	initlink    the parent's side of that: plan, phases, why an init has died
//	spawn       the raw child: clone3, joining, id maps; the sealed binary
//	criu        requests to CRIU
//	initproc    init: the loop over the steps
//	model       what init is and holds at each step (tests/suites/model.bats compares)
//	rootfs caps lsm seccomp terminal hooks    one mechanism each
//	proc        namespaces by name, and the text of files in /proc
//	sys         typed system calls, in-root opening, verified procfs
//
// Imports point one way: main → cli → (create exec mounts checkpoint) → builder →
// libcontainer → (resource bundle) → foreground → initlink → (state wire spawn hooks cgroups
// specconv) → (plan sys), and main → initproc → (wire rootfs caps lsm terminal hooks) →
// (plan sys).
package libcontainer
