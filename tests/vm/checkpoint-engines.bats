#!/usr/bin/env bats
# bats file_tags=needs:criu
# docker checkpoint, podman container checkpoint: the engines' own way to dump
# and restore, with containers on a bridge.
load ../suites/helpers
load guest

COUNTER='i=0; while :; do i=$((i+1)); echo $i; sleep 0.2; done'

suite_setup() {
	install -m 0755 "$RUNTIME" /usr/local/bin/crun-go
	mkdir -p /etc/docker /etc/containers
	echo '{"experimental": true, "runtimes": {"crun-go": {"path": "/usr/local/bin/crun-go"}}}' >/etc/docker/daemon.json
	printf '[engine]\nruntime_supports_json = ["crun", "runc", "crun-go"]\n[engine.runtimes]\ncrun-go = ["/usr/local/bin/crun-go"]\n' \
		>/etc/containers/containers.conf
}

# Engines leave mounts of their own: the guest is thrown away.
teardown() { :; }

last() { "$@" logs counter 2>/dev/null | tail -n 1; }
# goes_on ENGINE FROM: the counter is beyond FROM, and did not start again.
beyond() { [ "$(last "${@:2}")" -gt "$1" ]; }

@test "docker: checkpoint create, start --checkpoint" {
	systemctl start docker
	docker import /srv/busybox.tar busybox >/dev/null
	ok docker run -d --runtime crun-go --name counter -v /var/tmp:/volume:ro busybox sh -c "$COUNTER"
	until_true beyond 3 docker
	ok docker checkpoint create counter one
	same status "$(docker inspect -f '{{.State.Status}}' counter)" exited
	local at
	at=$(last docker)
	ok docker start --checkpoint one counter
	until_true beyond "$at" docker
	same "next after $at" "$(docker logs counter | grep -A1 -x "$at" | tail -n 1)" $((at + 1))
	ok docker exec counter sh -c 'ip -4 addr show eth0 | grep -c 172.17; ! touch /volume/x 2>/dev/null'
	same address "$out" 1
	ok docker checkpoint create --leave-running counter two
	same status "$(docker inspect -f '{{.State.Status}}' counter)" running
	at=$(last docker)
	until_true beyond "$at" docker
	ok docker rm -f counter
	systemctl stop docker.socket docker
}

@test "podman: checkpoint, restore, a chain, export and import under another name" {
	local podman="podman --runtime crun-go"
	podman import /srv/busybox.tar busybox >/dev/null 2>&1
	ok $podman run -d --name counter busybox sh -c "$COUNTER"
	until_true beyond 3 podman
	ok $podman container checkpoint --pre-checkpoint counter
	ok $podman container checkpoint --with-previous counter
	local at
	at=$(last podman)
	ok $podman container restore counter
	until_true beyond "$at" podman
	ok $podman exec counter sh -c 'ip -4 addr show eth0 | grep -c 10.88'
	same address "$out" 1
	ok $podman container checkpoint --export /var/tmp/c.tar.gz counter
	at=$(last podman)
	ok $podman rm counter
	ok $podman container restore --import /var/tmp/c.tar.gz --name d
	again() { [ "$(podman logs d 2>/dev/null | tail -n 1)" -gt "$at" ]; }
	until_true again
	ok $podman rm -f -t 0 d
}
