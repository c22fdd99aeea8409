package engines

import (
	"strconv"
	"strings"
)

// A setting is a key of a TOML file, or the header of a table, on a line of its own.
type setting struct {
	path   string // with the tables it is in, without quotes: plugins.io.containerd.grpc.v1.cri.containerd
	value  string // as it is written; of a header: empty
	table  string
	line   int // 1-based
	header bool
}

// settings finds the settings of a TOML file line by line. That is enough to show what engines are configured by, and to see
// whether a file is simple; inline tables and values of several lines are not understood.
func settings(text string) []setting {
	var all []setting
	bare := strings.NewReplacer(`"`, "", "'", "", " ", "", "\t", "")
	table := ""
	for i, line := range strings.Split(text, "\n") {
		line = strings.TrimSpace(line)
		key, value, assigned := strings.Cut(line, "=")
		switch {
		case strings.HasPrefix(line, "["):
			name, _, _ := strings.Cut(strings.TrimLeft(line, "["), "]")
			table = bare.Replace(name)
			all = append(all, setting{path: table, table: table, line: i + 1, header: true})
		case assigned && !strings.HasPrefix(line, "#"):
			path := strings.TrimPrefix(table+"."+bare.Replace(key), ".")
			all = append(all, setting{path: path, value: strings.TrimSpace(value), table: table, line: i + 1})
		}
	}
	return all
}

// texts are the strings in the value.
func (s setting) texts() []string {
	var list []string
	rest := s.value
	for {
		at := strings.IndexAny(rest, `"'#`)
		if at < 0 || rest[at] == '#' {
			return list
		}
		rest = rest[at:]
		if rest[0] == '"' {
			literal, err := strconv.QuotedPrefix(rest)
			if err != nil {
				return list
			}
			word, _ := strconv.Unquote(literal)
			list, rest = append(list, word), rest[len(literal):]
			continue
		}
		word, after, closed := strings.Cut(rest[1:], "'")
		if !closed {
			return list
		}
		list, rest = append(list, word), after
	}
}

// text is the first string in the value: the value itself, or the first of an array.
func (s setting) text() string {
	if list := s.texts(); len(list) > 0 {
		return list[0]
	}
	return ""
}

// readSettings finds in files that are read in this order what is registered, and whether it is the default.
func (h *Host) readSettings(x *site, files []string, runtime, standard string) error {
	for _, file := range files {
		text, _, err := h.read(file)
		if err != nil {
			return err
		}
		for _, s := range settings(text) {
			place := Place{h.Shown(file), s.line}
			switch {
			case s.path == runtime:
				x.path, x.registered = s.text(), place
			case s.path == standard && s.text() == Runtime:
				x.standard = place
			case s.path == standard:
				x.standard = Place{}
			}
		}
	}
	return nil
}
