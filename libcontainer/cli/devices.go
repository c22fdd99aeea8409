package cli

import (
	"errors"
	"fmt"
	"path"
	"strconv"
	"strings"

	"github.com/urfave/cli/v2"

	"github.com/crun-go/crun-go/libcontainer/state"
)

// deviceFlags are those of update that change the devices of a container.
type deviceFlags struct{ add, remove devicesFlag }

func (f *deviceFlags) flags() []cli.Flag {
	return []cli.Flag{
		&cli.GenericFlag{Name: "device-add", Value: &f.add,
			Usage: "add `DEVICE` (repeatable): /dev/HOST[:/dev/CONTAINER][:ACCESS], or a rule alone such as \"c 189:* rw\""},
		&cli.GenericFlag{Name: "device-remove", Value: &f.remove,
			Usage: "remove `DEVICE` (repeatable), which was added: its path in the container, or the rule"},
	}
}

// given reports whether there is something to change.
func (f *deviceFlags) given() bool { return len(f.add)+len(f.remove) > 0 }

// devicesFlag collects devices.
type devicesFlag []state.Device

func (f *devicesFlag) String() string { return "" }

// Set takes one more device.
func (f *devicesFlag) Set(text string) error {
	d, err := parseDevice(text)
	if err == nil {
		*f = append(*f, d)
	}
	return err
}

// parseDevice reads a device: "/dev/ttyUSB0:/dev/modem:rw", of which the host's path is
// enough, or "c 189:* rwm". A path may have colons, so that of the container is what
// follows the last one before a slash; letters such as "rwx" after the last one are a
// mistake.
func parseDevice(text string) (d state.Device, err error) {
	if !strings.HasPrefix(text, "/") {
		d.DeviceRule, err = parseDeviceRule(text)
		return d, err
	}
	d.Source, d.Access = text, "rwm"
	if i := strings.LastIndexByte(text, ':'); i >= 0 {
		access, err := parseAccess(text[i+1:])
		switch {
		case err == nil:
			d.Source, d.Access = text[:i], access
		case isAccessMistaken(text[i+1:]):
			return d, err
		}
	}
	d.Path = d.Source
	for i := len(d.Source) - 2; i > 0; i-- {
		if d.Source[i:i+2] == ":/" {
			d.Source, d.Path = d.Source[:i], d.Source[i+1:]
			break
		}
	}
	d.Source, d.Path = path.Clean(d.Source), path.Clean(d.Path)
	if d.Path == "/" {
		return d, errors.New("\"/\" cannot be a device")
	}
	return d, nil
}

// isAccessMistaken reports whether text can only be meant as an access, such as "ro" or "rwx".
func isAccessMistaken(text string) bool {
	return len(text) <= 3 && strings.Trim(text, "rwmoxRWM") == ""
}

var errDeviceRule = errors.New("expected /dev/HOST[:/dev/CONTAINER][:ACCESS], or a rule such as \"c 189:* rw\"")

func parseDeviceRule(text string) (r state.DeviceRule, err error) {
	words := strings.Fields(text)
	if len(words) == 2 {
		words = append(words, "rwm")
	}
	if len(words) != 3 || words[0] != "c" && words[0] != "b" {
		return r, errDeviceRule
	}
	r.Type = words[0]
	major, minor, found := strings.Cut(words[1], ":")
	if !found {
		return r, errDeviceRule
	}
	// The kernel's numbers have 12 and 20 bits.
	if r.Major, err = parseDeviceNumber(major, 1<<12-1); err != nil {
		return r, err
	}
	if r.Minor, err = parseDeviceNumber(minor, 1<<20-1); err != nil {
		return r, err
	}
	if r.Access, err = parseAccess(words[2]); err != nil {
		return r, err
	}
	return r, nil
}

// parseDeviceNumber reads a number, or "*" for any, which is -1.
func parseDeviceNumber(text string, most int64) (int64, error) {
	if text == "*" {
		return -1, nil
	}
	n, err := strconv.ParseUint(text, 10, 32)
	if err != nil || int64(n) > most {
		return 0, fmt.Errorf("%q is not a device number, expected 0 to %d, or *", text, most)
	}
	return int64(n), nil
}

// parseAccess reads some of the letters r, w and m, and puts them in this order.
func parseAccess(text string) (access string, err error) {
	if text == "" || strings.Trim(text, "rwm") != "" {
		return "", fmt.Errorf("%q is not an access, expected a combination of r, w and m", text)
	}
	for _, letter := range "rwm" {
		if strings.ContainsRune(text, letter) {
			access += string(letter)
		}
	}
	return access, nil
}
