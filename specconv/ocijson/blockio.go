package ocijson

import (
	"github.com/opencontainers/runtime-spec/specs-go"

	"github.com/crun-go/crun-go/specconv/jsontext"
)

func blockIO(r *jsontext.Reader, b *specs.LinuxBlockIO) {
	for key := range r.Fields() {
		switch key {
		case "weight":
			jsontext.Pointer(r, &b.Weight, jsontext.Uint)
		case "leafWeight":
			jsontext.Pointer(r, &b.LeafWeight, jsontext.Uint)
		case "weightDevice":
			jsontext.List(r, &b.WeightDevice, "objects", weightDevice)
		case "throttleReadBpsDevice":
			jsontext.List(r, &b.ThrottleReadBpsDevice, "objects", throttleDevice)
		case "throttleWriteBpsDevice":
			jsontext.List(r, &b.ThrottleWriteBpsDevice, "objects", throttleDevice)
		case "throttleReadIOPSDevice":
			jsontext.List(r, &b.ThrottleReadIOPSDevice, "objects", throttleDevice)
		case "throttleWriteIOPSDevice":
			jsontext.List(r, &b.ThrottleWriteIOPSDevice, "objects", throttleDevice)
		}
	}
}

func weightDevice(r *jsontext.Reader, d *specs.LinuxWeightDevice) {
	for key := range r.Fields() {
		switch key {
		case "major":
			jsontext.Int(r, &d.Major)
		case "minor":
			jsontext.Int(r, &d.Minor)
		case "weight":
			jsontext.Pointer(r, &d.Weight, jsontext.Uint)
		case "leafWeight":
			jsontext.Pointer(r, &d.LeafWeight, jsontext.Uint)
		}
	}
}

func throttleDevice(r *jsontext.Reader, d *specs.LinuxThrottleDevice) {
	for key := range r.Fields() {
		switch key {
		case "major":
			jsontext.Int(r, &d.Major)
		case "minor":
			jsontext.Int(r, &d.Minor)
		case "rate":
			jsontext.Uint(r, &d.Rate)
		}
	}
}
