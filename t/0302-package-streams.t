#!/bin/sh
# mpkg-segment: streams of all kinds, good and bad.
. "$(dirname "$0")/lib.sh"
need 'no ffmpeg' command -v ffmpeg

# make FILE SECONDS RATE SIZE ffmpeg-options...
make_ts () {
	file=$1 seconds=$2 rate=$3 size=$4
	shift 4
	ffmpeg -v error -f lavfi -i "testsrc2=size=$size:rate=$rate:duration=$seconds" \
		-f lavfi -i "sine=frequency=440:sample_rate=48000:duration=$seconds" \
		-f lavfi -i "sine=frequency=880:sample_rate=48000:duration=$seconds" \
		-c:v libx264 -preset ultrafast -bf 2 -g 50 -keyint_min 50 -sc_threshold 0 \
		-c:a aac -b:a 64k "$@" -f mpegts "$file" </dev/null
}

# Pictures, or frames, that come out of a playlist or stream.
count () {
	ffprobe -v error -select_streams "$2" -count_packets -show_entries \
		stream=nb_read_packets -of csv=p=0 "$1" | sed -n '/[0-9]/{s/,.*//;p;q;}'
}

decodes () {
	ffmpeg -v error -i "$1" -map 0 -fps_mode passthrough -f null - 2>err </dev/null
	test ! -s err
}

check 'a ladder of two programs: two rungs on the same boundaries, two languages' '
	make_ts ladder.ts 9 25 320x180 -filter_complex \
		"[0:v]split[x][y];[x]scale=160:90[s];[2:a]pan=5.1|c0=c0|c1=c0|c2=c0|c3=c0|c4=c0|c5=c0[six]" \
		-map "[s]" -map "[y]" -map 1:a -map "[six]" -c:a:1 ac3 -b:a:1 192k \
		-metadata:s:a:0 language=deu -metadata:s:a:1 language=fra \
		-program st=0:st=2:st=3 -program st=1:st=2:st=3
	mpkg-segment -q --vod -o ladder <ladder.ts
	decodes ladder/index.m3u8
	cmp ladder/v1/index.m3u8 ladder/v2/index.m3u8
	grep -c "RESOLUTION=320x180" ladder/index.m3u8
	test "$(grep -A 1 "RESOLUTION=320x180,F" ladder/index.m3u8 | sed -n 2p)" = v1/index.m3u8
	grep "LANGUAGE=\"de\".*CHANNELS=\"1\"" ladder/index.m3u8
	grep "LANGUAGE=\"fr\".*CHANNELS=\"6\"" ladder/index.m3u8
	grep "codecs=\"ac-3\"" ladder/index.mpd
	grep "lang=\"fr\"" ladder/index.mpd
	perl "$top/t/mpd.pl" <ladder/index.mpd
'
check 'the same as transport stream segments' '
	mpkg-segment -q --vod --hls-ts -o ts <ladder.ts
	decodes ts/index.m3u8
	decodes ts/v2/2.ts
	decodes ts/a2/3.ts
	test "$(count ts/v1/index.m3u8 v)" -eq 225
	test "$(grep -c "I-FRAME-STREAM-INF.*RESOLUTION.*URI=.v[12]/iframes.m3u8" ts/index.m3u8)" -eq 2
	sed "s, bandwidth=.[0-9]*,," ladder/index.mpd >cmaf.mpd
	sed "s, bandwidth=.[0-9]*,," ts/index.mpd | cmp - cmaf.mpd
	for n in 1 2		# a file begins with a picture that is decoded when shown
	do
		ffprobe -v error -select_streams v -show_entries packet=pts,dts -of csv=p=0 \
			ts/v1/$n.ts | head -n 1
	done >begin
	test "$(tr "\n" " " <begin)" = "900000,900000, 1260000,1252800, "
'
check 'each range of an I-frame playlist is a key frame that decodes alone' '
	mpkg-segment -q --segment 4s --vod -o keys <ladder.ts
	mpkg-segment -q --segment 4s --vod --hls-ts -o keys-ts <ladder.ts
	awk -F "[:@]" "/^#EXT-X-BYTERANGE/ { size = \$2; offset = \$3 }
		/^[0-9]/ { print \$1, offset, size }" keys-ts/v1/iframes.m3u8 >ranges
	test "$(wc -l <ranges)" -eq 5
	: >times
	while read -r file offset size
	do
		tail -c +$((offset + 1)) keys-ts/v1/$file | head -c "$size" >range.ts
		test $((size % 188)) -eq 0
		ffprobe -v error -show_entries frame=key_frame,pts_time -of csv=p=0 range.ts |
			sed "/^\$/d;s/,*$//" >>times
		decodes range.ts
	done <ranges
	test "$(tr "\n" " " <times)" = \
		"1,10.000000 1,12.000000 1,14.000000 1,16.000000 1,18.000000 "
	grep "^#EXTINF" keys/v1/iframes.m3u8 >want
	grep "^#EXTINF" keys-ts/v1/iframes.m3u8 | cmp - want
	grep -x "#EXT-X-I-FRAMES-ONLY" keys-ts/v1/iframes.m3u8
	fails 1 grep "EXT-X-MAP" keys-ts/v1/iframes.m3u8
'
check 'a clock that wraps changes nothing' '
	ffmpeg -v error -i ladder.ts -map 0 -c copy -output_ts_offset 95439 -streamid 0:256 \
		-streamid 1:257 -f mpegts wrap.ts
	mpkg-segment -q --vod -o wrap <wrap.ts
	cmp ladder/v1/2.m4s wrap/v1/2.m4s
	diff ladder/v1 wrap/v1
	diff ladder/index.m3u8 wrap/index.m3u8
'
check '59.94 pictures a second, HEVC as hvc1' '
	make_ts hevc.ts 9 60000/1001 320x180 -c:v libx265 -x265-params log-level=none:keyint=60 \
		-map 0:v -map 1:a
	mpkg-segment -q --vod -o hevc <hevc.ts
	decodes hevc/index.m3u8
	grep "CODECS=\"hvc1.*FRAME-RATE=59.940" hevc/index.m3u8
	grep "frameRate=\"60000/1001\"" hevc/index.mpd
	test "$(count hevc/index.m3u8 v)" -eq "$(count hevc.ts v)"
	grep -x "#EXTINF:4.004000," hevc/v1/index.m3u8
'
check 'audio alone' '
	make_ts radio.ts 9 25 64x64 -map 1:a -vn
	mpkg-segment -q --vod -o radio <radio.ts
	decodes radio/index.m3u8
	grep "CODECS=\"mp4a.40.2\"" radio/index.m3u8
	grep -x 2.m4s radio/a1/index.m3u8
'
check 'a codec that cannot be carried is named, and the rest goes on' '
	make_ts mp2.ts 5 25 160x90 -map 0:v -map 1:a -map 2:a -c:a:0 mp2
	mpkg-segment --vod -o mp2 <mp2.ts 2>err
	grep "warning: PID 257 has MPEG audio, which is left out" err
	test "$(grep -c TYPE=AUDIO mp2/index.m3u8)" -eq 1
	make_ts mpeg2.ts 2 25 160x90 -map 0:v -c:v mpeg2video
	fails 3 mpkg-segment --vod -o mpeg2 <mpeg2.ts 2>err
	grep "PID 256 has MPEG-2 video" err
	grep "fatal: no track that HLS or DASH can carry" err
	test ! -e mpeg2/index.m3u8
'
check 'a stream cut in the middle of a packet' '
	head -c 300050 ladder.ts | tail -c +20001 >cut.ts
	mpkg-segment -q --vod -o cut <cut.ts
	ffprobe -v error -show_entries format=duration -of csv=p=0 cut/index.m3u8
	test -s cut/v1/1.m4s
'
check 'one packet of a hundred zeroed: nothing more is lost than that' '
	perl -e "srand 7; binmode STDIN; binmode STDOUT; local \$/ = \\188;
		while (<STDIN>) { print \$n++ > 200 && rand(100) < 1 ? \"\\0\" x 188 : \$_ }" <ladder.ts >bad.ts
	mpkg-segment --vod -o bad <bad.ts 2>err
	grep "lost=[1-9]" err
	test "$(count bad/v1/index.m3u8 v)" -ge 215
'
check 'the clock of the source jumps: a discontinuity, and a Period' '
	make_ts one.ts 5 25 160x90 -map 0:v -map 1:a
	make_ts two.ts 5 30 320x180 -map 0:v -map 1:a
	cat one.ts one.ts >jump.ts
	mpkg-segment -q --vod -o jump <jump.ts
	decodes jump/v1/index.m3u8
	test "$(grep -c "^#EXT-X-DISCONTINUITY$" jump/v1/index.m3u8)" -eq 1
	test "$(grep -c "^#EXT-X-DISCONTINUITY$" jump/a1/index.m3u8)" -eq 1
	grep "<Period id=\"1\" start=\"PT5.000000S\"" jump/index.mpd
	test "$(count jump/index.m3u8 v)" -eq 250
'
check 'new parameters: a new header, one discontinuity' '
	cat one.ts two.ts >change.ts
	mpkg-segment -q --vod -o change <change.ts
	test "$(grep -c "^#EXT-X-DISCONTINUITY$" change/v1/index.m3u8)" -eq 1
	grep "#EXT-X-MAP:URI=\"init-2.mp4\"" change/v1/index.m3u8
	fails 1 grep "#EXT-X-MAP:URI=\"init-2.mp4\"" change/a1/index.m3u8
	cat change/v1/init-2.mp4 change/v1/3.m4s change/v1/4.m4s >new.mp4
	decodes new.mp4
	grep "\$RepresentationID\$/init-2.mp4" change/index.mpd
'
check 'when the camera goes the radio goes on, and the camera may come back' '
	make_ts hole.ts 24 25 160x90 -map 0:v -map 1:a -g 25 -keyint_min 25 \
		-vf "select=lt(t\,5.4)+gt(t\,18.3)" -fps_mode passthrough
	mpkg-segment -q --segment 2s --vod -o hole <hole.ts
	test "$(count hole/a1/index.m3u8 a)" -ge 1100
	test "$(count hole/v1/index.m3u8 v)" -ge 250
	grep -A 2 GAP hole/v1/index.m3u8 | grep -x 6.m4s
	test "$(grep -c "<Period" hole/index.mpd)" -eq 3
'
check 'live: dates, epoch numbers, and the same from any point on' '
	mlive-ingest -q --realtime -t 9s ladder.ts >live.ts
	mpkg-segment -q --segment 2s --event -o live <live.ts
	tail -c +200001 live.ts | mpkg-segment -q --segment 2s --event -o later
	grep "EXT-X-PROGRAM-DATE-TIME:20" live/a1/index.m3u8
	number=$(sed -n "s/^\([0-9]*\)\.m4s/\1/p" live/v1/index.m3u8 | head -n 1)
	now=$(date +%s)
	test $((number * 2)) -gt $((now - 60))
	test $((number * 2)) -lt $((now + 60))
	for file in later/?1/*.m4s
	do
		cmp "$file" "live/${file#later/}"
	done
'
done_testing
