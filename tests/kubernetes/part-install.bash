# part-install.bash: what "crun-go engines" writes, read by containerd 2.
# shellcheck shell=bash disable=SC2154
tests/env/packages bats
PATH=$ENGINE:$PATH tests/env/sandbox bats --tap -f 'containerd reads' tests/suites/engines-command.bats </dev/null >"$out/install.tap" 2>&1
grep -vE '^ok |^1\.\.' "$out/install.tap"
tap 'engines-command.bats with containerd 2' "$out/install.tap" >>"$results"
