#!/bin/sh
# From the source to the screen: how old a picture is when a browser shows it, by the
# code that test: writes into each, and where that time goes.
#
# Straight from the origin, and with Varnish between where there is one.
#
# A rung of 360 lines at 25 pictures a second, parts of 200 ms, no look-ahead; Chromium
# on the same machine.  make, tell, fetch: t/ledger.pl.  What is left of the age of a
# picture is the part's own 200 ms, as its first picture waits for the last, and what
# the player keeps in its buffer.
#
#	GLASS=60	seconds for each player; 600 for the record
set -eu
root=$(cd "$(dirname "$0")/../.." && pwd)
BUILD=${BUILD:-$root/build}
# shellcheck source=/dev/null
. "$root/t/lib.sh"
top=$root
. "$top/t/chain.sh"
. "$top/t/browser.sh"
browser store/watch
# shellcheck disable=SC2154
port=$(free_port)
base=http://127.0.0.1:$port
mkdir -p store
stage origin /dev/null /dev/null mstore-serve -l "127.0.0.1:$port" --server-timing --root store
eventually answers
mkfifo source ladder
stage segment ladder /dev/null mpkg-segment --low-latency --segment 1s --window 20s \
	-s package.stats -o "$base/live/one/"
stage encode source ladder mlive-encode --latency low -g 1s -r 360p@600k -a 96k
stage ingest /dev/null source mlive-ingest --realtime 'test:?size=640x360&fps=25'
eventually curl -sf -o index.m3u8 "$base/live/one/v1/index.m3u8"
sleep 3
"$top/t/ledger.pl" "127.0.0.1:$port" /live/one/v1/index.m3u8 30
through () {
	echo "# $1"
	for player in dashjs hlsjs
	do
		play $player mode=glass settle=20 seconds="${GLASS:-60}" rungs=1 latency=2 || true
	done
}
through 'straight from mstore-serve'
if command -v varnishd >/dev/null
then
	edge=$(free_port)
	medge-conf -l "127.0.0.1:$edge" --probe none "$base" >edge.vcl
	stage varnish /dev/null /dev/null varnishd -F -j none -n "$PWD/edge.work" -T none \
		-f "$PWD/edge.vcl" -a "127.0.0.1:$edge" -s malloc,64M
	base=http://127.0.0.1:$edge
	eventually answers
	through 'through Varnish'
fi
"$top/t/ledger.pl" "127.0.0.1:$port" /live/one/v1/index.m3u8 30
echo "mpkg-segment: $(tail -n 1 package.stats | grep -o '"part[^,}]*' | tr '\n' ' ')"
