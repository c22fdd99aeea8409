#!/usr/bin/env bats
# What is installed and packaged: the same bytes each time, all of it, and nothing
# left when it goes. And what of it people read and type: manual pages and
# completions.
load helpers

REPO=$TESTS/..

suite_setup() {
	is_ours || return 0
	for command in go make gzip; do
		command -v $command >/dev/null || skip "$command is not installed"
	done
	export PATH=$PATH:/usr/sbin:/sbin
	mk install DESTDIR="$BATS_FILE_TMPDIR/tree" PREFIX=/usr >"$BATS_FILE_TMPDIR/log" 2>&1 || {
		tail -n 20 "$BATS_FILE_TMPDIR/log" >&2
		return 1
	}
}

# mk TARGET...: make, into a directory of the suite's. Make's own settings are not those of the make that runs the tests.
mk() { env -u MAKEFLAGS -u MAKELEVEL -u MAKEOVERRIDES make -s -C "$REPO" BUILD="${B:-$BATS_FILE_TMPDIR/build}" OUT="$BATS_FILE_TMPDIR/crun-go" "$@"; }

# within PREFIX: what is installed there.
within() { (cd "$1" && find . ! -type d | LC_ALL=C sort); }

@test "install puts the binary, pages, completions and examples into their places" {
	ours "its own packaging"
	local tree=$BATS_FILE_TMPDIR/tree command
	ok "$tree/usr/bin/crun-go" --version
	for command in '' $("$tree/usr/bin/crun-go" --help | sed -n '/^COMMANDS:/,/^$/s/^   \([a-z]*\).*/-\1/p'); do
		[ -s "$tree/usr/share/man/man8/crun-go$command.8" ] || fail "no page for '$command'"
	done
	for file in bash-completion/completions/crun-go zsh/site-functions/_crun-go fish/vendor_completions.d/crun-go.fish \
		doc/crun-go/examples/docker/daemon.json doc/crun-go/examples/kubernetes/runtimeclass.yaml; do
		[ -s "$tree/usr/share/$file" ] || fail "no $file"
	done
	same path "$(jq -r '.runtimes["crun-go"].path' "$tree/usr/share/doc/crun-go/examples/docker/daemon.json")" /usr/bin/crun-go
	! grep -rn /usr/local "$tree/usr/share" || fail "the place is another"
	# The files of contrib are those that the program writes.
	ok "$tree/usr/bin/crun-go" engines --install podman --prefix "$tree" --path /usr/bin/crun-go
	cmp "$tree/etc/containers/containers.conf.d/crun-go.conf" "$tree/usr/share/doc/crun-go/examples/podman/crun-go.conf"
	rm -r "$tree/etc"
}

@test "uninstall leaves nothing of it, and what is of others" {
	ours "its own packaging"
	local tree=$BATS_TEST_TMPDIR/tree
	cp -a "$BATS_FILE_TMPDIR/tree" "$tree"
	touch "$tree/usr/share/man/man8/crun.8" "$tree/usr/bin/crun-gone"
	mk uninstall DESTDIR="$tree" PREFIX=/usr >/dev/null
	same left "$(within "$tree")" './usr/bin/crun-gone
./usr/share/man/man8/crun.8'
}

@test "the Debian package: the same bytes twice, nothing to complain about, and a container out of it" {
	ours "its own packaging"
	command -v dpkg-deb >/dev/null || skip "dpkg-deb is not installed"
	mk deb >/dev/null
	(umask 077 && B=$BATS_TEST_TMPDIR/again TZ=Asia/Tokyo LC_ALL=C mk deb >/dev/null)
	local deb root=$BATS_TEST_TMPDIR/root before
	deb=$(echo "$BATS_FILE_TMPDIR"/build/crun-go_*.deb)
	cmp "$deb" "$BATS_TEST_TMPDIR"/again/crun-go_*.deb
	same scripts "$(dpkg-deb --ctrl-tarfile "$deb" | tar t | LC_ALL=C sort | tr '\n' ' ')" './ ./control ./md5sums '
	same owners "$(dpkg-deb --fsys-tarfile "$deb" | tar tv | awk '{ print $2 }' | sort -u)" root/root
	mkdir -p "$root"/var/lib/dpkg/{info,updates}
	: >"$root/var/lib/dpkg/status"
	before=$(within "$root" | grep -v /var/lib/dpkg/) || true
	ok dpkg --root "$root" --install "$deb"
	(cd "$root" && md5sum --quiet -c var/lib/dpkg/info/crun-go.md5sums)
	RUNTIME=$root/usr/bin/crun-go inside echo from the package
	same output "$out" 'from the package'
	ok dpkg --root "$root" --purge crun-go
	same left "$(within "$root" | grep -v /var/lib/dpkg/)" "$before"
	[ ! -e "$root/usr" ] || fail "directories left: $(find "$root/usr")"
	command -v lintian >/dev/null || skip "all but lintian, which is not installed"
	ok lintian --allow-root --fail-on error,warning "$deb"
	same lintian "$out" ''
}

@test "the Debian package: an upgrade, and a return, with a container that goes on" {
	ours "its own packaging"
	command -v dpkg-deb >/dev/null || skip "dpkg-deb is not installed"
	local old new root=$BATS_TEST_TMPDIR/root
	mk deb VERSION=1.0.0-rc.1 >/dev/null
	mk deb VERSION=1.0.0 >/dev/null
	old=$BATS_FILE_TMPDIR/build/crun-go_1.0.0~rc.1_$(dpkg --print-architecture).deb
	new=${old/~rc.1/}
	mkdir -p "$root"/var/lib/dpkg/{info,updates} "$root/etc/docker"
	: >"$root/var/lib/dpkg/status"
	echo '{}' >"$root/etc/docker/daemon.json"
	ok dpkg --root "$root" --install "$old"
	RUNTIME=$root/usr/bin/crun-go
	ok "$RUNTIME" --version
	same old "$(head -n 1 "$OUT")" 'crun-go version 1.0.0-rc.1'
	up
	ok create "$ID-waits"
	ok dpkg --root "$root" --install "$new"
	[[ $err$out != *downgrad* ]] || fail "rc.1 is not older: $err"
	same package "$(dpkg-query --admindir "$root/var/lib/dpkg" -W -f '${Version} ${Status}' crun-go)" '1.0.0 install ok installed'
	ok "$RUNTIME" --version
	same new "$(head -n 1 "$OUT")" 'crun-go version 1.0.0'
	same files "$(within "$root/usr" | sed 's|^.|/usr|')" "$(dpkg --root "$root" -L crun-go | while read -r f; do [ -d "$root$f" ] || echo "$f"; done | LC_ALL=C sort)"
	# What the older one has made.
	ok rt exec "$ID" true
	ok rt start "$ID-waits"
	ok rt delete --force "$ID-waits"
	ok rt exec "$ID" echo goes on
	same output "$out" 'goes on'
	ok dpkg --root "$root" --install "$old"
	ok rt delete --force "$ID"
	ok dpkg --root "$root" --remove crun-go
	same status "$(dpkg-query --admindir "$root/var/lib/dpkg" -W -f '${Status}' crun-go 2>&1 | head -n 1)" "dpkg-query: no packages found matching crun-go"
	[ ! -e "$root/usr" ] || fail "left: $(find "$root/usr")"
	same "a file that is not of the package" "$(cat "$root/etc/docker/daemon.json")" '{}'
}

@test "the tarball: the same bytes twice, to be unpacked into /usr/local" {
	ours "its own packaging"
	mk tarball >/dev/null
	(umask 077 && B=$BATS_TEST_TMPDIR/again mk tarball >/dev/null)
	local tar root=$BATS_TEST_TMPDIR/root
	tar=$(echo "$BATS_FILE_TMPDIR"/build/crun-go-*.tar.gz)
	cmp "$tar" "$BATS_TEST_TMPDIR"/again/crun-go-*.tar.gz
	mkdir "$root"
	tar -C "$root" --strip-components=1 -xf "$tar"
	ok "$root/bin/crun-go" --version
	cmp "$REPO/LICENSE" "$root/share/doc/crun-go/LICENSE"
	cmp "$REPO/contrib/crio/crun-go.conf" "$root/share/doc/crun-go/examples/crio/crun-go.conf"
}

@test "man shows the pages" {
	ours "its own pages"
	command -v man >/dev/null || skip "man is not installed"
	export MANROFFOPT=-ww MANWIDTH=80
	for page in "$BATS_FILE_TMPDIR"/tree/usr/share/man/man8/*; do
		try man -l "$page"
		[ "$rc" = 0 ] || fail "$page"
		same warnings "$err" ''
	done
	ok man -l "$BATS_FILE_TMPDIR/tree/usr/share/man/man8/crun-go-kill.8"
	[[ $out == *'crun-go [global options] kill [options] container-id [signal]'* ]] || fail synopsis
}

# Completions, with a container to be named.

completion() {
	"$RUNTIME" completion "$1" >"$BATS_TEST_TMPDIR/completion"
	mkdir "$BATS_TEST_TMPDIR/bin" "$BATS_TEST_TMPDIR/dir"
	ln -s "$RUNTIME" "$BATS_TEST_TMPDIR/bin/crun-go"
	: >"$BATS_TEST_TMPDIR/file"
	PATH=$BATS_TEST_TMPDIR/bin:$PATH
	ok create "$ID"
	cd "$BATS_TEST_TMPDIR"
}

# offers WANT WORD...: what follows on a command line of these words, the last of them begun.
offers() {
	local want=$1
	shift
	same "what follows: $*" "$(complete_words "$@" | sort | tr '\n' ' ')" "$want"
}

offered() {
	offers "$ID " crun-go --root "$ROOT" kill ''
	offers "$ID " crun-go --root "$ROOT" exec --detach --cwd / ''
	offers '' crun-go --root "$ROOT" run ''
	offers 'engines events exec ' crun-go --log-format json e
	offers 'json text ' crun-go --log-format ''
	offers 'add remove ' crun-go mounts ''
	offers 'KILL ' crun-go kill "$ID" KI
	offers 'pause plan ps ' crun-go help p
	offers 'podman ' crun-go engines --install po
	offers 'zsh ' crun-go completion z
}

@test "bash completes commands, flags, their values, and ids" {
	ours "its own completion"
	completion bash
	# shellcheck disable=SC2329 # called by offers
	complete_words() {
		bash -c 'source ./completion; COMP_WORDS=("$@"); COMP_CWORD=$(($# - 1)); _crun_go; printf "%s\n" "${COMPREPLY[@]}"' - "$@" | grep . || true
	}
	bash -n completion
	offered
	offers "$ID " crun-go --root = "$ROOT" kill ''
	offers 'debug ' crun-go --log-level = d
	offers '--no-new-keyring --no-pivot --no-subreaper ' crun-go run --no
	offers 'dir ' crun-go create --bundle d
	offers 'file ' crun-go create --pid-file fi
	offers '' crun-go --root "$ROOT" start "$ID" ''
	same registered "$(bash -c 'source ./completion; complete -p crun-go')" 'complete -F _crun_go crun-go'
}

@test "fish completes commands, flags, their values, and ids" {
	ours "its own completion"
	command -v fish >/dev/null || skip "fish is not installed"
	completion fish
	fish -n completion
	complete_words() { HOME=$BATS_TEST_TMPDIR fish --no-config -c 'source ./completion; complete -C "$argv"' "$@" | cut -f 1; }
	offered
	offers "$ID " crun-go "--root=$ROOT" kill ''
	offers '--no-new-keyring --no-pivot --no-subreaper ' crun-go run --no
	offers 'dir/ ' crun-go create --bundle d
	offers 'file ' crun-go create --pid-file fi
	offers '--bundle=dir/ ' crun-go create --bundle=d
	offers '--pid-file=file ' crun-go create --pid-file=fi
}

@test "zsh completes commands, flags, their values, and ids" {
	ours "its own completion"
	command -v zsh >/dev/null || skip "zsh is not installed"
	completion zsh
	mkdir functions
	mv completion functions/_crun-go
	zsh -n functions/_crun-go
	# A terminal for the editor of zsh: what one tab makes of a line, all of which has one continuation.
	cat >drive <<-'END'
		zmodload zsh/zpty || exit 9
		zpty z zsh -f -i
		zpty -w z "PROMPT=; zle_highlight=(none); fpath=($PWD/functions \$fpath); autoload -Uz compinit; compinit -u -D; print REA''DY"
		zpty -r z out '*READY*' || exit 8
		zpty -n -w z "$1"$'\t'
		zpty -r z out "*$2*" && print -r -- "completed"
		zpty -d z
	END
	completes() { same "$1" "$(timeout 60 zsh -f drive "$@" </dev/null)" completed; }
	completes "crun-go --root $ROOT ki" "kill "
	completes "crun-go --root $ROOT kill " "kill $ID "
	completes "crun-go --root=$ROOT kill $ID SE" 'SEGV'
	completes "crun-go --log-level=d" 'debug'
	completes "crun-go run --deta" '--detach'
	completes "crun-go mounts rem" 'remove'
	completes "crun-go create --bundle di" 'dir/'
	completes "crun-go create --pid-file=fi" 'file'
}

@test "make finds Go that is not in PATH, and says which one is needed" {
	local fake=$BATS_TEST_TMPDIR/bin
	mkdir "$fake"
	printf '#!/bin/sh\necho go version go1.19.8 linux/amd64\n' >"$fake/go"
	chmod 755 "$fake/go"
	no 2 "building needs Go $(sed -n 's/^go //p' "$REPO/go.mod") or newer" mk crun-go GO="$fake/go"
	[[ $err == *"is go1.19.8"* ]] || fail "not which one it is"
	no 2 "building needs Go" mk crun-go GO="$fake/nosuch"
	[ -x /usr/local/go/bin/go ] || skip "no Go in /usr/local/go"
	ok env PATH=/usr/bin:/bin env -u MAKEFLAGS -u MAKELEVEL make -n -C "$REPO" crun-go
	same "Go" "$(PATH=/usr/bin:/bin; command -v go || sed -n 's/^go=\$(\([^ ]*\) env GOROOT).*/\1/p' "$OUT")" "$(PATH=/usr/bin:/bin; command -v go || echo /usr/local/go/bin/go)"
}
