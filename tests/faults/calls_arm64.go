package main

import "golang.org/x/sys/unix"

func init() {
	calls[unix.SYS_FSTATAT] = does("newfstatat", "at0", looks)
	calls[unix.SYS_RENAMEAT] = does("renameat", "at0 at2", makes)
}
