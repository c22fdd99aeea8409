package cli

import (
	"fmt"
	"io"
	"os"
	"path"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/crun-go/crun-go/libcontainer/advice"
	"github.com/crun-go/crun-go/libcontainer/sys"
	"github.com/crun-go/crun-go/libcontainer/sys/retry"
	"github.com/crun-go/crun-go/specconv"
	"github.com/crun-go/crun-go/specconv/jsontext"
	"github.com/crun-go/crun-go/specconv/plan"
)

// log is where messages go: to a target, if --log names one, and to standard error.
//
// Engines read both. containerd takes the last line of the file whose level is error, podman the whole file as one JSON
// object, conmon and buildah what is on standard error. So a failure is one record and nothing else: warnings wait for the
// end of the command, and are part of that record if it fails. A person at a terminal sees them at once, as plain text
// unless --log-format asks for something else.
type log struct {
	target string // --log, made absolute; empty: standard error alone
	file   int    // the file of that name, once it is open
	json   bool
	chosen bool // the format was asked for, and is written to terminals, too
	level  level
	stderr io.Writer
	now    func() time.Time // nil: time.Now
	held   []record         // warnings, until the command has ended
}

type level uint8

const (
	levelError level = iota
	levelWarning
	levelDebug
)

func (l level) String() string {
	switch l {
	case levelWarning:
		return "warning"
	case levelDebug:
		return "debug"
	}
	return "error"
}

// record is one message and what is known about it beside.
type record struct {
	level level
	msg   string
	detail
	warnings []record // of a command that failed
}

// prepareLog checks --log, --log-format, --log-level and --debug. A file is opened, or made, at once: whether there is one
// must not be found out when there is something to write.
func (inv *invocation) prepareLog(formatChosen bool) error {
	g := &inv.global
	next := inv.log
	next.chosen = formatChosen
	switch g.logFormat {
	case "text":
	case "json":
		next.json = true
	default:
		return withHint(fmt.Errorf("invalid log-format: %s", g.logFormat), choiceHint("--log-format", g.logFormat, logFormats))
	}
	switch strings.ToLower(g.logLevel) {
	case "error":
	case "warning", "warn":
		next.level = levelWarning
	case "debug":
		next.level = levelDebug
	default:
		return withHint(fmt.Errorf("invalid log-level: %s", g.logLevel), choiceHint("--log-level", g.logLevel, logLevels))
	}
	if g.debug {
		next.level = levelDebug
	}
	target, err := absoluteTarget(g.log)
	if err != nil {
		return err
	}
	next.target = target
	if next.toFile() {
		if next.file, err = sys.OpenAppend(target, 0o644, true); err != nil {
			return fmt.Errorf("--log: %w", err)
		}
	}
	inv.log = next
	return nil
}

// toFile reports whether the target is a file.
func (l *log) toFile() bool {
	kind, _, _ := strings.Cut(l.target, ":")
	return l.target != "" && kind != "journald" && kind != "syslog"
}

// absoluteTarget makes the file in a value of --log independent of the working directory.
func absoluteTarget(target string) (string, error) {
	kind, name, found := strings.Cut(target, ":")
	if found && (kind == "journald" || kind == "syslog") {
		return target, nil
	}
	if found && kind == "file" {
		target = name
	}
	if target == "" {
		return "", nil
	}
	return absolute(target)
}

// fail reports the error that ends the program.
func (l *log) fail(err error) {
	r := record{level: levelError, msg: shortened(err.Error()), detail: describe(err), warnings: l.held}
	if l.target != "" {
		if err := l.write(&r); err != nil {
			l.print(err.Error())
		}
		l.print(r.msg)
		return
	}
	// The message is the last line, which callers show, and both lines are one write: readers of a pipe may stop at the
	// first. JSON has the hint in the record.
	var hint string
	if !l.json && r.hint != "" && !l.plain() {
		hint, r.hint = "hint: "+plan.Printable(r.hint)+"\n", ""
	}
	l.stderr.Write(append([]byte(hint), l.format(&r)...))
}

// warn reports what does not keep the program from going on, if the specification demands it, warnings are asked for, or a
// person looks on.
func (l *log) warn(w specconv.Warning) {
	watched := l.watched()
	if !w.Must && l.level < levelWarning && !watched {
		return
	}
	r := record{level: levelWarning, msg: w.Text, detail: detail{field: w.Field, hint: advice.For(w.Err)}}
	if watched {
		l.stderr.Write(l.format(&r))
		return
	}
	l.held = append(l.held, r)
}

// debug reports what is of use only for debugging.
func (l *log) debug(text string) {
	if l.level >= levelDebug {
		l.put(&record{level: levelDebug, msg: text})
	}
}

// step reports that a step is taken, or was.
func (l *log) step(process, field, step string) {
	l.put(&record{level: levelDebug, msg: shortened(process + ": " + step), detail: detail{field: field}})
}

// put writes a record that is not a failure.
func (l *log) put(r *record) {
	if l.target == "" {
		l.stderr.Write(l.format(r))
	} else if err := l.write(r); err != nil {
		l.print(err.Error())
	}
}

// maxMessage bounds a message as it is written, whatever list or output of a hook is in it: some readers of logs cut lines,
// and none wants to look for the end of one.
const maxMessage = 2000

// shortened leaves out the middle of a text that would become long.
func shortened(text string) string {
	if len(text) <= maxMessage/mostEscaped || writtenSize(text) <= maxMessage {
		return text
	}
	const gap = " [... %d bytes left out ...] "
	head, room := 0, maxMessage/2
	for {
		_, size := utf8.DecodeRuneInString(text[head:])
		if room -= writtenSize(text[head : head+size]); room < 0 {
			break
		}
		head += size
	}
	tail, room := len(text), maxMessage/2-len(gap)-8
	for {
		_, size := utf8.DecodeLastRuneInString(text[:tail])
		if room -= writtenSize(text[tail-size : tail]); room < 0 {
			break
		}
		tail -= size
	}
	return text[:head] + fmt.Sprintf(gap, tail-head) + text[tail:]
}

// mostEscaped is how many bytes at most one byte becomes in a line of a log: of JSON.
const mostEscaped = 6

// writtenSize is how long a text becomes in a line of a log, in the format that makes it longer.
func writtenSize(text string) (n int) {
	for i, r := range text {
		switch {
		case r < ' ':
			n += mostEscaped
		case r == utf8.RuneError:
			_, size := utf8.DecodeRuneInString(text[i:])
			n += mostEscaped * size
		default:
			n += len(strconv.Quote(string(r))) - 2
		}
	}
	return n
}

// flush writes the warnings of a command that has succeeded.
func (l *log) flush() {
	for i := range l.held {
		l.put(&l.held[i])
	}
	l.held = nil
}

// watched reports whether a person reads what goes to standard error, and no engine the log.
func (l *log) watched() bool {
	return l.target == "" && isTerminal(l.stderr)
}

// plain reports whether messages are texts for a person.
func (l *log) plain() bool { return !l.chosen && l.watched() }

// print writes a line to standard error.
func (l *log) print(line string) { io.WriteString(l.stderr, plan.Printable(line)+"\n") }

// write appends a record to the target, if there is one.
func (l *log) write(r *record) error {
	kind, name, _ := strings.Cut(l.target, ":")
	switch {
	case l.target == "":
		return nil
	case kind == "journald" || kind == "syslog":
		for i := range r.warnings {
			if err := l.write(&r.warnings[i]); err != nil {
				return err
			}
		}
		if kind == "journald" {
			return sendDatagram("/run/systemd/journal/socket", journaldDatagram(name, r))
		}
		return sendDatagram("/dev/log", syslogDatagram(name, r))
	}
	line := l.format(r)
	n, err := retry.Write(l.file, line)
	if err == nil && n < len(line) {
		err = io.ErrShortWrite
	}
	if err != nil {
		return &os.PathError{Op: "write", Path: l.target, Err: err}
	}
	return nil
}

// format returns a record as one line in the chosen format, or as a text.
func (l *log) format(r *record) []byte {
	if l.plain() {
		return formatPlain(colors(l.stderr), r)
	}
	now := time.Now
	if l.now != nil {
		now = l.now
	}
	at := now().UTC().Format(time.RFC3339)
	if l.json {
		return formatJSON(at, r)
	}
	return formatText(at, r)
}

// formatPlain writes a message, and on a line of its own what to do about it.
func formatPlain(p palette, r *record) []byte {
	c := red
	switch r.level {
	case levelWarning:
		c = yellow
	case levelDebug:
		c = dim
	}
	text := withoutProgram(r.msg)
	switch {
	case r.level == levelWarning && !strings.Contains(text, r.field):
		text = r.field + ": " + text
	case r.level == levelDebug && r.field != "":
		text += " (" + r.field + ")"
	}
	b := []byte(program + ": " + p.paint(c, r.level.String()+":") + " " + plan.Printable(text) + "\n")
	if r.hint != "" {
		b = append(b, p.paint(cyan, "hint:")+" "+plan.Printable(r.hint)+"\n"...)
	}
	return b
}

// withoutProgram takes the program's name from the front of a message, by whatever path it was called.
func withoutProgram(msg string) string {
	if name, rest, found := strings.Cut(msg, ": "); found && path.Base(name) == program {
		return rest
	}
	return strings.TrimPrefix(msg, program+" ")
}

// formatJSON sorts the keys, as logrus does.
func formatJSON(at string, r *record) []byte {
	w := jsontext.NewWriter("")
	text := func(key, value string) {
		if value != "" {
			w.Key(key).Text(value)
		}
	}
	w.Object()
	text("code", r.code)
	text("errno", r.errno)
	text("field", r.field)
	text("hint", r.hint)
	w.Key("level").Text(r.level.String())
	w.Key("msg").Text(r.msg)
	w.Key("time").Text(at)
	if len(r.warnings) > 0 {
		w.Key("warnings").Array()
		for i := range r.warnings {
			w.Object()
			text("field", r.warnings[i].field)
			w.Key("msg").Text(r.warnings[i].msg)
			w.End()
		}
		w.End()
	}
	w.End()
	return append(w.Bytes(), '\n')
}

// formatText writes time, level and message first and the rest sorted, as logrus does.
func formatText(at string, r *record) []byte {
	b := append(make([]byte, 0, 256), `time="`...)
	b = append(append(b, at...), `" level=`...)
	b = append(append(b, r.level.String()...), " msg="...)
	b = appendWord(b, r.msg)
	var warnings []string
	for i := range r.warnings {
		warnings = append(warnings, strings.TrimPrefix(r.warnings[i].field+": "+r.warnings[i].msg, ": "))
	}
	for _, pair := range [...][2]string{{"code", r.code}, {"errno", r.errno}, {"field", r.field}, {"hint", r.hint}, {"warnings", strings.Join(warnings, "; ")}} {
		if pair[1] != "" {
			b = append(append(append(b, ' '), pair[0]...), '=')
			b = appendWord(b, pair[1])
		}
	}
	return append(b, '\n')
}

// appendWord quotes what is not one plain word.
func appendWord(b []byte, s string) []byte {
	for _, c := range []byte(s) {
		plain := '0' <= c && c <= '9' || 'a' <= c|0x20 && c|0x20 <= 'z' || strings.IndexByte("-._/@^+", c) >= 0
		if !plain {
			return strconv.AppendQuote(b, s)
		}
	}
	if s == "" {
		return append(b, `""`...)
	}
	return append(b, s...)
}
