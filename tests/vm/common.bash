# common.bash: what vm and uml have in common: the Debian tree that both guests
# are made of, the options of run, and what a run hands to its guest.
# shellcheck shell=bash
# shellcheck disable=SC2034 # used by those that load this

name=${0##*/}
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
cache=${VM_CACHE:-${CRUN_GO_CACHE:-${XDG_CACHE_HOME:-${HOME:-/root}/.cache}/crun-go}/vm}
suite=${VM_SUITE:-trixie}
memory=${VM_MEMORY:-3072}
disk=${VM_DISK:-8G}
slots=4

packages=(
	systemd systemd-sysv udev dbus dbus-user-session libpam-systemd kmod procps
	iproute2 iptables nftables uidmap apparmor jq bats busybox-static strace
	criu libcriu2 crun runc conmon containerd docker.io docker-cli podman buildah
	netavark aardvark-dns slirp4netns passt fuse-overlayfs
	golang-github-containers-common ca-certificates
)

die() {
	echo "$name: $*" >&2
	exit 125
}

step() {
	echo "$name: $* ($SECONDS s)" >&2
}

# missing COMMAND...: why the guest can't be built and run here, or nothing. These
# are what takes it beside debootstrap.
missing() {
	local tool
	if [ "$(uname -m)" != x86_64 ]; then
		echo "the guest is x86_64, this machine is $(uname -m)"
	elif [ "$(id -u)" != 0 ]; then
		echo "building the guest needs root (debootstrap)"
	else
		for tool in debootstrap mkfs.ext4 flock "$@"; do
			if [ -z "$(command -v "$tool")" ]; then
				echo "$tool is not installed"
				return
			fi
		done
	fi
}

# check WHY: of missing.
check() { [ -z "$1" ] || die "$1"; }

# The mirror that this machine's apt uses, if it is one of Debian's. Without,
# debootstrap has a default of its own.
mirror() {
	if [ -n "${VM_MIRROR:-}" ]; then
		echo "$VM_MIRROR"
	elif [ -n "$(command -v apt-get)" ]; then
		apt-get indextargets --format '$(ORIGIN) $(CODENAME) $(REPO_URI)' 'Created-By: Packages' 2>/dev/null |
			sed -n 's/^Debian [a-z]* //p' | head -n 1
	fi
}

# lock: builds, and runs that have to prepare something, wait here for each other.
lock() {
	mkdir -p "$cache"
	exec 5>"$cache/lock"
	flock 5
}

# in_tree ROOT COMMAND...: run it in the tree, with this machine's name servers,
# and so that no package starts a service; fifteen minutes at most.
in_tree() {
	local root=$1 rc=0
	shift
	printf '#!/bin/sh\nexit 101\n' >"$root/usr/sbin/policy-rc.d"
	chmod 755 "$root/usr/sbin/policy-rc.d"
	cp /etc/resolv.conf "$root/etc/resolv.conf"
	DEBIAN_FRONTEND=noninteractive timeout -k 10 900 chroot "$root" "$@" || rc=$?
	rm -f "$root/usr/sbin/policy-rc.d" "$root/etc/resolv.conf"
	return "$rc"
}

# make_base ROOT LOG: a root tree with the packages and the kernel for QEMU, kept
# for the next build with the same packages.
make_base() {
	local root=$1 log=$2 key more=() mirror
	read -ra more <<<"${VM_PACKAGES:-}"
	mirror=$(mirror)
	key="$suite $mirror ${packages[*]} ${more[*]}"
	if [ -f "$root.key" ] && [ "$(cat "$root.key")" = "$key" ]; then
		return
	fi
	rm -rf "$root" "$root.key"

	step "debootstrap $suite"
	timeout -k 10 900 debootstrap --variant=minbase "$suite" "$root" ${mirror:+"$mirror"} >"$log" 2>&1 ||
		die "debootstrap failed: $(tail -n 3 "$log") (see $log)"

	step "packages"
	printf '%s\n' force-unsafe-io 'path-exclude=/usr/share/doc/*' 'path-exclude=/usr/share/man/*' \
		'path-exclude=/usr/share/locale/*' >"$root/etc/dpkg/dpkg.cfg.d/vm"
	# The kernel is only unpacked: its package would pull in, and run, the
	# tools for an initramfs that is not wanted here. It is the generic
	# kernel because the smaller one for clouds has no 9p.
	# shellcheck disable=SC2016
	in_tree "$root" sh -ec '
		apt-get update
		apt-get install -y --no-install-recommends "$@"
		mkdir -p /boot/kernel
		cd /boot
		apt-get download "$(apt-cache depends linux-image-amd64 | sed -n "s/^ *Depends: //p" | head -n 1)"
		dpkg-deb -x linux-image-*.deb kernel
		rm -f linux-image-*.deb
		apt-get clean
		rm -rf /var/lib/apt/lists/*
		mkdir -p /usr/lib/modules
		mv kernel/boot/vmlinuz-* vmlinuz
		for d in kernel/lib/modules/* kernel/usr/lib/modules/*; do
			[ -d "$d" ] || continue
			mv "$d" /usr/lib/modules/
			depmod "${d##*/}"
		done
		rm -r kernel
	' sh "${packages[@]}" "${more[@]}" >>"$log" 2>&1 ||
		die "installing packages failed: $(tail -n 3 "$log") (see $log)"
	echo "$key" >"$root.key"
}

# set_up ROOT LINK LOG ROOT_DISK: make a guest of a tree, whose agent reaches its
# host by LINK, and whose root is on that disk.
set_up() {
	local root=$1 link=$2 log=$3
	mkdir -p "$root/usr/local/lib/vm"
	cp "$here/guest/agent" "$root/usr/local/lib/vm/agent"
	cp "$here/guest/$link" "$root/usr/local/lib/vm/link"
	cp "$here"/guest/*.service "$root/etc/systemd/system/"
	ROOT_DISK=$4 chroot "$root" sh <"$here/guest/setup" >>"$log" 2>&1 ||
		die "setting up the guest failed: see $log"
}

# make_disk ROOT IMAGE LOG: without a journal (the disk never outlives a run) and
# without lazy initialisation (it would go on in the background of every run).
make_disk() {
	mkfs.ext4 -q -F -O ^has_journal -E lazy_itable_init=0,nodiscard -N 262144 -m 0 \
		-d "$1" "$2" "$disk" >>"$3" 2>&1 ||
		die "mkfs.ext4 failed: see $3"
}

share_dir=()
share_ro=()
shares=()
rundir=
pid=

cleanup() {
	if [ -n "$pid" ]; then
		kill -KILL "$pid" 2>/dev/null || :
		wait "$pid" 2>/dev/null || :
	fi
	pid=
	if [ -n "$rundir" ]; then
		rm -rf "$rundir"
	fi
	rundir=
}

new_rundir() {
	mkdir -p "$cache/run"
	rundir=$(mktemp -d "$cache/run/XXXXXX")
	trap cleanup EXIT
	trap 'exit 130' INT
	trap 'exit 143' TERM HUP
	mkdir "$rundir/ctl" "$rundir/empty"
}

add_share() {
	local mode=$1 dir=${2%%:*} path=${2#*:} n=${#share_dir[@]}
	[ "$n" -lt "$slots" ] || die "at most $slots shares"
	[ -d "$dir" ] || die "not a directory: $dir"
	dir=$(readlink -f "$dir")
	[ "$2" != "${2%:*}" ] || path=$dir
	case $path in
	/*) ;;
	*) die "not an absolute path: $path" ;;
	esac
	share_dir[n]=$dir
	share_ro[n]=
	if [ "$mode" != rw ]; then
		share_ro[n]=yes
	fi
	shares+=("$n $mode $path")
}

# run_options ARGUMENT...: those of run, into these variables.
run_options() {
	cold='' user='' limit=600 console='' command=()
	while [ $# -gt 0 ]; do
		case $1 in
		--share) add_share overlay "$2" && shift ;;
		--share-ro) add_share ro "$2" && shift ;;
		--share-rw) add_share rw "$2" && shift ;;
		--user) user=tester ;;
		--cold) cold=yes ;;
		--timeout) limit=$2 && shift ;;
		--console) console=$2 && shift ;;
		--)
			shift
			break
			;;
		*) die "unknown option: $1" ;;
		esac
		shift
	done
	command=("$@")
	[ $# -gt 0 ] || die "no command"
}

# hand_over: what the agent in the guest finds in ctl.
hand_over() {
	{
		echo '#!/bin/sh'
		if [ ${#command[@]} -eq 1 ]; then
			echo "${command[0]}"
		else
			printf 'exec'
			printf " '%s'" "${command[@]//\'/\'\\\'\'}"
			echo
		fi
	} >"$rundir/ctl/cmd"
	echo "$user" >"$rundir/ctl/user"
	printf '%s\n' "${shares[@]}" >"$rundir/ctl/shares"
	[ ${#shares[@]} -gt 0 ] || : >"$rundir/ctl/shares"
	head -c 64 /dev/urandom >"$rundir/ctl/seed"
	date +%s.%N >"$rundir/ctl/now"
}

# wanted: exits if no process waits for the guest any more.
wanted() { :; }

# await: the status of what runs as $pid, in no more than $limit seconds.
await() {
	local deadline=$((SECONDS + limit)) rc=0
	while [ -d "/proc/$pid" ]; do
		if [ "$SECONDS" -ge "$deadline" ]; then
			echo "$name: time-out after $limit s" >&2
			exit 124
		fi
		wanted
		sleep 0.1
	done
	wait "$pid" || rc=$?
	pid=
	return "$rc"
}

# answer LOG...: exit with CMD's status, or say what the guest last said.
answer() {
	if [ -s "$rundir/ctl/rc" ]; then
		exit "$(cat "$rundir/ctl/rc")"
	fi
	tail -n 20 "$@" >&2 || :
	die "the guest ended without an answer"
}
