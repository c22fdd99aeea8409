package plan

// FieldError is a mistake in config.json, or a failure that one of its fields
// asked for. It always names the field, so that a user knows where to look.
type FieldError struct {
	Field string // path in config.json: "mounts[3].options[1]"
	Err   error  // what is wrong, with the value and what was expected
	Hint  string // what to do about it; may be empty
}

func (e *FieldError) Error() string {
	if e.Field == "" { // the document as a whole
		return e.Err.Error()
	}
	return e.Field + ": " + e.Err.Error()
}

// Unwrap returns the cause.
func (e *FieldError) Unwrap() error { return e.Err }

// StepError is a step that failed while it was carried out.
type StepError struct {
	Item Item
	Err  error
	// Root is the container's root filesystem, by its name on the host, for
	// finding out why its program is not executed.
	Root string
	// Whole means that Err's text stands alone, in words engines match on.
	Whole bool
}

func (e *StepError) Error() string {
	text := e.Err.Error()
	if e.Whole {
		return text
	}
	if e.Item.Step != nil {
		text = e.Item.Step.String() + ": " + text
	}
	if e.Item.Field != "" {
		text = e.Item.Field + ": " + text
	}
	return text
}

// Unwrap returns the cause.
func (e *StepError) Unwrap() error { return e.Err }

// InField makes an error about a field of config.json.
func InField(field string, err error) error { return &FieldError{Field: field, Err: err} }
