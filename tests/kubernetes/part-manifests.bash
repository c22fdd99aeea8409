# part-manifests.bash: the objects in contrib/ by the types of Kubernetes.
# shellcheck shell=bash disable=SC2154

# objects FILE: a line about each.
objects() { "$built/manifests" <"contrib/kubernetes/$1" 2>&1; }

# described FILE LINES: the objects of the file are these.
described() {
	local said
	if said=$(objects "$1") && [ "$said" = "$2" ]; then
		echo "passed contrib/kubernetes/$1 is objects of Kubernetes" >>"$results"
	else
		echo "failed contrib/kubernetes/$1 is objects of Kubernetes # $said" >>"$results"
	fi
}

if ! build manifests; then
	echo "skipped contrib/kubernetes is objects of Kubernetes # $why" >>"$results"
else
	described runtimeclass.yaml "RuntimeClass crun-go: handler crun-go"
	# Pods of the class go where the DaemonSet installs it.
	described nodes.yaml "RuntimeClass crun-go: handler crun-go, nodes crun-go=install
DaemonSet crun-go-install, nodes crun-go=install
DaemonSet crun-go-uninstall, nodes crun-go=uninstall"
	# A reader that takes anything would show nothing.
	for change in handler/hndler mountPath/mountpath DaemonSet/Deployment allowPrivilege/allowprivilege; do
		if sed "s/$change/" contrib/kubernetes/nodes.yaml | "$built/manifests" >/dev/null 2>&1; then
			echo "failed contrib/kubernetes/nodes.yaml: $change is read over" >>"$results"
		fi
	done
fi
