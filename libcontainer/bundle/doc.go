// Package bundle reads a bundle's config.json, gathers what of the host matters to it,
// and makes the plan of it.
package bundle
