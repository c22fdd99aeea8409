# critest.bash: critest through both runtimes at the same time, each with a daemon of
# its own, and what came of it side by side; for parts of "all".
#
#   $SET      what files of it are named after: critest or crio-critest
#   $DAEMON   cri or crio, the file that starts it
#   $SUBJECT  what results begin with
# shellcheck shell=bash disable=SC2154

# critest_round N [SPEC...]: the reports are $out/$SET-{runc,crun-go}.N.
critest_round() {
	local round=$1 handler
	shift
	for handler in runc crun-go; do
		DAEMON=$DAEMON REPORT=$out/$SET-$handler.$round in_house "$SET-$handler-$round" $here/critest $handler "$@"
	done
	finished "$SET-crun-go-$round"
	finished "$SET-runc-$round"
	cat "$out/$SET-runc-$round.out" "$out/$SET-crun-go-$round.out"
}

# side_by_side N: lines "RESULT-OF-RUNC <tab> OF-CRUN-GO <tab> SPEC <tab> REASON".
side_by_side() {
	awk -F '\t' -v OFS='\t' '
		FNR == 1 { file++ }
		{ state[$2, FILENAME] = $1; if (!($2 in all)) { all[$2] = ++n; name[n] = $2 } if ($3 != "") why[$2] = $3 }
		END { for (i = 1; i <= n; i++) {
			runc = state[name[i], ARGV[1]]; ours = state[name[i], ARGV[2]]
			print runc == "" ? "missing" : runc, ours == "" ? "missing" : ours, name[i], why[name[i]] } }
	' "$out/$SET-runc.$1" "$out/$SET-crun-go.$1" | sort -t "$(printf '\t')" -k 3
}

# worse: the specs that do better through runc.
worse() { awk -F '\t' '$2 != "passed" && ($1 == "passed" || ($2 != $1 && $1 != "failed")) { print $3 }'; }

# critest_both: all of it, to $out/$SET and the results. It fails where nothing ran.
critest_both() {
	local again handler
	critest_round 1
	side_by_side 1 >"$out/$SET"
	[ -s "$out/$SET" ] || { echo "failed $SUBJECT # nothing ran" >>"$results"; return 1; }
	# Once more, alone: machines under load have their own failures.
	mapfile -t again < <(worse <"$out/$SET")
	if [ ${#again[@]} -gt 0 ]; then
		printf 'once more: %s\n' "${again[@]}"
		critest_round 2 "${again[@]}"
		side_by_side 2 >"$out/$SET.again"
		awk -F '\t' 'FILENAME == ARGV[1] { new[$3] = $0; next } { print $3 in new ? new[$3] : $0 }' "$out/$SET.again" "$out/$SET" >"$out/$SET.new"
		mv "$out/$SET.new" "$out/$SET"
	fi
	grep -q 'Container OOM' "$out/$SET" ||
		printf 'skipped\tskipped\t[k8s.io] Container OOM runtime should output OOMKilled reason should terminate with exitCode 137 and reason OOMKilled\tcgroup v2 has no memory controller in this host'"'"'s test sandbox\n' >>"$out/$SET"
	worse <"$out/$SET" >"$out/$SET.worse"
	awk -F '\t' -v subject="$SUBJECT" -v worse="$out/$SET.worse" 'BEGIN { while ((getline spec <worse) > 0) bad[spec] }
		{ spec = subject ": " $3
		  if ($3 in bad) print "failed", spec, "# runc: " $1 ", crun-go: " $2 ", " $4
		  else if ($2 == "passed") print "passed", spec
		  else print "skipped", spec, "# " ($1 == "failed" ? "fails through runc, too: " : "") $4 }' "$out/$SET" >>"$results"
	for handler in runc crun-go; do
		awk -F '\t' -v subject="$SUBJECT" -v h=$handler -v f=$([ $handler = runc ] && echo 1 || echo 2) '{ n[$f]++ } END { printf "%s through %s: %d passed, %d failed, %d not offered\n", subject, h, n["passed"], n["failed"], n["skipped"] + n["missing"] }' "$out/$SET"
	done
	awk -F '\t' '$1 != $2 { print "only one of them: runc " $1 ", crun-go " $2 ": " $3 " (" $4 ")" }' "$out/$SET"
}
