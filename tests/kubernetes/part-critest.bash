# part-critest.bash: critest on containerd, through both runtimes, and its table.
# shellcheck shell=bash disable=SC2154
. "$here/critest.bash"

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

		CRI-O 1.34 reads [contrib/crio/crun-go.conf](../contrib/crio/crun-go.conf) as it is, and what
		\`crun-go engines --install crio\` writes; pods come by their handler or by default, with
		conmon, user ids of their own and recursive read-only mounts, and outlive its restart; of one
		that is removed nothing is left. All specs below that get through containerd get through
		CRI-O, too, with either runtime but for the notes; there is no table of that. CRI-O needs
		\`nft\` for host ports.

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

SET=critest DAEMON=cri SUBJECT=critest
if critest_both; then
	critest_table >"$out/kubernetes.md"
	[ -z "${UPDATE:-}" ] || cp "$out/kubernetes.md" docs/kubernetes.md
	# What a machine has runc do is not compared.
	column() { sed -E 's/^([|] [^|]* )[|] [^|]* ([|] [^|]* [|])$/\1\2/' "$1"; }
	tests/engines/agree <(column docs/kubernetes.md) <(column "$out/kubernetes.md") >>"$results"
fi
