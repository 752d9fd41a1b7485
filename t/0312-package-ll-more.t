#!/bin/sh
# mpkg-segment --low-latency: holes in the stream, several tracks, sound alone, restarts.
. "$(dirname "$0")/lib.sh"
need 'no ffmpeg' command -v ffmpeg

rules () {
	perl "$top/t/lowlist.pl" "$@"
}

# holes FILE EXPRESSION... - ten seconds; pictures (of 25 a second) that are to be missing.
holes () {
	file=$1 which=$2
	shift 2
	ffmpeg -v error -f lavfi -i testsrc2=size=320x180:rate=25:duration=10 \
		-f lavfi -i sine=frequency=440:sample_rate=48000:duration=10 \
		-vf "select='not($which)'" -fps_mode passthrough -enc_time_base 1:90000 \
		-c:v libx264 -preset ultrafast -bf 0 -g 250 -sc_threshold 0 \
		-force_key_frames 'expr:gte(t,n_forced*2)' -c:a aac -b:a 64k "$@" \
		-f mpegts "$file" </dev/null
}

# lost PID FIRST LAST - without these packets of elementary stream, counted from 0, which
# nothing in the stream tells of but the time.
lost () {
	perl -e 'my ($pid, $from, $to) = @ARGV;
		my ($n, $cc) = (-1, 0);
		binmode STDIN;
		binmode STDOUT;
		while (read(STDIN, my $p, 188) == 188) {
			my ($head, $flags) = unpack "xnC", $p;
			if (($head & 0x1fff) == $pid) {
				$n++ if $head & 0x4000;
				next if $n >= $from && $n <= $to;
				$cc++ if $flags & 0x10;
				substr($p, 3, 1) = chr(($flags & 0xf0) | (($cc - 1) & 15));
			}
			print $p;
		}' "$@"
}

# gaps PLAYLIST - what the parts that nobody has last together, ms.
gaps () {
	awk -F '[=,]' '/^#EXT-X-PART:.*GAP=YES/ { sum += $2 } END { print int(sum * 1000 + .5) }' "$1"
}

check 'a hole that a part can hold makes none longer than its target' '
	holes small.ts "eq(n,111)+eq(n,114)+eq(n,165)+between(n,202,203)"
	mpkg-segment -q --low-latency --segment 2s --event -o small <small.ts
	rules small v1
	rules small a1
	test "$(gaps small/v1/index.m3u8)" -eq 0
	sed -n "s/^#EXTINF:\([0-9.]*\).*/\1/p" small/v1/index.m3u8 >lasts
	test "$(sort -u lasts)" = 2.000000
'
check 'a longer one passes as parts that nobody has, and parts go on behind it' '
	holes long.ts "between(n,112,122)+between(n,155,160)+between(n,195,199)"
	mpkg-segment -q --low-latency --segment 2s --event -o long <long.ts
	rules long v1
	rules long a1
	grep -c "^#EXT-X-PART.*GAP=YES" long/v1/index.m3u8
	fails 1 grep EXT-X-GAP long/v1/index.m3u8
	fails 1 grep EXT-X-DISCONTINUITY long/v1/index.m3u8
	sed -n "s/^#EXTINF:\([0-9.]*\).*/\1/p" long/v1/index.m3u8 >lasts
	test "$(sort -u lasts)" = 2.000000
'
check 'all that there is has been packaged' '
	cat long/v1/init.mp4 $(ls long/v1/[0-9]*.m4s | sort -t/ -k3n) >long.mp4
	ffprobe -v error -show_entries packet=pts_time -of csv=p=0 long.ts -select_streams v |
		awk "/[0-9]/ { printf \"%.2f\n\", \$1 }" >want
	ffprobe -v error -show_entries packet=pts_time -of csv=p=0 long.mp4 |
		awk "/[0-9]/ { printf \"%.2f\n\", \$1 }" >got
	awk "NR == 1 { off = \$1 } { printf \"%.2f\n\", \$1 - off }" want >want.0
	awk "NR == 1 { off = \$1 } { printf \"%.2f\n\", \$1 - off }" got | diff want.0 -
'
check 'so does a hole in the sound' '
	holes whole.ts 0 -pes_payload_size 16
	lost 257 300 309 <whole.ts >silent.ts
	mpkg-segment -q --low-latency --segment 2s --event -o silent <silent.ts
	rules silent v1
	rules silent a1
	test "$(gaps silent/v1/index.m3u8)" -eq 0
	test "$(gaps silent/a1/index.m3u8)" -ge 190
	test "$(gaps silent/a1/index.m3u8)" -le 240
'
check 'frame rates at which parts are not whole ticks of 90 kHz' '
	for rate in 60000/1001 24000/1001
	do
		ffmpeg -v error -y -f lavfi -i testsrc2=size=160x90:rate=$rate:duration=6 \
			-c:v libx264 -preset ultrafast -bf 0 -g 30 -keyint_min 30 -sc_threshold 0 \
			-f mpegts rate.ts </dev/null
		for part in 110ms 150ms 200ms 290ms
		do
			mpkg-segment -q --low-latency --segment 2s --part $part --event \
				-o rate <rate.ts
			rules rate v1
			rm -r rate
		done
	done
'
check 'several languages and rungs: each has its parts, and reports of all others' '
	ffmpeg -v error -f lavfi -i testsrc2=size=320x180:rate=25:duration=8 \
		-f lavfi -i sine=frequency=440:sample_rate=48000:duration=8 \
		-f lavfi -i sine=frequency=880:sample_rate=44100:duration=8 \
		-filter_complex "[0:v]split[x][y];[x]scale=160:90[s]" \
		-map "[s]" -map "[y]" -map 1:a -map 2:a -c:v libx264 -preset ultrafast -bf 0 \
		-g 50 -keyint_min 50 -sc_threshold 0 -c:a aac -b:a 64k -c:a:1 ac3 -b:a:1 96k \
		-metadata:s:a:0 language=deu -metadata:s:a:1 language=fra \
		-program st=0:st=2:st=3 -program st=1:st=2:st=3 -f mpegts tracks.ts </dev/null
	mlive-ingest -q --realtime -t 7s tracks.ts >clocked.ts
	mpkg-segment -q --low-latency --segment 2s -o tracks <clocked.ts
	for track in v1 v2 a1 a2
	do
		rules tracks $track live
		test "$(grep -c "^#EXT-X-RENDITION-REPORT:URI=.../[va][12]/" \
			tracks/$track/index.m3u8)" -eq 3
		fails 1 grep "RENDITION-REPORT:URI=.../$track/" tracks/$track/index.m3u8
	done
	grep "LANGUAGE=\"fr\"" tracks/index.m3u8
	grep "codecs=\"ac-3\"" tracks/index.mpd
'
check 'I-frame playlists have no parts, and each range is a key frame that decodes alone' '
	mpkg-segment -q --segment 2s -o tracks-plain <clocked.ts
	fails 1 grep -E "EXT-X-(PART|PRELOAD|SERVER-CONTROL|RENDITION)" tracks/v1/iframes.m3u8
	grep -v "^#EXT-X-\(VERSION\|BYTERANGE\)" tracks-plain/v1/iframes.m3u8 >want
	grep -v "^#EXT-X-\(VERSION\|BYTERANGE\)" tracks/v1/iframes.m3u8 | diff want -
	awk -F "[:@]" "/^#EXT-X-BYTERANGE/ { size = \$2; offset = \$3 }
		/^[0-9]/ { print \$1, offset, size }" tracks/v1/iframes.m3u8 >ranges
	test "$(wc -l <ranges)" -ge 2
	while read -r file offset size
	do
		{
			cat tracks/v1/init.mp4
			tail -c +$((offset + 1)) tracks/v1/$file | head -c "$size"
		} >key.mp4
		test "$(ffprobe -v quiet -show_entries frame=key_frame -of csv=p=0 key.mp4 |
			tr -d ,)" = 1
	done <ranges
'
check 'captions are told' '
	"$BUILD/t/helper/decorate" <clocked.ts >shown.ts
	mpkg-segment -q --low-latency --segment 2s -o captions <shown.ts
	grep "TYPE=CLOSED-CAPTIONS.*NAME=.CC1..*INSTREAM-ID=.CC1." captions/index.m3u8
	grep "STREAM-INF.*CLOSED-CAPTIONS=.cc." captions/index.m3u8
	grep "cea-608:2015. value=.CC1" captions/index.mpd
	rules captions v1
	cat captions/v1/init.mp4 $(ls captions/v1/[0-9]*.m4s | sort -t/ -k3n) >captions.mp4
	ffprobe -v error -show_frames captions.mp4 | grep -c -i "closed captions"
'
check 'sound alone' '
	ffmpeg -v error -i tracks.ts -map 0:a:0 -c copy -f mpegts sound.ts </dev/null
	mlive-ingest -q --realtime -t 6s sound.ts >sound-clocked.ts
	mpkg-segment -q --low-latency --segment 2s -o sound <sound-clocked.ts
	rules sound a1 live
	test ! -e sound/v1
	grep "^#EXT-X-STREAM-INF.*mp4a.40.2" sound/index.m3u8
	grep "availabilityTimeComplete=.false" sound/index.mpd
	mpkg-segment -q --low-latency --segment 2s --event -o sound-file <sound.ts
	rules sound-file a1
	ffmpeg -v error -i sound-file/index.m3u8 -map 0 -f null - 2>err </dev/null
	test ! -s err
'

check 'after a restart the parts of older segments are listed as before' '
	head -c "$(($(wc -c <clocked.ts) * 8 / 10 / 188 * 188))" clocked.ts >begin.ts
	cat begin.ts | mpkg-segment -q --low-latency --segment 2s -o again
	cp -r again changed
	for track in v1 a1 a2
	do
		grep "^#EXT-X-PART:" again/$track/index.m3u8 >$track.before
		test "$(grep -c . $track.before)" -ge 12
	done
	mpkg-segment -q --low-latency --segment 2s -o again <clocked.ts
	for track in v1 a1 a2
	do
		grep "^#EXT-X-PART:" again/$track/index.m3u8 | head -n "$(grep -c . $track.before)" |
			diff $track.before -
		rules again $track live
	done
'
check 'but not those of another duration' '
	mpkg-segment -q --low-latency --segment 2s --part 400ms -o changed <clocked.ts
	grep -x "#EXT-X-PART-INF:PART-TARGET=0.400000" changed/v1/index.m3u8
	rules changed v1 live
	rules changed a1 live
'
done_testing
