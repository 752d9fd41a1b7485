#!/bin/sh
# mlive-ingest: ad markers of live HLS, which grows while it is read.
. "$(dirname "$0")/lib.sh"
need 'no ffmpeg' ffmpeg -version
. "$top/t/hls.sh"
. "$top/t/hlscues.sh"

trap 'kill $(cat ./*.pid) $writers $server 2>/dev/null; rm -rf "$scratch"' EXIT
writers=

# Fourteen segments of 1 s.
ff -f lavfi -i testsrc2=size=160x90:rate=25:duration=14 \
	-f lavfi -i sine=frequency=440:sample_rate=48000:duration=14 \
	-c:v libx264 -preset ultrafast -tune animation -bf 2 -g 25 -pix_fmt yuv420p \
	-c:a aac -b:a 64k film.mp4
vod='-c copy -f hls -hls_time 1 -hls_playlist_type vod'
mkdir ts fmp4
# shellcheck disable=SC2086
{
	ff -i film.mp4 $vod ts/i.m3u8
	ff -i film.mp4 $vod -hls_segment_type fmp4 fmp4/i.m3u8
}
serve .

# put NAME FROM TO BASE: the playlist NAME, of segments FROM to TO, which have numbers
# BASE less, with the lines of NAME.marks ("N LINE") before segment N.  That of
# ts-dated has dates, and says from segment 5 on that a break of 20 s begins there,
# from 8 on that it ends there.
put () {
	kind=${1%%-*}
	ext=$(test "$kind" = ts && echo ts || echo m4s)
	i=$(($2 > $4 ? $2 : $4))
	{
		printf '#EXTM3U\n#EXT-X-TARGETDURATION:1\n#EXT-X-MEDIA-SEQUENCE:%d\n' $((i - $4))
		test "$kind" = ts || echo '#EXT-X-MAP:URI="init.mp4"'
		test "$1" != ts-dated || dates "$i" "$3"
		while test "$i" -le "$3"
		do
			sed -n "s/^$i //p" "$1.marks"
			printf '#EXTINF:1,\ni%d.%s?%s\n' "$i" "$ext" "$1"
			i=$((i + 1))
		done
		test "$3" -lt 12 || echo '#EXT-X-ENDLIST'
	} >"$1.new"
	mv "$1.new" "$kind/$1.m3u8"
}
dates () {
	printf '#EXT-X-PROGRAM-DATE-TIME:2026-11-22T17:00:%02dZ\n' "$1"
	test "$2" -ge 5 || return 0
	printf '#EXT-X-DATERANGE:ID="1",START-DATE="2026-11-22T17:00:05Z",SCTE35-OUT=0x%s' "$out"
	test "$2" -lt 8 || printf ',END-DATE="2026-11-22T17:00:08Z"'
	echo ',PLANNED-DURATION=20'
}
asked () {
	grep -q "/i$2\.[a-z0-9]*?$1$" "$log"
}
reloaded () {
	test "$(grep -c ts-again.m3u8 "$log")" -gt "$1"
}
# grow NAME FROM TO [BASE LAG]: a segment more whenever the last but LAG has been asked
# for
grow () {
	n=$2
	while test "$n" -le "$3"
	do
		put "$1" $((n > 5 ? n - 5 : 0)) "$n" "${4:-0}"
		eventually asked "$1" $((n - ${5:-1}))
		n=$((n + 1))
	done
}
start () {
	mlive-ingest -v -s "$1.stats" "$url/${1%%-*}/$1.m3u8" >"$1.out" 2>"$1.err" &
	echo $! >"$1.pid"
}
# splice_insert: event 73, without a duration
out=$(with_crc fc3020000000000000fffff00f05000000497fcffe00000000000100000000)
usual='5 #EXT-X-CUE-OUT:3.000
6 #EXT-X-CUE-OUT-CONT:1/3
7 #EXT-X-CUE-OUT-CONT:2/3
8 #EXT-X-CUE-IN'

# All of them at once, since each goes on at the pace of its pictures.
for name in ts-usual fmp4-usual ts-dated
do
	test $name = ts-dated || echo "$usual" >$name.marks
	touch $name.marks
	(
		put $name 0 3 0
		start $name
		grow $name 3 12
	) &
	writers="$writers $!"
done
echo "$usual" >ts-joined.marks
(
	# The break began before the playlist does; in the other, before we do.
	sed 's/^5 .*/5 #EXT-X-CUE-OUT:20/;s,/3,/20,' ts-joined.marks >ts-middle.marks
	put ts-joined 6 8 0
	put ts-middle 5 9 0
	start ts-joined
	start ts-middle
	grow ts-joined 8 12 &
	grow ts-middle 9 12
	wait
) &
writers="$writers $!"
(
	# An old copy comes between; later it begins anew, with other numbers.
	{ echo "$usual"; echo '9 #EXT-X-CUE-OUT:30'; echo '10 #EXT-X-CUE-OUT-CONT:1/30'
		echo '11 #EXT-X-CUE-OUT-CONT:2/30'; echo '12 #EXT-X-CUE-IN'; } >ts-again.marks
	put ts-again 0 3 0
	start ts-again
	grow ts-again 3 6 0 0
	put ts-again 0 4 0
	eventually reloaded "$(grep -c ts-again.m3u8 "$log")"
	grow ts-again 7 10 0 0
	grow ts-again 11 12 11 0
) &
writers="$writers $!"
for writer in $writers
do
	wait "$writer"
done
# Segments are loaded at once, so that messages for a later one may come first.
in_order () {
	sort -s -t @ -k 2n
}
ended () {
	grep -q "packets=\|units=" "$1.err"
}
for kind in ts fmp4
do
	export kind
	check "$kind: out and in, once each, at the pictures and before them" '
		eventually ended $kind-usual
		out=$kind-usual.out
		events $out | in_order >got
		cat >want <<-END
		out 1 270000 auto 1 @$(first $out 4)
		in 1 - - 1 @$(first $out 7)
		END
		diff want got
		cat messages
		test "$(wc -l <messages)" -ge 4
		pid=$(ffprobe -v error -show_entries stream=codec_name,id -of csv=p=0 $out | sed -n "s/^scte_35,//p;s/^\(0x.*\),scte_35$/\1/p" | head -n 1)
		in_time $out $((pid))
		mlive-ingest $out 2>&1 >again | grep "lost=0 bad=0"
		test "$(tail -n 1 $kind-usual.stats | grep -o "\"hls_breaks\":[0-9]*")" = "\"hls_breaks\":1"
	'
done
check 'the messages come when the playlist shows the break: more than a second ahead' '
	events ts-usual.out >got
	test "$(ahead)" -ge 1000
'
check 'a transport stream has the times of its segments' '
	pts=$(ffprobe -v error -select_streams v -show_entries packet=pts -of csv=p=0 ts/i5.ts | sed -n "1s/,.*//p")
	events ts-usual.out >got
	grep "^out .* @$pts$" got
'
check 'DATERANGE: its end comes when it is known' '
	eventually ended ts-dated
	events ts-dated.out | in_order >got
	cat >want <<-END
	out 73 1800000 auto 0 @$(first ts-dated.out 4)
	in 73 - - 0 @$(first ts-dated.out 7)
	END
	diff want got
	in_time ts-dated.out 500
'
check 'a break that began before the playlist: with its first picture, for what is left' '
	eventually ended ts-joined
	events ts-joined.out | in_order >got
	cat >want <<-END
	out 1 180000 auto 1 @$(first ts-joined.out 0)
	in 1 - - 1 @$(first ts-joined.out 2)
	END
	diff want got
	in_time ts-joined.out 500
'
check 'a break that began before us: the playlist says when' '
	eventually ended ts-middle
	events ts-middle.out | in_order >got
	cat >want <<-END
	out 1 1620000 auto 1 @$(first ts-middle.out 0)
	in 1 - - 1 @$(first ts-middle.out 1)
	END
	diff want got
'
check 'an old copy, and a new beginning in a break: nothing twice' '
	eventually ended ts-again
	grep "has begun again" ts-again.err
	events ts-again.out | in_order >got
	cat >want <<-END
	out 1 270000 auto 1 @$(first ts-again.out 4)
	in 1 - - 1 @$(first ts-again.out 7)
	out 2 2700000 auto 2 @$(first ts-again.out 8)
	in 2 - - 2 @$(first ts-again.out 11)
	END
	diff want got
'
done_testing
