#!/usr/bin/env bats
# What make release offers: the same bytes for everybody, of one version, with all
# that belongs to it. And what go install makes of the module. arm64's binary is run
# by make test-vm.
load helpers

REPO=$TESTS/..
MODULE=github.com/crun-go/crun-go

suite_setup() {
	is_ours || return 0
	for command in go make git dpkg-deb gzip xz; do
		command -v $command >/dev/null || skip "$command is not installed"
	done
	git -C "$REPO" rev-parse -q --verify HEAD >/dev/null || skip "this is no checkout: there is no commit to release"
	GOTOOLCHAIN=go$(sed -n 's/^go //p' "$REPO/go.mod") go version >/dev/null 2>&1 || skip "the release's version of Go is not here"
	OFFERED=$BATS_FILE_TMPDIR/build/release
	VERSION=$(sed -n 's/^VERSION := //p' "$REPO/Makefile")
	COMMIT=$(git -C "$REPO" rev-parse HEAD | cut -c 1-12)
	export OFFERED VERSION COMMIT
	mk "$REPO" release EMULATE=no BUILD="$BATS_FILE_TMPDIR/build" >"$BATS_FILE_TMPDIR/log" 2>&1 || {
		tail -n 20 "$BATS_FILE_TMPDIR/log" >&2
		return 1
	}
}

# mk TREE TARGET...: make, without the settings of the make that runs the tests.
mk() { env -u MAKEFLAGS -u MAKELEVEL -u MAKEOVERRIDES make -s -C "$@"; }

# unpacked ARCH: the directory of a tarball's content.
unpacked() {
	mkdir -p "$BATS_TEST_TMPDIR/unpacked"
	tar -C "$BATS_TEST_TMPDIR/unpacked" -xf "$OFFERED/crun-go-$VERSION-linux-$1.tar.gz"
	echo "$BATS_TEST_TMPDIR/unpacked/crun-go-$VERSION-linux-$1"
}

@test "a release is the source, and for each architecture a tarball, a package and a list, all with checksums" {
	ours "its own packaging"
	same files "$(ls "$OFFERED" | LC_ALL=C sort | sed "s/$VERSION/V/" | tr '\n' ' ')" \
		"SHA256SUMS crun-go-V-linux-amd64.cdx.json crun-go-V-linux-amd64.tar.gz crun-go-V-linux-arm64.cdx.json crun-go-V-linux-arm64.tar.gz crun-go-V.tar.gz crun-go_V_amd64.deb crun-go_V_arm64.deb "
	(cd "$OFFERED" && ok sha256sum --check --strict SHA256SUMS)
	same checksums "$(wc -l <"$OFFERED/SHA256SUMS")" 7
	# What was run and what was not, and what is left to do.
	grep -qE "^amd64: (run here: crun-go version $VERSION commit: $COMMIT|compiled, UNTESTED)" "$BATS_FILE_TMPDIR/log"
	grep -qE '^arm64: (run here|NOT RUN: EMULATE=no)' "$BATS_FILE_TMPDIR/log"
	grep -q "^  git tag -s v$VERSION -m 'crun-go $VERSION' $COMMIT\$" "$BATS_FILE_TMPDIR/log"
	grep -q '^  gpg --armor --detach-sign .*/SHA256SUMS$' "$BATS_FILE_TMPDIR/log"
}

@test "binary, package, list and commit agree, and pages, completions and licenses are in both" {
	ours "its own packaging"
	local arch dir deb=$BATS_TEST_TMPDIR/deb list
	for arch in amd64 arm64; do
		dir=$(unpacked $arch)
		rm -rf "$deb"
		dpkg-deb -x "$OFFERED/crun-go_${VERSION}_$arch.deb" "$deb"
		same "$arch package" "$(dpkg-deb -f "$OFFERED/crun-go_${VERSION}_$arch.deb" Version Architecture | tr '\n' ' ')" "Version: $VERSION Architecture: $arch "
		cmp "$dir/bin/crun-go" "$deb/usr/bin/crun-go"
		for file in share/man/man8/crun-go.8 share/man/man8/crun-go-exec.8 share/doc/crun-go/THIRD-PARTY; do
			[ -s "$dir/$file" ] || fail "no $file for $arch"
			cmp "$dir/$file" <(gzip -dc "$deb/usr/$file.gz")
		done
		for file in bash-completion/completions/crun-go fish/vendor_completions.d/crun-go.fish; do
			cmp "$dir/share/$file" "$deb/usr/share/$file"
		done
		for file in urfave/cli golang.org/x/sys "Go's standard library" 'Redistributions in binary form'; do
			grep -q "$file" "$dir/share/doc/crun-go/THIRD-PARTY" || fail "no license of $file"
		done
		# The list is of this binary, and of the modules that go says it has.
		list=$OFFERED/crun-go-$VERSION-linux-$arch.cdx.json
		cmp "$list" "$dir/share/doc/crun-go/sbom.cdx.json"
		cmp "$list" "$deb/usr/share/doc/crun-go/sbom.cdx.json"
		same binary "$(jq -r '.metadata.component | .version, .hashes[0].content' "$list" | tr '\n' ' ')" \
			"$VERSION $(sha256sum "$dir/bin/crun-go" | cut -d ' ' -f 1) "
		same modules "$(jq -r '.components[] | select(.name != "std") | .name + " " + .version' "$list")" \
			"$(go version -m "$dir/bin/crun-go" | awk '$1 == "dep" { print $2, $3 }')"
		same licenses "$(jq -r '.components[] | select(.licenses[0].license.id | IN("Apache-2.0", "MIT", "BSD-3-Clause") | not)' "$list")" ''
		same architecture "$(go version -m "$dir/bin/crun-go" | grep -c "GOARCH=$arch")" 1
		! grep -qaF "$BATS_FILE_TMPDIR" "$dir/bin/crun-go" || fail "a path of this machine in the binary"
	done
	dir=$(unpacked "$(go env GOARCH)")
	ok "$dir/bin/crun-go" --version
	[[ $out == "crun-go version $VERSION"$'\n'"commit: $COMMIT"$'\n'* ]] || fail "$out"
	RUNTIME=$dir/bin/crun-go inside echo from the tarball
	same output "$out" 'from the tarball'
}

@test "another user, directory, umask and locale make the same bytes, of the source tarball" {
	ours "its own packaging"
	# Where nobody has a place: a tree without .git, a cache of modules, none of builds.
	local dir=$BATS_TEST_TMPDIR/elsewhere arch modules
	arch=$(go env GOARCH) modules=$(go env GOMODCACHE)/cache/download
	mkdir -p "$dir/tmp"
	tar -C "$dir" -xf "$OFFERED/crun-go-$VERSION.tar.gz"
	(cd "$dir"/crun-go-* && GOFLAGS=-modcacherw GOMODCACHE=$dir/mod GOPROXY=file://$modules GOSUMDB=off go mod download)
	chown -R 65534:65534 "$dir"
	(
		umask 077
		cd "$dir"/crun-go-*
		setpriv --reuid=65534 --regid=65534 --clear-groups env -u MAKEFLAGS -u MAKELEVEL -u MAKEOVERRIDES -u SOURCE_DATE_EPOCH \
			HOME="$dir" TMPDIR="$dir/tmp" GOMODCACHE="$dir/mod" GOCACHE="$dir/cache" GOPROXY=off LANG=C.UTF-8 LC_ALL=C.UTF-8 TZ=Asia/Tokyo \
			make -s release ARCHES="$arch" EMULATE=no >"$BATS_TEST_TMPDIR/log" 2>&1 || { cat "$BATS_TEST_TMPDIR/log" >&2; exit 1; }
	)
	cd "$dir"/crun-go-*/build/release
	same "files made" "$(wc -l <SHA256SUMS)" 4
	same differ "$(LC_ALL=C comm -23 <(LC_ALL=C sort SHA256SUMS) <(LC_ALL=C sort "$OFFERED/SHA256SUMS"))" ''
}

@test "go install MODULE@VERSION gives a binary that works and tells its version" {
	ours "its own module"
	local proxy=$BATS_TEST_TMPDIR/proxy home=$BATS_TEST_TMPDIR/home nested versions modules
	modules=$(go env GOMODCACHE)/cache/download
	versions=$proxy/$MODULE/@v
	mkdir -p "$versions" "$home"
	echo v1.8.7 >"$versions/list"
	echo '{"Version": "v1.8.7", "Time": "2026-01-31T12:00:00Z"}' >"$versions/v1.8.7.info"
	# As a proxy packs it: without the modules inside.
	mapfile -t nested < <(cd "$REPO" && git ls-files '*/go.mod' | sed 's|\(.*\)/go.mod|:(exclude)\1|')
	(cd "$REPO" && git show HEAD:go.mod >"$versions/v1.8.7.mod" &&
		git archive --format=zip --prefix="$MODULE@v1.8.7/" -o "$versions/v1.8.7.zip" HEAD . "${nested[@]}")
	(cd "$home" && env -u CGO_ENABLED GOPROXY="file://$proxy,file://$modules" GOSUMDB=off GOFLAGS=-modcacherw \
		GOMODCACHE="$home/mod" GOBIN="$home/bin" go install "$MODULE@v1.8.7" 2>"$BATS_TEST_TMPDIR/log") || fail "$(cat "$BATS_TEST_TMPDIR/log")"
	same installed "$(ls "$home/bin")" crun-go
	ok "$home/bin/crun-go" --version
	same version "$(head -n 1 "$OUT")" 'crun-go version 1.8.7'
	RUNTIME=$home/bin/crun-go inside echo installed by go
	same output "$out" 'installed by go'
}

@test "go install ./... installs crun-go and nothing else" {
	ours "its own module"
	(cd "$REPO" && GOBIN=$BATS_TEST_TMPDIR/bin go install ./...)
	same installed "$(ls "$BATS_TEST_TMPDIR/bin")" crun-go
}
