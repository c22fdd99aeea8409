# bash completion for crun-go, which knows itself what may follow.
# shellcheck shell=bash

_crun_go() {
	local cur=${COMP_WORDS[COMP_CWORD]} word kind=''
	COMPREPLY=()
	while IFS=$'\t' read -r word _; do
		case $word in
		:dir | :file) kind=$word ;;
		*) COMPREPLY+=("$word") ;;
		esac
	done < <("${COMP_WORDS[0]}" __complete -- "${COMP_WORDS[@]:1:COMP_CWORD}" 2>/dev/null)
	[[ -n $kind ]] || return 0
	[[ $cur != = ]] || cur=''
	compopt -o filenames 2>/dev/null
	mapfile -t COMPREPLY < <(compgen "-${kind:1:1}" -- "$cur")
}

complete -F _crun_go crun-go
