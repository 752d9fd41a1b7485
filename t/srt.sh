# t/srt.sh - sourced by the tests of SRT, after lib.sh and relay.sh.
#
#   connected NAME ID [N]   its output has so many peers, 1 if not said
#   heard NAME ID           its input is connected
#   whole FILE SECONDS RATE a clip of whole datagrams: what is cut waits for more
#   through NAME FILE       send a file to the port $feed, and wait until it has come
# shellcheck shell=sh disable=SC2154

connected () {
	test "$(now "$1" connected_outputs "$2")" -eq "${3:-1}"
}

heard () {
	test "$(now "$1" source_latency "$2")" -gt 0
}

whole () {
	clip "$1" "$2" "$3"
	truncate -s $(($(wc -c <"$1") / 1316 * 1316)) "$1"
}

through () {
	: >>"$1"
	send "$2" -o "udp://127.0.0.1:$feed"
	eventually reads "$1" "$(wc -c <"$2")"
	cmp "$2" "$1"
}
