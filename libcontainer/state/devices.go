package state

import (
	"errors"
	"strconv"

	specs "github.com/opencontainers/runtime-spec/specs-go"

	"github.com/crun-go/crun-go/specconv/jsontext"
)

// DevicesName is the file of the devices that were added to the living container: an array of objects.
const DevicesName = "devices.json"

// DeviceStage says how far the change of a device has come: it is written down before anything is changed, so that what
// a runtime that was killed has left is found again.
type DeviceStage string

// The stages. What is in one of the last two is removed by the next change of devices.
const (
	DeviceAdded    DeviceStage = ""
	DeviceAdding   DeviceStage = "adding"
	DeviceRemoving DeviceStage = "removing"
)

// Device is a device that was added to the living container: a rule, and a node unless Path is empty.
type Device struct {
	DeviceRule
	Path   string // in the container
	Source string // on the host
	Stage  DeviceStage
	Node   Node
}

// DeviceRule allows access to a device.
type DeviceRule struct {
	Type         string // c or b
	Major, Minor int64  // -1: any
	Access       string // of r, w and m
}

// Node is the file that was made for a device. Zero: none, or it is not known.
type Node struct {
	Bound    bool // the host's node is mounted on it
	Dev, Ino uint64
	Mount    uint64 // id of the mount
}

// Rule is the rule as the runtime specification has it.
func (r *DeviceRule) Rule() specs.LinuxDeviceCgroup {
	return specs.LinuxDeviceCgroup{Allow: true, Type: r.Type, Major: &r.Major, Minor: &r.Minor, Access: r.Access}
}

// String is the rule as --device-add takes it: "c 189:* rwm".
func (r *DeviceRule) String() string {
	number := func(n int64) string {
		if n < 0 {
			return "*"
		}
		return strconv.FormatInt(n, 10)
	}
	return r.Type + " " + number(r.Major) + ":" + number(r.Minor) + " " + r.Access
}

// DeviceRules lists the rules of devices, without those of devices that are being removed.
func DeviceRules(devices []Device) (rules []specs.LinuxDeviceCgroup) {
	for i := range devices {
		if d := &devices[i]; d.Stage != DeviceRemoving {
			rules = append(rules, d.Rule())
		}
	}
	return rules
}

// AddedDevices returns the devices that were added to the container, none if there was never one.
func (d *Dir) AddedDevices() ([]Device, error) {
	text, err := d.read(DevicesName)
	if errors.Is(err, ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	return DecodeDevices(d.path+"/"+DevicesName, text)
}

// SaveAddedDevices replaces them as a whole.
func (d *Dir) SaveAddedDevices(devices []Device) error {
	return d.replace(DevicesName, EncodeDevices(devices))
}

// EncodeDevices writes devices as one line of JSON.
func EncodeDevices(devices []Device) []byte {
	w := jsontext.NewWriter("")
	w.Array()
	for i := range devices {
		d := &devices[i]
		w.Object()
		if d.Path != "" {
			w.Key("path").Text(d.Path)
			w.Key("source").Text(d.Source)
		}
		w.Key("type").Text(d.Type)
		w.Key("major").Int(d.Major)
		w.Key("minor").Int(d.Minor)
		w.Key("access").Text(d.Access)
		if d.Stage != DeviceAdded {
			w.Key("stage").Text(string(d.Stage))
		}
		if d.Node != (Node{}) {
			w.Key("bound").Bool(d.Node.Bound)
			w.Key("dev").Uint(d.Node.Dev)
			w.Key("ino").Uint(d.Node.Ino)
			w.Key("mount").Uint(d.Node.Mount)
		}
		w.End()
	}
	w.End()
	return append(w.Bytes(), '\n')
}

// DecodeDevices reads what EncodeDevices wrote.
func DecodeDevices(file string, text []byte) (devices []Device, err error) {
	r := jsontext.NewReader(file, text)
	jsontext.List(r, &devices, "objects", readDevice)
	if err := r.Close(); err != nil {
		return nil, err
	}
	return devices, nil
}

func readDevice(r *jsontext.Reader, d *Device) {
	for key := range r.Fields() {
		switch key {
		case "path":
			jsontext.Text(r, &d.Path)
		case "source":
			jsontext.Text(r, &d.Source)
		case "type":
			jsontext.Text(r, &d.Type)
		case "major":
			jsontext.Int(r, &d.Major)
		case "minor":
			jsontext.Int(r, &d.Minor)
		case "access":
			jsontext.Text(r, &d.Access)
		case "stage":
			jsontext.Text(r, &d.Stage)
		case "bound":
			jsontext.Bool(r, &d.Node.Bound)
		case "dev":
			jsontext.Uint(r, &d.Node.Dev)
		case "ino":
			jsontext.Uint(r, &d.Node.Ino)
		case "mount":
			jsontext.Uint(r, &d.Node.Mount)
		}
	}
}
