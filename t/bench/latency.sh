#!/bin/sh
# What each tool of a chain adds in time, and takes in memory.
#
#   ingest   a packet from stdin to stdout
#   encode   from the acquisition of a picture to its access unit (the time that
#            the EBP says against the clock; ingest is in it, its part is above)
#   segment  from the access unit that ends a segment to that segment's name in
#            the directory
set -eu
top=$(cd "$(dirname "$0")/../.." && pwd)
BUILD=${BUILD:-$top/build}
PATH=$BUILD:$BUILD/t/helper:$PATH
dir=$(mktemp -d)
trap 'kill 0 2>/dev/null' INT TERM
trap 'rm -rf "$dir"' EXIT
source='test:?size=1280x720&fps=25'

# peak NAME PID: its largest resident set
peak () {
	awk -v name="$1" '/^VmHWM/ { printf "%-8s peak %d MiB\n", name, $2 / 1024 }' \
		"/proc/$2/status"
}

echo "ingest:"
lag pipe mlive-ingest -q -

echo "encode:"
mkfifo "$dir/a" "$dir/b" "$dir/c"
mlive-ingest -q -t 20s --realtime "$source" >"$dir/a" & ingest=$!
mlive-encode -q -r 720p@1800k -r 432p@800k -r 288p@350k -a 128k \
	<"$dir/a" >"$dir/b" & encode=$!
lag ebp <"$dir/b" & lag=$!
sleep 15
peak ingest $ingest
peak encode $encode
wait $lag

echo "segment:"
mkdir -p "$dir/out/v1"
mlive-ingest -q -t 30s --realtime "$source" |
	mlive-encode -q -r 432p@800k -r 288p@350k -a 128k >"$dir/a" &
lag dir "$dir/out" <"$dir/a" >"$dir/c" & lag=$!
mpkg-segment -q --segment 2s --window 20s -o "$dir/out" <"$dir/c" & segment=$!
sleep 25
peak segment $segment
wait $lag
