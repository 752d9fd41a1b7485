#!/bin/sh
# The three-rung ladder beside ffmpeg: pictures per CPU-second, SSIM, memory.  By mean
# rates, to have the same ones, and by quality under them as caps; then all of it in HEVC.
#
#   CLIPS='a.mp4 b.mpg ...'   use these; else those that packages of Debian and npm
#                             have, which are fetched and unpacked, not installed;
#                             else a generated picture
#   SECONDS_EACH=4  RUNS=1  CODECS='avc hevc'
#
# Each pair runs in turn on the same machine, so ratios count, not times.
. "$(dirname "$0")/../lib.sh"
# shellcheck source=/dev/null
. "${top:-.}/clips.sh"
need 'no ffmpeg' ffmpeg -version
each=${SECONDS_EACH:-4} runs=${RUNS:-1} codecs=${CODECS:-avc hevc}

# source_ts CLIP... - all of them as 1080p30, joined, in AVC of 18 Mb/s with a tone.
source_ts () {
	n=0 inputs='' chain='' joined=''
	for clip
	do
		inputs="$inputs -t $each -i $clip"
		chain="${chain}[$n:v]fps=30,scale=1920:1080:force_original_aspect_ratio=increase"
		chain="$chain:flags=lanczos,crop=1920:1080,setsar=1,format=yuv420p[v$n];"
		joined="${joined}[v$n]"
		n=$((n + 1))
	done
	if test "$n" -eq 0		# none to be had: fast, fine detail and grain
	then
		inputs="$inputs -f lavfi -t $each -i mandelbrot=s=1920x1080:r=30"
		chain="${chain}[$n:v]noise=alls=6:allf=t,setsar=1,format=yuv420p[v$n];"
		joined="${joined}[v$n]"
		n=$((n + 1))
	fi
	# Words of a list.
	# shellcheck disable=SC2086
	ffmpeg -v error $inputs -f lavfi -t $((n * each)) -i sine=r=48000 -filter_complex \
		"$chain${joined}concat=n=$n:v=1[v]" -map '[v]' -map "$n:a" -shortest \
		-c:v libx264 -preset veryfast -b:v 18M -g 60 -c:a aac -b:a 128k -f mpegts -y in.ts
}

ours () {
	name=$1 keys=$2
	timed "$name" sh -c "exec mlive-encode -q -r 1080p@5000k$keys -r 720p@2800k$keys \
		-r 360p@800k$keys -a 128k <in.ts >$name.ts"
}

theirs () {
	name=$1 codec=$2
	shift 2
	timed "$name" ffmpeg -v error -i in.ts -filter_complex \
		'[0:v]split=3[a][b][c];[b]scale=1280:720[b1];[c]scale=640:360[c1]' \
		-map '[a]' -map '[b1]' -map '[c1]' -map 0:a -c:v "$codec" "$@" \
		-g 60 -keyint_min 60 -sc_threshold 0 \
		-b:v:0 5000k -maxrate:v:0 5000k -bufsize:v:0 10000k \
		-b:v:1 2800k -maxrate:v:1 2800k -bufsize:v:1 5600k \
		-b:v:2 800k -maxrate:v:2 800k -bufsize:v:2 1600k \
		-c:a aac -b:a 128k -f mpegts -y "$name.ts"
}

# ssim NAME N SIZE - of the luma of rung N against the scaled source.
ssim () {
	ffmpeg -v info -i "$1.ts" -i in.ts -filter_complex "[0:v:$2]setpts=N[a];
		[1:v]scale=$3,setpts=N[b];[a][b]ssim" -f null - 2>&1 |
		sed -n 's/.* Y:\([0-9.]*\) .*/\1/p'
}

report () {
	name=$1
	read -r cpu kb <"$name.cost"
	rates=$(ffprobe -v error -show_entries packet=stream_index,codec_type,size -of \
		csv=p=0 "$name.ts" | awk -F, -v n="$frames" '$1 == "video" { b[$2] += $3 }
		END { for (i in b) printf "%d\n", b[i] * 8 * 30 / n / 1000 }' | sort -rn |
		tr '\n' ' ')
	printf '%-28s %6.1f pictures/CPU-s  %4d MB  SSIM %s %s %s  kb/s %s\n' "$name" \
		"$(awk -v n="$frames" -v c="$cpu" 'BEGIN { print n / c }')" $((kb / 1024)) \
		"$(ssim "$name" 0 1920:1080)" "$(ssim "$name" 1 1280:720)" \
		"$(ssim "$name" 2 640:360)" "$rates"
}

ratio () {
	awk -v what="$3" '{ c[NR] = $1 } END { printf "%-28s %.2f\n", what, c[2] / c[1] }' \
		"$1.cost" "$2.cost"
}

# shellcheck disable=SC2046
source_ts $(find_clips)
frames=$(ffprobe -v error -select_streams v -count_packets -show_entries \
	stream=nb_read_packets -of csv=p=0 in.ts | head -n 1 | tr -d ,)
for run in $(seq "$runs")
do
	test "$runs" -eq 1 || echo "run $run"
	case $codecs in
	*avc*)
		ours quality ''
		ours default ,rc=abr
		theirs ffmpeg-veryfast libx264 -preset veryfast
		ours same-superfast ,rc=abr,preset=superfast,threads=1,x264=bframes=0
		theirs ffmpeg-superfast libx264 -preset superfast -bf 0 -threads 1
		for name in quality default ffmpeg-veryfast same-superfast ffmpeg-superfast
		do
			report "$name"
		done
		ratio quality default 'quality under a cap : rate'
		ratio default ffmpeg-veryfast 'default : ffmpeg veryfast'
		ratio same-superfast ffmpeg-superfast 'same x264 settings : ffmpeg' ;;
	esac
	case $codecs in
	*hevc*)
		ours hevc-quality ,codec=hevc
		ours hevc-default ,codec=hevc,rc=abr
		theirs ffmpeg-hevc libx265 -preset superfast -x265-params \
			log-level=none:keyint=60:min-keyint=60:scenecut=0:open-gop=0
		for name in hevc-quality hevc-default ffmpeg-hevc
		do
			report "$name"
		done
		ratio hevc-quality hevc-default 'HEVC, quality : rate'
		ratio hevc-default ffmpeg-hevc 'HEVC, default : ffmpeg' ;;
	esac
done
