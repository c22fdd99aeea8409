# part-kubelet.bash: a kubelet on containerd, at the same time through both runtimes,
# and whether its pods see the same.
# shellcheck shell=bash disable=SC2154
tests/env/packages curl
if ! command -v curl >/dev/null; then
	echo "skipped kubelet # curl is not installed" >>"$results"
elif ! build kubelet; then
	echo "skipped kubelet # $why" >>"$results"
else
	export KUBELET=$built
	for handler in runc crun-go; do
		REPORT=$out/kubelet-$handler in_house kubelet-$handler timeout -k 20 1200 $here/kubelet $handler
	done
	for handler in crun-go runc; do
		finished kubelet-$handler || :
		grep -E '^(passed|failed|skipped) ' "$out/kubelet-$handler.out" >>"$results" || echo "failed kubelet on $handler # $(tail -n 1 "$out/kubelet-$handler.out")" >>"$results"
	done
	if [ -s "$out/kubelet-runc" ] && said=$(diff "$out/kubelet-runc" "$out/kubelet-crun-go"); then
		echo "passed kubelet: pods see the same through both runtimes" >>"$results"
	else
		printf '%s\n' "$said"
		echo "failed kubelet: pods see the same through both runtimes # $(grep -c '^[<>]' <<<"$said") lines differ" >>"$results"
	fi
fi
