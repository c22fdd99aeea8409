package initlink

import "strings"

// TraceParent is the span that a command is part of, as the environment has it in
// TRACEPARENT and TRACESTATE (https://www.w3.org/TR/trace-context).
type TraceParent struct {
	Trace, Span string // ids in hexadecimal digits; empty: there is none
	State       string
	Sampled     bool
	Env         []string // both variables
}

// ParseTraceParent reads the variables. It is false for a TRACEPARENT that is not valid, which
// counts as none, with what comes of it.
func ParseTraceParent(parent, state string) (p TraceParent, ok bool) {
	if parent == "" {
		return p, true
	}
	// Later versions may add fields behind those of version 00.
	const length = len("00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01")
	if len(parent) < length || parent[2] != '-' || parent[35] != '-' || parent[52] != '-' {
		return p, false
	}
	version, trace, span, flags := parent[:2], parent[3:35], parent[36:52], parent[53:length]
	for _, field := range [...]string{version, trace, span, flags} {
		if strings.Trim(field, "0123456789abcdef") != "" {
			return p, false
		}
	}
	switch more := parent[length:]; {
	case version == "ff", strings.Trim(trace, "0") == "", strings.Trim(span, "0") == "":
		return p, false
	case version == "00" && more != "", more != "" && more[0] != '-':
		return p, false
	}
	p = TraceParent{Trace: trace, Span: span, State: state, Env: []string{"TRACEPARENT=" + parent}}
	p.Sampled = strings.IndexByte("13579bdf", flags[1]) >= 0
	if state != "" {
		p.Env = append(p.Env, "TRACESTATE="+state)
	}
	return p, true
}
