package retry

import (
	"errors"

	"golang.org/x/sys/unix"
)

// Receive is recvmsg(2) of bytes and at most so many descriptors, which are
// close-on-exec and the caller's to close. It is an error, and all descriptors are
// closed, if the message or its control data was cut off, or if that is something else
// than descriptors (unix(7)). Any other error is an errno.
func Receive(socket int, p []byte, most int) (n int, fds []int, err error) {
	var oobn, flags int
	oob := make([]byte, unix.CmsgSpace(most*4))
	err = Do(func() error {
		n, oobn, flags, _, err = unix.Recvmsg(socket, p, oob, unix.MSG_CMSG_CLOEXEC)
		return err
	})
	if err != nil {
		return n, nil, err
	}
	fds, err = rights(oob[:oobn])
	if err == nil && flags&(unix.MSG_TRUNC|unix.MSG_CTRUNC) != 0 {
		err = errors.New("a message or its descriptors were cut off")
	}
	if err != nil {
		for _, fd := range fds {
			unix.Close(fd)
		}
		return n, nil, err
	}
	return n, fds, nil
}

// rights returns the descriptors in control data, those before what is something else
// with the error.
func rights(oob []byte) ([]int, error) {
	if len(oob) == 0 {
		return nil, nil
	}
	messages, err := unix.ParseSocketControlMessage(oob)
	if err != nil {
		return nil, err
	}
	var all []int
	for i := range messages {
		fds, err := unix.ParseUnixRights(&messages[i])
		if err != nil {
			return all, errors.New("a message has control data that is not a descriptor")
		}
		all = append(all, fds...)
	}
	return all, nil
}
