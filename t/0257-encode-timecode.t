#!/bin/sh
# mlive-encode --timecode: SMPTE timecode in the coded pictures.
. "$(dirname "$0")/lib.sh"
# shellcheck source=/dev/null
. "${top:-.}/t/encode.sh"

# labels FILE N: of its pictures, in order
labels () {
	ffprobe -v error -select_streams "v:$2" -show_entries frame_tags=timecode -of csv=p=0 \
		"$1" | tr -d , | grep .
}

source_ts 3 25 >pal.ts
source_ts 3 30000/1001 >ntsc.ts

check 'from a label on, each picture of AVC and HEVC has the next' '
	mlive-encode -q -r 360p@1M -r 180p@400k,codec=hevc -r 180p@400k,fps=half \
		--timecode 10:00:58:20 <pal.ts >out.ts
	for n in 0 1
	do
		labels out.ts $n >got
		test "$(wc -l <got)" -eq 75
		i=0
		while test $i -lt 75
		do
			printf "10:00:%02d:%02d\n" $((58 + (20 + i) / 25)) $(((20 + i) % 25))
			i=$((i + 1))
		done | sed "s/:60:/:00:/; s/:61:/:01:/; s/^10:00:0/10:01:0/" >want
		diff want got
	done
	# At half of the rate those of that rate, for the same times.
	labels out.ts 2 >got
	sed -n 1p got | grep -x "10:00:58:10"
	sed -n 4p got | grep -x "10:00:59:00"
	sed -n 15p got | grep -x "10:00:59:11"
	sed -n 16p got | grep -x "10:01:00:00"
	clean out.ts
'
check 'drop frame leaves out two labels, not pictures' '
	mlive-encode -q -r 180p@400k -r 180p@400k,codec=hevc --timecode "00:00:59;15" <ntsc.ts >out.ts
	for n in 0 1
	do
		labels out.ts $n | tr ";" : >got
		test "$(wc -l <got)" -ge 88
		sed -n 15,16p got >two
		printf "00:00:59:29\n00:01:00:02\n" | diff - two
	done
'
check 'those of the source are followed, at another rate too' '
	mlive-encode -q -r 180p@400k -r 180p@400k,codec=hevc --timecode 09:59:59:10 <pal.ts >coded.ts
	mlive-encode -q -r 180p@400k -r 180p@400k,fps=50 --timecode source <coded.ts >out.ts
	# What is before a first key frame is not there.
	labels coded.ts 0 | tail -n 70 >want
	labels out.ts 0 | tail -n 70 | diff want -
	labels out.ts 1 >fast
	grep -x "10:00:00:.*" fast | head -n 2
	mlive-encode -q -P 2 -r 180p@400k --timecode source <coded.ts >out.ts
	labels out.ts 0 | tail -n 70 | diff want -
	ffmpeg -v error -i pal.ts -map 0:v -c:v mpeg2video -q:v 3 -bf 0 -timecode 01:02:03:04 \
		-f mpegts mpeg2.ts
	mlive-encode -q -r 180p@400k --timecode source <mpeg2.ts >out.ts
	labels out.ts 0 | sed -n "1p;60p" >got
	printf "01:02:03:04\n01:02:05:13\n" | diff - got
'
check 'by the clock, of a live source' '
	before=$(date -u +%s)
	mlive-ingest -q --realtime pal.ts | mlive-encode -q -r 180p@400k --timecode clock >out.ts
	first=$(labels out.ts 0 | head -n 1)
	echo "$before $first"
	at=$(date -u -d "${first%:*}" +%s)
	test $(((at - before + 86402) % 86400)) -le 32
'
check 'burnt in, it is what the coded picture has' '
	mlive-encode -q -r 360p@4M,quality=9 --timecode 10:00:00:00 \
		--text "tc {timecode} x=10 y=10 size=20%" <pal.ts >one.ts
	mlive-encode -q -r 360p@4M,quality=9 --timecode 10:00:00:00 \
		--text "tc 10:00:01:05 x=10 y=10 size=20%" <pal.ts >two.ts
	test "$(labels one.ts 0 | sed -n 31p)" = 10:00:01:05
	ffmpeg -v error -i one.ts -i two.ts -lavfi "[0:v:0][1:v:0]psnr=stats_file=psnr" -f null -
	sed "s/.*psnr_avg:\([^ ]*\).*/\1/; s/inf/99/" psnr >values
	# The 31st is the most alike.
	awk "\$1 > most { most = \$1; at = NR } END { print at, most; exit at != 31 }" values
'
check 'without --timecode there is none' '
	mlive-encode -q -r 180p@400k <pal.ts >out.ts
	test -z "$(labels out.ts 0)"
'
check 'what is no timecode is refused' '
	for tc in now 1:00:00:00 24:00:00:00 10:00:00 10:00:00:00:00 ""
	do
		fails 2 mlive-encode -r 180p@400k --timecode "$tc" <pal.ts >out 2>said
		grep "timecode is source, clock, zero or HH:MM:SS:FF, not" said
	done
'
done_testing
