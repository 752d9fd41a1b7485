# t/containers.sh - sourced after origin.sh by the tests of containers.
#
#   control OPERATION JSON    a request to the control plane: the answer
#   container NAME MEMBER     ask for a number of DescribeContainer
#   holds NAME MEMBER NUMBER  is it so?
#   gone PATH                 is there no such object?
#   metric NAME               a number of /metrics
# shellcheck shell=sh disable=SC2154

control () {
	curl -s -H "X-Amz-Target: MediaStore_20170901.$1" \
		-H 'Content-Type: application/x-amz-json-1.1' -d "$2" "$admin/"
}

container () {
	control DescribeContainer "{\"ContainerName\":\"$1\"}" |
		sed "s/.*\"$2\":\([0-9]*\).*/\1/"
}

holds () {
	test "$(container "$1" "$2")" = "$3"
}

gone () {
	code "$url/$1" | grep -q 404
}
