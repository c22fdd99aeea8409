package plan

import (
	"encoding/json"
	"reflect"
	"strconv"
	"strings"
	"testing"

	specs "github.com/opencontainers/runtime-spec/specs-go"
)

func TestAppendState(t *testing.T) {
	for _, s := range []specs.State{
		{Version: "1.3.0", ID: "c1", Status: specs.StateStopped, Bundle: "/b"},
		{Version: "1.0.2", ID: "c1", Status: specs.StateCreated, Pid: 7, Bundle: "/a \"b\"\n", Annotations: map[string]string{"k": "v", "a\\": "\x01ü"}},
	} {
		text := AppendState([]byte("x"), &s)
		var got specs.State
		if err := json.Unmarshal(text[1:], &got); err != nil || !reflect.DeepEqual(got, s) {
			t.Errorf("%s is %+v, want %+v (%v)", text, got, s, err)
		}
	}
	if text := AppendState(nil, &specs.State{Status: specs.StateStopped}); strings.Contains(string(text), "pid") {
		t.Errorf("a stopped container has a pid: %s", text)
	}
}

// TestStateAround: with the pid in between it is the same document.
func TestStateAround(t *testing.T) {
	c := Container{ID: "c\"1", Bundle: "/b", OCIVersion: "1.3.0", Annotations: map[string]string{"k": "v", "a": ""}}
	before, after := c.StateAround(specs.StateCreated)
	s := c.HookState(specs.StateCreated, 4711)
	if got, want := before+strconv.Itoa(s.Pid)+after, string(AppendState(nil, &s)); got != want {
		t.Errorf("%s, want %s", got, want)
	}
}
