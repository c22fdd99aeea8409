//go:build version_by_linker

package cli

func buildInfo() (version, commit string) { return develVersion, "" }
