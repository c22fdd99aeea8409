module github.com/crun-go/crun-go

go 1.26.8

require (
	github.com/checkpoint-restore/go-criu/v7 v7.2.0
	github.com/opencontainers/runtime-spec v1.3.0
	github.com/seccomp/libseccomp-golang v0.11.1
	github.com/urfave/cli/v2 v2.27.7
	golang.org/x/sys v0.49.0
	google.golang.org/protobuf v1.34.2
)

require (
	github.com/cpuguy83/go-md2man/v2 v2.0.7 // indirect
	github.com/russross/blackfriday/v2 v2.1.0 // indirect
	github.com/xrash/smetrics v0.0.0-20240521201337-686a1a2994c1 // indirect
)

// Generators and programs of the tests, which "go install ./..." leaves out:
// tests/env/programs names them to what builds and checks everything.
ignore (
	./contrib/packages/sbom
	./libcontainer/cli/internal/gen
	./specconv/ocijson/internal/gen
	./tests/attacks/naive
	./tests/bench
	./tests/faults
	./tests/kubernetes/applets
	./tests/probe
	./tests/schema
)
