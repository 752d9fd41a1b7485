#!/bin/sh
# mpkg-segment --low-latency, live, to an origin: what is listed is there; restarts; gaps.
. "$(dirname "$0")/lib.sh"
# shellcheck disable=SC2154
need 'no ffmpeg' command -v ffmpeg

ffmpeg -v error -f lavfi -i testsrc2=size=320x180:rate=25:duration=20 \
	-f lavfi -i sine=frequency=440:sample_rate=48000:duration=20 -c:v libx264 \
	-preset ultrafast -bf 0 -g 25 -keyint_min 25 -sc_threshold 0 -c:a aac -b:a 64k \
	-f mpegts a.ts </dev/null

port=$(free_port)
url=http://127.0.0.1:$port
server='' packager='' feed=''
trap 'kill -9 $server $packager $feed 2>/dev/null; rm -rf "$scratch"' EXIT

origin () {
	mkdir -p root
	mstore-serve -q -l "127.0.0.1:$port" --root root 2>>serve.log & server=$!
	eventually curl -s -o /dev/null "$url/none"
}

# package OUTPUT OPTION... - a packager that reads the pipe, which we keep open.
package () {
	out=$1
	shift
	rm -f pipe
	mkfifo pipe
	mpkg-segment --low-latency --segment 2s -o "$out" -s stats "$@" <pipe 2>>pkg.log &
	packager=$!
	exec 9>pipe
}

# feed - the picture, at its own pace, until it is stopped.
start_feed () {
	mlive-ingest -q --realtime --loop a.ts >&9 2>/dev/null & feed=$!
}

stop () {
	kill "$@" 2>/dev/null
	wait "$@" 2>/dev/null
	:
}

follow () {
	perl "$top/t/lowfollow.pl" "$@"
}

has () {
	curl -s "$url/$2" | grep -q "$1"
}

origin
package "$url/live/one/"
start_feed
eventually has '^#EXT-X-PART:' live/one/v1/index.m3u8
check 'each part has its bytes the moment it is listed, and reports never lie' '
	follow "$url/live/one" a1 25 >a1.log & other=$!
	follow "$url/live/one" v1 25
	wait $other
'
check 'the origin says that it holds requests, and players are told' '
	has CAN-BLOCK-RELOAD=YES live/one/v1/index.m3u8
	has "http-iso:2014\" value=\"/.time" live/one/index.mpd
'
check 'the manifest: segments by number on the grid, before they are whole' '
	curl -s "$url/live/one/index.mpd" >mpd
	grep "SegmentTemplate.* duration=\"180000\".*availabilityTimeOffset=.*availabilityTimeComplete=\"false\"" mpd
	grep "Latency target" mpd
	grep "ProducerReferenceTime.*inband=\"true\"" mpd
	grep "Resync" mpd
	perl "$top/t/mpd.pl" low <mpd
	command -v xmllint >/dev/null || exit 0
	xmllint --noout mpd
'
check 'parts are written soon after their last access unit' '
	tail -n 1 stats >last
	grep "\"parts\":[1-9]" last
	grep "\"parts_late\":0" last
'
check 'the server is killed in the middle of a segment and comes back: nothing is lost' '
	kill -9 $server
	wait $server || true
	sleep 0.3
	mstore-serve -q -l "127.0.0.1:$port" --root root 2>>serve.log &
	echo $! >pid
	eventually curl -s -o /dev/null "$url/none"
	follow "$url/live/one" v1 40
	fails 1 has EXT-X-GAP live/one/v1/index.m3u8
	fails 1 has EXT-X-DISCONTINUITY$ live/one/v1/index.m3u8
'
server=$(cat pid)
# A segment has begun, and will not end at once.
middle () {
	parts=$(curl -s "$url/live/one/v1/index.m3u8" | awk '/^#EXTINF/ { n = 0 }
		/^#EXT-X-PART:/ { n++ }
		END { print n + 0 }')
	test "$parts" -ge 2 -a "$parts" -le 6
}
check 'the packager is killed in the middle of a segment: it goes on with the same numbers' '
	eventually middle
'
stop -9 "$packager"
exec 9>&-
stop "$feed"
curl -s "$url/live/one/v1/index.m3u8" >before
package "$url/live/one/"
start_feed
check 'numbers and sequence go on; what was not made is a gap; no discontinuity' '
	last=$(grep -c . before)
	number=$(sed -n "s/.m4s$//p" before | tail -n 1)
	eventually has "^$((number + 3)).m4s" live/one/v1/index.m3u8
	curl -s "$url/live/one/v1/index.m3u8" >after
	first=$(sed -n "s/^#EXT-X-MEDIA-SEQUENCE://p" after)
	sed -n "s/.m4s$//p" after | awk -v n="$first" "
		NR == 1 { off = \$1 - n }
		\$1 - off != n + NR - 1 { bad = 1; print \"not in order:\", \$1 }
		END { exit bad }"
	test "$(sed -n "s/^#EXT-X-MEDIA-SEQUENCE://p" before)" -le "$first"
	grep EXT-X-GAP after
	follow "$url/live/one" v1 15
'
check 'the input stops: gaps instead of silence, and a Period that ends' '
	kill -STOP $feed
	eventually has "EXT-X-GAP" live/one/v1/index.m3u8
	curl -s "$url/live/one/v1/index.m3u8" >here
	n=$(sed -n "s/.m4s$//p" here | tail -n 1)
	eventually has "^$((n + 2)).m4s" live/one/v1/index.m3u8
	curl -s "$url/live/one/v1/index.m3u8" >gap
	tail -n 20 gap | grep EXT-X-GAP
	curl -s "$url/live/one/index.mpd" >mpd
	grep "<Period .*duration=" mpd
	kill -CONT $feed
	# All of its parts are gaps, and as long as it is; so is the rest of the interrupted one.
	n=$(sed -n "s/.m4s$//p" gap | tail -n 1)
	test "$(grep -c "^#EXT-X-PART:.*URI=.$n.m4s.,GAP=YES" gap)" -eq 10
	fails 1 grep "^#EXT-X-PART:.*URI=.$n.m4s.,BYTERANGE" gap
	awk -v target=0.2 "/^#EXT-X-PART:/ { sub(/.*DURATION=/, \"\"); sub(/,.*/, \"\"); sum += \$0
			if (\$0 > target + 0.0001) { print \"part of\", \$0; bad = 1 } n++ }
		/^#EXTINF:/ { sub(/.*:/, \"\"); sub(/,.*/, \"\")
			if (n && (sum - \$0 > 0.001 || \$0 - sum > 0.001)) {
				print \"parts of\", sum, \"in\", \$0; bad = 1
			}
			sum = n = 0 }
		END { exit bad }" gap
	n=$(sed -n "s/.m4s$//p" gap | tail -n 1)
	eventually has "PART:.*URI=\"$((n + 2)).m4s" live/one/v1/index.m3u8
	curl -s "$url/live/one/v1/index.m3u8" >back
	test "$(tail -n 12 back | grep -c EXT-X-GAP)" -eq 0
	test "$(grep -c "DISCONTINUITY$" back)" -eq 0
'
stop "$packager"
exec 9>&-
stop "$feed"
check 'what is there in the end is read by ffmpeg' '
	mkdir got
	for name in init.mp4 $(curl -s "$url/live/one/v1/index.m3u8" | awk "/GAP/ { gap = 1 }
		/m4s$/ { if (!gap) print; gap = 0 }" | tail -n 2)
	do
		curl -s -f "$url/live/one/v1/$name" >>got/all.mp4
	done
	test "$(ffprobe -v error -count_packets -show_entries stream=nb_read_packets \
		-of csv=p=0 got/all.mp4 | tr -d ,)" -ge 50
'
package dir
start_feed
check 'in a directory a file grows under its name; killed and started again, it is whole or new' '
	eventually grep -s "^#EXT-X-PART:" dir/v1/index.m3u8
	eventually perl "$top/t/lowlist.pl" dir v1 live
'
stop -9 "$packager"
exec 9>&-
stop "$feed"
package dir --latency 1300ms
start_feed
check 'and goes on' '
	n=$(sed -n "s/.m4s$//p" dir/v1/index.m3u8 | tail -n 1)
	eventually grep "^$((n + 3)).m4s" dir/v1/index.m3u8
	eventually grep "Latency target=\"1300\"" dir/index.mpd
	grep "PART-HOLD-BACK=1.300000" dir/v1/index.m3u8
'
stop "$packager"
exec 9>&-
stop "$feed"
check 'what is listed there has all its bytes' '
	perl "$top/t/lowlist.pl" dir v1 live
	perl "$top/t/lowlist.pl" dir a1 live
'

# What the manifest says of how early a segment may be asked for.
offset () {
	sed -n 's/.*availabilityTimeOffset="\([0-9.]*\).*/\1/p' short/index.mpd 2>/dev/null |
		head -n 1 | tee now
}
early () {
	offset | grep '^0\.[5-8]'
}
late () {
	offset
	test -s now
	fails 1 grep '^0\.[5-8]' now
}
# delayed - standard input so many seconds later
delayed () {
	perl -MTime::HiRes=time -e '
		my ($late, @queue) = shift;
		$| = 1;
		while (1) {
			my $wait = @queue ? $queue[0][0] - time : 60;
			vec(my $in = "", 0, 1) = 1;
			if (select $in, undef, undef, $wait > 0 ? $wait : 0) {
				sysread(STDIN, my $bytes, 65536) or last;
				push @queue, [time + $late, $bytes];
			}
			print +(shift @queue)->[1] while @queue && $queue[0][0] <= time;
		}' "$1"
}
package short --segment 1s --gap-after 10s
start_feed
check 'segments may be asked for when their first part is there' 'eventually early'
segments () {
	test "$(grep -c '^#EXTINF' short/v1/index.m3u8)" -ge "$1"
}
eventually segments 10
kill -STOP "$feed"
sleep 1.5	# the trouble: two of the segments are late
kill -CONT "$feed"
check 'a bad moment changes nothing' '
	n=$(sed -n "s/.m4s$//p" short/v1/index.m3u8 | tail -n 1)
	eventually grep "^$((n + 4)).m4s" short/v1/index.m3u8
	early
'
stop "$packager" "$feed"
exec 9>&-
rm -rf short
package short --segment 1s --gap-after 10s
mlive-ingest -q --realtime --loop a.ts 2>/dev/null | delayed 1.6 >&9 & feed=$!
check 'when parts are late, for later' 'eventually late'
stop "$packager" "$feed"
exec 9>&-
done_testing
