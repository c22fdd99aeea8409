#!/usr/bin/env bats
# crun-go engines on a host with current engines: installed for all of them, into
# the guest's own /etc, and taken back.
load ../suites/helpers
load guest

teardown() {
	for engine in docker containerd podman; do "$RUNTIME" engines --uninstall $engine >/dev/null; done
}

@test "docker, containerd, podman and buildah read what is written for them" {
	local engine before
	before=$(cd /etc && find docker containerd containers -type f 2>/dev/null | sort | xargs -r md5sum)
	for engine in docker containerd podman buildah; do ok "$RUNTIME" engines --install $engine --default; done
	same again "$out" 'nothing to do: buildah is as it should be'
	ok dockerd --validate --config-file /etc/docker/daemon.json
	ok containerd config dump
	grep -qE "BinaryName = ['\"]$RUNTIME['\"]" "$OUT" || fail "containerd does not know it"
	grep -qE "default_runtime_name = ['\"]crun-go['\"]" "$OUT" || fail "not containerd's default"
	ok podman info --format '{{.Host.OCIRuntime.Name}} {{.Host.OCIRuntime.Path}}'
	same podman "$out" "crun-go $RUNTIME"
	# One file serves both: buildah runs its steps with it.
	ok podman run --rm --network=none --rootfs /srv/busybox:O echo through podman
	same run "$out" 'through podman'
	ok "$RUNTIME" engines --json
	same known "$(jq -r '.[] | select(.registered and .default) | .engine + " " + (.version // "-")[0:2]' "$OUT" | tr '\n' ',')" \
		'docker 26,containerd 1.,podman 5.,buildah 1.,'
	for engine in docker containerd podman buildah; do ok "$RUNTIME" engines --uninstall $engine; done
	same left "$(cd /etc && find docker containerd containers -type f 2>/dev/null | sort | xargs -r md5sum)" "$before"
}

@test "contrib/kubernetes/node has systemd restart containerd, with the capability that its pod has" {
	local host=$BATS_TEST_TMPDIR/host image=$BATS_TEST_TMPDIR/image before
	mkdir "$host" "$image"
	cp "$RUNTIME" "$image/crun-go"
	cp "$TESTS/../contrib/kubernetes/node" "$image"
	mount --rbind / "$host"
	mount --make-rslave "$host"
	node() { HOST=$host setpriv --bounding-set=-all,+sys_chroot --no-new-privs sh "$image/node" "$1"; }
	systemctl start containerd
	before=$(systemctl show -P MainPID containerd)
	ok node install
	[[ $out == *"restarting containerd"* ]] || fail "$out"
	[ "$(systemctl show -P MainPID containerd)" -gt 0 ] && [ "$(systemctl show -P MainPID containerd)" != "$before" ] || fail "not restarted"
	ok containerd config dump
	grep -qE "BinaryName = ['\"]/usr/local/bin/crun-go['\"]" "$OUT" || fail "containerd does not know it"
	cmp /usr/local/bin/crun-go "$RUNTIME" || fail "another binary"
	before=$(systemctl show -P MainPID containerd)
	ok node uninstall
	[ "$(systemctl show -P MainPID containerd)" != "$before" ] || fail "not restarted again"
	[ ! -e /usr/local/bin/crun-go ] || fail "the binary is left"
	umount -l "$host"
}
