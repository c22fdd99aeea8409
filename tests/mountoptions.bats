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
