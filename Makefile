# crun-go: make builds it, make demo shows it, make test proves it.

VERSION := 0.1.0
ORIGIN  := $(shell contrib/packages/origin)
COMMIT  := $(word 1,$(ORIGIN))
# Go's own archive is unpacked to /usr/local, which PATH need not have.
GO      ?= $(if $(shell command -v go),go,$(or $(wildcard /usr/local/go/bin/go),go))
export PATH := $(PATH):/usr/local/go/bin
RUNTIME ?= ./crun-go
OUT     ?= crun-go
BUILD   ?= build

# Where things are installed, below DESTDIR.
PREFIX  ?= /usr/local
BINDIR  ?= $(PREFIX)/bin
MANDIR  ?= $(PREFIX)/share/man
DOCDIR  ?= $(PREFIX)/share/doc/crun-go
BASHDIR ?= $(PREFIX)/share/bash-completion/completions
ZSHDIR  ?= $(PREFIX)/share/zsh/site-functions
FISHDIR ?= $(PREFIX)/share/fish/vendor_completions.d

# The time that goes into pages and packages: the commit's.
SOURCE_DATE_EPOCH ?= $(or $(word 2,$(ORIGIN)),$(shell stat -c %Y CHANGELOG.md))
export SOURCE_DATE_EPOCH

# The same commit and the same Go give the same bytes anywhere: no paths, no build id,
# no VCS stamp, no cgo. Packages are built with the Go that go.mod names, or one that is
# fetched. The tags leave out the manual page writer of urfave/cli, and what finds the
# version that the linker sets here.
NEEDED := $(shell sed -n 's/^go //p' go.mod)
tarball deb: export GOTOOLCHAIN = go$(NEEDED)
export CGO_ENABLED := 0
TAGS    := urfave_cli_no_docs,version_by_linker
STRIP   := -s -w
LDFLAGS := $(STRIP) -buildid= -X main.version=$(VERSION) -X main.commit=$(COMMIT)

# Where transparent huge pages are handed out unasked, the heap would begin with
# two of them, 4 MiB. This is for the runtime of Go what "go:debug" is, which does
# not know this setting; so main.go's own are repeated.
LDFLAGS += -X runtime.godebugDefault=containermaxprocs=0,updatemaxprocs=0,disablethp=1

# The program begins with a few lines of our own, which make Go's runtime start
# faster (libcontainer/rtstart), on the architectures that they are written for. Only
# what builds has to know which that is: install may find no go.
ENTRY = $(if $(filter amd64 arm64,$(shell $(GO) env GOARCH)),-E github.com/crun-go/crun-go/libcontainer/rtstart.entry)

# LIBSECCOMP=1 compiles seccomp profiles with libseccomp instead of in Go. Static
# all the same: exec starts in the container, whose dynamic loader is untrusted.
ifneq ($(LIBSECCOMP),)
CGO_ENABLED := 1
TAGS := $(TAGS),libseccomp
LDFLAGS += -linkmode external -extldflags -static
ENTRY :=
endif

# The collector of Go 1.26 keeps a line of marks at the end of each piece of heap, a
# page more of each for programs that end before anything is collected. The older
# one can be had as long as go knows this name. An older go, which fetches the one that is
# needed, does not, so that one is called by its path.
EXPERIMENT = $$(GOEXPERIMENT=nogreenteagc "$$go" env GOEXPERIMENT 2>/dev/null)

.PHONY: all crun-go need-go man check lint test test-attacks test-vm test-engines test-engines-vm test-kubernetes test-faults demo bench pictures memory-floor install uninstall sbom tarball deb release clean

all: crun-go

crun-go: need-go
	go=$$($(GO) env GOROOT)/bin/go; GOEXPERIMENT=$(or $(GOEXPERIMENT),$(EXPERIMENT)) "$$go" build -trimpath -buildvcs=false -tags $(TAGS) -ldflags '$(LDFLAGS) $(ENTRY)' -o $(OUT) .

# Go before 1.21 cannot even read go.mod; newer ones fetch what it names.
need-go:
	@have=$$($(GO) version 2>&1) || { echo "make: building needs Go $(NEEDED) or newer: $$have" >&2; exit 1; }; \
	set -- $$have; printf '%s\n' go$(NEEDED) "$$3" | sort -VC || \
	{ echo "make: building needs Go $(NEEDED) or newer, or 1.21 or newer, which fetches it unless GOTOOLCHAIN is local; $(GO) is $$3" >&2; exit 1; }

# What CI runs first: format, vet, lint, unit tests. No root, no network but
# for Go modules, under two minutes.
check: lint
	tests/env/unit-unprivileged

# ./... has no generators and no programs of the tests (go.mod).
lint: PACKAGES = ./... $(shell tests/env/programs)
lint:
	@unformatted=$$("$$($(GO) env GOROOT)/bin/gofmt" -l .); [ -z "$$unformatted" ] || { echo "gofmt -w $$unformatted" >&2; exit 1; }
	$(GO) mod tidy -diff
	$(GO) vet $(PACKAGES)
	$(GO) vet -tags $(TAGS) $(PACKAGES)
	$(GO) test -count=1 ./tests/lint
	@# What runs without Go's runtime is looked at in the program, with its symbols.
	for arch in amd64 arm64; do \
		GOARCH=$$arch $(MAKE) --no-print-directory crun-go STRIP= LIBSECCOMP= OUT=tests/.build/bare/$$arch || exit 1; \
	done
	BARE_PROGRAMS=$$PWD/tests/.build/bare $(GO) test -count=1 ./tests/bare
	@# Fuzzing counts lines, which makes frames larger: the raw child's must still fit.
	$(GO) test -run '^$$' -fuzz '^FuzzParseSignal$$' -fuzztime 1x ./libcontainer/cli
	$(GO) tool -modfile=tests/tools/go.mod staticcheck -tags $(TAGS) $(PACKAGES)

# Everything: unit tests, the bats suite against the binary, Docker on top of it.
# RUNTIME=runc runs the same suite against another runtime.
test: crun-go
	RUNTIME=$(RUNTIME) tests/all

# The published attacks on container runtimes and the project's own findings, each race
# for a quarter of a minute, and the proof that they work on a runtime that has the
# faults. RUNTIME=runc tries them on runc (docs/attacks.md).
test-attacks: crun-go
	RUNTIME=$(RUNTIME) tests/attacks/all

# What takes systemd and all controllers of cgroup v2: in virtual machines, of User
# Mode Linux and, what that lacks, of QEMU.
test-vm: crun-go
	RUNTIME=$(RUNTIME) tests/vm/all

# Docker, containerd, podman and buildah, each operation with runc and with this.
test-engines: crun-go
	RUNTIME=$(RUNTIME) tests/engines/all

# Docker, containerd and podman on systemd with all controllers, in the virtual machine.
test-engines-vm: crun-go
	RUNTIME=$(RUNTIME) tests/vm/all tests/engines/*-vm.bash

# containerd 2 and critest, built from Go modules, with runc and with this.
test-kubernetes: crun-go
	RUNTIME=$(RUNTIME) tests/kubernetes/all

# Every system call of every command fails, and is the last, one by one: docs/faults.md.
# RUNTIME=runc or crun sweeps another runtime. And init is compared with its security
# model over all captured bundles.
test-faults: crun-go
	RUNTIME=$(RUNTIME) tests/faults/run
	MODEL=all RUNTIME=$(RUNTIME) tests/env/sandbox bats tests/suites/model.bats

demo:
	tests/demo

# Compares with the installed runc and a current crun, in one interleaved series.
bench: crun-go
	tests/bench/run

# Draws the pictures in docs/ again: of a terminal, as it is now, and of what is recorded.
pictures: crun-go
	@mkdir -p tests/.build
	tests/env/sandbox tests/pictures/record >tests/.build/screen.txt
	mv tests/.build/screen.txt docs/screen.txt
	$(GO) test ./tests/pictures ./tests/bench -update

# How little memory a container may have, with runc and crun of the virtual machine.
memory-floor: crun-go
	tests/vm/vm run --timeout 3600 --share-ro "$$PWD:/srv/crun-go" -- /srv/crun-go/tests/bench/memory-floor

# Manual pages, from what --help says; by a program of this machine, whatever the
# binary is for.
man:
	@rm -rf $(BUILD)/man8
	env -u GOOS -u GOARCH CGO_ENABLED=0 $(GO) run -tags urfave_cli_no_docs ./libcontainer/cli/internal/gen \
		-version $(VERSION) -date $$(date -u -d @$(SOURCE_DATE_EPOCH) +%F) $(BUILD)

# The examples name the binary where it will be. Whoever has no go, as root may
# have none, installs what another has built.
ifneq ($(shell command -v $(GO) 2>/dev/null),)
install: crun-go man
endif
install:
	@[ -e $(OUT) ] && [ -e $(BUILD)/man8/crun-go.8 ] || { echo "install: no $(GO) here: run make all man first, where there is one" >&2; exit 1; }
	install -D -m 0755 $(OUT) $(DESTDIR)$(BINDIR)/crun-go
	install -d $(DESTDIR)$(MANDIR)/man8
	install -m 0644 $(BUILD)/man8/*.8 $(DESTDIR)$(MANDIR)/man8
	install -D -m 0644 contrib/completions/crun-go.bash $(DESTDIR)$(BASHDIR)/crun-go
	install -D -m 0644 contrib/completions/_crun-go $(DESTDIR)$(ZSHDIR)/_crun-go
	install -D -m 0644 contrib/completions/crun-go.fish $(DESTDIR)$(FISHDIR)/crun-go.fish
	for file in docker/daemon.json containerd/config-v2.toml containerd/config-v3.toml podman/crun-go.conf \
		crio/crun-go.conf kubernetes/runtimeclass.yaml; do \
		install -D -m 0644 contrib/$$file $(DESTDIR)$(DOCDIR)/examples/$$file && \
		sed -i 's|/usr/local/bin/crun-go|$(BINDIR)/crun-go|' $(DESTDIR)$(DOCDIR)/examples/$$file || exit 1; \
	done

# Directories that others use, too, stay.
uninstall:
	rm -f $(DESTDIR)$(BINDIR)/crun-go $(DESTDIR)$(MANDIR)/man8/crun-go.8 $(DESTDIR)$(MANDIR)/man8/crun-go-*.8
	rm -f $(DESTDIR)$(BASHDIR)/crun-go $(DESTDIR)$(ZSHDIR)/_crun-go $(DESTDIR)$(FISHDIR)/crun-go.fish
	rm -rf $(DESTDIR)$(DOCDIR)

# What the binary was linked from, and the licenses of that: for the packages.
sbom: crun-go
	mkdir -p $(BUILD)
	env -u GOOS -u GOARCH VERSION=$(VERSION) $(GO) run ./contrib/packages/sbom $(OUT) $(BUILD)

# crun-go-VERSION-linux-ARCH.tar.gz: tar -C /usr/local --strip-components=1 -xf it.
# Like the package it is the same bytes each time it is made from the same commit.
tarball: crun-go man sbom
	contrib/packages/tarball $(BUILD) $(VERSION)

# crun-go_VERSION_ARCH.deb, by dpkg-deb.
deb: crun-go man sbom
	contrib/packages/deb $(BUILD) $(VERSION)

# Everything that a release offers, in build/release: the source, a tarball and a
# Debian package for each architecture, lists of modules, checksums. By the Go of
# go.mod, whichever is installed, and from the commit, whatever lies in the tree.
ARCHES ?= amd64 arm64
release:
	contrib/packages/release $(abspath $(BUILD))/release $(VERSION) $(ARCHES)

clean:
	rm -rf crun-go $(BUILD) tests/.build
