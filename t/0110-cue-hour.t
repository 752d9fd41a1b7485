#!/bin/sh
# A thousand random cues over an hour, in which the clock wraps and every stage is
# stopped in the middle of a break: none is lost, doubled or displaced.
# Without FULL=1 a hundred over six minutes.
. "$(dirname "$0")/lib.sh"
need 'no ffmpeg' command -v ffmpeg

cues=100
test -z "${FULL-}" || cues=1000
seconds=$((cues * 36 / 10 + 12))

# The 33 bits are over 60 % into it; four pictures a second, each a key frame every 2 s.
ffmpeg -nostdin -v error -f lavfi -i "testsrc2=size=64x48:rate=25:duration=$seconds" \
	-f lavfi -i "sine=frequency=440:sample_rate=48000:duration=$seconds" \
	-output_ts_offset $((95443 - seconds * 6 / 10)) -c:v libx264 -preset ultrafast \
	-crf 40 -g 50 -c:a aac -b:a 32k -f mpegts plain.ts
first=$(ffprobe -v error -select_streams v -read_intervals '%+#1' -show_entries \
	packet=pts -of csv=p=0 plain.ts | head -n 1 | tr -d ,)

# A break about every 3.6 s, at no picture's time: of each kind, and each with its id.
# expected: id, what, the picture that it begins with and how many it lasts.
awk -v n="$cues" -v first="$first" '
function off_the_half(t) {		# between two pictures either would be right
	return t % 3600 > 1780 && t % 3600 < 1820 ? t + 40 : t
}
BEGIN {
	srand(35)
	for (i = 0; i < n; i++) {
		start = off_the_half(int((i * 3.6 + 9 + rand()) * 90000))
		length_ = off_the_half(start + int((1 + rand()) * 90000)) - start
		kind = int(rand() * 4)
		# the pictures: the first that is not more than half a picture before
		a = int((start - 1800 + 3599) / 3600)
		b = int((start + length_ - 1800 + 3599) / 3600)
		pts = (first + start) % 8589934592
		end = (first + start + length_) % 8589934592
		id = i + 1
		ms = length_ / 90
		if (kind == 0)
			printf "pts=%.0f out %.6fs id=%d auto\n", pts, ms / 1000, id
		else if (kind == 1)
			printf "pts=%.0f out id=%d\npts=%.0f in id=%d\n", pts, id, end, id
		else if (kind == 2)
			printf "pts=%.0f time_signal type=0x34 duration=%.6fs id=%d\n", pts, ms / 1000, id
		else
			printf "pts=%.0f time_signal type=0x30 id=%d\npts=%.0f time_signal type=0x31 id=%d\n", pts, id, end, id
		print id, kind < 2 ? "splice" : kind == 2 ? "0x34" : "0x30", a, b - a >"expected"
	}
}' >cues.txt

# halves FILE ID - A and B: it is cut in the middle of this break.
halves () {
	picture=$(awk -v id="$2" '$1 == id { print int($3 + $4 / 2) }' expected)
	at=$(ffprobe -v error -select_streams v -show_entries packet=pos -of csv=p=0 "$1" |
		grep -o '[0-9]*' | sed -n "${picture}p")
	head -c "$at" "$1" >A
	tail -c +$((at + 1)) "$1" >B
}

# got PLAYLIST - id, what, first picture, pictures: of each event that ends; the pictures
# count from the first segment's, whose date is given.
got () {
	sed -n 's/^#EXT-X-DATERANGE:ID="\([^"]*\)-\([0-9]*\)-[0-9]*",START-DATE="\([^"]*\)",END-DATE="[^"]*",DURATION=\([0-9.]*\).*/\2 \1 \3 \4/p' "$1" |
		awk '{
			split($3, t, /[T:Z]/)
			s = t[2] * 3600 + t[3] * 60 + t[4] - 10
			printf "%d %s %.0f %.0f\n", $1, $2, s * 25, $4 * 25
		}'
}

check 'the clock wraps in it' '
	test "$(sort -un expected | wc -l)" -eq "$cues"
	mlive-cue insert -q -f cues.txt <plain.ts >whole.ts
	test "$(mlive-cue show -j <whole.ts | grep -c .)" -ge $((4 * cues))
	mlive-cue show -j <whole.ts | sed -n "s/.*\"splice_time\": *\([0-9]*\).*/\1/p" |
		awk "\$1 < last - 4294967296 { wraps++ } { last = \$1 } END { exit !wraps }"
'
check 'insert, stopped and started again, loses none' '
	halves plain.ts $((cues * 4 / 10))
	mlive-cue insert -q -f cues.txt <A >cued.ts 2>/dev/null
	mlive-cue insert -q -f cues.txt <B >>cued.ts 2>/dev/null
	mlive-cue show -j <cued.ts | sed "s/.*\"splice_event_id\": *\([0-9]*\).*/\1/;
		s/.*\"segmentation_event_id\": *\([0-9]*\).*/\1/" | sort -nu | wc -l |
		grep -x "$cues"
'
check 'ingest, stopped and started again, passes them as they are' '
	halves cued.ts $((cues * 6 / 10))
	mlive-ingest -q A >in.ts
	mlive-ingest -q B >>in.ts
	for file in cued.ts in.ts
	do
		mlive-cue show -j <$file | sed "s/.*\"splice_info_section\"//" | md5sum
	done | uniq | wc -l | grep -x 1
'
check 'encode and package: each begins and ends with its picture' '
	mlive-encode -q -r 48p@50k -a 32k <whole.ts >coded.ts
	mpkg-segment -q --vod --break-limit 60s -o out <coded.ts
	got out/v1/index.m3u8 | sort -n >list
	sort -n expected | diff - list
'
check 'package, killed in the middle of a break: the same' '
	mpkg-segment -q --event --break-limit 60s -o again <coded.ts & pid=$!
	eventually test -s again/v1/$((cues / 3)).m4s
	kill -9 $pid
	wait $pid || :
	mpkg-segment -q --event --break-limit 60s -o again <coded.ts
	got again/v1/index.m3u8 | sort -n >list
	sort -n expected | diff - list
'
# Behind the restart the media is shorter by what the second could not decode.
check 'encode, stopped and started again in the middle of a break: none is lost or doubled' '
	halves in.ts $((cues / 2))
	mlive-encode -q -r 48p@50k -a 32k <A >coded.ts
	mlive-encode -q -r 48p@50k -a 32k <B >>coded.ts
	mpkg-segment -q --vod --break-limit 60s -o twice <coded.ts
	got twice/v1/index.m3u8 | sort -n >list
	cut -d " " -f 1,2 expected >want
	cut -d " " -f 1,2 list | diff want -
	paste -d " " expected list | awk "
		\$1 > $((cues / 2)) && shift == \"\" { shift = \$7 - \$3 }
		\$7 - \$3 != shift + 0 { print; bad = 1 }
		\$8 != \$4 && \$1 != $((cues / 2)) { print; bad = 1 }
		END { exit bad || shift < -50 || shift > 0 }"
'
done_testing
