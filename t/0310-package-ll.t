#!/bin/sh
# mpkg-segment --low-latency: playlists, parts and manifest by the rules.
. "$(dirname "$0")/lib.sh"
need 'no ffmpeg' command -v ffmpeg

ffmpeg -v error -f lavfi -i testsrc2=size=320x180:rate=30000/1001:duration=12 \
	-f lavfi -i sine=frequency=440:sample_rate=48000:duration=12 -c:v libx264 \
	-preset ultrafast -bf 0 -g 60 -keyint_min 60 -sc_threshold 0 -c:a aac -b:a 64k \
	-f mpegts a.ts </dev/null
mlive-ingest -q a.ts | mlive-encode -q --latency low -r 180p@300k -r 90p@100k \
	-a 64k >ladder.ts

rules () {
	perl "$top/t/lowlist.pl" "$@"
}

check 'a ladder: parts by the rules, box by box' '
	mpkg-segment -q --low-latency --segment 2s --event -o ladder <ladder.ts
	rules ladder v1
	rules ladder v2
	rules ladder a1
'
check 'a part is 200 ms rounded up to whole pictures, in sound to whole frames' '
	grep -x "#EXT-X-PART-INF:PART-TARGET=0.200200" ladder/v1/index.m3u8
	grep -x "#EXT-X-PART-INF:PART-TARGET=0.213334" ladder/a1/index.m3u8
	test "$(grep -c "^#EXT-X-PART:DURATION=0.200200" ladder/v1/index.m3u8)" -ge 20
'
check 'all rungs have the same parts' '
	sed -n "s/^\(#EXT-X-PART:DURATION=[0-9.]*\).*/\1/p" ladder/v1/index.m3u8 >one
	sed -n "s/^\(#EXT-X-PART:DURATION=[0-9.]*\).*/\1/p" ladder/v2/index.m3u8 | diff one -
'
check 'parts are listed for three target durations, and no longer' '
	grep -B 1 "^1.m4s" ladder/v1/index.m3u8 | grep EXTINF
	test "$(grep -c "PART:.*1.m4s" ladder/v1/index.m3u8)" -eq 0
	test "$(grep -c "PART:" ladder/v1/index.m3u8)" -le 45
'
check 'a directory holds no requests: nobody is told that it does' '
	fails 1 grep -r CAN-BLOCK-RELOAD ladder
	fails 1 grep -r CAN-SKIP-UNTIL ladder
	mlive-ingest -q --realtime -t 3s a.ts >clocked.ts
	mpkg-segment -q --low-latency --segment 1s --blocking yes -o told <clocked.ts
	grep "CAN-BLOCK-RELOAD=YES,CAN-SKIP-UNTIL=12.0," told/v1/index.m3u8
'
# Of sound that outlasts the picture a frame may be left.
check 'the media is that of whole segments, and decodes' '
	mpkg-segment -q --segment 2s --event -o plain <ladder.ts
	for track in v1 a1
	do
		for how in ladder plain
		do
			cat $how/$track/init.mp4 $(ls $how/$track/[0-9]*.m4s | sort -t/ -k3n) >$how.mp4
			ffmpeg -v error -i $how.mp4 -map 0 -c copy -f framemd5 - </dev/null |
				grep -v "^#" | cut -d, -f 2,3,5,6 >$how.md5
		done
		test "$(grep -c . ladder.md5)" -ge "$(($(grep -c . plain.md5) - 1))"
		head -n "$(grep -c . ladder.md5)" plain.md5 | diff - ladder.md5
	done
	ffmpeg -v error -i ladder/index.m3u8 -map 0 -f null - 2>err </dev/null
	test ! -s err
'
check 'a finished segment is a file that ffprobe reads' '
	cat ladder/v1/init.mp4 ladder/v1/3.m4s >one.mp4
	test "$(ffprobe -v error -count_packets -show_entries stream=nb_read_packets \
		-of csv=p=0 one.mp4 | tr -d ,)" -eq 60
'
check 'a stream without boundary points, with reordered pictures' '
	ffmpeg -v error -f lavfi -i testsrc2=size=320x180:rate=25:duration=10 -f lavfi \
		-i sine=duration=10:sample_rate=44100 -c:v libx264 -preset veryfast -bf 2 -g 50 \
		-keyint_min 50 -sc_threshold 0 -c:a aac -f mpegts b.ts </dev/null
	mpkg-segment -q --low-latency --segment 2s --part 320ms --event -o foreign <b.ts
	rules foreign v1
	rules foreign a1
	ffmpeg -v error -i foreign/index.m3u8 -map 0 -f null - 2>err </dev/null
	test ! -s err
'
check 'the same bytes make the same objects' '
	mpkg-segment -q --low-latency --segment 1s --event -o same1 <clocked.ts
	mpkg-segment -q --low-latency --segment 1s --event -o same2 <clocked.ts
	diff -r same1 same2
'
# Key frames each two seconds, and at 5 s and 9 s: a break of 4 s.
ffmpeg -v error -f lavfi -i testsrc2=size=320x180:rate=25:duration=20 \
	-f lavfi -i sine=frequency=440:sample_rate=48000:duration=20 -c:v libx264 \
	-preset ultrafast -bf 0 -g 50 -keyint_min 1 -sc_threshold 0 -force_key_frames \
	"expr:eq(mod(n,50),0)+eq(n,125)+eq(n,225)" -c:a aac -f mpegts c.ts </dev/null
echo '+5s out 4s id=7 auto' >cues.txt
mlive-cue insert -q -f cues.txt <c.ts >cued.ts

check 'cues: segments begin at splices, and the same is told as without parts' '
	mpkg-segment -q --cues daterange,cue-out,emsg --event -o cue-plain <cued.ts
	mpkg-segment -q --low-latency --cues daterange,cue-out,emsg --event -o cue-low <cued.ts
	for how in plain low
	do
		sed -n "s/^\(#EXTINF\|#EXT-X-DATERANGE\|#EXT-X-CUE\)/\1/p" \
			cue-$how/v1/index.m3u8 >$how.lines
	done
	grep DATERANGE plain.lines
	diff plain.lines low.lines
	perl "$top/t/lowlist.pl" cue-low v1
	perl "$top/t/lowlist.pl" cue-low a1
	grep -l "urn:scte:scte35:2013:bin" cue-low/v1/*.m4s
'
check 'a break is in the playlist as soon as it is announced, before it begins' '
	mkfifo pipe
	mpkg-segment -q --low-latency --gap-after 60s --segment 2s --cues daterange --event -o ahead <pipe & pid=$!
	exec 8>pipe
	head -c "$(($(wc -c <cued.ts) * 23 / 100 / 188 * 188))" cued.ts >&8
	eventually grep -s "^#EXT-X-DATERANGE.*SCTE35-OUT" ahead/v1/index.m3u8
	test "$(grep -c "^#EXTINF" ahead/v1/index.m3u8)" -le 2
	exec 8>&-
	wait $pid
'
check 'players may be told to stay further behind' '
	mpkg-segment -q --low-latency --latency 1700ms --event -o behind <a.ts
	grep "PART-HOLD-BACK=1.700000$" behind/v1/index.m3u8
	grep "PART-HOLD-BACK=1.700000$" behind/a1/index.m3u8
	grep "PART-HOLD-BACK=0.6" cue-low/v1/index.m3u8
'
check 'what cannot go together is refused' '
	fails 2 mpkg-segment --latency 2s -o x <a.ts
	fails 2 mpkg-segment --low-latency --latency 500ms -o x <a.ts
	fails 2 mpkg-segment --low-latency --latency 2h -o x <a.ts
	fails 2 mpkg-segment --low-latency --vod -o x <a.ts
	fails 2 mpkg-segment --low-latency --hls-ts -o x <a.ts
	fails 2 mpkg-segment --low-latency --part 3s -o x <a.ts
	fails 2 mpkg-segment --low-latency --blocking maybe -o x <a.ts
'
done_testing
