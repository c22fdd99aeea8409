// Package initproc is the container's first process until it executes the
// container's program: a loop over the steps of the plan.
//
// It parses no JSON, resolves no policy and looks nothing up in the host.
package initproc
