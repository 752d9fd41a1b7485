#!/bin/sh
# Real content through all four tools: what is served decodes, and is complete.
. "$(dirname "$0")/lib.sh"
. "$top/t/chain.sh"

need 'no ffmpeg' ffmpeg -version
film
origin store

# A film through the line, at full speed, as video on demand on the origin.
vod () {
	clip 10 in.ts
	mlive-ingest in.ts | mlive-encode -r 360p@800k -r 216p@400k -r 144p@150k -a 96k |
		mpkg-segment --segment 2s --vod -o "$base/vod/film/"
}

pictures () {
	ffprobe -v error -select_streams v:0 -count_frames -of csv=p=0 \
		-show_entries stream=nb_read_frames "$1" | sort -u
}

check "a film goes through the chain to the origin" vod
check 'what is served is HLS and DASH over three rungs and audio' '
	curl -sf "$base/vod/film/index.m3u8" >index.m3u8
	test "$(grep -c "^#EXT-X-STREAM-INF" index.m3u8)" -eq 3
	grep "^#EXT-X-MEDIA:TYPE=AUDIO" index.m3u8
	curl -sf "$base/vod/film/index.mpd" >index.mpd
	test "$(grep -c "<Representation" index.mpd)" -eq 4
'
for track in v1 v2 v3 a1
do
	export track
	check "every segment of $track decodes alone, without a word" '
		curl -sf "$base/vod/film/$track/init.mp4" >init.mp4
		curl -sf "$base/vod/film/$track/index.m3u8" >list
		test "$(numbers list | wc -l)" -ge 5
		for n in $(numbers list)
		do
			curl -sf "$base/vod/film/$track/$n.m4s" >segment
			decodes init.mp4 segment
		done
	'
done
for track in v1 v2 v3
do
	export track
	check "$track has as many pictures as the source" '
		pictures in.ts >want
		grep "^240" want
		pictures "$base/vod/film/$track/index.m3u8" >got
		diff want got
	'
done
check 'the whole plays in ffmpeg from either manifest, without a word' '
	for manifest in index.m3u8 index.mpd
	do
		ffmpeg -nostdin -v error -i "$base/vod/film/$manifest" -map 0 -f null - 2>log
		fails 1 grep . log
	done
'

done_testing
