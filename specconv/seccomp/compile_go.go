//go:build !libseccomp

package seccomp

// build makes the filter: with the compiler written here.
func build(p *profile) (*Program, error) { return compile(p) }
