//go:build !cgo || !libseccomp

package spawn

// checkStatic has nothing to check: without cgo the binary needs no loader.
func checkStatic() error { return nil }
