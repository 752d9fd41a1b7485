#!/bin/sh
# What users of other ladders complain about: renditions that are not aligned, which a
# packager refuses (Bento4 #156, handbrake #111), and one that stops and takes
# the others with it (channel-engine #207).
. "$(dirname "$0")/lib.sh"
# shellcheck source=/dev/null
. "${top:-.}/t/encode.sh"
. "$top/t/chain.sh"
film

# begins DIR TRACK - when each segment begins to be shown, and K for an IDR picture
begins () {
	for piece in "$1/$2"/[0-9]*.m4s
	do
		cat "$1/$2/init.mp4" "$piece" >piece.mp4
		echo "${piece##*/} $(ffprobe -v error -select_streams v -show_entries \
			packet=pts_time,flags -of csv=p=0 piece.mp4 | head -n 1 | sed 's/K.*/K/')"
	done
}

clip 10 film.ts 180
check 'complaint 15: renditions of two codecs, three rate controls and half the frame rate are aligned' '
	mlive-encode -q -r 180p@400k -r 180p@300k,codec=hevc -r 144p@200k,rc=abr,x264=keyint=7 \
		-r 120p@150k,rc=cbr,preset=veryfast -r 90p@80k,fps=half,gop=500ms \
		<film.ts >out.ts
	mpkg-segment -q --vod --segment 2s -o vod <out.ts
	begins vod v1 >want
	cat want
	test "$(grep -c "K$" want)" -eq 5
	test "$(wc -l <want)" -eq 5
	for track in v2 v3 v4 v5
	do
		begins vod $track | diff want -
	done
'
check 'complaint 15: and so they are when pictures are missing and damaged' '
	mlive-ingest -q film.ts | perl -e "srand 7; binmode STDIN; binmode STDOUT;
		while (read(STDIN, my \$p, 188) == 188) { print \$p if rand() > 0.003 }" >torn.ts
	mlive-encode -q -r 180p@400k -r 144p@200k -r 90p@80k,fps=half <torn.ts >out.ts
	rm -rf vod
	mpkg-segment -q --vod --segment 2s -o vod <out.ts
	begins vod v1 >want
	test "$(grep -c "K$" want)" -ge 5
	test "$(grep -c -v "K$" want)" -eq 0
	for track in v2 v3
	do
		begins vod $track | diff want -
	done
'
check 'complaint 14: a rendition that stops does not stop the others' '
	mlive-ingest -q -R "test:?size=320x180&fps=25&rate=300k&gop=1s" |
		mlive-encode -q -g 1s -r 180p@300k -r 90p@100k |
		perl -e "binmode STDIN; binmode STDOUT; \$| = 1; my \$n = 0;
			while (read(STDIN, my \$p, 188) == 188) {
				print \$p unless (unpack(\"n\", substr \$p, 1, 2) & 0x1fff) == 257 &&
					++\$n > 150 }" |
		mpkg-segment -q --segment 1s -o live & line=$!
	gone_on () {
		one=$(ls live/v1 2>/dev/null | grep -c m4s)
		two=$(ls live/v2 2>/dev/null | grep -c m4s)
		test "$one" -ge $((two + 6)) && test "$two" -ge 1
	}
	within 120 gone_on
	kill $line
	wait $line || :
'
done_testing
