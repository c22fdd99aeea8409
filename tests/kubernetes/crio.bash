# crio.bash: CRI-O in the place of cri.bash's containerd, with the same words. $CRIO
# has the programs of CRI-O; $ENGINE is not needed.
#
# /etc is the sandbox's own, so that all files are where CRI-O and "crun-go engines"
# look for them by themselves.
# shellcheck shell=bash disable=SC2034,SC2154
. "$(dirname "${BASH_SOURCE[0]}")/cri.bash"
: "${CRIO:?}"
STORAGE=$D/storage
RUNTIME_ROOT=/run/$HANDLER

# own_etc: a copy, of which nothing comes back.
own_etc() {
	mkdir -p "$D/etc" "$D/containers" /var/lib/containers && cp -a /etc/. "$D/etc" && mount --bind "$D/etc" /etc && rm -rf /etc/crio &&
		mount --bind "$D/containers" /var/lib/containers &&
		mkdir -p /etc/crio/crio.conf.d /etc/containers &&
		echo '{"default": [{"type": "insecureAcceptAnything"}]}' >/etc/containers/policy.json &&
		cp /etc/containers/policy.json /etc/crio/policy.json && : >/etc/containers/registries.conf && rm -rf /etc/containers/registries.conf.d
}

# driver: of the storage; not every filesystem can be below an overlay.
driver() {
	mkdir -p "$D"/try/{lower,upper,work,all}
	if mount -t overlay -o "lowerdir=$D/try/lower,upperdir=$D/try/upper,workdir=$D/try/work" try "$D/try/all" 2>/dev/null; then
		umount "$D/try/all"
		echo overlay
	else
		echo vfs
	fi
}

# crio_config: what CRI-O needs here; what makes it know crun-go is contrib/'s file as
# it is, in the directory beside this.
crio_config() {
	cat <<-END
		[crio]
		root = "$STORAGE/root"
		runroot = "$STORAGE/run"
		storage_driver = "$DRIVER"
		log_dir = "$D/pods"
		version_file = "$D/version"
		version_file_persist = "$D/version.persist"
		clean_shutdown_file = "$D/clean"
		[crio.api]
		listen = "$D/c.sock"
		[crio.runtime]
		cgroup_manager = "cgroupfs"
		conmon_cgroup = "pod"
		selinux = false
		apparmor_profile = "unconfined"
		hooks_dir = []
		pinns_path = "$CRIO/pinns"
		default_runtime = "runc"
		[crio.runtime.runtimes.runc]
		runtime_path = "/usr/local/bin/runc"
		runtime_type = "oci"
		runtime_root = "/run/runc"
		[crio.image]
		pause_image = "localhost/pause:1"
		pause_command = "/bin/pause"
		signature_policy = "/etc/crio/policy.json"
		[crio.network]
		network_dir = "$D/cni/conf"
		plugin_dirs = ["/usr/lib/cni", "/opt/cni/bin"]
		[crio.nri]
		enable_nri = false
	END
}

crio_start() {
	"$CRIO/crio" >>"$D/log" 2>&1 </dev/null &
	ENGINE_PID=$!
	until_true 120 ready || { tail -n 20 "$D/log"; return 1; }
}

# cri_start: in the background, with the images; its log is $D/log. CRI-O only pulls,
# so another that keeps images in the same storage reads them.
cri_start() {
	local image
	own_places && runtimes && own_etc || return
	# It maps ports itself, with nft.
	jq '.plugins |= map(select(.type != "portmap"))' "$D/cni/conf/10-test.conflist" >"$D/conflist" && mv "$D/conflist" "$D/cni/conf/10-test.conflist"
	# CRI-O leaves to its host whether they are reached from 127.0.0.1.
	echo 1 >/proc/sys/net/ipv4/conf/all/route_localnet
	nft 'add table ip house; add chain ip house out { type nat hook postrouting priority srcnat; }; add rule ip house out ip saddr 127.0.0.0/8 oifname != "lo" masquerade'
	PATH=/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin
	DRIVER=$(driver)
	mkdir -p "$STORAGE"
	for image in "$IMAGES"/*.tar; do
		buildah --root "$STORAGE/root" --runroot "$STORAGE/run" --storage-driver "$DRIVER" pull -q "oci-archive:$image" || return
	done >"$D/import.log" 2>&1
	crio_config >/etc/crio/crio.conf
	cp "${TESTS%/*}/contrib/crio/crun-go.conf" /etc/crio/crio.conf.d/
	[ "$HANDLER" = runc ] || printf '[crio.runtime]\ndefault_runtime = "%s"\n' "$HANDLER" >/etc/crio/crio.conf.d/handler.conf
	crio_start
}
