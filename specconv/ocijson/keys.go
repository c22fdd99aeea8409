package ocijson

import (
	"strings"

	"github.com/crun-go/crun-go/specconv/jsontext"
)

// keys are all keys of the specification that are read here, as it spells them.
const keys = `
	access action additionalGids allow ambient annotations apparmorProfile architectures args blockIO bounding burst
	capabilities cgroupsPath checkBeforeUpdate class classID closID commandLine consoleSize containerID cpu cpus
	createContainer createRuntime cwd deadline defaultAction defaultErrnoRet destination devices disableOOMKiller
	domain domainname effective enableMonitoring env errnoRet execCPUAffinity fileMode final flags gid gidMappings
	hard hcaHandles hcaObjects height hooks hostID hostname hugepageLimits idle index inheritable initial intelRdt
	ioPriority kernel kernelTCP l3CacheSchema leafWeight limit linux listenerMetadata listenerPath major maskedPaths
	memBwSchema memory memoryPolicy mems minor mode mountLabel mounts name names namespaces nanosecs netDevices
	network nice noNewPrivileges nodes ociVersion oomScoreAdj op options pageSize path period permitted personality
	pids policy poststart poststop prestart priorities priority process quota rate rdma readonly readonlyPaths
	realtimePeriod realtimeRuntime reservation resources rlimits root rootfsPropagation runtime scheduler schemata
	seccomp secs selinuxLabel shares size soft source startContainer swap swappiness syscalls sysctl terminal
	throttleReadBpsDevice throttleReadIOPSDevice throttleWriteBpsDevice throttleWriteIOPSDevice timeOffsets timeout
	type uid uidMappings umask unified useHierarchy user username value valueTwo weight weightDevice width
`

// reader returns a reader for a document of the specification, which takes keys in any case, as encoding/json does.
func reader(file string, data []byte) *jsontext.Reader {
	r := jsontext.NewReader(file, data)
	r.Respell = spelling
	return r
}

// spelling returns how the specification spells a key; "" if it has none like it.
func spelling(key string) string {
	for name := range strings.FieldsSeq(keys) {
		if strings.EqualFold(name, key) {
			return name
		}
	}
	return ""
}

// otherSystem reports whether a key of the document itself is another system's section.
func otherSystem(key string) bool {
	switch key {
	case "freebsd", "solaris", "vm", "windows", "zos":
		return true
	}
	return false
}
