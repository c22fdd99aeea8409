package cli

import "strings"

const zshHead = `#compdef crun-go
# zsh completion for crun-go, as printed by: crun-go completion zsh

_crun-go_containers() {
  local -a containers
  containers=(${(f)"$(${~crun_go} $crun_go_root list -q 2>/dev/null)"})
  _describe -t containers container containers
}

_crun-go() {
  local curcontext=$curcontext crun_go=$words[1] state state_descr line ret=1
  local -a commands crun_go_root
  local -A opt_args
  commands=(
`

const zshMiddle = `    '1: :->command' \
    '*:: :->arguments' && ret=0
  [[ -z ${opt_args[--root]} ]] || crun_go_root=(--root ${(Q)opt_args[--root]})
  case $state in
  command) _describe -t commands command commands && ret=0 ;;
  arguments)
    case $line[1] in
`

const zshTail = `    esac
    ;;
  esac
  return ret
}

if [[ $funcstack[1] == _crun-go ]]; then
  _crun-go "$@"
else
  compdef _crun-go crun-go
fi
`

func zshCompletion(program Description, commands []Description) string {
	var b strings.Builder
	b.WriteString(zshHead)
	for _, c := range commands {
		b.WriteString("    " + shellQuote(c.Name+":"+c.Title) + "\n")
	}
	b.WriteString("  )\n  _arguments -C -S \\\n")
	zshFlags(&b, "    ", program.Flags)
	b.WriteString(zshMiddle)
	for _, c := range commands {
		b.WriteString("    " + c.Name + ")\n      _arguments -S \\\n")
		zshFlags(&b, "        ", c.Flags)
		for _, a := range candidatesOf(c, commands) {
			b.WriteString("        " + shellQuote(": :"+zshAction(a)) + " \\\n")
		}
		b.WriteString("        && ret=0\n      ;;\n")
	}
	b.WriteString(zshTail)
	return b.String()
}

// zshFlags writes flags as _arguments wants them (zshcompsys(1)), each form with the list of those that it excludes.
func zshFlags(b *strings.Builder, indent string, flags []FlagDescription) {
	escape := strings.NewReplacer(`\`, `\\`, `[`, `\[`, `]`, `\]`)
	for _, f := range flags {
		for _, form := range f.Forms {
			spec := "(" + strings.Join(f.Forms, " ") + ")" + form
			if f.Value != "" && strings.HasPrefix(form, "--") {
				spec += "="
			}
			spec += "[" + escape.Replace(f.Meaning) + "]"
			if f.Value != "" {
				spec += ":" + f.Value + ":" + zshAction(candidateOf(f))
			}
			b.WriteString(indent + shellQuote(spec) + " \\\n")
		}
	}
}

func zshAction(c candidate) string {
	switch c.kind {
	case kindWord:
		return "(" + strings.Join(c.words, " ") + ")"
	case kindFile:
		return "_files"
	case kindDirectory:
		return "_files -/"
	case kindContainer:
		return "_crun-go_containers"
	}
	return " "
}

func shellQuote(s string) string { return "'" + strings.ReplaceAll(s, "'", `'\''`) + "'" }
