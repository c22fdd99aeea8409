package specconv

import (
	"slices"
	"strings"

	"github.com/crun-go/crun-go/specconv/plan"
)

// planRdt plans linux.intelRdt.
func (b *cgroupBuilder) planRdt() error {
	r := b.linux.IntelRdt
	if r == nil {
		return nil
	}
	const field = "linux.intelRdt"
	step := &plan.MakeRdtGroup{Class: r.ClosID, Own: r.ClosID == "", Monitor: r.EnableMonitoring}
	if step.Own {
		step.Class = b.opts.ID
	}
	reserved := [...]string{".", "..", "info", "mon_groups", "mon_data"} // names in resctrl that mean something else
	if slices.Contains(reserved[:], step.Class) || strings.ContainsAny(step.Class, "/\n\x00") && step.Class != "/" {
		return invalid(field+".closID", "", `%q is not the name of a class of service, expected a file name or "/"`, step.Class)
	}
	for _, schema := range [...]struct{ key, prefix, value string }{
		{"l3CacheSchema", "L3", r.L3CacheSchema}, {"memBwSchema", "MB:", r.MemBwSchema},
	} {
		if schema.value == "" {
			continue
		}
		if err := checkSchema(field+"."+schema.key, schema.value); err != nil {
			return err
		}
		if !strings.HasPrefix(schema.value, schema.prefix) { // L3CODE and L3DATA are good, too
			return invalid(field+"."+schema.key, "", "%q does not begin with %s", schema.value, schema.prefix)
		}
		step.Schemata = append(step.Schemata, schema.value)
	}
	for i, line := range r.Schemata {
		if err := checkSchema(index(field+".schemata", i), line); err != nil {
			return err
		}
	}
	step.Schemata = append(step.Schemata, r.Schemata...)
	step.MustExist = !step.Own && len(step.Schemata) == 0
	b.parentAdd(field, step)
	b.rdt = true
	return nil
}

func checkSchema(field, line string) error {
	if line == "" || strings.ContainsAny(line, "\n\x00") {
		return invalid(field, "", "%q is not one line of a schemata file, expected such as L3:0=7f0;1=1f", line)
	}
	return nil
}
