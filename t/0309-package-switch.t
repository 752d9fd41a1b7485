#!/bin/sh
# mpkg-segment straight behind mlive-ingest --failover: a switch is one discontinuity.
. "$(dirname "$0")/lib.sh"
. "$top/t/encode.sh"
need 'not built' mpkg-segment --version

# film FILE SECONDS SIZE - with a key picture every two seconds
film () {
	ffmpeg -nostdin -v error -y -f lavfi -i "testsrc2=s=$3:r=25:d=$2" \
		-f lavfi -i "sine=f=440:r=48000:d=$2" -c:v libx264 -preset ultrafast -g 50 \
		-keyint_min 50 -sc_threshold 0 -pix_fmt yuv420p -c:a aac -b:a 64k -f mpegts "$1"
}
film short.ts 7 320x180
film long.ts 30 320x180
film other.ts 30 640x360

# take NAME FILE FILE - what comes of a failover in 18 s
take () {
	mlive-ingest -q --failover --stats "$1.stats" -t 18s "$2" "$3" >"$1.ts" 2>"$1.err" &
	takers="$takers $!"
}
takers=
take equal short.ts long.ts
take unlike short.ts other.ts
# shellcheck disable=SC2086	# numbers
wait $takers

# package NAME - into a tree of its own
package () {
	mkdir "$1"
	mpkg-segment -q --window 600s -o "$1/" <"$1.ts"
}
breaks () {
	grep -c "^#EXT-X-DISCONTINUITY$" "$1" || :
}
# shown_at NAME - of the pictures of all its segments, in order of decoding, each by its init
shown_at () {
	map=
	while read -r line
	do
		case $line in
		*EXT-X-MAP*)	map=${line#*URI=\"}; map=${map%%\"*} ;;
		[0-9]*.m4s)
			cat "$1/v1/$map" "$1/v1/$line" >one.mp4
			ffmpeg -v error -i one.mp4 -f null - >&2
			ffprobe -v error -select_streams v:0 -show_entries packet=pts \
				-of csv=p=0 one.mp4 | tr -d , | grep . ;;
		esac
	done <"$1/v1/index.m3u8"
}
# whole NAME - one break, no gap, no wrong length, and no picture twice
whole () {
	test "$(grep -c "\"event\":\"input_switch\".*\"from\":" "$1.stats")" -eq 1
	package "$1"
	cat "$1/v1/index.m3u8"
	for list in v1 a1
	do
		test "$(breaks "$1/$list/index.m3u8")" -eq 1
		fails 1 grep EXT-X-GAP "$1/$list/index.m3u8"
	done
	shown_at "$1" >"$1.times" 2>words
	cat words
	test ! -s words
	sort -n -u "$1.times" | cmp - "$1.times"
	# what is said is what is there: pictures of a 25th of a second
	awk -F "[:,]" "/EXTINF/ { s += \$2 } END { printf \"%.0f\\n\", s * 25 }" \
		"$1/v1/index.m3u8" >said
	wc -l <"$1.times" >are
	diff said are
}

check 'inputs of the same parameters' '
	whole equal
'
check 'inputs of other sizes' '
	whole unlike
	test "$(grep -c EXT-X-MAP unlike/v1/index.m3u8)" -eq 2
'
check 'numbers follow the clock: none is left out, and none comes twice' '
	for name in equal unlike
	do
		sed -n "s/^\([0-9]*\).m4s/\1/p" $name/v1/index.m3u8 >numbers
		test "$(wc -l <numbers)" -ge 3
		steps 1 <numbers
		sed -n "s/^\([0-9]*\).m4s/\1/p" $name/a1/index.m3u8 | cmp - numbers
	done
'
# unsaid - filter: no packet says where a random access point is, as many streams do not
unsaid () {
	perl -e 'binmode STDIN; binmode STDOUT;
		while (read STDIN, my $p, 188) {
			my ($af, $len, $flags) = unpack "x3 C3", $p;
			substr $p, 5, 1, chr($flags & ~64) if $af & 32 && $len > 0;
			print $p;
		}'
}
check 'random access points that only the pictures tell of' '
	cp equal.stats unsaid.stats
	unsaid <equal.ts >unsaid.ts
	fails 1 cmp -s equal.ts unsaid.ts
	whole unsaid
	diff equal.times unsaid.times
'
check 'what goes back otherwise is what it was: another clock' '
	{ mlive-ingest -q -t 7s long.ts; mlive-ingest -q -t 9s long.ts; } >twice.ts
	package twice
	test "$(breaks twice/v1/index.m3u8)" -eq 1
	test "$(shown_at twice | wc -l)" -ge 300
'
done_testing
