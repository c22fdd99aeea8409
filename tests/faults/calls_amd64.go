package main

import "golang.org/x/sys/unix"

// Calls that newer architectures have only in a more general form.
func init() {
	for nr, c := range map[int]*call{
		unix.SYS_OPEN:       does("open", "p0", opens),
		unix.SYS_STAT:       does("stat", "p0", looks),
		unix.SYS_LSTAT:      does("lstat", "p0", looks),
		unix.SYS_NEWFSTATAT: does("newfstatat", "at0", looks),
		unix.SYS_ACCESS:     does("access", "p0", looks),
		unix.SYS_READLINK:   does("readlink", "p0", looks),
		unix.SYS_MKDIR:      does("mkdir", "p0", makes),
		unix.SYS_RMDIR:      does("rmdir", "p0", "EACCES EBUSY ENOENT ENOTEMPTY EROFS"),
		unix.SYS_MKNOD:      does("mknod", "p0", makes+" EPERM"),
		unix.SYS_SYMLINK:    does("symlink", "p0 p1", makes),
		unix.SYS_LINK:       does("link", "p0 p1", makes),
		unix.SYS_RENAME:     does("rename", "p0 p1", makes),
		unix.SYS_RENAMEAT:   does("renameat", "at0 at2", makes),
		unix.SYS_UNLINK:     does("unlink", "p0", "EACCES EBUSY EIO ENOENT EROFS"),
		unix.SYS_CHMOD:      does("chmod", "p0", "EIO EPERM EROFS"),
		unix.SYS_CHOWN:      does("chown", "p0", "EIO EPERM EROFS"),
		unix.SYS_LCHOWN:     does("lchown", "p0", "EIO EPERM EROFS"),
		unix.SYS_DUP2:       does("dup2", "f0", "EBUSY EINTR"),
		unix.SYS_PIPE:       does("pipe", "", "EMFILE ENFILE"),
		unix.SYS_FORK:       does("fork", "", "EAGAIN ENOMEM"),
		unix.SYS_VFORK:      does("vfork", "", "EAGAIN ENOMEM"),
		unix.SYS_POLL:       does("poll", "", "EINTR ENOMEM"),
		unix.SYS_SELECT:     does("select", "", "EINTR ENOMEM"),
		unix.SYS_EPOLL_WAIT: does("epoll_wait", "", "EINTR"),
		unix.SYS_ARCH_PRCTL: does("arch_prctl", "", ""),
		unix.SYS_GETRLIMIT:  does("getrlimit", "", ""),
		unix.SYS_SETRLIMIT:  does("setrlimit", "n0", "EPERM"),
		unix.SYS_GETPGRP:    does("getpgrp", "", ""),
	} {
		calls[nr] = c
	}
}
