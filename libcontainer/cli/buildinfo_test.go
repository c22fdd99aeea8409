//go:build !version_by_linker

package cli

import (
	"runtime/debug"
	"testing"
)

func TestVersionOfBuildInfo(t *testing.T) {
	for _, c := range []struct {
		main, revision, modified string
		version, commit          string
	}{
		{"v0.1.0", "", "", "0.1.0", ""},
		{"v1.2.0-rc.1", "", "", "1.2.0-rc.1", ""},
		{"v0.1.1-0.20260131120000-0123456789ab", "", "", "0.1.1-0.20260131120000-0123456789ab", "0123456789ab"},
		{"v0.0.0-20260131120000-0123456789ab+dirty", "0123456789abcdef0123456789abcdef01234567", "true",
			"0.0.0-20260131120000-0123456789ab+dirty", "0123456789ab-dirty"},
		{"v0.1.0", "0123456789abcdef0123456789abcdef01234567", "false", "0.1.0", "0123456789ab"},
		{"(devel)", "", "", "0.0.0-devel", ""},
		{"", "", "", "0.0.0-devel", ""},
	} {
		info := &debug.BuildInfo{Main: debug.Module{Version: c.main}}
		if c.revision != "" {
			info.Settings = []debug.BuildSetting{{Key: "vcs.revision", Value: c.revision}, {Key: "vcs.modified", Value: c.modified}}
		}
		version, commit := parseBuildInfo(info)
		if version != c.version || commit != c.commit {
			t.Errorf("%s %s: got %q %q, want %q %q", c.main, c.revision, version, commit, c.version, c.commit)
		}
	}
}
