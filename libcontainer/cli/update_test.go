package cli

import (
	"os"
	"strings"
	"testing"

	specs "github.com/opencontainers/runtime-spec/specs-go"

	"github.com/crun-go/crun-go/libcontainer"
	"github.com/crun-go/crun-go/libcontainer/state"
	"github.com/crun-go/crun-go/specconv/ocijson"
)

func TestParseSize(t *testing.T) {
	for text, want := range map[string]int64{
		"-1": -1, "0": 0, "1": 1, "67108864": 1 << 26, "5b": 5, "5B": 5, "1k": 1024, "1K": 1024, "1kb": 1024, "1KiB": 1024,
		"64m": 64 << 20, "64 m": 64 << 20, "1g": 1 << 30, "2t": 2 << 40, "1p": 1 << 50, "1.5g": 3 << 29, "0.5k": 512,
		"9223372036854775807": 1<<63 - 1, "8191p": 8191 << 50,
	} {
		if got, err := parseSize(text); got != want || err != nil {
			t.Errorf("%q: %d, %v, want %d", text, got, err, want)
		}
	}
	for _, text := range []string{"", "-2", "-1k", "x", "5x", "5kk", "5bk", "5ib", "k", "1e3", "+5", " 5", "1.", ".5", "1.2.3", "0x10", "9223372036854775808", "8192p", "99999999999g", "NaN", "Inf"} {
		if got, err := parseSize(text); err == nil || !strings.Contains(err.Error(), "size") {
			t.Errorf("%q: %d, %v, want an error", text, got, err)
		}
	}
}

func TestParseDevice(t *testing.T) {
	for text, want := range map[string]string{
		"/dev/null":            "/dev/null /dev/null rwm",
		"/dev/null:wr":         "/dev/null /dev/null rw",
		"/dev/null:/dev/x:m":   "/dev/null /dev/x m",
		"/dev/a:0:/dev/b:1":    "/dev/a:0 /dev/b:1 rwm",
		"/dev/by/a:0:1-port0":  "/dev/by/a:0:1-port0 /dev/by/a:0:1-port0 rwm",
		"/dev/null:/dev/x:rwx": `"rwx" is not an access`,
		"/dev/null:ro":         `"ro" is not an access`,
		"/dev/null:RW":         `"RW" is not an access`,
		"/dev/null:":           `"" is not an access`,
	} {
		d, err := parseDevice(text)
		got := d.Source + " " + d.Path + " " + d.Access
		if err != nil {
			got = err.Error()
		}
		if cut, _, _ := strings.Cut(got, ","); cut != want {
			t.Errorf("%s: %s, want %s", text, got, want)
		}
	}
}

// Each row is flags, and the resources that come of them or the error.
func TestLimitFlags(t *testing.T) {
	for _, c := range []struct{ flag, value, want string }{
		{"blkio-weight", "500", `{"blockIO":{"weight":500}}`},
		{"cpu-period", "20000", `{"cpu":{"period":20000}}`},
		{"cpu-quota", "-1", `{"cpu":{"quota":-1}}`},
		{"cpu-quota", "5000", `{"cpu":{"quota":5000}}`},
		{"cpu-burst", "0", `{"cpu":{"burst":0}}`},
		{"cpu-share", "512", `{"cpu":{"shares":512}}`},
		{"cpu-idle", "0", `{"cpu":{"idle":0}}`},
		{"cpuset-cpus", "0-1,3", `{"cpu":{"cpus":"0-1,3"}}`},
		{"cpuset-mems", "0", `{"cpu":{"mems":"0"}}`},
		{"memory", "64m", `{"memory":{"limit":67108864}}`},
		{"memory", "-1", `{"memory":{"limit":-1}}`},
		{"memory-reservation", "1k", `{"memory":{"reservation":1024}}`},
		{"memory-swap", "1g", `{"memory":{"swap":1073741824}}`},
		{"pids-limit", "-1", `{"pids":{"limit":-1}}`},
		{"cpu-rt-period", "5", `{}`},
		{"cpu-rt-runtime", "5", `{}`},
		{"kernel-memory", "5", `{}`},
		{"kernel-memory-tcp", "5", `{}`},
		{"blkio-weight", "70000", `invalid value for blkio-weight: "70000" is not a whole number in the range of the limit`},
		{"cpu-period", "-1", `invalid value for cpu-period: "-1" is not a whole number in the range of the limit`},
		{"cpu-quota", "x", `invalid value for cpu-quota: "x" is not a whole number in the range of the limit`},
		{"cpu-burst", "1.5", `invalid value for cpu-burst: "1.5" is not a whole number in the range of the limit`},
		{"cpu-share", "-1", `invalid value for cpu-share: "-1" is not a whole number in the range of the limit`},
		{"cpu-idle", "yes", `invalid value for cpu-idle: "yes" is not a whole number in the range of the limit`},
		{"memory", "5x", `invalid value for memory: "5x" is not a size, expected one such as 67108864, 64m, 1.5g, or -1 for no limit`},
		{"memory-reservation", "-5", `invalid value for memory-reservation: "-5" is not a size, expected one such as 67108864, 64m, 1.5g, or -1 for no limit`},
		{"memory-swap", "9000p", `invalid value for memory-swap: "9000p" is too large for a size`},
		{"pids-limit", "many", `invalid value for pids-limit: "many" is not a whole number in the range of the limit`},
		{"l3-cache-schema", "L3:0=f", `{}L3:0=f`},
		{"mem-bw-schema", "MB:0=10", `{}MB:0=10`},
	} {
		flags := limitFlags()
		given := make([]string, len(flags))
		known := false
		for i, f := range flags {
			if f.name == c.flag {
				given[i], known = c.value, true
			}
		}
		u := libcontainer.Update{Resources: new(specs.LinuxResources)}
		err := new(invocation).takeLimits(&u, flags, given)
		got := string(ocijson.EncodeLimits(u.Resources)) + u.L3CacheSchema + u.MemBwSchema
		if err != nil {
			got = err.Error()
		}
		if got != c.want || !known {
			t.Errorf("--%s %s:\n got %s\nwant %s", c.flag, c.value, got, c.want)
		}
	}
}

func TestUpdateCommand(t *testing.T) {
	root := t.TempDir()
	container(t, root, "stopped", false, nil)
	container(t, root, "creating", true, func(s *state.State) { s.Status = "creating" })
	dir := container(t, root, "running", true, nil) // without a cgroup
	file := t.TempDir() + "/r.json"
	if err := os.WriteFile(file, []byte(`{"pids":{"limit":"many"}}`), 0o600); err != nil {
		t.Fatal(err)
	}
	idle := textLine("container not running", " code=not-running")
	noCgroup := noCgroupText()
	noClass := textLine("the container has no class of service: its config.json had no linux.intelRdt", "")
	for _, c := range []struct{ args, errout string }{
		{"update none", missingLine(root)},
		{"update --pids-limit 5 stopped", idle},
		{"update --pids-limit 5 creating", idle},
		{"update running", ""},
		{"update --pids-limit 0 --memory 0 running", ""},
		{"update --pids-limit 5 running", noCgroup},
		{"update --cpu-idle 0 running", noCgroup},
		{"update --l3-cache-schema L3:0=f running", noClass},
		{"update --mem-bw-schema MB:0=9 running", noClass},
		{"update --mem-bw-schema MB:0=9 stopped", idle},
		{"update --memory 5x running", textLine(`invalid value for memory: "5x" is not a size, expected one such as 67108864, 64m, 1.5g, or -1 for no limit`, "")},
	} {
		got := crun("--root " + root + " " + c.args)
		code := 0
		if c.errout != "" {
			code = 1
		}
		if want := (result{code, "", c.errout}); got != want {
			t.Errorf("crun-go %s:\n got %+v\nwant %+v", c.args, got, want)
		}
	}
	for args, want := range map[string]string{
		"update -r " + file + " running":             "pids.limit",
		"update -r " + file + ".none running":        "no such file or directory",
		"update --resources=" + root + " running":    "expected a regular file, found a directory",
		"update --pids-limit 5 -r /dev/null running": "/dev/null",
	} {
		if got := crun("--root " + root + " " + args); got.code != 1 || !strings.Contains(got.errout, want) {
			t.Errorf("crun-go %s: %+v, want %s", args, got, want)
		}
	}
	if err := dir.SaveLimits([]byte("broken")); err != nil {
		t.Fatal(err)
	}
	if got := crun("--root " + root + " update --pids-limit 5 running"); got.code != 1 || !strings.Contains(got.errout, "read limits of container running: ") {
		t.Errorf("broken limits: %+v", got)
	}
}
