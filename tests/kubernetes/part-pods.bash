# part-pods.bash: what crictl sees.
# shellcheck shell=bash disable=SC2154
in_house pods timeout -k 20 600 $here/pods
finished pods || :
grep -E '^(passed|failed) ' "$out/pods.out" >>"$results" || echo "failed pods # $(tail -n 1 "$out/pods.out")" >>"$results"
