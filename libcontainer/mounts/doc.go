// Package mounts adds mounts and devices to a container that exists, and removes them.
package mounts
