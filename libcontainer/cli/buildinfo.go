//go:build !version_by_linker

package cli

import (
	"runtime/debug"
	"strings"
)

// buildInfo is in programs that make has not built, which has no need of these 12 KiB.
func buildInfo() (version, commit string) {
	info, ok := debug.ReadBuildInfo()
	if !ok {
		return develVersion, ""
	}
	return parseBuildInfo(info)
}

func parseBuildInfo(info *debug.BuildInfo) (version, commit string) {
	version = develVersion
	if v, ok := strings.CutPrefix(info.Main.Version, "v"); ok {
		version = v
	}
	dirty := ""
	for _, s := range info.Settings {
		switch s.Key {
		case "vcs.revision":
			commit = s.Value[:min(len(s.Value), 12)]
		case "vcs.modified":
			if s.Value == "true" {
				dirty = "-dirty"
			}
		}
	}
	if commit != "" {
		return version, commit + dirty
	}
	// v0.1.1-0.20260131120000-0123456789ab, a commit without a tag.
	plain, _, _ := strings.Cut(version, "+")
	if parts := strings.Split(plain, "-"); len(parts) > 2 && len(parts[len(parts)-1]) == 12 {
		commit = parts[len(parts)-1]
	}
	return version, commit
}
