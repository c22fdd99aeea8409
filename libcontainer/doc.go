// Package libcontainer is the life of a container, seen from the host: what is done to one
// that exists. What has a plan is done by packages beside it: create, exec, mounts and
// checkpoint.
//
// # One idea
//
// A container is described by a plan, and a plan is data:
//
//	config.json ──specconv──▶ Plan ──▶ parent: cgroup, spawn, id maps, hooks, state
//	              (pure)          └──▶ init (re-exec'd): runs its steps ──▶ execve
//
// specconv resolves everything that can be known before: policy, flags,
// numbers. What is left are two lists of small typed steps, one for the parent
// and one for init, each of which knows the field of config.json it comes
// from. "crun-go plan" prints them; a step that fails says its field, itself
// and the errno; tests compare them with golden files. docs/architecture.svg shows
// which packages do what on this way.
//
// # Two processes, one socket, two round trips
//
//	parent: create, run                       raw child, then init
//	read, validate, plan
//	journal the intent (state)
//	make the cgroup
//	open the mount sources (open_tree)
//	lock their flags (user namespaces)
//	clone3 into cgroup and namespaces
//	id maps                                   wait for the maps, take on ids
//	    ── go ────────────────────────────▶  execveat of the sealed binary
//	journal pid and start time
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
// An init that waits has nothing that the container's process will not have: who may
// trace it gains nothing. So it calls no more then than a filter has to let through; with
// one that does not create fails, or the filter is loaded after the wait, if
// no_new_privs lets a process without CAP_SYS_ADMIN do so (specconv, seccompnotify.go).
//
// A failure in init is one message {step, errno, text}. The end of the socket
// without ready is a crash, and the parent finds out why before it reports. Where
// init was it knows from a word in memory that both share until init is ready, or, of
// exec, until the process executes.
// After ready there are two fifos, whose ends init was given with the plan: it reads a
// byte of start's from exec.fifo, and answers on answer.fifo with a byte that says that
// it goes, and the same message; the end means that execve succeeded. Until ready init
// lives only while the socket does.
//
// # A pid namespace by path
//
// Whoever is in it sees init, and may be allowed to trace it. So init stays outside, and
// clones the process that stays, as exec's does, when nothing of the host's is left:
//
//	parent                                    init                      its clone
//	procfs of the pid namespace
//	    ── plan and descriptors ──────────▶
//	                                          …, pivot_root, identity,
//	                                          seccomp, clone into the pid
//	    ◀────────────── pidfd of the clone    namespace, end
//	journal pid and start time
//	pids.max, scheduler
//	    ── continue ──────────────────────────────────────────────────▶
//	    ◀───────────────────────────────────────────────────── ready ──
//
// Where the kernel makes no such procfs, or init in its user namespace may not join, all
// namespaces are joined before the sealed binary is executed.
//
// # The mount namespace
//
// Where the kernel can (Linux 7.0), the parent has it make a mount namespace of the root
// filesystem's tree alone (open_tree(2) with OPEN_TREE_NAMESPACE), which init enters
// before it mounts anything: the host's mounts are not copied, whatever their number, and
// there is no old root to leave. Otherwise init starts in a copy of the host's mounts and
// leaves it with pivot_root(2): on older kernels, for hooks that come before that, for
// mounts that need the host's beside the root filesystem, and in user namespaces. See
// chooseNamespace in specconv.
//
// # Mounts in their order
//
// What is bound from the host the parent opens, with its rights and its view, 128
// trees at a time: with more of them init asks for the next batch when it has attached
// the last. What is bound from below root.path is part of the container: init opens it
// in-root at its turn, so it may lie on an earlier mount, and no link of an image's leads
// to the host. If its ids are to be mapped init lends the mount to the parent, which may.
//
// # Init
//
// Init is Go without Go's runtime: the program's entry (package rtstart) finds init's
// name in argv[0] and calls package initproc, on a stack and with a goroutine's
// descriptor that no scheduler knows. So it is one thread from its first instruction,
// with a fixed amount of memory, and what a container waits with for start is a tenth of
// what a runtime takes. The price is that nothing in it may allocate, or need the
// runtime in another way: steps are read where the message has them (codec), system
// calls go by sys/raw, and an error is a fault (sys/fault), whose words the parent makes.
// tests/bare walks the linked program and names the calls that break that rule. Where
// there is no such entry (an architecture without it, plain go build, libseccomp) the
// same code runs in Go's runtime.
//
// # Exec
//
// A process in a container that is there already has a plan too. Its init joins
// the container's namespaces, all but the pid namespace, and does what is to be
// done from the host's, where a container that may trace cannot see it:
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
//	scheduler, CPUs, cgroup if born outside
//	    ── one byte ──────────────────────────────────────────────────▶
//	                                                                     rlimits,
//	    ◀──────────────────────────────────────────── end of the socket  execve
//	pid file
//
// # Little memory
//
// What init and its execve need stays charged to the cgroup where it was first used,
// some 300 KiB: more than a small program does. If the container has not much more, or
// what is in there has left no more, init is born in the runtime's own cgroup; so it is
// for an exec into a cgroup that is frozen or has room for few processes.
// Its first step is then to say that it is born, and to wait until the parent has
// moved it; of an exec's the clone is moved, when there is nothing left to do.
//
// # systemd
//
// Where systemd makes the cgroup, it does so by moving a process into it, and
// there is none yet. So the raw child has a first stage that waits: the parent
// has systemd start the unit with that stage in it, then lets it go on, and it
// clones the process that becomes init, as a child of the parent's. Init is born
// in its cgroup as ever; what was moved is a process of one thread that has
// executed nothing and ends there. A user's runtime needs no right to clone into
// the unit's cgroup either, which from a login session it has not.
//
// # Crash safety
//
// The journal (package state) names everything that will need undoing before
// it is made: what makes a thing writes its entry, and what removes it reads that, in one
// type of package resource for each. A create that fails, delete and gc remove by the same
// method, resource.Set.Remove. A runtime killed at any instruction leaves an init that ends by
// itself (parent death signal, end of the socket), and a journal from which
// delete --force finishes the work. It does not wait for a runtime that hangs:
// who has the container locked for long, with a hook that does not end say, is
// killed with its children.
//
// # Signals
//
// From the moment that something is made until it is all there (the pid file is
// written, the process executes) a signal kills whom the runtime waits for, which is
// init or a hook, and is noted: the wait ends, and what was made is undone. From then
// on signals are passed on, if somebody waits. Handlers do both with one system call
// (sys.CatchSignals); nothing is ever blocked, and no thread waits for signals.
//
// # What held at create
//
// config.json is read once: the container may be able to write it, and its owner
// may change it for the next one. What it said is kept in the state directory,
// with the compiled filter; exec, mounts, update and checkpoint go by that. So exec
// decodes and compiles less than create does. See package state for the form.
//
// # Changes while it lives
//
// pause, resume and ps take no lock; hooks may call them. update writes only
// what was asked for, and what that takes along: some limits have a meaning
// only together. It needs to know what else holds, from limits.json, which the
// last update left, or from what create kept. A refusal puts back what the kernel's
// files held; only then, or after limits.json is written, is the update over.
//
// # Changes of mounts
//
// What changes the mounts of a container that exists is a plan as well. Its
// init, a helper process, is spawned with the container's user namespace and those
// that filesystems show, never with its pid namespace: nobody in there sees it.
// It joins the mount namespace by descriptor once all sources are open, takes
// its steps, and ends with "done". If one fails it takes back the others first.
//
// # Checkpoint and restore
//
// CRIU does both, as a child that is asked over a socket (package criu), in a
// mount namespace of its own, where the runtime has mounted what it needs. A
// restore has a plan of its own, specconv.Restore, which has no half for an init:
// the parent takes its steps in order, those that wait for CRIU among them.
//
//	parent: restore                           criu swrk          the container
//	journal, cgroup, mount sources
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
//	journal "created", limits of updates
//	    ── go on ─────────────────────────▶
//	                                          ── resume ───────▶ runs
//	    ◀────────────────────────── its pid ──
//	pid file
//
// What CRIU shall mount from outside it knows by names that mean nothing, which
// the image has in a file of ours. At the dump a mount is the one that is meant
// if it is of the same file as the source and as restricted as config.json
// wants it, wherever the container's links lead; at the restore the sources
// have these restrictions before CRIU sees them, and are compared afterwards.
//
// A runtime that is killed leaves a CRIU without a client. In a dump it gives up
// and lets the processes go on; in a restore it is in the container's cgroup,
// and goes with that.
//
// # Packages
//
//	main        sends the process to init or to the command line
//	specconv    config.json in, Plan out: no system calls, no clock
//	cgroups     cgroup v2, without knowledge of containers
//	systemd     cgroups by way of systemd: transient units over D-Bus
//	plan        the vocabulary: Plan and its steps, and their binary form
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
//	resource    what a container owns on the host: made, named in the journal, removed
//	bundle      config.json and the facts of the host, for specconv
//	state       the state directory: journal, lock, start's fifos; init by its name for good
//	resctrl     classes of service for caches and memory bandwidth
//	netdev      network devices, moved between namespaces
//	rtstart     what comes before all other packages, and before Go's runtime
//	codec       the binary form of what parent and init say, read in place
//	sys/raw     system calls, and sys/fault errors, that need no runtime
//	wire        what parent and init say to each other
//	initlink    the parent's side of that: plan, phases, why an init is lost
//	spawn       the raw child: clone3, joining, id maps; the sealed binary
//	criu        the conversation with CRIU
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
