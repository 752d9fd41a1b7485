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


# The flash and the beep of the test picture begin in the same instant each second;
# find both in what is served.  The flash fills a field of the picture.
flashes () {
	ffmpeg -nostdin -v error -copyts -i "$1" -vf \
		"crop=iw/4:ih*8/36:iw*40/64:ih*25/36,signalstats,metadata=print:key=lavfi.signalstats.YAVG:file=-" \
		-f null - |
		sed -n 's/.*pts_time:\([0-9.]*\).*/\1/p; s/.*YAVG=//p' | paste - - |
		awk 'NR > 1 && $2 > 200 && last < 200 { print $1 } { last = $2 }'
}

# By the first sample that is loud after a quiet half second; the decoder's output
# begins where the first audio frame does.
beeps () {
	first=$(ffprobe -v error -select_streams a:0 -read_intervals %+1 -of csv=p=0 \
		-show_entries packet=pts_time "$1" | head -n 1)
	ffmpeg -nostdin -v error -i "$1" -vn -ac 1 -ar 48000 -f s16le - |
		od -An -v -td2 -w2 |
		awk -v first="${first%,}" '{ v = $1 < 0 ? -$1 : $1 }
			v > 4000 { if (NR - last > 24000 && NR > 24000)
				print first + (NR - 1) / 48000
				last = NR }'
}

for rate in 25 30000/1001
do
	export rate
	check "flash and beep at $rate pictures a second are within 20 ms of each other" '
		mlive-ingest -t 8s "test:?size=640x360&fps=$rate" |
			mlive-encode -r 360p@700k -r 180p@200k -a 96k |
			mpkg-segment --segment 2s --vod -o "$base/vod/test/"
		beeps "$base/vod/test/a1/index.m3u8" >beeps
		test "$(wc -l <beeps)" -ge 6
		for rung in v1 v2
		do
			flashes "$base/vod/test/$rung/index.m3u8" >flashes
			paste flashes beeps | awk "{ print }
				NF != 2 || \$1 - \$2 > 0.02 || \$2 - \$1 > 0.02 { bad = 1 }
				END { exit bad }"
		done
	'
done
done_testing
