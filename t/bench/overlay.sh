#!/bin/sh
# A layer over 1080p: CPU time of a picture by what mlive-encode has, with the copy of the
# picture that it makes where another rung has it too, and by ffmpeg's overlay, in turn:
# for a logo, for a lower third, and for a layer that is as large as the picture.
#
#   RUNS=3  PICTURES=100
BUILD=${BUILD:-$(cd "$(dirname "$0")/../.." && pwd)/build}
. "$(dirname "$0")/../lib.sh"
need 'no ffmpeg' ffmpeg -version
n=${PICTURES:-100}

# cpu OPTION...: ms of CPU time, all of it
cpu () {
	bash -c 'ffmpeg -v error -threads 1 -filter_threads 1 -filter_complex_threads 1 -f rawvideo \
		-s 1920x1080 -pix_fmt yuv420p -i in.yuv "$@" -f null -; times' _ "$@" |
		tail -n 1 | awk '{ split($1, u, "[ms]"); split($2, s, "[ms]")
			print (u[1] * 60 + u[2] + s[1] * 60 + s[2]) * 1000 }'
}

ffmpeg -v error -f lavfi -i mandelbrot=s=1920x1080 -frames:v "$n" -f rawvideo -pix_fmt yuv420p -y in.yuv
for what in 'logo 300 120 1560 60' 'third 1920 360 0 700' 'all 1920 1080 0 0'
do
	# shellcheck disable=SC2086	# words
	set -- $what
	ffmpeg -v error -f lavfi -i "testsrc2=s=$2x$3,format=rgba,geq=r=r(X\,Y):g=g(X\,Y):b=b(X\,Y):a=255*X/W" \
		-frames:v 1 -f rawvideo -y art.rgba -frames:v 1 -y art.png
	for run in $(seq "${RUNS:-3}")
	do
		"$BUILD/t/helper/overlay" 1920 1080 art.rgba "$2" "$3" "$4" "$5" <in.yuv 2>ours >ours.yuv
		plain=$(cpu -vf null)
		with=$(cpu -i art.png -filter_complex "[0][1]overlay=$4:$5:format=yuv420")
		read -r ms once <ours
		awk -v ours="$ms" -v once="$once" -v a="$plain" -v b="$with" -v n="$n" -v k="$1" \
			-v run="$run" 'BEGIN { t = (b - a) / n
			printf "%s %d: ours %.2f ms a picture (and %.0f once), overlay of ffmpeg %.2f: %.2f of it\n",
				k, run, ours, once, t, ours / t }'
	done
done
