#!/bin/sh
# Captions from end to end: what mpkg-segment reads out of the rungs of mlive-encode, AVC and
# HEVC, at 60, 30, 25 and 15 pictures a second, is what was in the source, AVC or MPEG-2.
. "$(dirname "$0")/lib.sh"
# shellcheck source=/dev/null
. "${top:-.}/t/encode.sh"
PATH=$BUILD/t/helper:$PATH

perl "$top/t/captions.pl" >triplets
source_ts 16 30000/1001 -bf 2 -g 30 | caption triplets >film.ts
mlive-encode -q -r 90p@100k,preset=ultrafast -r 90p@100k,codec=hevc,preset=ultrafast \
	-r 90p@100k,fps=half,preset=ultrafast -r 90p@100k,fps=25,preset=ultrafast \
	-r 90p@100k,fps=60000/1001,preset=ultrafast <film.ts >ladder.ts

# read_out FILE DIR - "BEGIN END TEXT" of each channel, in DIR.CHANNEL
read_out () {
	mpkg-segment -q --vod --subtitles CC1,CC3,SERVICE1,SERVICE2 -o "$2" <"$1"
	t=0
	for channel in CC1 CC3 SERVICE1 SERVICE2
	do
		t=$((t + 1))
		# shellcheck disable=SC2046
		perl "$top/t/vtt.pl" base=10 $(printf '%s\n' "$2/t$t"/*.vtt | sort -t/ -k3n) |
			sed 's/^\([0-9]* [0-9]*\) [^|]*|/\1 /' >"$2.$channel"
	done
}

# late FILE FILE LIMIT - the same text, and no cue begins or ends later by more than so many
# ms, or earlier by more than a picture of the slowest.
late () {
	test "$(wc -l <"$1")" -eq "$(wc -l <"$2")"
	paste -d '\n' "$1" "$2" | awk -v limit="$3" '
		function off(a, b) { return b - a > limit || a - b > 67 }
		NR % 2 { from = $1; to = $2; $1 = $2 = ""; text = $0; next }
		{ a = $1; b = $2; $1 = $2 = ""
			if (off(from, a) || off(to, b) || $0 != text) {
				print "want", from, to, text, "got", a, b, $0
				wrong = 1
			} }
		END { exit wrong || NR == 0 }'
}

read_out film.ts source
n=0
for rung in 'AVC' 'HEVC' 'half the rate' '25 a second' '60 a second'
do
	export n
	check "$rung: all channels and services, at their times" '
		ffmpeg -v error -y -i ladder.ts -map 0:v:$n -c copy one.ts
		read_out one.ts r$n
		for channel in CC1 CC3 SERVICE1 SERVICE2
		do
			late source.$channel r$n.$channel 200
		done
	'
	n=$((n + 1))
done
check 'MPEG-2 into AVC: all channels and services, at their times' '
	ffmpeg -nostdin -v error -i film.ts -c:v mpeg2video -b:v 1000k -bf 2 -g 15 -c:a copy \
		-f mpegts mpeg2.ts
	mlive-encode -q -r 90p@100k,preset=ultrafast <mpeg2.ts >avc.ts
	read_out avc.ts mpeg2
	for channel in CC1 CC3 SERVICE1 SERVICE2
	do
		late source.$channel mpeg2.$channel 200
	done
'
done_testing
