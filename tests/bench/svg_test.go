package main

import (
	"bytes"
	"encoding/json"
	"encoding/xml"
	"flag"
	"fmt"
	"os"
	"strconv"
	"strings"
	"testing"
	"time"
)

var update = flag.Bool("update", false, "draw docs/bench.svg again")

// TestPicture: docs/bench.svg shows what docs/bench.json records.
func TestPicture(t *testing.T) {
	const picture = "../../docs/bench.svg"
	text, err := os.ReadFile("../../docs/bench.json")
	if err != nil {
		t.Fatal(err)
	}
	var r result
	if err := json.Unmarshal(text, &r); err != nil {
		t.Fatal(err)
	}
	want := r.svg()
	if *update {
		if err := os.WriteFile(picture, want, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	if got, err := os.ReadFile(picture); err != nil || !bytes.Equal(got, want) {
		t.Errorf("%s is not drawn from docs/bench.json (%v): go test ./tests/bench -update", picture, err)
	}
}

// full is a comparison of all contests that there are.
func full() *result {
	peers := func(ours, runc, floor float64) []summary {
		list := []summary{{Name: "crun-go", Median: 8 * ours}, {Name: "runc", Median: 8 * runc}, {Name: "crun", Median: 8}}
		if floor > 0 {
			list = append(list, summary{Name: "floor", Median: 8 * floor})
		}
		return list
	}
	r := &result{Machine: "linux 7.0.1, 128 cpus, amd64", Started: time.Date(2026, 11, 1, 0, 0, 0, 0, time.UTC), Base: "crun"}
	r.Contests = []contest{
		{Operation: "run", Peers: peers(0.6, 4.5, 0.35)}, {Operation: "run (pod)", Peers: peers(0.63, 4.1, 0)},
		{Operation: "run (user namespace)", Peers: peers(0.79, 3.9, 0)}, {Operation: "run (rootless)", Peers: peers(0.45, 3.6, 0)},
		{Operation: "run", Mounts: 1, Peers: peers(0.6, 4.4, 0)}, {Operation: "run", Mounts: 1000, Peers: peers(0.56, 3.2, 0)},
		{Operation: "run", Mounts: 5000, Peers: peers(0.36, 2.1, 0)},
	}
	for _, alive := range []int{1, 1000} {
		for _, command := range commands {
			r.Contests = append(r.Contests, contest{Operation: command, Alive: alive, Peers: peers(0.5, 6.9, 0)})
		}
	}
	r.Contests = append(r.Contests, contest{Operation: "run", Together: 32, Peers: peers(0.67, 1.8, 0.4)})
	r.relate()
	return r
}

// TestChart: all of it is in the picture, with its legend and unit, and nothing is cut off.
func TestChart(t *testing.T) {
	drawn := full().svg()
	for _, want := range []string{
		"multiples of crun&#39;s", ">crun-go<", ">runc<", ">crun<", "made by a C program", ">1×<", ">7×<", "linux 7.0.1, 128 cpus, amd64", "November 2026",
		">run (user namespace)<", ">run (rootless)<", ">run, 5000 host mounts<", ">run, 32 at a time<", ">0.79× (6.3 ms)<", ">6.90× (55.2 ms)<", ">1.00× (8.0 ms)<",
		"prefers-color-scheme: dark",
	} {
		if !strings.Contains(strings.ReplaceAll(string(drawn), "'", "&#39;"), want) {
			t.Errorf("the picture lacks %s", want)
		}
	}
	if n := bytes.Count(drawn, []byte(">create")); n != 1 {
		t.Errorf("create is there %d times", n)
	}
	for _, cut := range outside(t, drawn) {
		t.Error(cut)
	}
	// What would find nothing shows nothing.
	narrow := bytes.Replace(drawn, []byte(`width="760"`), []byte(`width="500"`), 1)
	if len(outside(t, narrow)) == 0 {
		t.Error("nothing is cut off in a narrow picture, either")
	}
}

// outside names the elements that are not within the picture. Letters are taken to be as wide as those of a wide font.
func outside(t *testing.T, drawn []byte) []string {
	t.Helper()
	const letter = 7.5
	var width, height float64
	var found []string
	in := xml.NewDecoder(bytes.NewReader(drawn))
	for {
		token, err := in.Token()
		if err != nil {
			return found
		}
		element, ok := token.(xml.StartElement)
		if !ok {
			continue
		}
		at := make(map[string]float64)
		var anchor string
		for _, a := range element.Attr {
			if a.Name.Local == "text-anchor" {
				anchor = a.Value
			}
			at[a.Name.Local], _ = strconv.ParseFloat(a.Value, 64)
		}
		switch element.Name.Local {
		case "svg":
			width, height = at["width"], at["height"]
		case "text":
			var text string
			if err := in.DecodeElement(&text, &element); err != nil {
				t.Fatal(err)
			}
			long := letter * float64(len([]rune(text)))
			from := at["x"] - map[string]float64{"": 0, "middle": long / 2, "end": long}[anchor]
			if from < 0 || from+long > width || at["y"] > height-4 {
				found = append(found, fmt.Sprintf("%q is at %.0f to %.0f, %.0f in a picture of %.0f, %.0f", text, from, from+long, at["y"], width, height))
			}
		case "rect":
			if at["x"]+at["width"] > width || at["y"]+at["height"] > height {
				found = append(found, fmt.Sprintf("a bar ends at %.0f in a picture of %.0f", at["x"]+at["width"], width))
			}
		}
	}
}

// TestWrap: no line is cut, and nothing is lost.
func TestWrap(t *testing.T) {
	text := strings.TrimSpace(strings.Repeat("runc takes 3.4 to 5.2 times crun's time. ", 9))
	lines := wrap(text)
	for _, line := range lines {
		if len(line) > 105 {
			t.Errorf("%d characters: %s", len(line), line)
		}
	}
	if strings.Join(lines, " ") != text || len(lines) != 4 {
		t.Errorf("%d lines: %q", len(lines), lines)
	}
	if wrap("") != nil {
		t.Error("a line of nothing")
	}
}
