// Package cli is the face of crun-go: what people and engines type, and what they read. It alone prints, chooses exit codes
// and asks package advice for hints; the library below it returns errors.
//
// The commands, flags, texts and exit codes are those of runc, which engines know by heart; where crun has more, that is
// accepted too. There is one file for each command.
package cli
