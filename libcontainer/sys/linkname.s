// Empty: a package with functions that have no body, as go:linkname needs
// them, must have an assembly file.
