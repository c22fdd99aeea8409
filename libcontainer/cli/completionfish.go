package cli

import (
	"strconv"
	"strings"
)

const fishHead = `# fish completion for crun-go, as printed by: crun-go completion fish

# The command and its arguments before the cursor, one on each line, without flags and their values.
function __crun_go_words
    set -l words (commandline -opc)
    set -e words[1]
    set -l command ''
    set -l value 0
    for word in $words
        if test $value = 1
            set value 0
        else if string match -q -- '-?*' $word
            if contains -- "$command:$word" $__crun_go_values
                set value 1
            end
        else
            test -n "$command"; or set command $word
            echo $word
        end
    end
end

# Whether the words are those of a command, the program's without one, and how many arguments follow it.
function __crun_go_at
    set -l words (__crun_go_words)
    if test -z "$argv[1]"
        test (count $words) = 0
    else
        test "$words[1]" = "$argv[1]"; and test (count $words) = (math $argv[2] + 1)
    end
end

function __crun_go_containers
    set -l words (commandline -opc)
    set -l root
    for i in (seq (count $words))
        switch $words[$i]
            case --root
                set root --root $words[(math $i + 1)]
            case '--root=*'
                set root $words[$i]
        end
    end
    $words[1] $root list -q 2>/dev/null
end

complete -c crun-go -f
`

func fishCompletion(program Description, commands []Description) string {
	var values, b strings.Builder
	flags := func(command string, list []FlagDescription) {
		for _, f := range list {
			line := "complete -c crun-go -n " + fishAt(command, 0)
			for _, form := range f.Forms {
				if long, found := strings.CutPrefix(form, "--"); found {
					line += " -l " + long
				} else {
					line += " -s '" + form[1:] + "'"
				}
				if f.Value != "" {
					values.WriteString(" " + fishQuote(command+":"+form))
				}
			}
			if f.Value != "" {
				c := candidateOf(f)
				if c.kind == kindFile {
					line += " -r" + fishCandidate(c)
				} else {
					line += " -x" + fishCandidate(c)
				}
			}
			b.WriteString(line + " -d " + fishQuote(f.Meaning) + "\n")
		}
	}
	flags("", program.Flags)
	for _, c := range commands {
		b.WriteString("complete -c crun-go -n " + fishAt("", 0) + " -a " + c.Name + " -d " + fishQuote(c.Title) + "\n")
		flags(c.Name, c.Flags)
		for i, a := range candidatesOf(c, commands) {
			b.WriteString("complete -c crun-go -n " + fishAt(c.Name, i) + fishCandidate(a) + "\n")
		}
	}
	return fishHead + "set -g __crun_go_values" + values.String() + "\n" + b.String()
}

// fishAt is a condition: so many arguments stand behind a command.
func fishAt(command string, n int) string {
	if command == "" {
		return `'__crun_go_at ""'`
	}
	return "'__crun_go_at " + command + " " + strconv.Itoa(n) + "'"
}

func fishCandidate(c candidate) string {
	switch c.kind {
	case kindWord:
		return " -a " + fishQuote(strings.Join(c.words, " "))
	case kindFile:
		return " -F"
	case kindDirectory:
		return " -a '(__fish_complete_directories)'"
	case kindContainer:
		return " -a '(__crun_go_containers)'"
	}
	return ""
}

func fishQuote(s string) string {
	return "'" + strings.NewReplacer(`\`, `\\`, "'", `\'`).Replace(s) + "'"
}
