#!/bin/sh
# mlive-encode: film at 29.97, by coded or by repeated fields, is 24000/1001 again.
. "$(dirname "$0")/lib.sh"
# shellcheck source=/dev/null
. "${top:-.}/t/encode.sh"
export PATH="$BUILD/t/helper:$PATH"
need 'not built' mlive-ingest --version

# The film that other tests play, or something that moves as much.
film=$BUILD/demo/film.mp4
mkdir -p "$BUILD/demo"
flock "$BUILD/demo/film.lock" sh -c 'test -s "$0" || "$1/origin/demo/film" "$0"' \
	"$film" "$top" >film.log 2>&1 || echo "# mandelbrot: $(tail -n 1 film.log)"
test -s "$film" || {
	film=made.mkv
	ffmpeg -v error -f lavfi -i mandelbrot=s=1280x720:r=24:end_scale=0.01 -t 7 -c:v ffv1 $film
}

# codes FILE [N]: the numbers in its pictures, or - where there is none
codes () {
	ffmpeg -v error -i "$1" -map "0:v:${2:-0}" -fps_mode passthrough \
		-vf scale=640:360,format=gray -f rawvideo - |
		blockcode 640 360 | cut -d " " -f 1
}

# once: the numbers on stdin follow each other, from 0 or 1 on
once () {
	awk 'NR == 1 { n = $1; if (n > 1) exit 1 } $1 != n++ { print NR ": " $1; bad = 1 }
		END { exit bad || NR < 90 }'
}

# hard FIRST FILTERS OUT CODER...: 3:2 pulldown of the numbered film
hard () {
	first=$1 filters=$2 out=$3
	shift 3
	ffmpeg -v error -y -i numbered.mkv -i tone.wav -map 0:v -map 1:a -vf \
		"telecine=first_field=$first,$filters,format=yuv420p" \
		-r 30000/1001 "$@" -c:a mp2 -b:a 64k -f mpegts "$out"
}

# The number lies over a film whose edges are sharp and whose parts all move.
mlive-ingest -q -t 5s "test:?size=640x480&fps=24000/1001&gop=1s&rate=4M" >code.ts
ffmpeg -v error -ss 2 -i "$film" -i code.ts -filter_complex \
	"[0:v]setpts=N*1001/24000/TB,fps=24000/1001,scale=640:480,setsar=1[a];
	[1:v]crop=360:108:0:0[b];[a][b]overlay=0:0:shortest=1,setpts=N*1001/24000/TB" \
	-an -r 24000/1001 -pix_fmt yuv420p -c:v ffv1 numbered.mkv
ffmpeg -v error -f lavfi -i "sine=f=440:r=48000:d=5" tone.wav
frames=$(ffprobe -v error -count_packets -show_entries stream=nb_read_packets \
	-of csv=p=0 numbered.mkv | head -n 1)

# whole FILE [N]: each picture of the film once, in order, at its time; none is a mix.
whole () {
	codes "$1" "${2:-0}" >got
	once <got
	# The last frames are of film pictures that are not all in them.
	test "$(wc -l <got)" -ge $((frames - 3))
	stamps "$1" "v:${2:-0}" | awk "NR == 1 { t = \$1 } { d = \$1 - t - (NR - 1) * 3753.75 }
		d > 1 || d < -1 { print NR, d; bad = 1 } END { exit bad }"
}

check 'interlaced MPEG-2, either field first: the film, at 24000/1001' '
	for first in top bottom
	do
		test $first = top && order=tff || order=bff
		hard $first setfield=$order $first.ts -c:v mpeg2video -b:v 6M -flags +ilme+ildct
		codes $first.ts | grep -c -e - | awk "{ exit \$1 < 20 }"
		mlive-encode -q -s $first.stats --deinterlace film -r 360p@3M -r 180p@1M \
			<$first.ts >out.ts
		test "$(shape out.ts v:0)" = h264,480,360,24000/1001
		whole out.ts 0
		whole out.ts 1
		test "$(counter $first.stats deinterlaced)" -le 2
		near "$(counter $first.stats pulldown_removed)" $((frames / 4)) 1
		test "$(counter $first.stats duplicated)" -eq 0
		test "$(counter $first.stats dropped)" -eq 0
		clean out.ts
	done
'
check 'interlaced AVC, live, with the wrong field said to be first' '
	hard bottom setfield=tff avc.ts -c:v libx264 -preset veryfast -crf 20 -g 30 \
		-flags +ilme+ildct -x264opts tff=1
	cat avc.ts | mlive-encode -q -s avc.stats --deinterlace film -r 360p@3M >out.ts
	codes out.ts >got
	# Until it is known better.
	tail -n +12 got | awk "NR > 1 && \$1 != p + 1 { print; bad = 1 } { p = \$1 }
		END { exit bad || NR < 80 }"
	test "$(counter avc.stats deinterlaced)" -le 12
'
check 'ten bits' '
	hard top setfield=tff,format=yuv422p10 ten.ts -c:v libx264 -preset ultrafast -qp 12 \
		-flags +ilme+ildct -x264opts tff=1 -pix_fmt yuv422p10
	mlive-encode -q -s ten.stats --deinterlace film -r 360p@3M <ten.ts >out.ts
	whole out.ts
	test "$(counter ten.stats deinterlaced)" -le 2
'
check 'sharp as the film itself, not as half of its lines' '
	mlive-encode -q --deinterlace film -r 480p@20M,quality=10 <top.ts >film.out
	mlive-encode -q -r 480p@20M,quality=10,fps=24000/1001 <top.ts >auto.out
	for how in film auto
	do
		ffmpeg -v error -i $how.out -i numbered.mkv -lavfi \
			"[0:v]setpts=N/24/TB[a];[1:v]setpts=N/24/TB[b];[a][b]psnr=stats_file=$how.psnr" -f null -
		awk "{ sub(\".*psnr_y:\", \"\"); s += \$1 } END { print s / NR }" $how.psnr
	done >mean
	cat mean
	awk "NR == 1 { film = \$1 } END { exit film < \$1 + 3 }" mean
'
check 'video in the midst of film: nothing combs, and sound and film stay at their times' '
	ffmpeg -v error -f lavfi -i "testsrc2=s=640x480:r=60000/1001:d=2" -vf \
		"scroll=h=0.02,interlace=scan=tff:lowpass=0,setfield=tff,format=yuv420p" \
		-r 30000/1001 -c:v mpeg2video -b:v 12M -flags +ilme+ildct video.ts
	ffmpeg -v error -i top.ts -map 0:v -c copy -f mpegts pure.ts
	for part in pure.ts video.ts pure.ts
	do
		ffmpeg -v error -i $part -map 0:v -c copy -f mpeg2video -
	done >mixed.m2v
	ffmpeg -v error -f mpegvideo -framerate 30000/1001 -i mixed.m2v -c copy \
		-bsf:v "setts=ts=floor(90000*(N*1001/30000+1))" -f mpegts mixed.ts
	mlive-encode -q -s mixed.stats --deinterlace film -r 480p@20M,quality=10 -a none \
		<mixed.ts >out.ts
	stamps out.ts v:0 >t
	awk "NR == 1 { t = \$1 } { d = \$1 - t - (NR - 1) * 3753.75 }
		d > 1 || d < -1 { print NR, d; bad = 1 } END { exit bad }" t
	# What comes is as much as what was there, of both films each picture once.
	near "$(wc -l <t)" "$(awk -v n="$(stamps mixed.ts v:0 | wc -l)" "BEGIN { print n * 4 / 5 }")" 2
	codes out.ts | grep -v -e - | awk "\$1 < p { again++ } \$1 != p + 1 && NR > 1 && \$1 > 5 && \$1 < 110 { print; bad = 1 }
		{ p = \$1 } END { exit bad || again != 1 }"
	near "$(counter mixed.stats deinterlaced)" 60 8
	ffmpeg -v info -i out.ts -vf "trim=start_frame=105:end_frame=135,idet" -f null - 2>idet
	sed -n "s/.*Multi frame detection: TFF: *\([0-9]*\) BFF: *\([0-9]*\) .*/\1 \2/p" idet |
		tail -n 1 | awk "{ print; exit \$1 + \$2 > 2 }"
'
check 'fields that are repeated, not coded: film at 24000/1001, and the pulldown at others' '
	ffmpeg -v error -i numbered.mkv -c:v mpeg2video -b:v 6M -bf 0 -f mpeg2video film.m2v
	perl "$top/t/softfilm.pl" <film.m2v >soft.m2v
	ffmpeg -v error -f mpegvideo -i soft.m2v -c copy -bsf:v \
		"setts=ts=floor(90000*((floor(N/2)*5+mod(N\,2)*3)*1001/60000+1))" -f mpegts soft.ts
	for mode in auto film
	do
		mlive-encode -q -s soft.stats --deinterlace $mode -r 360p@3M -a none <soft.ts >out.ts
		test "$(shape out.ts v:0)" = h264,480,360,24000/1001
		codes out.ts >$mode.codes
		once <$mode.codes
		test "$(wc -l <$mode.codes)" -eq "$frames"
		test "$(counter soft.stats deinterlaced)" -le 2
		for counter in duplicated dropped pulldown_removed
		do
			test "$(counter soft.stats $counter)" -eq 0
		done
	done
	diff auto.codes film.codes
	mlive-encode -q -r 360p@3M,fps=60000/1001 -r 180p@1M,fps=30000/1001 -a none <soft.ts >out.ts
	codes out.ts 0 | uniq -c | awk "{ print \$1 }" >each
	head -n 80 each | awk "\$1 + last != 5 && NR > 1 { print NR, \$1; bad = 1 }
		{ last = \$1 } END { exit bad || (\$1 != 2 && \$1 != 3) }"
	codes out.ts 1 | uniq -c | awk "{ n[\$1]++ } END { exit n[1] < 60 || n[1] > 3 * n[2] + 3 ||
		n[1] < 3 * n[2] - 3 || n[1] + n[2] != NR }"
'
check 'captions and timecode: all of them, in order' '
	decorate <avc.ts >cc.ts
	mlive-encode -q --deinterlace film --timecode source -r 360p@3M <cc.ts >out.ts
	for file in cc out
	do
		ffmpeg -v error -f lavfi -i "movie=$file.ts[out0+subcc]" -map 0:s -f srt - |
			grep -v -e "-->" | grep -o "CAPTION NUMBER [0-9]*" | sort -u >$file.text
	done
	test "$(wc -l <cc.text)" -ge 3
	head -n 3 cc.text >want
	head -n 3 out.text | diff want -
'
check 'none leaves the fields, and what is wrong is said' '
	mlive-encode -q --deinterlace none -r 480p@20M,quality=10 <top.ts >out.ts
	test "$(shape out.ts v:0)" = h264,640,480,30000/1001
	codes out.ts | grep -c -e - | awk "{ exit \$1 < 20 }"
	fails 2 mlive-encode --deinterlace yes -r 180p@1M <top.ts >out 2>words
	grep "deinterlace is auto, film or none, not .yes." words
	fails 2 mlive-encode --deinterlace film -r copy -r 180p@1M <top.ts >out 2>words
	grep "deinterlace film is not for the pictures of -r copy" words
'
done_testing
