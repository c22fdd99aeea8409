// Package specconv turns the OCI's config.json into a plan.
//
// [Plan], [ExecPlan], [AddMounts], [RemoveMounts] and [Restore] are pure: no
// syscall, no clock, no global, no environment. What they need to know of the
// machine comes in [Host], and of a checkpoint in [Image], as plain data, so that
// a plan of any host can be made on any other. Everything is validated before the
// plan exists, and every mistake is a *plan.FieldError that names the field,
// the value and what was expected in its place.
//
// The result is resolved policy: numbers, flags and paths as config.json has
// them. Paths inside the root filesystem stay relative to it; init opens them,
// in-root, at the moment of use.
package specconv
