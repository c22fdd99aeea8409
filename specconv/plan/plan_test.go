package plan

import (
	"bytes"
	"encoding/json"
	"errors"
	"reflect"
	"strings"
	"testing"

	specs "github.com/opencontainers/runtime-spec/specs-go"
	"golang.org/x/sys/unix"

	"github.com/crun-go/crun-go/specconv/plan/codec"
)

// fill sets every field of a value to something that is not its zero, and
// different from field to field.
func fill(v reflect.Value, next *int64) {
	*next++
	switch v.Kind() {
	case reflect.Pointer:
		v.Set(reflect.New(v.Type().Elem()))
		fill(v.Elem(), next)
	case reflect.Struct:
		for i := range v.NumField() {
			fill(v.Field(i), next)
		}
	case reflect.Slice:
		v.Set(reflect.MakeSlice(v.Type(), 2, 2))
		fill(v.Index(0), next)
		fill(v.Index(1), next)
	case reflect.Map:
		v.Set(reflect.MakeMap(v.Type()))
		key, elem := reflect.New(v.Type().Key()).Elem(), reflect.New(v.Type().Elem()).Elem()
		fill(key, next)
		fill(elem, next)
		v.SetMapIndex(key, elem)
	case reflect.String:
		v.SetString(strings.Repeat("ab", int(*next%5)) + string(rune('c'+*next%20)))
	case reflect.Bool:
		v.SetBool(true)
	case reflect.Int, reflect.Int64:
		v.SetInt(-*next)
	case reflect.Uint8, reflect.Uint16, reflect.Uint32, reflect.Uint64:
		v.SetUint(uint64(*next % 250))
	default:
		panic("fill can't make a " + v.Kind().String())
	}
}

// all has an empty step of every kind.
var all = [kinds]InitStep{
	KindSetPropagation:  (*SetPropagation)(nil),
	KindAttachRoot:      (*AttachRoot)(nil),
	KindMountFS:         (*MountFS)(nil),
	KindOpenInRoot:      (*OpenInRoot)(nil),
	KindLendTree:        (*LendTree)(nil),
	KindBind:            (*Bind)(nil),
	KindRemount:         (*Remount)(nil),
	KindMakeDevice:      (*MakeDevice)(nil),
	KindMakeSymlink:     (*MakeSymlink)(nil),
	KindMakeDir:         (*MakeDir)(nil),
	KindMaskPath:        (*MaskPath)(nil),
	KindReadonlyPath:    (*ReadonlyPath)(nil),
	KindPivotRoot:       (*PivotRoot)(nil),
	KindMoveRoot:        (*MoveRoot)(nil),
	KindTakeRoot:        (*TakeRoot)(nil),
	KindChroot:          (*Chroot)(nil),
	KindSetRoot:         (*SetRoot)(nil),
	KindUnshareCgroup:   (*UnshareCgroup)(nil),
	KindLoopbackUp:      (*LoopbackUp)(nil),
	KindSync:            (*Sync)(nil),
	KindHooks:           (*Hooks)(nil),
	KindSetHostname:     (*SetHostname)(nil),
	KindSetDomainname:   (*SetDomainname)(nil),
	KindSysctl:          (*Sysctl)(nil),
	KindJoinKeyring:     (*JoinKeyring)(nil),
	KindConsole:         (*Console)(nil),
	KindReopenNull:      (*ReopenNull)(nil),
	KindOwnStdio:        (*OwnStdio)(nil),
	KindSetPersonality:  (*SetPersonality)(nil),
	KindSetScheduler:    (*SetScheduler)(nil),
	KindSetIOPriority:   (*SetIOPriority)(nil),
	KindSetMemoryPolicy: (*SetMemoryPolicy)(nil),
	KindSetLabels:       (*SetLabels)(nil),
	KindSetIdentity:     (*SetIdentity)(nil),
	KindSetCapabilities: (*SetCapabilities)(nil),
	KindSetNoNewPrivs:   (*SetNoNewPrivs)(nil),
	KindChdir:           (*Chdir)(nil),
	KindFindExecutable:  (*FindExecutable)(nil),
	KindWaitStart:       (*WaitStart)(nil),
	KindSetRlimits:      (*SetRlimits)(nil),
	KindLoadSeccomp:     (*LoadSeccomp)(nil),
	KindExecute:         (*Execute)(nil),
	KindEnterContainer:  (*EnterContainer)(nil),
	KindFindMount:       (*FindMount)(nil),
	KindDetachMounts:    (*DetachMounts)(nil),
	KindAddDevice:       (*AddDevice)(nil),
	KindRemoveDevice:    (*RemoveDevice)(nil),
	KindEnterRoot:       (*EnterRoot)(nil),
	KindJoinPID:         (*JoinPID)(nil),
	KindOwnProc:         (*OwnProc)(nil),
	KindCloneInside:     (*CloneInside)(nil),
	KindCloseOthers:     (*CloseOthers)(nil),
	KindDropAdmin:       (*DropAdmin)(nil),
	KindEnterRootfs:     (*EnterRootfs)(nil),
}

// newStep makes an empty step of a kind.
func newStep(k Kind) InitStep {
	return reflect.New(reflect.TypeOf(all[k]).Elem()).Interface().(InitStep)
}

// full returns a plan with a step of every kind, filled or all zero.
func full(filled bool) *Plan {
	p := new(Plan)
	var next int64
	if filled {
		fill(reflect.ValueOf(&p.Container).Elem(), &next)
	}
	for k := range kinds {
		step := newStep(k)
		if filled {
			fill(reflect.ValueOf(step).Elem(), &next)
		}
		p.Init = append(p.Init, Item{Step: step})
	}
	return p
}

// TestKinds: each kind has its own step type, which knows its kind.
func TestKinds(t *testing.T) {
	for k, step := range all {
		if step == nil {
			t.Fatalf("kind %d has no step", k)
		}
		if step.InitKind() != Kind(k) {
			t.Errorf("kind %d is a %T, whose kind is %d", k, step, step.InitKind())
		}
	}
}

func encode(t testing.TB, p *Plan) []byte {
	t.Helper()
	var err error
	data := codec.Encode(func(c *codec.Coder) { err = p.CodeInit(c) })
	if err != nil {
		t.Fatal(err)
	}
	return data
}

var errShort = errors.New("malformed binary form")

// decode reads a copy, which is changed.
func decode(data []byte) (steps []InitStep, err error) {
	message := codec.Aligned(len(data))
	copy(message, data)
	c := codec.Reader(message)
	var n int
	c.Num(&n)
	for range n {
		k := Kind(c.Next().Kind)
		if k >= kinds || c.Bad() {
			return nil, errShort
		}
		step := newStep(k)
		step.Code(&c)
		if c.Bad() {
			return nil, errShort
		}
		steps = append(steps, step)
	}
	if !c.End() {
		return nil, errShort
	}
	return steps, nil
}

// TestRoundTrip: every field of every step arrives. A field that a step's code
// forgets, or a step that is not in the list, fails here.
func TestRoundTrip(t *testing.T) {
	for _, filled := range []bool{true, false} {
		p := full(filled)
		steps, err := decode(encode(t, p))
		if err != nil {
			t.Fatal(err)
		}
		if len(steps) != len(p.Init) {
			t.Fatalf("%d steps became %d", len(p.Init), len(steps))
		}
		for i, step := range steps {
			if !reflect.DeepEqual(step, p.Init[i].Step) {
				t.Errorf("step became\n%#v, was\n%#v", step, p.Init[i].Step)
			}
		}
	}
}

// TestParentSteps can't be sent.
func TestParentSteps(t *testing.T) {
	p := &Plan{Init: []Item{{Step: &Spawn{}}}}
	c := codec.Writer(nil)
	if err := p.CodeInit(&c); err == nil {
		t.Error("Spawn was sent to init")
	}
}

// TestMalformed: what is cut short or goes on too long is an error, and never
// a panic or a large allocation.
func TestMalformed(t *testing.T) {
	data := encode(t, full(true))
	for n := range data {
		if _, err := decode(data[:n]); err == nil {
			t.Fatalf("the first %d of %d bytes were accepted", n, len(data))
		}
	}
	if _, err := decode(append(data, 0)); err == nil {
		t.Error("a byte too many was accepted")
	}
}

// TestText: one line per step, in columns.
func TestText(t *testing.T) {
	p := &Plan{
		Parent: []Item{{"linux.cgroupsPath", &CreateCgroup{Path: "/c"}}, {"", &Await{Mounted}}},
		Init: []Item{
			{"linux.sysctl.net.ipv4.a_very_long_parameter", NewSysctl("k", "v")},
			{"mounts[0]", &MountFS{Type: "tmpfs", Target: "/dev", Params: []string{"size=1m", "mode=755"}, Fallback: -1,
				Options: MountOptions{Attr: Attr{Set: unix.MOUNT_ATTR_NOSUID}}}},
		},
	}
	want := `parent   1  linux.cgroupsPath                 create cgroup "/c"
parent   2                                    wait until init is mounted
init     1  linux.sysctl.net.ipv4.a_very_long_parameter  set sysctl k to "v"
init     2  mounts[0]                         mount tmpfs on "/dev" with size=1m,mode=755 (nosuid)
`
	var got strings.Builder
	if err := Text(&got, p); err != nil || got.String() != want {
		t.Errorf("%v\n got %s\nwant %s", err, got.String(), want)
	}
}

// TestJSON: types, fields, words and arguments of both halves.
func TestJSON(t *testing.T) {
	p := &Plan{
		Container: Container{ID: "c"},
		Parent:    []Item{{"", &Await{Ready}}},
		Init:      []Item{{"hostname", &SetHostname{Name: "<h>"}}},
		Poststop:  []specs.Hook{{Path: "/h"}},
	}
	var out bytes.Buffer
	if err := JSON(&out, p); err != nil {
		t.Fatal(err)
	}
	type step struct {
		Step, Field, Text string
		Args              map[string]any
	}
	var got struct {
		Container    struct{ ID string }
		Parent, Init []step
		Poststop     []specs.Hook
	}
	if err := json.Unmarshal(out.Bytes(), &got); err != nil {
		t.Fatal(err)
	}
	if got.Container.ID != "c" || len(got.Poststop) != 1 || len(got.Parent) != 1 || got.Parent[0].Step != "Await" {
		t.Errorf("%s", out.String())
	}
	want := step{"SetHostname", "hostname", `set hostname to "<h>"`, map[string]any{"Name": "<h>"}}
	if len(got.Init) != 1 || !reflect.DeepEqual(got.Init[0], want) {
		t.Errorf("%+v", got.Init)
	}
}

// TestLines: every step says what it does, and no two kinds say the same.
func TestLines(t *testing.T) {
	seen := map[string]bool{}
	for _, item := range full(true).Init {
		line := item.String()
		if line == "" || strings.ContainsAny(line, "\n") || seen[line] {
			t.Errorf("%T says %q", item.Step, line)
		}
		seen[line] = true
	}
}

// TestStepError: what is known of a step is told, unless the words stand alone.
func TestStepError(t *testing.T) {
	step, why := NewSysctl("k", "v"), errors.New("why")
	for want, e := range map[string]StepError{
		`f: set sysctl k to "v": why`: {Item: Item{Field: "f", Step: step}, Err: why},
		`set sysctl k to "v": why`:    {Item: Item{Step: step}, Err: why},
		"f: why":                      {Item: Item{Field: "f"}, Err: why},
		"why":                         {Item: Item{Field: "f", Step: step}, Err: why, Whole: true},
	} {
		if got := e.Error(); got != want {
			t.Errorf("%q, want %q", got, want)
		}
	}
}
