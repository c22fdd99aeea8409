#!/usr/bin/env bats
# The words among a mount's options, one by one: what they make of symbolic
# links, of a tmpfs, of what other runtimes make of the same word.
load helpers

# mount_entry JSON: the bundle's own mounts and this one.
mount_entry() { config --argjson m "$1" '.mounts = .mounts[0:7] + [$m]'; }

@test "copy-symlink: a link is copied, anything else is bound" {
	ours "1.1 knows it not"
	ln -s /where/ever "$BATS_TEST_TMPDIR/link"
	echo file >"$BATS_TEST_TMPDIR/file"
	mount_entry "{\"destination\":\"/new/link\",\"source\":\"$BATS_TEST_TMPDIR/link\",\"options\":[\"bind\",\"copy-symlink\"]}"
	inside sh -c 'readlink /new/link; grep -c /new /proc/self/mountinfo || true'
	same link "$out" $'/where/ever\n0'
	ok run_bundle "$ID" # it is there already
	ln -sfn /else/where "$BATS_TEST_TMPDIR/link"
	no 1 'mounts[7]: copy if link, else bind' run_bundle "$ID"
	[[ $err == *'a symbolic link to "/where/ever" is there, want one to "/else/where"'* ]] || fail "does not say why"
	mount_entry "{\"destination\":\"/f\",\"source\":\"$BATS_TEST_TMPDIR/file\",\"options\":[\"bind\",\"copy-symlink\",\"ro\"]}"
	inside sh -c 'cat /f; grep -c " /f ro" /proc/self/mountinfo'
	same file "$out" $'file\n1'
}

@test "src-nofollow: the mount is the link; it must be a bind" {
	ours "1.1 knows it not"
	ln -s /bin/busybox "$BATS_TEST_TMPDIR/link"
	mount_entry "{\"destination\":\"/l\",\"source\":\"$BATS_TEST_TMPDIR/link\",\"options\":[\"bind\",\"src-nofollow\"]}"
	inside sh -c 'readlink /l; cmp /l /bin/busybox && echo same'
	same link "$out" $'/bin/busybox\nsame'
	mount_entry '{"destination":"/l","type":"tmpfs","source":"t","options":["src-nofollow"]}'
	no 1 'mounts[7].options: src-nofollow and copy-symlink are for bind mounts, found type "tmpfs"' run_bundle "$ID"
}

@test "dest-nofollow: the link is covered, not what it leads to" {
	ours "1.1 knows it not"
	echo source >"$BATS_TEST_TMPDIR/file"
	echo there >"$BUNDLE/rootfs/there"
	ln -s there "$BUNDLE/rootfs/link"
	local options
	for options in '["bind", "dest-nofollow"]' '["bind"]'; do
		mount_entry "{\"destination\":\"/link\",\"source\":\"$BATS_TEST_TMPDIR/file\",\"options\":$options}"
		inside cat /link /there
		case $options in
		*dest*) same "covered link" "$out" $'source\nthere' ;;
		*) same "covered target" "$out" $'source\nsource' ;;
		esac
	done
	mount_entry "{\"destination\":\"/link\",\"source\":\"$BATS_TEST_TMPDIR\",\"options\":[\"rbind\",\"dest-nofollow\"]}"
	no 1 "a directory can't be mounted on a symbolic link" run_bundle "$ID"
	one_error
}

@test "tmpcopyup: the image's files, owners, modes and links, and the directory's own" {
	local dir=$BUNDLE/rootfs/data
	mkdir -p "$dir/sub"
	echo text >"$dir/sub/file"
	ln "$dir/sub/file" "$dir/hard"
	ln -s /etc/passwd "$dir/soft"
	chown 12:34 "$dir/sub/file"
	chmod 4750 "$dir/sub/file"
	chown 5:6 "$dir"
	chmod 1770 "$dir"
	touch -d @1000000000 "$dir/sub/file"
	mount_entry '{"destination":"/data","type":"tmpfs","source":"t","options":["tmpcopyup","size=1m"]}'
	config '.process.capabilities |= map_values(. + ["CAP_DAC_READ_SEARCH"])'
	inside sh -c 'cat /data/hard; readlink /data/soft; stat -c "%u:%g %a %h" /data/sub/file; stat -c %Y /data/sub/file; stat -c "%u:%g %a" /data; echo new >/data/sub/file'
	ours "1.1 copies names and contents"
	same view "$out" $'text\n/etc/passwd\n12:34 4750 2\n1000000000\n5:6 1770'
	same original "$(cat "$dir/hard")" text
}

@test "tmpcopyup: what does not fit is an error that names the file" {
	mkdir "$BUNDLE/rootfs/data"
	head -c 200000 /dev/zero | tr '\0' x >"$BUNDLE/rootfs/data/big"
	mount_entry '{"destination":"/data","type":"tmpfs","source":"t","options":["tmpcopyup","size=64k"]}'
	ours "1.1 says nothing of the file"
	no 1 'copy up big: no space left on device' run_bundle "$ID"
	one_error
	mount_entry '{"destination":"/data","type":"ramfs","source":"t","options":["tmpcopyup"]}'
	no 1 'mounts[7].options: tmpcopyup fills a tmpfs, found type "ramfs"' run_bundle "$ID"
}

# Every word that both know, on a tmpfs and on a bind of a directory with flags
# of its own (nosuid, nodev, noatime; noexec below it): one container each. The
# rest of a mount's line must be the same, apart from what 1.1 is known to do
# differently.
view_words() { # RUNTIME WORDS: a line for each mount
	config --argjson w "$2" --arg s "$SOURCE" '.mounts = .mounts[0:7] + [$w[]
		| {destination: "/t/\(.)", type: "tmpfs", source: "t", options: [.]},
		  {destination: "/b/\(.)", type: "bind", source: $s, options: ["rbind", .]}]
		| del(.mounts[] | select(.destination == ("/b/ratime", "/b/rnostrictatime")))' # 1.1: invalid argument
	args /probe view
	(RUNTIME=$1 && ok run_bundle "$ID" && jq -r '.mounts[] | select(.target | test("^/[tb]/"))
		| "\(.target) \(.options | sort | join(",")) \(.super | sort | join(",")) \([.propagation[] | sub(":.*"; "")] | sort | join(","))"' "$OUT" | sort)
}

# expected DIFFERENCE: of a line of runc's from ours.
expected() {
	case $1 in
	/b/atime | /b/dev | /b/diratime | /b/exec | /b/norelatime | /b/nostrictatime | /b/rw | /b/suid | /b/symfollow)
		return 0 ;; # words that clear: 1.1 takes no notice, 1.2 and later clear
	/b/dirsync | /b/iversion | /b/lazytime | /b/mand | /b/silent | /b/sync)
		return 0 ;; # no attribute of a mount, but for runc one that clears the others
	/b/rnorelatime)
		return 0 ;; # 1.1 clears nothing; so it leaves noatime
	/t/rnoatime | /t/rnodev | /t/rnodiratime | /t/rnoexec | /t/rnosuid | /t/rnosymfollow | /t/rro | /t/rstrictatime)
		return 0 ;; # 1.1: only for binds
	esac
	return 1
}

@test "every word makes the same mount as with runc" {
	ours "it is the one to compare with"
	command -v runc >/dev/null || skip "runc is not installed"
	[[ $(runc --version) == "runc version 1.1"* ]] || skip "the known differences are those of runc 1.1"
	SOURCE=$BATS_TEST_TMPDIR/source
	mkdir "$SOURCE"
	mount -t tmpfs -o nosuid,nodev,noatime s "$SOURCE"
	mkdir "$SOURCE/sub"
	mount -t tmpfs -o noexec s "$SOURCE/sub"
	local words line
	# 1.1 hands "defaults" to the filesystem; acl is one of some filesystems only.
	words=$(jq -n --argjson a "$(runc features 2>/dev/null)" --argjson b "$(rt features)" \
		'[$a.mountOptions[] | select([.] | inside($b.mountOptions))] - ["bind", "rbind", "remount", "defaults"]')
	[ "$(jq length <<<"$words")" -gt 50 ] || fail "few words in common: $words"
	view_words "$RUNTIME" "$words" >"$BATS_TEST_TMPDIR/ours" || true
	# Later releases of 1.1 tell a tmpfs the mode that it has anyway.
	view_words runc "$words" | sed 's/mode=755,//' >"$BATS_TEST_TMPDIR/runc" || true
	umount -R "$SOURCE"
	[ "$(wc -l <"$BATS_TEST_TMPDIR/ours")" -gt 150 ] || fail "too few mounts"
	diff "$BATS_TEST_TMPDIR/ours" "$BATS_TEST_TMPDIR/runc" >"$BATS_TEST_TMPDIR/diff" || true
	while read -r side target line; do
		case $side in
		'<' | '>') expected "$target" || echo "$side $target $line" ;;
		esac
	done <"$BATS_TEST_TMPDIR/diff" >"$BATS_TEST_TMPDIR/unexpected"
	[ ! -s "$BATS_TEST_TMPDIR/unexpected" ] || fail "unlike runc: $(<"$BATS_TEST_TMPDIR/unexpected")"
}

@test "every word that features lists is understood, on a container" {
	ours "it lists words that it does not understand"
	local words
	words=$(rt features | jq -c '.mountOptions - ["remount", "bind", "rbind", "idmap", "ridmap", "src-nofollow", "copy-symlink"]')
	config --argjson w "$words" '.mounts = .mounts[0:7] + [$w[] | {destination: "/t/\(.)", type: "tmpfs", source: "t", options: [.]}]'
	inside grep -c ' /t/' /proc/self/mountinfo
	same mounts "$out" "$(jq length <<<"$words")"
	config --arg s "$BATS_TEST_TMPDIR" '.mounts = .mounts[0:7] + [["bind", "rbind", "src-nofollow", "copy-symlink"][]
		| {destination: "/b/\(.)", source: $s, options: ["bind", .]}] + [{destination: "/b/bind", options: ["remount", "ro"]}]'
	inside grep -c ' /b/' /proc/self/mountinfo
	same binds "$out" 4
}
