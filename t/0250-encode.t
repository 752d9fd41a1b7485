#!/bin/sh
# mlive-encode: pictures in and out, the same IDR pictures in every rung, sound.
. "$(dirname "$0")/lib.sh"
need 'no ffmpeg' ffmpeg -version
need 'not built' mlive-encode --version

# source SECONDS FPS [OPTION...] - moving content and a tone, as a stream.
source_ts () {
	seconds=$1 fps=$2
	shift 2
	ffmpeg -v error -f lavfi -i "testsrc2=s=640x360:r=$fps:d=$seconds" \
		-f lavfi -i "sine=f=440:r=48000:d=$seconds" -map 0:v -map 1:a \
		-c:v libx264 -preset ultrafast -g 250 -pix_fmt yuv420p -c:a aac -b:a 96k "$@" \
		-f mpegts -
}

# frames FILE PROGRAM - how many pictures decode.
frames () {
	ffmpeg -v error -i "$1" -map "0:p:$2:v" -f null - -progress - | sed -n 's/^frame=//p' |
		tail -n 1
}

# idr FILE VIDEO - the times of its IDR pictures.
idr () {
	ffprobe -v error -select_streams "v:$2" -show_entries packet=pts_time,flags \
		-of csv=p=0 "$1" | grep K | cut -d, -f1 | sort -u
}

quiet () {
	ffmpeg -v error -i "$1" -map 0 -f null - >err 2>&1
	test ! -s err
}

source_ts 5 30000/1001 >in.ts

check 'a ladder: every picture is in every rung, and decodes without a word' '
	mlive-encode -q -r 360p@800k -r 180p@300k <in.ts >out.ts
	test "$(frames in.ts 1)" -eq 150
	test "$(frames out.ts 1)" -eq 150
	test "$(frames out.ts 2)" -eq 150
	quiet out.ts
'
check 'IDR pictures are the same in all rungs, each 60 pictures' '
	idr out.ts 0 >a
	idr out.ts 1 >b
	diff a b
	test "$(wc -l <a)" -eq 3
'
done_testing
