package specconv

import (
	"reflect"
	"strings"
	"testing"

	"github.com/crun-go/crun-go/specconv/plan"
)

func TestUnitProperties(t *testing.T) {
	for _, c := range []struct {
		name, text string
		want       plan.UnitProperty
	}{
		{"CollectMode", "'inactive-or-failed'", plan.UnitProperty{Name: "CollectMode", Type: "s", Values: []string{"inactive-or-failed"}}},
		{"Description", `"it's \"quoted\""`, plan.UnitProperty{Name: "Description", Type: "s", Values: []string{`it's "quoted"`}}},
		{"DefaultDependencies", "true", plan.UnitProperty{Name: "DefaultDependencies", Type: "b", Values: []string{"true"}}},
		{"CPUWeight", "uint64 200", plan.UnitProperty{Name: "CPUWeight", Type: "t", Values: []string{"200"}}},
		{"CPUWeight", "@t 0x10", plan.UnitProperty{Name: "CPUWeight", Type: "t", Values: []string{"16"}}},
		{"Number", " -5 ", plan.UnitProperty{Name: "Number", Type: "i", Values: []string{"-5"}}},
		{"Ratio", "1.50", plan.UnitProperty{Name: "Ratio", Type: "d", Values: []string{"1.5"}}},
		{"After", "['a.service', \"b.service\"]", plan.UnitProperty{Name: "After", Type: "as", Values: []string{"a.service", "b.service"}}},
		{"After", "@as []", plan.UnitProperty{Name: "After", Type: "as"}},
		{"Codes", "@at [1,2 , 3]", plan.UnitProperty{Name: "Codes", Type: "at", Values: []string{"1", "2", "3"}}},
		{"AllowedCPUs", "[byte 1, 2,byte 3]", plan.UnitProperty{Name: "AllowedCPUs", Type: "ay", Values: []string{"1", "2", "3"}}},
		{"TimeoutStopSec", "30", plan.UnitProperty{Name: "TimeoutStopUSec", Type: "t", Values: []string{"30000000"}}},
		{"TimeoutStopSec", "uint64 2", plan.UnitProperty{Name: "TimeoutStopUSec", Type: "t", Values: []string{"2000000"}}},
		{"TimeoutStopSec", "0.25", plan.UnitProperty{Name: "TimeoutStopUSec", Type: "t", Values: []string{"250000"}}},
		{"TimeoutStopUSec", "uint64 5", plan.UnitProperty{Name: "TimeoutStopUSec", Type: "t", Values: []string{"5"}}},
	} {
		got, err := parseUnitProperty(c.name, c.text)
		if err != nil || !reflect.DeepEqual(got, c.want) {
			t.Errorf("%s=%s: %+v, %v", c.name, c.text, got, err)
		}
	}
	for _, c := range [][3]string{
		{"Mixed", "[byte 1, int32 2]", "elements of different types"},
		{"A", "1", "not the name of a unit's property"}, {"Collect-Mode", "1", "not the name"},
		{"Name", "", "is not a value"}, {"Name", "text", `"text" is not of type "d"`}, {"Name", "word", `"word" is not of type "i"`}, {"Name", "'text", "no end"},
		{"Name", "uint64 -1", `"-1" is not of type "t"`}, {"Name", "byte 256", `"256" is not of type "y"`},
		{"Name", "1 2", `"2" follows the value`}, {"Name", "[]", "needs its type"}, {"Name", "[1,'a']", "not of type"},
		{"Name", "[1", "expected a number"}, {"Name", "@a{sv} {}", `unknown type "a{sv}"`}, {"Name", "@as 'a'", "expected a number"},
		{"Name", "uint64 'a'", "a string is not of type"}, {"Name", "@s [1]", "expected a number"}, {"Name", "boolean 1", "not of type"},
		{"TimeoutStopSec", "'30'", "not a number of seconds"}, {"TimeoutStopSec", "-1", "not a number of seconds"}, {"TimeoutStopSec", "true", "not a number"},
	} {
		if got, err := parseUnitProperty(c[0], c[1]); err == nil || !strings.Contains(err.Error(), c[2]) {
			t.Errorf("%s=%s: %+v, %v, want %q", c[0], c[1], got, err, c[2])
		}
	}
}

func FuzzUnitProperty(f *testing.F) {
	for _, text := range []string{"'a'", "uint64 5", "@as ['a', \"b\"]", "[1,2]", "true", "1.5", `'\`, "@"} {
		f.Add("TimeoutStopSec", text)
		f.Add("Name", text)
	}
	f.Fuzz(func(t *testing.T, name, text string) {
		p, err := parseUnitProperty(name, text)
		if err == nil && (p.Type == "" || p.Type[0] != 'a' && len(p.Values) != 1) {
			t.Errorf("%q=%q: %+v", name, text, p)
		}
	})
}
