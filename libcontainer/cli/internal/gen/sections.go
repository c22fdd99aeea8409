package main

// What manual pages say that a help does not.

type section struct {
	title string
	items [][2]string
}

func programSections() []section {
	return []section{
		{"EXIT STATUS", [][2]string{
			{"0", "The command did what was asked for."},
			{"1", "It did not: the last line on standard error, and the record in the log, say why."},
			{"3", "There is no such command."},
			{"255", "exec could not run the process. Otherwise the exit status of exec, and of run in the foreground,\n" +
				"is that of the process, or 128 and the number of the signal that ended it."},
		}},
		{"ENVIRONMENT", [][2]string{
			{"XDG_RUNTIME_DIR", "The default root of other users than root is the directory crun-go in it."},
			{"NOTIFY_SOCKET", "The socket to which start and run report that the container is ready (sd_notify(3))."},
			{"LISTEN_FDS, LISTEN_PID, LISTEN_FDNAMES", "Descriptors that are passed to the container (sd_listen_fds(3))."},
			{"DBUS_SESSION_BUS_ADDRESS", "How a user's systemd is reached."},
			{"XDG_CONFIG_HOME, HOME", "Where engines looks for the files of other users' engines than root's."},
		}},
		{"FILES", [][2]string{
			{"/run/crun-go", "The default root: the state of each container is in the directory of its id."},
			{"config.json", "In a bundle: what the container is to be, as the runtime specification says."},
			{"/usr/share/doc/crun-go/examples", "What makes container engines know the runtime; see crun-go-engines(8)."},
		}},
	}
}

// exitStatus is what a command returns.
func exitStatus(command string) string {
	switch command {
	case "exec":
		return "That of the process, or 128 and the number of the signal that ended it; 124 or 137 after a timeout;\n" +
			"255 if the process could not be run; with --detach 0 if it could."
	case "run":
		return "That of the container's process, or 128 and the number of the signal that ended it; 1 if the container\n" +
			"could not be run; with --detach 0 if it could."
	}
	return "0, or 1 if an error was reported."
}
