package specconv

import (
	"errors"
	"math/rand"
	"reflect"
	"strings"
	"testing"

	specs "github.com/opencontainers/runtime-spec/specs-go"

	"github.com/crun-go/crun-go/specconv/ocijson"
	"github.com/crun-go/crun-go/specconv/plan"
	"github.com/crun-go/crun-go/specconv/plan/codec"
)

// words that mean something in some field.
var vocabulary = []string{
	"", "/", "/a", "a", "/proc", "/dev", "/dev/null", "..", "mount", "user", "pid", "network", "cgroup", "time", "uts", "ipc",
	"bind", "rbind", "ro", "remount", "idmap", "idmap=uids=@0-1-1;gids=0-0-1#5-5-5", "copy-symlink", "dest-nofollow", "sync", "noatime", "tmpfs", "cgroup2", "sysfs", "proc", "c", "b", "p", "rwm",
	"A=1", "PATH=/bin", "HOME=", "CAP_CHOWN", "CAP_SYS_ADMIN", "RLIMIT_CORE", "rshared", "private", "net.ipv4.x", "memory.high",
	"SCMP_ACT_ALLOW", "SCMP_ACT_ERRNO", "SCMP_CMP_EQ", "SCMP_ARCH_X86_64", "read", "LINUX", "SCHED_FIFO", "IOPRIO_CLASS_BE", "monotonic",
}

// fill sets a value at random: pointers, slices and maps may be nil or empty.
func fill(v reflect.Value, r *rand.Rand) {
	switch v.Kind() {
	case reflect.Pointer:
		if r.Intn(3) > 0 {
			v.Set(reflect.New(v.Type().Elem()))
			fill(v.Elem(), r)
		}
	case reflect.Struct:
		for i := range v.NumField() {
			fill(v.Field(i), r)
		}
	case reflect.Slice:
		n := r.Intn(4)
		v.Set(reflect.MakeSlice(v.Type(), n, n))
		for i := range n {
			fill(v.Index(i), r)
		}
	case reflect.Map:
		if v.Type().Key().Kind() != reflect.String || r.Intn(3) > 0 {
			return
		}
		v.Set(reflect.MakeMap(v.Type()))
		key, elem := reflect.New(v.Type().Key()).Elem(), reflect.New(v.Type().Elem()).Elem()
		fill(key, r)
		fill(elem, r)
		v.SetMapIndex(key, elem)
	case reflect.String:
		v.SetString(vocabulary[r.Intn(len(vocabulary))])
	case reflect.Bool:
		v.SetBool(r.Intn(2) > 0)
	case reflect.Int, reflect.Int32, reflect.Int64:
		v.SetInt(int64(r.Intn(12) - 2))
	case reflect.Uint, reflect.Uint16, reflect.Uint32, reflect.Uint64:
		v.SetUint(uint64(r.Intn(12)))
	}
}

// check plans a configuration, which must end in a plan or in an error that
// names a field, never in a panic.
func check(t *testing.T, spec *specs.Spec, host Host, opts Options) (planned bool) {
	p, _, err := Plan(spec, host, opts)
	if err != nil {
		var wrong *plan.FieldError
		if p != nil || !errors.As(err, &wrong) || wrong.Field == "" || wrong.Err == nil {
			t.Fatalf("error without field: %#v", err)
		}
		return false
	}
	codec.Encode(func(c *codec.Coder) {
		if err := p.CodeInit(c); err != nil {
			t.Fatal(err)
		}
	})
	var text strings.Builder
	if err := errors.Join(plan.Text(&text, p), plan.JSON(&text, p)); err != nil {
		t.Fatal(err)
	}
	slots := map[int]bool{}
	for _, tree := range steps[*plan.OpenTree](p) {
		slots[tree.Slot] = true
		if !strings.HasPrefix(tree.Path, "/") {
			t.Fatalf("path %q is not absolute", tree.Path)
		}
	}
	for _, tree := range steps[*plan.MakeTree](p) {
		slots[tree.Slot] = true
	}
	for _, s := range slotsUsed(p) {
		if !slots[s] {
			t.Fatalf("slot %d is used and not opened", s)
		}
		delete(slots, s)
	}
	if len(slots) > 0 {
		t.Fatalf("slots %v are opened and not used", slots)
	}
	checkRestore(t, spec, host, opts)
	return true
}

func slotsUsed(p *plan.Plan) []int {
	var used []int
	for _, s := range steps[*plan.AttachRoot](p) {
		used = append(used, s.Slot)
	}
	for _, s := range steps[*plan.TakeRoot](p) { // without a mount namespace
		used = append(used, s.Slot)
	}
	for _, s := range steps[*plan.Bind](p) {
		used = append(used, s.Slot)
	}
	for _, s := range steps[*plan.MountFS](p) {
		if s.Fallback >= 0 {
			used = append(used, s.Fallback)
		}
	}
	for _, s := range steps[*plan.MakeDevice](p) {
		if s.Slot >= 0 {
			used = append(used, s.Slot)
		}
	}
	return used
}

// TestAnySpec plans configurations that have anything anywhere, in particular
// nothing.
func TestAnySpec(t *testing.T) {
	r := rand.New(rand.NewSource(1))
	planned := 0
	for range 20000 {
		var spec specs.Spec
		// Every part may be random; those that are not are valid, so that
		// what comes after them is reached.
		base := decode(t, `{"linux": {`+userns+`}}`)
		random := reflect.ValueOf(&spec).Elem()
		for i := range random.NumField() {
			if r.Intn(4) > 0 {
				random.Field(i).Set(reflect.ValueOf(base).Elem().Field(i))
				continue
			}
			fill(random.Field(i), r)
		}
		if spec.Linux == base.Linux && r.Intn(2) > 0 {
			part := reflect.ValueOf(spec.Linux).Elem()
			fill(part.Field(r.Intn(part.NumField())), r)
		}
		if spec.Process == base.Process && r.Intn(2) > 0 {
			part := reflect.ValueOf(spec.Process).Elem()
			fill(part.Field(r.Intn(part.NumField())), r)
		}
		host := goldenHost
		host.UserNS, host.SELinux, host.AppArmor = r.Intn(2) > 0, r.Intn(2) > 0, r.Intn(2) > 0
		if check(t, &spec, host, Options{ID: "x", Bundle: "/b", Run: r.Intn(2) > 0, NoPivot: r.Intn(2) > 0}) {
			planned++
		}
	}
	if planned < 1000 {
		t.Errorf("only %d of 20000 configurations were valid: the test reaches little", planned)
	}
}

// FuzzPlan plans whatever the decoder accepts.
func FuzzPlan(f *testing.F) {
	f.Add([]byte(minimal), false, uint32(0))
	f.Add([]byte(`{"process": {"args": ["a"], "cwd": "/"}, "root": {"path": "r"}, "linux": {`+userns+`, "devices": [{"path": "/dev/a", "type": "c"}]},
		"mounts": [{"destination": "/a", "type": "tmpfs", "options": ["ro", "size=1,b=2"]}, {"destination": "/b", "source": "b", "options": ["rbind", "idmap"]}]}`), true, uint32(1000))
	f.Fuzz(func(t *testing.T, data []byte, userns bool, euid uint32) {
		spec, err := ocijson.Spec("config.json", data)
		if err != nil {
			return
		}
		host := goldenHost
		host.UserNS, host.EUID = userns, int(euid)
		check(t, spec, host, testOptions)
	})
}
