#!/bin/sh
# What a rung could save by the work of another one, segment by segment, as encoders that
# know nothing of the segments before would: x264 with the statistics and the macroblock
# tree of the first rung, as a second pass; x265 with the analysis of a rung of the same
# size.  Neither is done, and this is why.
#
#   CLIPS='a.mp4 b.mpg ...'   use these; else those of ladder.sh, else a generated picture
#   CODECS='avc hevc'
#
# A second pass wants a mean rate, and no quality.  Here it gets for each segment the rate
# that the rung has without it, which nobody knows beforehand: it cannot be better than
# this.  CPU time is that of the whole tool, with decoding and scaling, and wall time is
# longer: a segment of the second rung can begin when that of the first is done.
. "$(dirname "$0")/../lib.sh"
# shellcheck source=/dev/null
. "${top:-.}/clips.sh"
need 'no ffmpeg' ffmpeg -version
need 'not built' mlive-encode --version
codecs=${CODECS:-avc hevc}
fps=30 segment=2

# pieces CLIP... - piece.1.ts and so on: segments of 1080p30 at whole multiples of 2 s.
pieces () {
	n=0
	for clip
	do
		for at in 0 2
		do
			n=$((n + 1))
			piece $n -ss $at -t $segment -i "$clip"
		done
	done
	test $n -gt 0 || for n in 1 2		# fast, fine detail and grain
	do
		piece "$n" -f lavfi -ss $n -t $segment -i mandelbrot=s=1920x1080:r=$fps
	done
	echo "$n"
}

piece () {
	name=piece.$1.ts
	shift
	ffmpeg -v error "$@" -an -frames:v $((segment * fps)) -vf "fps=$fps,
		scale=1920:1080:force_original_aspect_ratio=increase:flags=lanczos,
		crop=1920:1080,setsar=1,format=yuv420p" -c:v libx264 -preset veryfast -bf 0 \
		-b:v 18M -muxdelay 0 -muxpreload 0 -output_ts_offset $segment -f mpegts -y "$name" \
		</dev/null
}

# run NAME N RUNG... - of piece N; its cost is added up in NAME.costs.
run () {
	who=$1 n=$2
	shift 2
	timed run sh -c "exec mlive-encode -q -c none -a none $* <piece.$n.ts >$who.$n.ts"
	cat run.cost >>"$who.costs"
}

size () {
	ffprobe -v error -show_entries packet=size -of csv=p=0 "$1" |
		awk -F, '{ s += $1 } END { print s }'
}

ssim () {
	ffmpeg -v info -i "$1" -i "$2" -filter_complex "[1:v]scale=$3,setpts=N[b];
		[0:v]setpts=N[a];[a][b]ssim" -f null - 2>&1 | sed -n 's/.* Y:\([0-9.]*\) .*/\1/p'
}

# report NAME [SIZE] - over all pieces.
report () {
	cpu=$(awk '{ s += $1 } END { printf "%.2f", s }' "$1.costs")
	printf '%-34s %7.2f CPU-s' "$1" "$cpu"
	if test $# -gt 1
	then
		for n in $(seq "$pieces")
		do
			echo "$(size "$1.$n.ts") $(ssim "$1.$n.ts" "piece.$n.ts" "$2")"
		done | awk -v t=$segment '{ b += $1; s += $2 }
			END { printf "  %5d kb/s  SSIM %.5f", b * 8 / 1000 / NR / t, s / NR }'
	fi
	echo
}

# avc SIZE W:H RATE - a rung with and without what 1080p has left in first.N.
avc () {
	for n in $(seq "$pieces")
	do
		run "$1-alone" "$n" -r "$1@$3"
		rate=$(($(size "$1-alone.$n.ts") * 8 / 1000 / segment))k
		pass="rc=abr,maxrate=$3,x264=pass=2:stats=first.$n"
		run "$1-second-pass" "$n" -r "$1@$rate,$pass"
		run "$1-second-pass-without-cap" "$n" -r "$1@$rate,$pass:vbv-maxrate=0:vbv-bufsize=0"
	done
	report "$1-alone" "$2"
	report "$1-second-pass" "$2"
	report "$1-second-pass-without-cap" "$2"
}

# hevc NAME RATE RATE - two rungs of 720p.
hevc () {
	for n in $(seq "$pieces")
	do
		run "$1-first" "$n" -r "720p@$2,codec=hevc,x265=analysis-save=$1.dat:analysis-save-reuse-level=10"
		run "$1-alone" "$n" -r "720p@$3,codec=hevc"
		run "$1-reuse" "$n" -r "720p@$3,codec=hevc,x265=analysis-load=$1.dat:analysis-load-reuse-level=10"
	done
	for what in first alone reuse
	do
		report "$1-$what" 1280:720
	done
}

# shellcheck disable=SC2046
pieces=$(pieces $(find_clips))
case $codecs in
*avc*)
	for n in $(seq "$pieces")
	do
		run ladder "$n" -r 1080p@5000k -r 720p@2800k -r 360p@800k
		run first "$n" -r "1080p@5000k,x264=pass=1:stats=first.$n"
	done
	report ladder
	avc 720p 1280:720 2800k
	avc 360p 640:360 800k ;;
esac
case $codecs in
*hevc*)
	hevc ample 3400k 2400k
	hevc binding 700k 500k ;;
esac
