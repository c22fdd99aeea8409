package specconv

import (
	"bytes"
	"slices"
	"strings"

	"golang.org/x/sys/unix"

	"github.com/crun-go/crun-go/specconv/plan"
)

// optionKind is the effect of a mount option.
type optionKind uint8

const (
	optNone     optionKind = iota // what every mount does, or no mount can
	optSet                        // sets an attribute of the mount
	optClear                      // clears it
	optAtime                      // chooses an access time mode
	optRSet                       // sets an attribute of the mount and all below it
	optRClear                     // clears it
	optRAtime                     // chooses their access time mode
	optSuper                      // a flag of the filesystem, by its name for fsconfig(2)
	optNotSuper                   // takes such a flag back
	optPropagation
	optBind
	optRbind
	optRemount
	optCopyUp
	optIDMap
	optRIDMap
	optSourceLink // src-nofollow
	optTargetLink // dest-nofollow
	optCopyLink
)

type optionWord struct {
	word string
	kind optionKind
	attr uint64 // MOUNT_ATTR_*
	flag string // of the filesystem
}

// optionWords are the options known here, sorted. Any other option belongs to the
// filesystem.
//
// Without effect are: silent and loud, which fsopen(2) has no counterpart for;
// iversion, which filesystems with change counters keep on since Linux 6.0 and
// others never had. Flags of the filesystem have no recursive form: rsync and
// its like are read as sync and so on, and warned about where they change
// nothing (see planBind). norelatime and nostrictatime lead back to the kernel's
// default, which is relatime.
var optionWords = [...]optionWord{
	{"async", optNotSuper, 0, "sync"},
	{"atime", optAtime, unix.MOUNT_ATTR_RELATIME, ""},
	{"bind", optBind, 0, ""},
	{"copy-symlink", optCopyLink, 0, ""},
	{"defaults", optNone, 0, ""},
	{"dest-nofollow", optTargetLink, 0, ""},
	{"dev", optClear, unix.MOUNT_ATTR_NODEV, ""},
	{"diratime", optClear, unix.MOUNT_ATTR_NODIRATIME, ""},
	{"dirsync", optSuper, 0, "dirsync"},
	{"exec", optClear, unix.MOUNT_ATTR_NOEXEC, ""},
	{"idmap", optIDMap, 0, ""},
	{"iversion", optNone, 0, ""},
	{"lazytime", optSuper, 0, "lazytime"},
	{"loud", optNone, 0, ""},
	{"mand", optSuper, 0, "mand"},
	{"noatime", optAtime, unix.MOUNT_ATTR_NOATIME, ""},
	{"nodev", optSet, unix.MOUNT_ATTR_NODEV, ""},
	{"nodiratime", optSet, unix.MOUNT_ATTR_NODIRATIME, ""},
	{"noexec", optSet, unix.MOUNT_ATTR_NOEXEC, ""},
	{"noiversion", optNone, 0, ""},
	{"nolazytime", optNotSuper, 0, "lazytime"},
	{"nomand", optNotSuper, 0, "mand"},
	{"norelatime", optAtime, unix.MOUNT_ATTR_RELATIME, ""},
	{"nostrictatime", optAtime, unix.MOUNT_ATTR_RELATIME, ""},
	{"nosuid", optSet, unix.MOUNT_ATTR_NOSUID, ""},
	{"nosymfollow", optSet, unix.MOUNT_ATTR_NOSYMFOLLOW, ""},
	{"private", optPropagation, 0, ""},
	{"rasync", optNotSuper, 0, "sync"},
	{"ratime", optRAtime, unix.MOUNT_ATTR_RELATIME, ""},
	{"rbind", optRbind, 0, ""},
	{"rdev", optRClear, unix.MOUNT_ATTR_NODEV, ""},
	{"rdiratime", optRClear, unix.MOUNT_ATTR_NODIRATIME, ""},
	{"rdirsync", optSuper, 0, "dirsync"},
	{"relatime", optAtime, unix.MOUNT_ATTR_RELATIME, ""},
	{"remount", optRemount, 0, ""},
	{"rexec", optRClear, unix.MOUNT_ATTR_NOEXEC, ""},
	{"ridmap", optRIDMap, 0, ""},
	{"rmand", optSuper, 0, "mand"},
	{"rnoatime", optRAtime, unix.MOUNT_ATTR_NOATIME, ""},
	{"rnodev", optRSet, unix.MOUNT_ATTR_NODEV, ""},
	{"rnodiratime", optRSet, unix.MOUNT_ATTR_NODIRATIME, ""},
	{"rnoexec", optRSet, unix.MOUNT_ATTR_NOEXEC, ""},
	{"rnomand", optNotSuper, 0, "mand"},
	{"rnorelatime", optRAtime, unix.MOUNT_ATTR_RELATIME, ""},
	{"rnostrictatime", optRAtime, unix.MOUNT_ATTR_RELATIME, ""},
	{"rnosuid", optRSet, unix.MOUNT_ATTR_NOSUID, ""},
	{"rnosymfollow", optRSet, unix.MOUNT_ATTR_NOSYMFOLLOW, ""},
	{"ro", optSet, unix.MOUNT_ATTR_RDONLY, ""},
	{"rprivate", optPropagation, 0, ""},
	{"rrelatime", optRAtime, unix.MOUNT_ATTR_RELATIME, ""},
	{"rro", optRSet, unix.MOUNT_ATTR_RDONLY, ""},
	{"rrw", optRClear, unix.MOUNT_ATTR_RDONLY, ""},
	{"rshared", optPropagation, 0, ""},
	{"rslave", optPropagation, 0, ""},
	{"rstrictatime", optRAtime, unix.MOUNT_ATTR_STRICTATIME, ""},
	{"rsuid", optRClear, unix.MOUNT_ATTR_NOSUID, ""},
	{"rsymfollow", optRClear, unix.MOUNT_ATTR_NOSYMFOLLOW, ""},
	{"rsync", optSuper, 0, "sync"},
	{"runbindable", optPropagation, 0, ""},
	{"rw", optClear, unix.MOUNT_ATTR_RDONLY, ""},
	{"shared", optPropagation, 0, ""},
	{"silent", optNone, 0, ""},
	{"slave", optPropagation, 0, ""},
	{"src-nofollow", optSourceLink, 0, ""},
	{"strictatime", optAtime, unix.MOUNT_ATTR_STRICTATIME, ""},
	{"suid", optClear, unix.MOUNT_ATTR_NOSUID, ""},
	{"symfollow", optClear, unix.MOUNT_ATTR_NOSYMFOLLOW, ""},
	{"sync", optSuper, 0, "sync"},
	{"tmpcopyup", optCopyUp, 0, ""},
	{"unbindable", optPropagation, 0, ""},
}

// MountOptions lists the option words of mounts that the runtime itself
// understands, sorted. Others are passed on to the filesystem.
func MountOptions() []string {
	words := make([]string, len(optionWords))
	for i, o := range optionWords {
		words[i] = o.word
	}
	return words
}

// mountWords is what the options of one mount say.
type mountWords struct {
	options                      plan.MountOptions
	params                       []string // the filesystem's
	cleared                      []string // flags of the filesystem that are taken back
	param                        int      // index of the first option that only the filesystem knows; -1: none
	super                        int      // index of the last option that sets a flag of the filesystem; -1: none
	bind, rbind, remount, copyUp bool
	idmap, ridmap                bool
	mapping                      int // index of the last idmap= or ridmap=; -1: none
	sourceLink, copyLink         bool
}

// readOptions reads the options of a mount. Later words win over earlier ones.
func readOptions(field string, options []string) (mountWords, error) {
	w := mountWords{param: -1, super: -1, mapping: -1}
	for i, word := range options {
		at, found := findOption(word)
		if found {
			if optionWords[at].kind == optSuper {
				w.super = i
			}
			w.apply(&optionWords[at])
			continue
		}
		if word == "" {
			continue
		}
		if strings.HasPrefix(word, "idmap=") || strings.HasPrefix(word, "ridmap=") {
			w.mapping = i
			w.idmap, w.ridmap = true, word[0] == 'r'
			continue
		}
		if w.param < 0 {
			w.param = i
		}
		w.params = append(w.params, splitParams(word)...)
	}
	return w, nil
}

func findOption(word string) (at int, found bool) {
	return slices.BinarySearchFunc(optionWords[:], word, func(o optionWord, word string) int {
		return strings.Compare(o.word, word)
	})
}

// nextParam is the index of the first option from one on that only a filesystem
// could know; -1: none.
func nextParam(options []string, from int) int {
	for i := from; i < len(options); i++ {
		word := options[i]
		if _, found := findOption(word); !found && word != "" && !strings.HasPrefix(word, "idmap=") && !strings.HasPrefix(word, "ridmap=") {
			return i
		}
	}
	return -1
}

// isEngineWord reports whether an option is one that engines understand for volumes,
// and some have passed on with bind mounts: podman before 5.6, buildah before 1.40.
func isEngineWord(word string) bool {
	switch word {
	case "z", "Z", "U", "copy", "nocopy":
		return true
	}
	return strings.HasPrefix(word, "volume-opt=")
}

func (w *mountWords) apply(o *optionWord) {
	attr, recursive := &w.options.Attr, &w.options.Recursive
	switch o.kind {
	case optSet:
		set(attr, o.attr)
	case optClear:
		unset(attr, o.attr)
	case optAtime:
		setAtime(attr, o.attr)
	case optRSet:
		set(recursive, o.attr)
	case optRClear:
		unset(recursive, o.attr)
	case optRAtime:
		setAtime(recursive, o.attr)
	case optSuper, optNotSuper:
		not := "no" + o.flag
		if o.flag == "sync" {
			not = "async"
		}
		w.params = slices.DeleteFunc(w.params, func(p string) bool { return p == o.flag })
		w.cleared = slices.DeleteFunc(w.cleared, func(p string) bool { return p == not })
		if o.kind == optSuper {
			w.params = append(w.params, o.flag)
		} else {
			w.cleared = append(w.cleared, not)
		}
	case optPropagation:
		w.options.Propagation = append(w.options.Propagation, propagationFlag(o.word))
	case optBind:
		w.bind = true
	case optRbind:
		w.bind, w.rbind = true, true
	case optRemount:
		w.remount = true
	case optCopyUp:
		w.copyUp = true
	case optIDMap:
		w.idmap = true
	case optRIDMap:
		w.ridmap = true
	case optSourceLink:
		w.sourceLink = true
	case optTargetLink:
		w.options.NoFollow = true
	case optCopyLink:
		w.copyLink = true
	}
}

func set(a *plan.Attr, bits uint64) {
	a.Set |= bits
	a.Clear &^= bits
}

func unset(a *plan.Attr, bits uint64) {
	a.Clear |= bits
	a.Set &^= bits
}

// setAtime chooses an access time mode. The modes are values of one field, not
// bits: mount_setattr(2) wants the field cleared to set any of them.
func setAtime(a *plan.Attr, mode uint64) {
	a.Set = a.Set&^unix.MOUNT_ATTR__ATIME | mode
	a.Clear |= unix.MOUNT_ATTR__ATIME
}

// splitParams splits an option at commas, as mount(2) would do with its data:
// fsconfig(2) takes one parameter at a time. Commas in the double quotes of an
// SELinux context stay, and the quotes go; behind a backslash (overlay's
// directories) both stay. Elsewhere a quote is a letter.
func splitParams(word string) []string {
	if !strings.ContainsAny(word, `,"`) {
		return []string{word}
	}
	var params []string
	var param []byte
	quoted := false
	for i := 0; i < len(word); i++ {
		switch c := word[i]; {
		case c == '"' && (quoted || bytes.HasSuffix(param, []byte("context="))):
			quoted = !quoted
		case c == '\\' && i+1 < len(word):
			i++
			param = append(param, c, word[i])
		case c == ',' && !quoted:
			params = appendParam(params, param)
			param = param[:0]
		default:
			param = append(param, c)
		}
	}
	return appendParam(params, param)
}

func appendParam(params []string, param []byte) []string {
	if len(param) == 0 {
		return params
	}
	return append(params, string(param))
}

// forBind adds what the options take from the mount by not mentioning it: as
// soon as one attribute is chosen, the mount has those that are chosen and no
// others, as with runc and crun. Access times are a choice of their own.
func (w *mountWords) forBind() plan.MountOptions {
	o := w.options
	if o.Attr == (plan.Attr{}) {
		return o
	}
	o.Others = unix.MOUNT_ATTR_RDONLY | unix.MOUNT_ATTR_NOSUID | unix.MOUNT_ATTR_NODEV | unix.MOUNT_ATTR_NOEXEC | unix.MOUNT_ATTR_NOSYMFOLLOW
	if o.Attr.Set&unix.MOUNT_ATTR_NODIRATIME != 0 || o.Attr.Clear&unix.MOUNT_ATTR__ATIME != 0 {
		o.Others |= unix.MOUNT_ATTR__ATIME | unix.MOUNT_ATTR_NODIRATIME
	}
	o.Others &^= o.Attr.Set | o.Attr.Clear
	return o
}

// keepReadonly treats rw as not asked for. Engines write rw, and a propagation
// option, into all bind mounts that are not to be read-only by themselves, whatever
// the source is: with a user namespace such a source stays read-only.
func keepReadonly(o *plan.MountOptions) {
	o.Others |= o.Attr.Clear & unix.MOUNT_ATTR_RDONLY
	o.Attr.Clear &^= unix.MOUNT_ATTR_RDONLY
}

// forNew reduces attributes to what a new filesystem's mount needs: it has
// nothing below it, and starts with none of them set.
func (w *mountWords) forNew() plan.MountOptions {
	attr, recursive := w.options.Attr, w.options.Recursive
	bits := attr.Set&^recursive.Clear | recursive.Set
	o := plan.MountOptions{Attr: plan.Attr{Set: bits}, NoFollow: w.options.NoFollow}
	if bits&unix.MOUNT_ATTR__ATIME != 0 {
		o.Attr.Clear = unix.MOUNT_ATTR__ATIME
	}
	// It also starts private, with no master to be a slave of.
	if slices.ContainsFunc(w.options.Propagation, func(p uint64) bool {
		return p&(unix.MS_SHARED|unix.MS_UNBINDABLE) != 0
	}) {
		o.Propagation = w.options.Propagation
	}
	return o
}
