#!/bin/sh
# From HDR to SDR at 1080p: CPU time of a picture by what mlive-encode has, and by the
# filters zscale and tonemap of ffmpeg, in turn, of HLG and PQ.
#
#   HDR=clip.mp4  a clip of HDR to use; else a generated picture
#   RUNS=3  PICTURES=30
#
# PICS=dir leaves a picture of each there, to look at.
BUILD=${BUILD:-$(cd "$(dirname "$0")/../.." && pwd)/build}
. "$(dirname "$0")/../lib.sh"
need 'no ffmpeg' ffmpeg -version
need 'no zscale' sh -c 'ffmpeg -v quiet -filters | grep -q zscale'
n=${PICTURES:-30}

# tags TRANSFER: what the pictures are
tags () {
	echo "setparams=color_primaries=bt2020:color_trc=$1:colorspace=bt2020nc:range=tv"
}

# cpu FILTER: ms of CPU time, all of it
cpu () {
	bash -c 'ffmpeg -v error -threads 1 -filter_threads 1 -f rawvideo \
		-s 1920x1080 -pix_fmt yuv420p10le -i in.yuv -vf "$1" -f null -; times' _ "$1" |
		tail -n 1 | awk '{ split($1, u, "[ms]"); split($2, s, "[ms]")
			print (u[1] * 60 + u[2] + s[1] * 60 + s[2]) * 1000 }'
}

theirs='zscale=t=linear:npl=203,format=gbrpf32le,zscale=p=bt709,tonemap=hable:desat=0'
theirs="$theirs,zscale=t=bt709:m=bt709:r=tv,format=yuv420p"

for kind in hlg pq
do
	trc=arib-std-b67
	test "$kind" = hlg || trc=smpte2084
	if test -n "${HDR:-}"
	then ffmpeg -v error -stream_loop -1 -i "$HDR" -frames:v "$n" -vf scale=1920:1080 -f rawvideo \
		-pix_fmt yuv420p10le -y in.yuv
	else ffmpeg -v error -f lavfi -i mandelbrot=s=1920x1080 -frames:v "$n" -vf \
		noise=alls=6:allf=t,format=yuv420p10le -f rawvideo -y in.yuv
	fi
	for run in $(seq "${RUNS:-3}")
	do
		"$BUILD/t/helper/tonemap" 1920 1080 "$kind" <in.yuv 2>ours >ours.yuv
		plain=$(cpu null)
		with=$(cpu "$(tags $trc),$theirs")
		read -r ms table <ours
		awk -v ours="$ms" -v table="$table" -v a="$plain" -v b="$with" -v n="$n" \
			-v k="$kind" -v run="$run" 'BEGIN { t = (b - a) / n
			printf "%s %d: ours %.2f ms a picture (and %.0f once), zscale and tonemap %.2f: %.2f of it\n",
				k, run, ours, table, t, ours / t }'
	done
	test -z "${PICS:-}" || {
		ffmpeg -v error -f rawvideo -s 1920x1080 -pix_fmt yuv420p -i ours.yuv -frames:v 1 \
			-vf setparams=colorspace=bt709:range=tv -y "$PICS/$kind-ours.png"
		ffmpeg -v error -f rawvideo -s 1920x1080 -pix_fmt yuv420p10le -i in.yuv -frames:v 1 \
			-vf "$(tags $trc),$theirs" -y "$PICS/$kind-theirs.png"
	}
done
