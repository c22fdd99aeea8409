package criu

import "golang.org/x/sys/unix"

// kind is the type of a request and of the response to it (criu_req_type).
type kind int

const (
	kindDump     kind = 1
	kindRestore  kind = 2
	kindPreDump  kind = 4
	kindNotify   kind = 6
	kindFeatures kind = 9
	kindVersion  kind = 10
)

// Version of CRIU.
type Version struct{ Major, Minor, Sublevel int }

// Features that depend on the kernel as well.
type Features struct{ MemoryTracking, LazyPages bool }

// Notification is a message that CRIU sends during its work, see criu(8), "--action-script".
type Notification struct {
	Script string
	PID    int // of the first process of a restore, with setup-namespaces and post-restore; else 0
	FD     int // of a terminal's master, with orphan-pts-master; else -1. The receiver's, to close
}

// response is criu_resp.
type response struct {
	kind     kind
	success  bool
	pid      int
	notify   Notification
	errno    unix.Errno
	message  string
	features Features
	version  Version
}

func decodeResponse(data []byte) (*response, error) {
	r := &response{notify: Notification{FD: -1}}
	err := fields(data, func(f field) error {
		switch f.id {
		case 1:
			r.kind = kind(int32(f.number))
		case 2:
			r.success = f.number != 0
		case 4:
			return fields(f.bytes, func(f field) error {
				if f.id == 1 {
					r.pid = int(int32(f.number))
				}
				return nil
			})
		case 5:
			return r.decodeNotify(f.bytes)
		case 7:
			r.errno = unix.Errno(uint32(f.number))
		case 8:
			return r.decodeFeatures(f.bytes)
		case 9:
			r.message = string(f.bytes)
		case 10:
			return r.decodeVersion(f.bytes)
		}
		return nil
	})
	return r, err
}

func (r *response) decodeNotify(data []byte) error {
	return fields(data, func(f field) error {
		switch f.id {
		case 1:
			r.notify.Script = string(f.bytes)
		case 2:
			r.notify.PID = int(int32(f.number))
		}
		return nil
	})
}

func (r *response) decodeFeatures(data []byte) error {
	return fields(data, func(f field) error {
		switch f.id {
		case 1:
			r.features.MemoryTracking = f.number != 0
		case 2:
			r.features.LazyPages = f.number != 0
		}
		return nil
	})
}

func (r *response) decodeVersion(data []byte) error {
	return fields(data, func(f field) error {
		switch f.id {
		case 1:
			r.version.Major = int(int32(f.number))
		case 2:
			r.version.Minor = int(int32(f.number))
		case 4:
			r.version.Sublevel = int(int32(f.number))
		}
		return nil
	})
}

// request is criu_req.
type request struct {
	kind     kind
	opts     *Options
	notified bool // with kindNotify: go on
	keepOpen bool // another request will follow
	features Features
}

func (r *request) encode() []byte {
	m := make(message, 0, 1<<10)
	m.number(1, int64(r.kind))
	if r.opts != nil {
		m.bytes(2, r.opts.encode())
	}
	m.flag(3, r.notified)
	m.flag(4, r.keepOpen)
	if r.kind == kindFeatures {
		var sub message
		sub.flag(1, r.features.MemoryTracking)
		sub.flag(2, r.features.LazyPages)
		m.bytes(5, sub)
	}
	return m
}
