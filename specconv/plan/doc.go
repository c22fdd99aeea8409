// Package plan says what a container is: an ordered list of typed steps.
//
// It holds plain data and no behaviour but self-description and a compact
// binary form. specconv makes plans, the parent and init carry them out, and
// neither has to know the other.
package plan
