// Package create makes containers: it carries out the parent's half of a plan, takes
// back what it has made if that fails, and runs a container in the foreground.
package create
