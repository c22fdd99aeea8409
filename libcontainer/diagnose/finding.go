// Package diagnose finds what is wrong with a bundle or with this host before a
// container is made. It changes nothing.
package diagnose

import (
	"errors"
	"fmt"

	"github.com/crun-go/crun-go/libcontainer/advice"
	"github.com/crun-go/crun-go/specconv"
	"github.com/crun-go/crun-go/specconv/check"
	"github.com/crun-go/crun-go/specconv/jsontext"
	"github.com/crun-go/crun-go/specconv/plan"
)

// Severity says what a finding means for the container.
type Severity string

const (
	Error   Severity = "error"   // it is not made, or does not work
	Warning Severity = "warning" // it is made, and something of it is not as written
	Note    Severity = "note"    // it is as written, which is worth a second look
	OK      Severity = "ok"      // of the host: it is there
)

// Finding is one thing that was found out.
type Finding struct {
	Severity Severity
	// Where is a JSON pointer (RFC 6901) into config.json, or an object of the host,
	// such as "kernel" or "/etc/subuid".
	Where string
	Field string // the same in the words of errors, such as mounts[3]; "" if it is not of config.json
	Text  string // one sentence
	Hint  string // what to do; may be empty
}

// Errors reports whether there are errors among findings; strict, or warnings.
func Errors(findings []Finding, strict bool) bool {
	for _, f := range findings {
		if f.Severity == Error || strict && f.Severity == Warning {
			return true
		}
	}
	return false
}

// ofError makes a finding of what create would report.
func ofError(text []byte, err error) Finding {
	f := Finding{Severity: Error, Text: err.Error(), Hint: advice.For(err)}
	var step *plan.StepError
	var field *plan.FieldError
	var syntax *jsontext.Error
	switch {
	case errors.As(err, &step):
		inner := *step
		inner.Item.Field = ""
		f.Field, f.Text = step.Item.Field, inner.Error()
	case errors.As(err, &field):
		f.Field, f.Text = field.Field, field.Err.Error()
	case errors.As(err, &syntax):
		f.Field, f.Text = syntax.Path, fmt.Sprintf("%s (line %d, column %d)", syntax.Msg, syntax.Line, syntax.Column)
	}
	return f.at(text)
}

func ofWarning(text []byte, w specconv.Warning) Finding {
	return Finding{Severity: Warning, Field: w.Field, Text: w.Text}.at(text)
}

// at completes a finding about a field by where that is in the document.
func (f Finding) at(text []byte) Finding {
	f.Where = check.Pointer(text, f.Field)
	return f
}
