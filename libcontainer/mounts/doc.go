// Package mounts adds mounts to a container that exists, and removes them.
package mounts
