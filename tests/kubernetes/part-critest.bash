# part-critest.bash: critest through both runtimes at the same time, each with a
# containerd of its own, and what came of it side by side.
# shellcheck shell=bash disable=SC2154

# critest_round N [SPEC...]: the reports are $out/critest-{runc,crun-go}.N.
critest_round() {
	local round=$1 handler
	shift
	for handler in runc crun-go; do
		REPORT=$out/critest-$handler.$round in_house "critest-$handler-$round" $here/critest $handler "$@"
	done
	finished "critest-crun-go-$round"
	finished "critest-runc-$round"
	cat "$out/critest-runc-$round.out" "$out/critest-crun-go-$round.out"
}

# side_by_side N: lines "RESULT-OF-RUNC <tab> OF-CRUN-GO <tab> SPEC <tab> REASON".
side_by_side() {
	awk -F '\t' -v OFS='\t' '
		FNR == 1 { file++ }
		{ state[$2, FILENAME] = $1; if (!($2 in all)) { all[$2] = ++n; name[n] = $2 } if ($3 != "") why[$2] = $3 }
		END { for (i = 1; i <= n; i++) {
			runc = state[name[i], ARGV[1]]; ours = state[name[i], ARGV[2]]
			print runc == "" ? "missing" : runc, ours == "" ? "missing" : ours, name[i], why[name[i]] } }
	' "$out/critest-runc.$1" "$out/critest-crun-go.$1" | sort -t "$(printf '\t')" -k 3
}

# worse: the specs that do better through runc.
worse() { awk -F '\t' '$2 != "passed" && ($1 == "passed" || ($2 != $1 && $1 != "failed")) { print $3 }'; }

critest_table() {
	cat <<-END
		# Kubernetes

		The validation of CRI, critest, on containerd $("$ENGINE/containerd" --version | grep -oE '[0-9]+\.[0-9]+\.[0-9]+'), with runc $(runc --version | grep -oE '[0-9]+\.[0-9]+\.[0-9]+' | head -n 1) as the default handler
		and with crun-go. \`make test-kubernetes\` does it, and fails where a spec does not get through crun-go that
		gets through runc (\`UPDATE=1 make test-kubernetes\` writes this table). What is not there needs a registry to
		pull images from, SELinux or AppArmor.

		A kubelet 1.35 without a cluster runs pods that are files, on containerd 2 with either
		runtime as its default: init containers and one beside the others, hooks, probes of all
		three kinds, restarts, logs, commands, volumes, the users and groups of a pod, user ids
		of its own (through crun-go only, see below), its own restart, and the end in its order,
		after which nothing is left. What the containers see of themselves is the same. It is
		told to do without cgroups for pods and their classes where cgroup2 lacks the
		controllers (\`cgroupsPerQOS: false\`, \`enforceNodeAllocatable: []\`).

		- no: it can't be done on that machine, or not with that runtime, with the reason below

		| operation | runc | crun-go |
		| --- | --- | --- |
	END
	awk -F '\t' '
		function cell(state) {
			if (state == "passed") return state
			if (state == "failed") return state
			if (!($4 in number)) { number[$4] = ++notes; text[notes] = $4 }
			return "no (" number[$4] ")"
		}
		{ spec = $3; sub(/^\[k8s.io\] /, "", spec); sub(/ \[Conformance\]\.?$/, "", spec); gsub(/[|]/, "\\&#124;", spec)
		  runc = cell($1); print "| " spec " | " runc " | " cell($2) " |" }
		END { print ""; for (n = 1; n <= notes; n++) print n ". " text[n] }' "$out/critest"
}

critest_round 1
side_by_side 1 >"$out/critest"
if [ ! -s "$out/critest" ]; then
	echo "failed critest # nothing ran" >>"$results"
else
	# Once more, alone: machines under load have their own failures.
	mapfile -t again < <(worse <"$out/critest")
	if [ ${#again[@]} -gt 0 ]; then
		printf 'once more: %s\n' "${again[@]}"
		critest_round 2 "${again[@]}"
		side_by_side 2 >"$out/critest.again"
		awk -F '\t' 'NR == FNR { new[$3] = $0; next } { print $3 in new ? new[$3] : $0 }' "$out/critest.again" "$out/critest" >"$out/critest.new"
		mv "$out/critest.new" "$out/critest"
	fi
	grep -q 'Container OOM' "$out/critest" ||
		printf 'skipped\tskipped\t[k8s.io] Container OOM runtime should output OOMKilled reason should terminate with exitCode 137 and reason OOMKilled\tcgroup v2 has no memory controller in this host'"'"'s test house\n' >>"$out/critest"
	worse <"$out/critest" >"$out/critest.worse"
	awk -F '\t' -v worse="$out/critest.worse" 'BEGIN { while ((getline spec <worse) > 0) bad[spec] }
		{ spec = "critest: " $3
		  if ($3 in bad) print "failed", spec, "# runc: " $1 ", crun-go: " $2 ", " $4
		  else if ($2 == "passed") print "passed", spec
		  else print "skipped", spec, "# " ($1 == "failed" ? "fails through runc, too: " : "") $4 }' "$out/critest" >>"$results"
	for handler in runc crun-go; do
		awk -F '\t' -v h=$handler -v f=$([ $handler = runc ] && echo 1 || echo 2) '{ n[$f]++ } END { printf "critest through %s: %d passed, %d failed, %d not offered\n", h, n["passed"], n["failed"], n["skipped"] + n["missing"] }' "$out/critest"
	done
	awk -F '\t' '$1 != $2 { print "only one of them: runc " $1 ", crun-go " $2 ": " $3 " (" $4 ")" }' "$out/critest"
	critest_table >"$out/kubernetes.md"
	[ -z "${UPDATE:-}" ] || cp "$out/kubernetes.md" docs/kubernetes.md
	# What a machine has runc do is not compared.
	column() { sed -E 's/^([|] [^|]* )[|] [^|]* ([|] [^|]* [|])$/\1\2/' "$1"; }
	tests/engines/agree <(column docs/kubernetes.md) <(column "$out/kubernetes.md") >>"$results"
fi
