# part-critest.bash: critest on containerd, through both runtimes, and its table.
# shellcheck shell=bash disable=SC2154
. "$here/critest.bash"

critest_table() {
	local containerd runc
	containerd=$("$ENGINE/containerd" --version | grep -oE '[0-9]+\.[0-9]+\.[0-9]+')
	runc=$(runc --version | grep -oE '[0-9]+\.[0-9]+\.[0-9]+' | head -n 1)
	cat <<-END
		# Kubernetes

		Three things were tried with crun-go and with runc $runc, by \`make test-kubernetes\`, which
		fails where a run contradicts this page (\`UPDATE=1\` writes it).

		**critest**, the validation of CRI, on containerd $containerd and CRI-O 1.34. Every spec that passes
		with runc passes with crun-go. Specs that need a registry, SELinux or AppArmor were not
		run.

		**A kubelet** 1.35 without a cluster, with static pods on containerd 2: init containers and
		sidecars, hooks, all probes, restarts, logs, commands, volumes, users and groups, user
		namespaces (with crun-go only, see below), a restart of the kubelet, and shutdown in order.
		What containers see of themselves is the same. Where cgroup2 lacked controllers, the kubelet
		ran with \`cgroupsPerQOS: false\` and \`enforceNodeAllocatable: []\`.

		**CRI-O** 1.34 with [contrib/crio/crun-go.conf](../contrib/crio/crun-go.conf) unchanged, and
		with what \`crun-go engines --install crio\` writes: pods by handler and by default, with
		conmon, user namespaces and recursive read-only mounts. They survive a restart of CRI-O, and
		nothing is left of a pod that was removed. CRI-O needs \`nft\` for host ports.

		**The installer** [contrib/kubernetes/nodes.yaml](../contrib/kubernetes/nodes.yaml): its pods ran on
		the same kubelet, with a directory in place of the node's root filesystem. They write the binary and the
		files of containerd and CRI-O, and restart containerd, which then runs pods by the handler; a second run
		changes nothing; the uninstaller waits until no such pod is left.

		## What differs

	END
	awk -F '\t' '
		function cell(state) {
			if (state == "passed") return state
			if (state == "failed") return state
			if (!($4 in number)) { number[$4] = ++notes; text[notes] = $4 }
			return "no (" number[$4] ")"
		}
		{ spec = $3; sub(/^\[k8s.io\] /, "", spec); sub(/ \[Conformance\]\.?$/, "", spec); gsub(/[|]/, "\\&#124;", spec)
		  runc = cell($1); mine = cell($2); rows[NR] = "| " spec " | " runc " | " mine " |"
		  if ($1 != $2) print "- " spec ": " $2 " with crun-go, " $1 " with runc (" $4 ")" }
		END { print "\n## All specs\n\n<details>\n<summary>" NR " specs of critest on containerd</summary>\n"
		  print "- no: not possible on the machine of the test, or not with that runtime; the number is that of the reason\n"
		  print "| operation | runc | crun-go |\n| --- | --- | --- |"
		  for (n = 1; n <= NR; n++) print rows[n]
		  print ""; for (n = 1; n <= notes; n++) print n ". " text[n]
		  print "\n</details>" }' "$out/critest"
}

SET=critest DAEMON=cri SUBJECT=critest
if critest_both; then
	critest_table >"$out/kubernetes.md"
	[ -z "${UPDATE:-}" ] || cp "$out/kubernetes.md" docs/kubernetes.md
	# What a machine has runc do is not compared.
	column() { sed -E 's/^([|] [^|]* )[|] [^|]* ([|] [^|]* [|])$/\1\2/' "$1"; }
	tests/engines/agree <(column docs/kubernetes.md) <(column "$out/kubernetes.md") >>"$results"
fi
