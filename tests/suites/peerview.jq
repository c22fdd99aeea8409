# peerview.jq: two views of the probe, field by field.
#
#   jq -n -r --slurpfile ours A --slurpfile theirs B --rawfile host H --rawfile list L --arg peer NAME --arg test NAME -f peerview.jq
#
# prints one line "FIELD <tab> OURS <tab> THEIRS" for each field that differs and
# that the list does not explain. H has the links in /proc/self/ns, one line each.

def set: map({key: ., value: true}) | from_entries;


# Of several mounts on one target the one that shows is no parent of another.
def tidy_mounts:
	. as $all
	| map(. as $m | select($all | all(.parent != $m.id or .target != $m.target)))
	| map({key: .target, value: {
		root, type, source, options: (.options | set), super: (.super | set),
		propagation: (.propagation | map(sub(":.*"; "")) | set)}})
	| from_entries;

# What a process counts of itself, and what belongs to Go's runtime: threads,
# caught signals (the probe's entry point tells of the others).
def tidy_status:
	with_entries(select(.key | test("^(Tgid|Vm|Rss|Hugetlb|CoreDumping|Threads|Sig|Shd|FDSize|Name|State|PPid|.*_ctxt_switches|.*Pid|NS.*id|x86_Thread|untag)") | not));

def tidy($hosts):
	.status |= tidy_status
	| .mounts |= tidy_mounts
	| .namespaces |= map_values(if . as $ns | $hosts | index($ns) then "the host's" else "its own" end)
	# A pipe's number, a file's place on the host.
	| .opened |= map_values(.target |= sub("\\[[0-9]+\\]"; ""))
	| del(.descriptors, .pid, .session, .process_group) + {leads: ([.pid, .session, .process_group] | unique | length == 1), first: (.pid == 1)}
	| .cgroup_files |= with_entries(select(.key | test("current|events|stat") | not));

# An empty object is a field too: without it, nothing would stand for it.
def fields: [paths(type != "object" and type != "array" or length == 0) as $p | {key: ($p | map(tostring) | join(" ")), value: getpath($p)}] | from_entries;

# Of a list's pattern "*" is short for anything.
def matches($pattern): $pattern == "*" or (tostring | test("^(" + $pattern + ")$"));

def rules:
	$list / "\n" | map(select(. != "" and (startswith("#") | not)) / "\t" | {peer: .[0], test: .[1], field: .[2], ours: .[3], theirs: .[4]});

($host / "\n") as $hosts
| ($ours[0] | tidy($hosts) | fields) as $a
| ($theirs[0] | tidy($hosts) | fields) as $b
| (rules | map(select((.peer == "*" or .peer == $peer) and (.test as $t | $test | matches($t))))) as $rules
| ($a + $b) | keys[] | . as $f
| {ours: ($a[$f] // "-"), theirs: ($b[$f] // "-")} as $d
| select($d.ours != $d.theirs)
| select($rules | any(. as $r | ($f | matches($r.field)) and ($d.ours | matches($r.ours)) and ($d.theirs | matches($r.theirs))) | not)
| "\($f)\t\($d.ours)\t\($d.theirs)"
