#!/bin/sh
# mpkg-segment where something begins, ends or breaks: clocks that step back, holes,
# parameters that change, tracks that go, and what is kept for late readers.
. "$(dirname "$0")/lib.sh"
need 'no ffmpeg' command -v ffmpeg

# make_ts FILE VIDEO-SECONDS AUDIO-SECONDS OPTION... - 25 pictures a second, two B.
make_ts () {
	file=$1 video=$2 audio=$3
	shift 3
	ffmpeg -v error -f lavfi -i "testsrc2=size=160x90:rate=25:duration=$video" \
		-f lavfi -i "sine=sample_rate=48000:duration=$audio" -c:v libx264 \
		-preset ultrafast -bf 2 -g 25 -keyint_min 25 -sc_threshold 0 -c:a aac \
		-b:a 64k "$@" -f mpegts -y "$file" </dev/null
}

# frames PLAYLIST STREAM - pictures or frames of sound in it.
frames () {
	ffprobe -v error -select_streams "$2" -count_packets -show_entries \
		stream=nb_read_packets -of csv=p=0 "$1" | sed -n '/[0-9]/{s/,.*//;p;q;}'
}

check 'a clock that steps back by two seconds: a discontinuity, nothing is lost' '
	make_ts two.ts 2 2
	cat two.ts two.ts >back.ts
	mpkg-segment -q --vod -o back <back.ts
	grep -x "#EXT-X-TARGETDURATION:4" back/v1/index.m3u8
	test "$(grep -c DISCONTINUITY$ back/v1/index.m3u8)" -eq 1
	test "$(grep -c "<Period" back/index.mpd)" -eq 2
	test "$(frames back/v1/index.m3u8 v)" -eq 100
	test "$(frames back/a1/index.m3u8 a)" -ge $((2 * $(frames two.ts a) - 2))
'
check 'by one second' '
	make_ts one.ts 1 1
	cat one.ts one.ts one.ts >ones.ts
	mpkg-segment -q --segment 1s --vod -o ones <ones.ts
	test "$(grep -c DISCONTINUITY$ ones/v1/index.m3u8)" -eq 2
	test "$(frames ones/v1/index.m3u8 v)" -eq 75
	test "$(frames ones/a1/index.m3u8 a)" -ge $((3 * $(frames one.ts a) - 4))
'
check 'tracks of other frame rates: each segment begins with the key picture nearest to its begin' '
	ffmpeg -v error -f lavfi -i "testsrc2=size=160x90:rate=30000/1001:duration=16" -c:v libx264 \
		-preset ultrafast -f mpegts ntsc.ts
	mlive-encode -q -r 90p@200k -r 72p@100k,fps=15 -r 72p@100k,fps=24 -r 72p@100k,fps=25 \
		<ntsc.ts >mixed.ts
	mpkg-segment -q --segment 4s --vod -o odd <mixed.ts 2>err
	mpkg-segment -q --segment 4s --low-latency -o low <mixed.ts 2>>err
	cat err
	test ! -s err
	for v in v1 v2 v3 v4
	do
		grep -x "#EXT-X-INDEPENDENT-SEGMENTS" odd/$v/index.m3u8
		test "$(ls odd/$v/[0-9]*.m4s | wc -l)" -eq 4
	done
	test "$(frames odd/v2/index.m3u8 v)" -eq "$(frames low/v2/index.m3u8 v)"
'
check 'six seconds are missing of all tracks: no sound is stretched over them' '
	make_ts ten.ts 10 10
	ffmpeg -v error -i ten.ts -c copy -output_ts_offset 16 -f mpegts later.ts
	cat ten.ts later.ts >hole.ts
	mpkg-segment -q --vod -o hole <hole.ts
	grep -x "#EXT-X-TARGETDURATION:4" hole/a1/index.m3u8
	sed -n "s/^#EXTINF://p" hole/a1/index.m3u8 >durations
	test "$(awk "\$1 > 4.1" durations | wc -l)" -eq 0
	grep "<Period id=\"1\" start=\"PT10.0" hole/index.mpd
'
check 'sound of another rate that overlaps the old one: a discontinuity, a Period' '
	make_ts r44.ts 10 10 -ar 44100 -ac 2 -output_ts_offset 10
	cat ten.ts r44.ts >rates.ts
	mpkg-segment -q --vod -o rates <rates.ts
	grep -B 3 "init-2.mp4" rates/a1/index.m3u8 | grep "DISCONTINUITY$"
	test "$(grep -c "<Period" rates/index.mpd)" -eq 2
	test "$(frames rates/a1/index.m3u8 a)" -gt $((95 * $(frames rates.ts a) / 100))
'
check 'live: what index.m3u8 says follows the parameters' '
	make_ts big.ts 10 10 -s 640x360 -b:v 3M
	make_ts small.ts 10 10 -s 320x180 -b:v 100k -profile:v baseline -bf 0
	cat big.ts small.ts | mpkg-segment -q --segment 2s --window 6s -o changed
	grep "RESOLUTION=320x180" changed/index.m3u8
	fails 1 grep "RESOLUTION=640x360" changed/index.m3u8
'
check 'parameters that come after a lost packet are believed' '
	make_ts h1.ts 5 5
	make_ts h2.ts 5 5 -s 320x180 -output_ts_offset 5
	cat h1.ts h2.ts >counters.ts
	mpkg-segment -q --segment 2s --vod -o counters <counters.ts
	for n in 1 2 3
	do
		cat counters/v1/init.mp4 counters/v1/$n.m4s >whole.mp4
		ffmpeg -v error -i whole.mp4 -f null - 2>>err
	done
	test ! -s err
'
check 'after a change of the order of pictures each segment has its own length' '
	make_ts first.ts 8 8 -bf 0
	make_ts other.ts 8 8 -s 320x180 -bf 3 -output_ts_offset 8
	cat first.ts other.ts >order.ts
	mpkg-segment -q --segment 2s --vod -o order <order.ts
	sed -n "s/^#EXTINF:\([0-9.]*\),/\1/p" order/v1/index.m3u8 >durations
	test "$(awk "\$1 > 1.9 && \$1 < 1.999" durations | wc -l)" -eq 0
	test "$(grep -c "2\.000000" durations)" -ge 7
'
check 'a segment that left the playlist can be had for as long as it and the playlist last' '
	make_ts forty.ts 40 40
	cat forty.ts | mpkg-segment -q --window 4s -o kept
	# Each is of 4 s: three are listed, and four more are there.
	test "$(grep -c "m4s$" kept/v1/index.m3u8)" -eq 3
	test "$(ls kept/v1/*.m4s | wc -l)" -ge 7
	test "$(ls kept/v1/*.m4s | wc -l)" -le 9
'
check 'a track that ends leaves the index, and its numbers do not go back' '
	make_ts quiet.ts 50 12
	mkfifo q
	mpkg-segment -q --segment 2s --window 10s -o quiet <q & pid=$!
	exec 9>q
	head -c 1000000 quiet.ts >&9
	eventually grep "MEDIA-SEQUENCE" quiet/a1/index.m3u8
	before=$(sed -n "s/^#EXT-X-MEDIA-SEQUENCE://p" quiet/a1/index.m3u8)
	tail -c +1000001 quiet.ts >&9
	exec 9>&-
	wait $pid
	test "$(sed -n "s/^#EXT-X-MEDIA-SEQUENCE://p" quiet/a1/index.m3u8)" -ge "$before"
	fails 1 grep "a1/index.m3u8" quiet/index.m3u8
	grep "v1/index.m3u8" quiet/index.m3u8
'
check 'one killed and one that went on make the same objects' '
	make_ts live.ts 32 32
	mlive-ingest -q --realtime -t 30s live.ts >stamped.ts
	cut=$(($(wc -c <stamped.ts) / 376 * 188))
	cat stamped.ts | mpkg-segment -q --segment 2s --window 60s -o whole
	mkfifo k
	mpkg-segment -q --segment 2s --window 60s -o killed <k & pid=$!
	exec 9>k
	head -c $cut stamped.ts >&9
	eventually test -s killed/v1/index.m3u8
	eventually test "$(ls killed/v1/*.m4s | wc -l)" -ge 5
	kill -9 $pid
	exec 9>&-
	cat stamped.ts | mpkg-segment -q --segment 2s --window 60s -o killed
	diff -r whole/v1 killed/v1
	diff -r whole/a1 killed/a1
'
check 'two tracks of one language by two codes have names of their own' '
	ffmpeg -v error -f lavfi -i sine=duration=6 -map 0 -map 0 -c:a aac \
		-metadata:s:a:0 language=deu -metadata:s:a:1 language=ger -f mpegts names.ts
	mpkg-segment -q --vod -o names <names.ts
	test "$(grep -o "NAME=\"[^\"]*\"" names/index.m3u8 | sort -u | wc -l)" -eq 2
	test "$(grep -c "AUTOSELECT=YES" names/index.m3u8)" -eq 1
'
check 'BANDWIDTH holds for a short segment and the one beside it' '
	ffmpeg -v error -f lavfi -i smptehdbars=size=640x360:rate=25:duration=8.64 -c:v libx264 \
		-preset veryfast -g 50 -keyint_min 50 -sc_threshold 0 -f mpegts x.ts
	cat x.ts x.ts >x2.ts
	mpkg-segment -q --segment 2s --vod -o peak <x2.ts
	bandwidth=$(sed -n "s/^#EXT-X-STREAM-INF:BANDWIDTH=\([0-9]*\),.*/\1/p" peak/index.m3u8)
	awk -v most="$bandwidth" "/^#EXTINF/ { split(\$0, a, /[:,]/); d[n] = a[2] }
		/m4s\$/ { (\"wc -c <peak/v1/\" \$0) | getline b[n]; n++ }
		END {
			for (i = 1; i < n; i++)
				if (d[i] + d[i - 1] <= 3 && (b[i] + b[i - 1]) * 8 / (d[i] + d[i - 1]) > most + 1) {
					print i, b[i], d[i], most
					exit 1
				}
		}" peak/v1/index.m3u8
'
check 'maxSegmentDuration is that of any track' '
	longest=$(sed -n "s/.*maxSegmentDuration=\"PT\([0-9.]*\)S\".*/\1/p" hole/index.mpd)
	awk -v most="$longest" "/timescale/ { split(\$0, a, /timescale=\"/); scale = a[2] + 0 }
		/<S / { split(\$0, a, / d=\"/); if ((a[2] + 0) / scale > most + 0.000001) exit 1 }" \
		hole/index.mpd
'
check 'a list of I-frames does not end with a discontinuity' '
	make_ts short.ts 4 12
	cat short.ts two.ts >tail.ts
	head -c 400000 two.ts >/dev/null
	mpkg-segment -q --segment 2s --vod -o tail <short.ts
	test "$(grep -v ENDLIST tail/v1/iframes.m3u8 | tail -n 1)" != "#EXT-X-DISCONTINUITY"
'
check 'the rate of pictures is that of their times, when the stream says another' '
	ffmpeg -v error -i ten.ts -map 0:v -c copy -bsf:v h264_metadata=tick_rate=1200 -f mpegts vui.ts
	mpkg-segment -q --vod -o vui <vui.ts
	grep "FRAME-RATE=25.000" vui/index.m3u8
	grep "frameRate=\"25\"" vui/index.mpd
'
check 'random access points far apart: a restart keeps the grid' '
	ffmpeg -v error -f lavfi -i testsrc2=s=160x90:r=25:d=36 -c:v libx264 -preset ultrafast \
		-x264-params keyint=1000:min-keyint=1:scenecut=0 \
		-force_key_frames "expr:if(lt(t,12),gte(t,n_forced),gte(t,12+(n_forced-12)*5))" \
		-f mpegts far.ts
	mlive-ingest -q --realtime far.ts >far-live.ts
	cut=$(($(wc -c <far-live.ts) / 188 * 2 / 3 * 188))
	head -c $cut far-live.ts | mpkg-segment -q --segment 2s --window 60s -o far
	grep -o "\"pictures\": *[0-9]*" far/mpkg-segment.json >before
	target=$(grep TARGETDURATION far/v1/index.m3u8)
	tail -c +$((cut + 1)) far-live.ts | mpkg-segment -q --segment 2s --window 60s -o far
	grep -o "\"pictures\": *[0-9]*" far/mpkg-segment.json | diff before -
	test "$(grep TARGETDURATION far/v1/index.m3u8)" = "$target"
'
check 'another codec for a while, then the old one: the same track goes on' '
	for i in 1 3
	do
		ffmpeg -v error -f lavfi -i testsrc2=s=160x90:r=25:d=6 -f lavfi -i sine=d=6 -c:v libx264 \
			-preset ultrafast -g 25 -c:a ac3 -output_ts_offset $((6 * i)) -f mpegts c$i.ts
	done
	ffmpeg -v error -f lavfi -i testsrc2=s=160x90:r=25:d=6 -f lavfi -i sine=d=6 -g 25 \
		-c:v mpeg2video -c:a ac3 -mpegts_service_id 7 -output_ts_offset 12 -f mpegts c2.ts
	cat c1.ts c2.ts c3.ts >codecs.ts
	mpkg-segment --segment 2s --vod -o codecs <codecs.ts 2>err
	grep "PID 256 has MPEG-2 video, which is left out" err
	test ! -e codecs/v2
	test ! -e codecs/a2
	test "$(frames codecs/v1/index.m3u8 v)" -eq 300
	test "$(frames codecs/a1/index.m3u8 a)" -ge 510
'
check 'segments that were never delivered: status 1' '
	mkdir full
	fails 2 mpkg-segment -o - <ten.ts
	touch full/v1
	cat ten.ts | fails 1 mpkg-segment --segment 1s --window 3s --buffer 100k -o full 2>err
	grep "could not be delivered" err
'
check 'SIGTERM in the middle of a picture: it is left out' '
	make_ts whole.ts 4 4
	cut_short 60 <whole.ts >cut.ts 2>number
	mkfifo pipe
	mpkg-segment -q --segment 1s --vod -s cut.stats -o cut <pipe & pid=$!
	exec 9>pipe
	cat cut.ts >&9
	eventually grep "\"bytes_in\":$(($(wc -c <cut.ts)))," cut.stats
	kill $pid
	wait $pid
	exec 9>&-
	# Live it begins with the second or the first of the GOPs of 25.
	frames cut/v1/index.m3u8 v | tee got
	test $(($(cat got) % 25)) -eq $(($(cat number) % 25))
'
check 'a live stream that is too short for a segment is no failure' '
	tail -c 100000 stamped.ts | mpkg-segment --segment 10s --window 20s -o nothing 2>err
	grep "warning: the stream ended before its first segment began" err
'
done_testing
