# part-runtimeclass.bash: the object in contrib/ by the types of Kubernetes.
# shellcheck shell=bash disable=SC2154
object=contrib/kubernetes/runtimeclass.yaml
if ! build runtimeclass; then
	echo "skipped $object is a RuntimeClass # $why" >>"$results"
elif said=$("$built/runtimeclass" <$object 2>&1) && [ "$said" = crun-go ]; then
	echo "passed $object is a RuntimeClass" >>"$results"
else
	echo "failed $object is a RuntimeClass # $said" >>"$results"
fi
# A reader that takes anything would show nothing.
if [ -x "${built:-}/runtimeclass" ] && said=$(sed s/handler/hndler/ $object | "$built/runtimeclass" 2>&1); then
	echo "failed $object: unknown fields are read over" >>"$results"
fi
