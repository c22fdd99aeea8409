// Package netdev moves network devices between network namespaces, with their
// addresses: "Network Devices" in the runtime-spec's config-linux.md.
//
// It speaks rtnetlink(7) by hand: a dozen attributes are all it needs, and
// package net would bring its resolver to every start.
package netdev
