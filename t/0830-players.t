#!/bin/sh
# Every player plays the live channel, plain and over TLS with HTTP/2, and video on demand,
# in a real browser.
# FULL=1: for a minute each, and a browser that is missing is a failure.
. "$(dirname "$0")/lib.sh"
. "$top/t/chain.sh"
# shellcheck disable=SC2154
. "$top/t/browser.sh"
. "$top/t/tls.sh"

film
browser store/watch

seconds=12
test -z "${FULL-}" || seconds=60
export seconds

# Small rungs, since browser and encoder share the machine.
tls_origin store
mkfifo source ladder
stage segment ladder /dev/null mpkg-segment --segment 2s --window 60s \
	--utc-timing /watch/index.html -o "$base/live/one/"
stage encode source ladder mlive-encode -r 360p@600k -r 216p@300k -r 144p@150k -a 96k
stage ingest /dev/null source mlive-ingest --realtime --loop "$film"

published () {
	curl -sf "$base/live/one/v1/index.m3u8" >index.m3u8
	test "$(numbers index.m3u8 | wc -l)" -ge 5
}
check 'the live channel comes up' '
	within 120 published
'
# each "WHAT IT DOES" ARGUMENT... - each player; of $over TLS.
over=
each () {
	does=$1
	shift
	for pair in "hlsjs$over shaka-dash$over" "dashjs$over shaka-hls$over" "native$over"
	do
		together "$pair" "$@"
		for player in $pair
		do
			export player
			check "$player $does" 'played $player'
		done
	done
}
each 'plays the live channel without a fault' seconds=$seconds
over=-tls
each 'plays it over HTTP/2 as well' seconds=4 choose=no
over=
kill "$ingest"
check 'the channel ends when its source does' '
	within 120 gone $segment
'

clip 10 in.ts
mlive-ingest in.ts 2>vod.log |
	mlive-encode -r 360p@600k -r 216p@300k -r 144p@150k -a 96k 2>>vod.log |
	mpkg-segment --segment 2s --vod -o "$base/vod/film/" 2>>vod.log
each 'plays video on demand to its end' mode=vod channel=/vod/film/ seconds=10

# The clock of the source jumps, and so does its picture: 360 lines, 180, 360 otherwise.
for kind in "360 25 2" "180 30 2" "360 25 0"
do
	# shellcheck disable=SC2086
	set -- $kind
	ffmpeg -nostdin -v error -f lavfi -i "testsrc2=size=640x$1:rate=$2:duration=4" \
		-f lavfi -i sine=frequency=440:sample_rate=48000:duration=4 -c:v libx264 \
		-preset ultrafast -pix_fmt yuv420p -bf "$3" -g "$2" -c:a aac -f mpegts -
done >change.ts
mpkg-segment -q --segment 2s --vod -o "$base/vod/change/" <change.ts
each 'plays on when the picture changes' mode=vod channel=/vod/change/ seconds=12 drop=5
done_testing
