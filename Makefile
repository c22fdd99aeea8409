# crun-go: make builds it, make demo shows it, make test proves it.

VERSION := 0.1.0
COMMIT  := $(shell git describe --always --dirty --abbrev=12 2>/dev/null)
PREFIX  ?= /usr/local
GO      ?= go
RUNTIME ?= ./crun-go
OUT     ?= crun-go

# The same commit gives the same bytes anywhere: no paths, no build id, no VCS
# stamp, no cgo. urfave_cli_no_docs leaves out the manual page writer.
export CGO_ENABLED := 0
TAGS    := urfave_cli_no_docs
LDFLAGS := -s -w -buildid= -X main.version=$(VERSION) -X main.commit=$(COMMIT)

# LIBSECCOMP=1 compiles seccomp profiles with libseccomp instead of in Go. Static
# all the same: exec starts in the container, whose loader is nobody's to trust.
ifneq ($(LIBSECCOMP),)
CGO_ENABLED := 1
TAGS := $(TAGS),libseccomp
LDFLAGS += -linkmode external -extldflags -static
endif

.PHONY: all crun-go check lint test test-vm demo bench memory-floor install clean

all: crun-go

crun-go:
	$(GO) build -trimpath -buildvcs=false -tags $(TAGS) -ldflags '$(LDFLAGS)' -o $(OUT) .

# What CI runs first: format, vet, lint, unit tests. No root, no network but
# for Go modules, under two minutes.
check: lint
	tests/unit-unprivileged

lint:
	@unformatted=$$(gofmt -l .); [ -z "$$unformatted" ] || { echo "gofmt -w $$unformatted" >&2; exit 1; }
	$(GO) vet ./...
	$(GO) vet -tags $(TAGS) ./...
	$(GO) test -count=1 ./tests/lint
	$(GO) tool -modfile=tests/tools/go.mod staticcheck -tags $(TAGS) ./...

# Everything: unit tests, the bats suite against the binary, Docker on top of it.
# RUNTIME=runc runs the same suite against another runtime.
test: crun-go
	RUNTIME=$(RUNTIME) tests/all

# What takes systemd and all controllers of cgroup v2: in a virtual machine.
test-vm: crun-go
	RUNTIME=$(RUNTIME) tests/vm/all

demo:
	tests/demo

# Compares with the installed runc and a current crun, in one interleaved series.
bench: crun-go
	tests/bench/run

# How little memory a container may have, with runc and crun of the virtual machine.
memory-floor: crun-go
	tests/vm/vm run --timeout 3600 --share-ro "$$PWD:/srv/crun-go" -- /srv/crun-go/tests/bench/memory-floor

install: crun-go
	install -D -m 0755 crun-go $(DESTDIR)$(PREFIX)/bin/crun-go

clean:
	rm -rf crun-go tests/.build
