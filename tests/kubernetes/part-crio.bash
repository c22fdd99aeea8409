# part-crio.bash: CRI-O, what crictl gets of it, and critest.
# shellcheck shell=bash disable=SC2154
. "$here/critest.bash"
tests/env/packages gcc pkg-config libseccomp conmon buildah nft
missing=
[ -e /usr/include/seccomp.h ] || missing=libseccomp-dev
for tool in gcc pkg-config conmon buildah nft; do command -v $tool >/dev/null || missing+="${missing:+, }$tool"; done
if [ -n "$missing" ]; then
	echo "skipped CRI-O # not installed: $missing" >>"$results"
elif ! build crio; then
	echo "skipped CRI-O # $why" >>"$results"
else
	export CRIO=$built
	in_house crio timeout -k 20 600 $here/crio
	finished crio || :
	grep -E '^(passed|failed|skipped) ' "$out/crio.out" >>"$results" || echo "failed CRI-O # $(tail -n 1 "$out/crio.out")" >>"$results"
	SET=crio-critest DAEMON=crio SUBJECT="critest on CRI-O"
	critest_both || :
fi
