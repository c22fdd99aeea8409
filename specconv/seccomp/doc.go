// Package seccomp turns the seccomp section of config.json into a filter that
// the kernel runs: a program in classic BPF (seccomp(2), bpf in the kernel's
// Documentation/networking/filter.rst).
//
// [Compile] is pure: it makes no syscall and looks at no host. Its result is
// loaded elsewhere, as the last act before execve.
//
// There are two compilers. The one used by default is written here, in Go; it
// lays the verdicts of each architecture out as a search tree over ranges of
// syscall numbers. With the build tag libseccomp, Compile asks libseccomp
// instead. libseccomp defines the meaning of a profile, so it is the
// oracle of our tests: both compilers' filters must give the same verdict for
// every syscall, architecture and argument.
package seccomp
