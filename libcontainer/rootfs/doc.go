// Package rootfs builds the container's root filesystem, inside init, one
// method for each step of the plan.
//
// Everything below the root is opened through the root's descriptor, in-root,
// at the moment of use, and mounts are attached by descriptor. No path of the
// container is ever looked up from the host's root.
package rootfs
