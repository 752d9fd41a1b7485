#!/bin/sh
# mpkg-segment: sound and pictures that do not begin or end together.
. "$(dirname "$0")/lib.sh"
need 'no ffmpeg' command -v ffmpeg

# make_ts FILE V-DELAY V-SECONDS A-DELAY A-SECONDS [CODEC]
make_ts () {
	ffmpeg -v error -f lavfi -i "testsrc2=size=160x90:rate=25:duration=$3" \
		-f lavfi -i "sine=frequency=440:sample_rate=48000:duration=$5" \
		-filter_complex "[0:v]setpts=PTS+$2/TB[v];[1:a]asetpts=PTS+$4/TB[a]" \
		-map "[v]" -map "[a]" -c:v libx264 -preset ultrafast -bf 2 -g 50 \
		-sc_threshold 0 -fps_mode passthrough -c:a "${6:-aac}" -b:a 64k \
		-max_interleave_delta 0 -f mpegts "$1" </dev/null
}

# Packets of a stream, or of all segments of a track.
count () {
	ffprobe -v error -select_streams "$2" -count_packets -show_entries \
		stream=nb_read_packets -of csv=p=0 "$1" | sed -n '/[0-9]/{s/,.*//;p;q;}'
}

# whole FILE: nothing of it is lost, nothing is long, pictures begin where they can
whole () {
	mpkg-segment --segment 2s --vod -o "out-$1" <"$1" 2>err
	cat err
	fails 1 grep -e warning -e "target duration" err
	for track in v a
	do
		test "$(count "out-$1/${track}1/index.m3u8" $track)" -eq "$(count "$1" $track)"
	done
}

# begin DIR NUMBER: when track begins in that segment, in us
begin () {
	if test -e "$1/1.ts"
	then
		cat "$1/$2.ts"
	else
		cat "$1/init.mp4" "$1/$2.m4s"
	fi >begin.part
	ffprobe -v error -show_entries packet=pts_time -of csv=p=0 begin.part |
		sed '/^$/d;s/,.*//' | sort -n | sed -n '1{s/\.//;p;q;}'
}

# lead DIR NUMBER: how much its sound begins before its picture, in us
lead () {
	echo $(($(begin "$1/v1" "$2") - $(begin "$1/a1" "$2")))
}

# together DIR NUMBER: with the picture, or in the frame before it
together () {
	lead "$1" "$2"
	test "$(lead "$1" "$2")" -ge 0
	test "$(lead "$1" "$2")" -lt 32000
}

# The encoder of ffmpeg puts the first 256 samples of AC-3 before the picture.
make_ts lead.ts 0 6 0 6 ac3
for form in cmaf hls-ts
do
	export form
	test "$form" = cmaf && option= || option=--hls-ts
	export option
	check "$form: the frame of sound in which the picture begins is kept" '
		mpkg-segment -q $option --segment 2s --vod -o $form <lead.ts
		together $form 1
		test "$(count $form/a1/index.m3u8 a)" -eq "$(count lead.ts a)"
		together $form 2
	'
	check "$form: and where the clock jumps" '
		cat lead.ts lead.ts >jump.ts
		mpkg-segment -q $option --segment 2s --vod -o $form-jump <jump.ts
		together $form-jump 1
		together $form-jump 4
		test "$(count $form-jump/a1/index.m3u8 a)" -eq $((2 * $(count lead.ts a)))
	'
done
check 'live, where the clock jumps' '
	cat jump.ts | mpkg-segment -q --segment 2s --event -o live
	number=$(sed -n "1,/^#EXT-X-DISCONTINUITY$/d;s/\.m4s$//p" live/v1/index.m3u8 | head -n 1)
	together live "$number"
	together live $((number + 1))
'
for seconds in 3.5 6 17
do
	export seconds
	check "pictures that begin $seconds s after the sound" '
		make_ts v$seconds.ts $seconds 8 0 28
		whole v$seconds.ts
	'
	check "sound that begins $seconds s after the pictures" '
		make_ts a$seconds.ts 0 24 $seconds 12
		whole a$seconds.ts
	'
done
check 'where there is no picture yet, the sound has segments and a Period of its own' '
	make_ts v.ts 6 8 0 16
	whole v.ts
	grep -x "#EXT-X-MEDIA-SEQUENCE:1" out-v.ts/a1/index.m3u8
	test "$(grep -c "<Period" out-v.ts/index.mpd)" -eq 3
'
done_testing
