# part-nodes.bash: what contrib/kubernetes puts on nodes.
# shellcheck shell=bash disable=SC2154
tests/env/packages curl
if ! command -v curl >/dev/null; then
	echo "skipped contrib/kubernetes/nodes.yaml # curl is not installed" >>"$results"
elif ! build manifests || ! MANIFESTS=$built || ! build kubelet; then
	echo "skipped contrib/kubernetes/nodes.yaml # $why" >>"$results"
else
	export MANIFESTS KUBELET=$built
	in_house nodes timeout -k 20 900 $here/nodes
	finished nodes || :
	grep -E '^(passed|failed|skipped) ' "$out/nodes.out" >>"$results" || echo "failed contrib/kubernetes/nodes.yaml # $(tail -n 1 "$out/nodes.out")" >>"$results"
fi
