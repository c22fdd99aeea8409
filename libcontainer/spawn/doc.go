// Package spawn makes the process that becomes the container's init.
//
// syscall.SysProcAttr can't do it: id maps written by newuidmap come after its
// execve, and an execve in a user namespace without maps loses all
// capabilities for good. So a raw child, forked and single-threaded, without a
// Go runtime, does what has to be done before the first Go instruction runs
// inside the container:
//
//	stage one (only to join namespaces by path, or to be placed in a cgroup)
//	    wait until the parent has had it placed (systemd moves it, alone and small)
//	    setns each; a user namespace in between, if the others require its privileges
//	    clone3 with CLONE_PARENT and the new namespaces; report the pid to the parent; exit
//	stage two
//	    wait for the id maps; become the user namespace's root
//	    make the time namespace, set its clocks
//	    execveat of the sealed binary
//
// Without either the first clone3 makes stage two at once. The first clone3 goes
// into the container's cgroup (CLONE_INTO_CGROUP), unless it makes the process
// for which the cgroup is created: then stage two is cloned where stage one was moved.
// Stage two is always a child of the runtime.
//
// exec's init (Config.Stay) joins in stage one, all but the pid namespace, and
// goes on to execveat itself.
package spawn
