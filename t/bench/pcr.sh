#!/bin/sh
# PCR jitter: how far PCRs are off a steady clock by their time of arrival, as the kernel
# stamps them (mconnect-probe), of a source that a network has jittered by 5 ms, and of
# what comes out of mconnect-relay, multicat and srt-live-transmit for it.
#
# All read the same packets: a relay without smoothing copies them to each.
set -e

BUILD=${BUILD:-$(cd "$(dirname "$0")/../.." && pwd)/build}
PATH=$BUILD:$PATH
dir=$(mktemp -d "${TMPDIR:-/tmp}/bench.XXXXXX")
trap 'kill -9 $(cat "$dir"/*.pid 2>/dev/null) 2>/dev/null; rm -rf "$dir"' EXIT
cd "$dir"
seconds=${SECONDS_EACH:-20}

# Of a constant rate, as for a modulator, and of one that changes with each picture.
ffmpeg -nostdin -v error -f lavfi \
	-i "testsrc2=size=640x360:rate=25:duration=$((seconds + 4))" -c:v libx264 \
	-preset ultrafast -b:v 6M -maxrate 6M -bufsize 3M -g 25 -muxrate 8M -pcr_period 20 \
	-f mpegts cbr.ts
mlive-ingest -q -t "$((seconds + 4))s" \
	'test:?size=320x180&rate=8M&gop=1s&preset=ultrafast' >vbr.ts

# start NAME COMMAND...: until the round is over
start () {
	name=$1
	shift
	"$@" >"$name.log" 2>&1 &
	echo $! >"$name.pid"
}
# watch NAME PORT: measure what comes there
watch () {
	start "probe-$1" mconnect-probe -f json -t "${seconds}s" "udp://127.0.0.1:$2"
}
# tell NAME
tell () {
	wait "$(cat "probe-$1.pid")" || :
	tail -n 1 "probe-$1.log" | perl -MJSON::PP -e '
		my $o = decode_json(<STDIN>);
		printf "%-34s p50 %7.0f us, p99 %7.0f us, max %7.0f us, %d lost\n", $ARGV[0],
			map { $_ // -1 } @$o{qw(pcr_jitter_p50_us pcr_jitter_p99_us pcr_jitter_us
			source_continuity_counter)}' "$1"
	rm "probe-$1.pid"
}

round () {
	watch sent 28601
	watch jittered 28602
	start relay mconnect-relay -i udp://127.0.0.1:28612 -o udp://127.0.0.1:28603
	watch mconnect-relay 28603
	start relay50 mconnect-relay --smooth 50ms -i udp://127.0.0.1:28613 \
		-o udp://127.0.0.1:28604
	watch mconnect-relay-50ms 28604
	all="sent jittered mconnect-relay mconnect-relay-50ms"
	if command -v multicat >/dev/null
	then
		start multicat multicat -u -U @127.0.0.1:28614 127.0.0.1:28605
		watch multicat 28605
		all="$all multicat"
	fi
	if command -v srt-live-transmit >/dev/null
	then
		start slt srt-live-transmit -q udp://127.0.0.1:28615 udp://127.0.0.1:28606
		watch srt-live-transmit 28606
		all="$all srt-live-transmit"
	fi
	start split mconnect-relay --smooth 0s -i udp://127.0.0.1:28621 -o udp://127.0.0.1:28602 \
		-o udp://127.0.0.1:28612 -o udp://127.0.0.1:28613 -o udp://127.0.0.1:28614 \
		-o udp://127.0.0.1:28615
	start net mconnect-impair -S 1 -t jitter=5ms 28620=127.0.0.1:28621
	sleep 1
	start source mconnect-relay -i "$1" -o udp://127.0.0.1:28620 -o udp://127.0.0.1:28601
	for one in $all
	do
		tell "$one"
	done
	cat ./*.pid | xargs kill -9
	rm -f ./*.pid
	wait
}

for n in 1 2
do
	for kind in cbr vbr
	do
		echo "# $kind, round $n"
		round $kind.ts
	done
done
