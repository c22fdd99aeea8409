package cli

import "strings"

const bashHead = `# bash completion for crun-go, as printed by: crun-go completion bash
# shellcheck shell=bash disable=SC2207

_crun_go() {
	local cur=${COMP_WORDS[COMP_CWORD]} word flag='' kind='' words='' command='' n=0 i
	local -a root=()
	COMPREPLY=()
	for ((i = 1; i < COMP_CWORD; i++)); do
		word=${COMP_WORDS[i]}
		if [[ -n $kind ]]; then
			# --root=DIR is three words here.
			[[ $word != = ]] || continue
			[[ $flag != :--root ]] || root=(--root "$word")
			kind=''
		elif [[ $word == -?* && $n -eq 0 ]]; then
			flag=$command:$word
			case $flag in
`

const bashMiddle = `			esac
		elif [[ -z $command ]]; then
			command=$word
		else
			((++n))
		fi
	done
	[[ $cur != = ]] || cur=''
	if [[ -z $kind && $cur == -* && $n -eq 0 ]]; then
		kind=word
		case $command in
`

const bashTail = `		esac
	fi
	case $kind in
	dir | file) compopt -o filenames 2>/dev/null ;;
	container)
		kind=word
		words=$("${COMP_WORDS[0]}" "${root[@]}" list -q 2>/dev/null)
		;;
	esac
	case $kind in
	dir) mapfile -t COMPREPLY < <(compgen -d -- "$cur") ;;
	file) mapfile -t COMPREPLY < <(compgen -f -- "$cur") ;;
	word) mapfile -t COMPREPLY < <(compgen -W "$words" -- "$cur") ;;
	esac
}

complete -F _crun_go crun-go
`

// bashCompletion needs no bash-completion.
func bashCompletion(program Description, commands []Description) string {
	var values, flags, arguments strings.Builder
	add := func(name string, list []FlagDescription) {
		var forms []string
		for _, f := range list {
			forms = append(forms, f.Forms...)
			if f.Value != "" {
				patterns := name + ":" + strings.Join(f.Forms, " | "+name+":")
				values.WriteString("\t\t\t" + patterns + ") " + bashCandidate(candidateOf(f)) + " ;;\n")
			}
		}
		flags.WriteString("\t\t" + bashWord(name) + ") words='" + strings.Join(forms, " ") + "' ;;\n")
	}
	add("", program.Flags)
	arguments.WriteString("\t\t:0) " + bashCandidate(candidate{kindWord, names(commands)}) + " ;;\n")
	for _, c := range commands {
		add(c.Name, c.Flags)
		for i, a := range candidatesOf(c, commands) {
			arguments.WriteString("\t\t" + c.Name + ":" + string(rune('0'+i)) + ") " + bashCandidate(a) + " ;;\n")
		}
	}
	return bashHead + values.String() + bashMiddle + flags.String() +
		"\t\tesac\n\telif [[ -z $kind ]]; then\n\t\tcase $command:$n in\n" + arguments.String() + bashTail
}

func bashCandidate(c candidate) string {
	if c.kind == kindWord {
		return "kind=word words='" + strings.Join(c.words, " ") + "'"
	}
	return "kind=" + c.kind
}

func bashWord(s string) string {
	if s == "" {
		return "''"
	}
	return s
}
