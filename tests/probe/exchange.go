package main

import "golang.org/x/sys/unix"

// exchange gives two names each other's file, over and over, until it is killed
// or one of them is gone: what a neighbour does that wins races.
func exchange(a, b string) error {
	for {
		if err := unix.Renameat2(unix.AT_FDCWD, a, unix.AT_FDCWD, b, unix.RENAME_EXCHANGE); err != nil {
			return err
		}
	}
}
