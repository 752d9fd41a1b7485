#!/bin/sh
# Quality under a cap beside what there was: a fixed CRF under the same cap, where the
# pictures are too hard for it, and a constant rate that looks the same.
#
#   CLIPS='a.mp4 b.mpg ...'   use these; else pictures that are generated
#   LINES=360  SECONDS_EACH=8  CAP=800k
. "$(dirname "$0")/../lib.sh"
# shellcheck source=/dev/null
. "${top:-.}/encode.sh"
# shellcheck source=/dev/null
. "$top/quality.sh"
lines=${LINES:-360} each=${SECONDS_EACH:-8} cap=${CAP:-800k}
width=$((lines * 16 / 9))
size=$width:$lines

# as_ts NAME FILTER INPUT...: in the size, with 25 pictures a second.
as_ts () {
	file=$1 filter=$2
	shift 2
	ffmpeg -nostdin -v error -y "$@" -t "$each" -an -vf "scale=$size:force_original_aspect_ratio=\
increase,crop=$size,setsar=1,fps=25,${filter}format=yuv420p" -c:v libx264 -preset ultrafast -qp 8 \
		-g 50 -f mpegts "$file.ts"
}

# row NAME KEYS...: bytes and SSIM of these rungs.
row () {
	clip=$1
	shift
	for keys
	do
		mlive-encode -q -a none -r "${lines}p@$keys" <"$clip.ts" >out.ts
		units out.ts 0 >list
		keeps_cap list 99999999 2 2 >fits
		printf '%-10s %-34s %8d bytes  SSIM %s  %s\n' "$clip" "$keys" \
			"$(bytes out.ts 0)" "$(ssim out.ts 0 "$clip.ts" "$size")" \
			"$(sed 's/.*most/most/; s/,.*//' fits)"
	done
}

n=0 names=
for clip in ${CLIPS:-}
do
	n=$((n + 1)) names="$names clip$n"
	as_ts clip$n '' -stream_loop -1 -i "$clip"
done
if test $n -eq 0
then
	names='moving still'
	as_ts moving 'noise=alls=12:allf=t,' -f lavfi -i "mandelbrot=r=25:end_scale=0.01"
	as_ts still '' -f lavfi -i "gradients=r=25"
fi
for name in $names
do
	as_ts "hard-$name" 'noise=alls=20:allf=t,' -i "$name.ts"
	echo "# $name: the level, and constant rates"
	row "$name" "$cap,quality=7" "$cap,rc=cbr" 600k,rc=cbr 400k,rc=cbr 200k,rc=cbr
	echo "# $name with noise, too hard for the cap: fixed CRF, and ours"
	row "hard-$name" "$cap,rc=abr,x264=crf=17" "$cap,rc=abr,x264=crf=23"
	for codec in avc hevc
	do
		echo "# $name with noise, $codec: a higher level is no worse, and none is above the cap"
		for level in 10 9 8 6 4
		do
			row "hard-$name" "$cap,codec=$codec,quality=$level"
		done
	done
done
