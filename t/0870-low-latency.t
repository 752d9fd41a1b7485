#!/bin/sh
# Low latency from the source to the screen: every player, plain and over TLS with
# HTTP/2, by the code in the picture.  How late it is exactly: t/bench/glass.sh.
# FULL=1: for 20 seconds each, and a browser that is missing is a failure.
. "$(dirname "$0")/lib.sh"
. "$top/t/chain.sh"
# shellcheck disable=SC2154
. "$top/t/browser.sh"
. "$top/t/tls.sh"

browser store/watch
seconds=10
test -z "${FULL-}" || seconds=20
export seconds

tls_origin store
mkfifo source ladder
stage segment ladder /dev/null mpkg-segment --low-latency --segment 1s --window 20s \
	-s package.stats -o "$base/live/one/"
stage encode source ladder mlive-encode --latency low -g 1s -r 360p@600k -r 180p@200k -a 96k
stage ingest /dev/null source mlive-ingest --realtime 'test:?size=640x360&fps=25'

published () {
	curl -sf "$base/live/one/v1/index.m3u8" >index.m3u8
	test "$(numbers index.m3u8 | wc -l)" -ge 5
}
check 'the channel comes up' '
	within 120 published
'
check 'with parts, and a server that holds requests' '
	grep -q "^#EXT-X-PART:" index.m3u8
	grep -q "CAN-BLOCK-RELOAD=YES" index.m3u8
	grep -q "^#EXT-X-PRELOAD-HINT:" index.m3u8
'
# Shaka plays HLS by whole segments: see players.js.
for player in hlsjs dashjs shaka-dash shaka-hls
do
	latency=4
	test $player != shaka-hls || latency=8
	export player latency
	together "$player $player-tls" mode=glass seconds=$seconds rungs=2 latency=$latency
	check "$player shows it within $latency seconds" 'played $player'
	check "$player does over TLS and HTTP/2" 'played $player-tls'
done
kill "$ingest"
check 'the channel ends when its source does' '
	within 120 gone $segment
'
done_testing
