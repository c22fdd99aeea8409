package libcontainer

import (
	"fmt"
	"strconv"

	"github.com/crun-go/crun-go/libcontainer/sys"
)

// outputs are the files that the command line asks for. Whether they can be
// written is found out before anything is made. Each is nil if it is not asked
// for.
type outputs struct{ pidFile, trace, report *sys.Output }

// open finds out whether they can be written.
func (o *outputs) open(pidFile, trace, report string) error {
	for _, f := range [...]struct {
		flag, path string
		output     **sys.Output
	}{{"--pid-file", pidFile, &o.pidFile}, {"--trace", trace, &o.trace}, {"--report", report, &o.report}} {
		if f.path == "" {
			continue
		}
		var err error
		if *f.output, err = sys.OpenOutput(f.path); err != nil {
			o.close()
			return fmt.Errorf("%s: %w", f.flag, err)
		}
	}
	return nil
}

func (o *outputs) close() {
	for _, output := range [...]**sys.Output{&o.pidFile, &o.trace, &o.report} {
		(*output).Close()
		*output = nil
	}
}

// writePidFile writes digits and nothing else, and only ever a whole file:
// its presence is a signal to engines.
func (c *creation) writePidFile() error {
	if c.outputs.pidFile == nil {
		return nil
	}
	if err := c.outputs.pidFile.Write(strconv.AppendInt(nil, int64(c.init.Pid), 10), 0o666); err != nil {
		return fmt.Errorf("--pid-file: %w", err)
	}
	return nil
}
