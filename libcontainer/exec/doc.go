// Package exec runs a process in a container that exists.
package exec
