package netdev

import (
	"bytes"
	"encoding/hex"

	"golang.org/x/sys/unix"
)

// link is a network device, as a namespace knows it.
type link struct {
	index uint32
	name  string
	up    bool
	mac   string // link-layer address in hexadecimal; empty: it has none
}

func readLink(data []byte) (l link) {
	l.index = native.Uint32(data[4:])
	l.up = native.Uint32(data[8:])&unix.IFF_UP != 0
	for _, a := range attributes(data[unix.SizeofIfInfomsg:]) {
		switch a.kind {
		case unix.IFLA_ADDRESS:
			l.mac = hex.EncodeToString(a.data)
		case unix.IFLA_IFNAME:
			l.name = string(bytes.TrimRight(a.data, "\x00"))
		}
	}
	return l
}

// linkHead is struct ifinfomsg.
func linkHead(index, flags, change uint32) []byte {
	head := make([]byte, 4, unix.SizeofIfInfomsg)
	for _, n := range [...]uint32{index, flags, change} {
		head = native.AppendUint32(head, n)
	}
	return head
}

// link finds a device by name. The error is ENODEV if there is none.
func (s socket) link(name string) (link, error) {
	list, err := s.links(0, text(unix.IFLA_IFNAME, name))
	if err != nil {
		return link{}, err
	}
	if len(list) == 0 {
		return link{}, unix.ENODEV
	}
	return list[0], nil
}

// links lists the devices that a request asks for.
func (s socket) links(flags uint16, which ...attribute) (list []link, err error) {
	err = s.ask(unix.RTM_GETLINK, flags, linkHead(0, 0, 0), which, func(kind uint16, data []byte) {
		if kind == unix.RTM_NEWLINK && len(data) >= unix.SizeofIfInfomsg {
			list = append(list, readLink(data))
		}
	})
	return list, err
}

// set changes a device's attributes.
func (s socket) set(index uint32, changes ...attribute) error {
	return s.ask(unix.RTM_NEWLINK, 0, linkHead(index, 0, 0), changes, nil)
}

// setUp brings a device up, or takes it down.
func (s socket) setUp(index uint32, up bool) error {
	flags := uint32(0)
	if up {
		flags = unix.IFF_UP
	}
	return s.ask(unix.RTM_NEWLINK, 0, linkHead(index, flags, unix.IFF_UP), nil, nil)
}

// address is an IP address of a device.
type address struct {
	family, prefix byte
	attributes     []attribute
}

// lasting are the flags of an address that its owner chose; the others are
// its state.
const lasting = unix.IFA_F_NODAD | unix.IFA_F_HOMEADDRESS | unix.IFA_F_MANAGETEMPADDR |
	unix.IFA_F_NOPREFIXROUTE | unix.IFA_F_MCAUTOJOIN

// addresses lists a device's addresses that have to stay with it: permanent
// ones of global scope.
func (s socket) addresses(index uint32) (list []address, err error) {
	err = s.ask(unix.RTM_GETADDR, unix.NLM_F_DUMP, make([]byte, unix.SizeofIfAddrmsg), nil, func(kind uint16, data []byte) {
		if kind != unix.RTM_NEWADDR || len(data) < unix.SizeofIfAddrmsg {
			return
		}
		if native.Uint32(data[4:]) != index || data[3] != unix.RT_SCOPE_UNIVERSE {
			return
		}
		a := address{family: data[0], prefix: data[1]}
		flags := uint32(data[2])
		for _, attr := range attributes(data[unix.SizeofIfAddrmsg:]) {
			switch attr.kind {
			case unix.IFA_FLAGS:
				if len(attr.data) == 4 {
					flags = native.Uint32(attr.data)
				}
			case unix.IFA_LOCAL, unix.IFA_ADDRESS, unix.IFA_BROADCAST, unix.IFA_RT_PRIORITY:
				a.attributes = append(a.attributes, attribute{attr.kind, bytes.Clone(attr.data)})
			}
		}
		if flags&unix.IFA_F_PERMANENT == 0 {
			return
		}
		a.attributes = append(a.attributes, number(unix.IFA_FLAGS, flags&lasting))
		list = append(list, a)
	})
	return list, err
}

// addAddress gives a device an address.
func (s socket) addAddress(index uint32, a address) error {
	head := []byte{a.family, a.prefix, 0, unix.RT_SCOPE_UNIVERSE}
	head = native.AppendUint32(head, index)
	return s.ask(unix.RTM_NEWADDR, unix.NLM_F_CREATE|unix.NLM_F_REPLACE, head, a.attributes, nil)
}
