#!/bin/sh
# mlive-encode: the picture as good as ffmpeg's, sound in step, captions, cues.
. "$(dirname "$0")/lib.sh"
# shellcheck source=/dev/null
. "${top:-.}/t/encode.sh"
export PATH="$BUILD/t/helper:$PATH"

# psnr FILE N SIZE - the mean PSNR of its video N against source.ts in that size.
psnr () {
	ffmpeg -v info -i "$1" -i source.ts -filter_complex "[0:v:$2]setpts=N[a];
		[1:v]scale=$3,setpts=N[b];[a][b]psnr" -f null - 2>&1 |
		sed -n 's/.*average:\([0-9.]*\).*/\1/p'
}

# lips FILE N - the last N flashes and beeps come together, within 2 ms.
lips () {
	flashes "$1" | tail -n "$2" >f
	beeps "$1" | tail -n "$2" >b
	test "$(wc -l <b)" -eq "$2"
	paste f b >both
	while read -r flash beep
	do
		near "$flash" "$beep" 0.002
	done <both
}

text () {
	ffmpeg -v error -f lavfi -i "movie=$1[out0+subcc]" -map 0:s -f srt - |
		grep -v -e '-->' | grep -o 'CAPTION NUMBER [0-9]*' | sort -u
}

ffmpeg -v error -f lavfi -i "mandelbrot=s=1280x720:r=25:end_scale=0.02" -t 3 -vf \
	noise=alls=5:allf=t,format=yuv420p -c:v libx264 -preset ultrafast -qp 12 -f mpegts source.ts

check 'PSNR as that of ffmpeg with the same settings, within 0.1 dB' '
	mlive-encode -q -r "720p@3000k,rc=abr,preset=superfast,threads=1" \
		-r "360p@800k,rc=abr,preset=superfast,threads=1" <source.ts >ours.ts
	ffmpeg -v error -i source.ts -filter_complex "[0:v]split=2[a][b];[b]scale=640:360[c]" \
		-map "[a]" -map "[c]" -c:v libx264 -preset superfast -threads 1 -g 50 \
		-keyint_min 50 -sc_threshold 0 -b:v:0 3000k -maxrate:v:0 3000k -bufsize:v:0 6000k \
		-b:v:1 800k -maxrate:v:1 800k -bufsize:v:1 1600k -f mpegts theirs.ts
	near "$(psnr ours.ts 0 1280:720)" "$(psnr theirs.ts 0 1280:720)" 0.1
	near "$(psnr ours.ts 1 640:360)" "$(psnr theirs.ts 1 640:360)" 0.1
'
check 'flash and beep: in step to 2 ms, from a file and live' '
	ffmpeg -v error -f lavfi -i "color=black:s=320x180:r=25:d=9,geq=lum=\
$(echo "if(lt(mod(N\,25)\,1)\,235\,16)"):cb=128:cr=128" -f lavfi -i \
		"aevalsrc=sin(2*PI*1000*t)*lt(mod(t\,1)\,0.04):s=48000:d=9" \
		-c:v libx264 -preset ultrafast -g 50 -c:a mp2 -f mpegts flash.ts
	mlive-encode -q -r 180p@300k <flash.ts >out.ts
	lips out.ts 8
	cat flash.ts | mlive-encode -q -r 180p@300k >out.ts
	lips out.ts 8
'
check 'a film in a loop stays in step, though its sound is shorter than its picture' '
	ffmpeg -v error -f lavfi -i "color=black:s=320x180:r=25:d=5.28,geq=lum=if(lt(mod(N\,25)\,1)\,235\,16):cb=128:cr=128" \
		-f lavfi -i "aevalsrc=sin(2*PI*1000*t)*lt(mod(t\,1)\,0.04):s=44100:d=5.27" \
		-c:v libx264 -preset ultrafast -g 50 -c:a aac loop.mp4
	mlive-ingest -q --loop -t 42s loop.mp4 >loop.ts
	mlive-encode -q -r 180p@300k <loop.ts >out.ts
	beeps out.ts | tail -n +2 | head -n 45 >b
	flashes out.ts >f
	# A flash and its beep: how far apart, in ms; the same from first to last.
	awk "NR == FNR { b[n++] = \$1; next }
		{ for (i = 0; i < n; i++) if (b[i] - \$1 > -0.2 && b[i] - \$1 < 0.2) print (b[i] - \$1) * 1000 }" \
		b f | sort -n >apart
	test "$(wc -l <apart)" -ge 40
	near "$(head -n 1 apart)" "$(tail -n 1 apart)" 12
'
check 'a hole in the sound is filled with silence, and what follows it is in step' '
	ffmpeg -v error -i flash.ts -map 0 -c copy \
		-bsf:a "noise=drop=between(pts*tb\,1.5\,5.5)" -f mpegts hole.ts
	mlive-encode -q -s hole.stats -r 180p@300k <hole.ts >out.ts
	lips out.ts 3
	stamps out.ts a:0 | steps 1920
	near "$(counter hole.stats padded_samples)" 192000 9600
	test "$(counter hole.stats gaps)" -le 2
	# Two frames of 24 ms, and nothing says that they are missing.
	ffmpeg -v error -i flash.ts -map 0 -c copy \
		-bsf:a "noise=drop=between(pts*tb\,3.5\,3.535)" -f mpegts small.ts
	mlive-encode -q -s small.stats -r 180p@300k <small.ts >out.ts
	lips out.ts 4
	test "$(counter small.stats padded_samples)" -gt 1000
'
ffmpeg -v error -f lavfi -i testsrc2=s=64x64:r=5:d=9.6 -f lavfi -i \
	"aevalsrc=sin(2*PI*1000*t)*between(t\,1\,1.04):s=48000:d=9.6" -c:v libx264 \
	-preset ultrafast -g 1 -c:a mp2 -b:a 32k -pes_payload_size 0 -f mpegts clip.ts

check 'a sample clock that is off by 500 millionths: within 4 ms, and over a wrap' '
	for ppm in 500 -500
	do
		drift put 300 $ppm $(((1 << 33) - 100 * 90000)) <clip.ts >drift.ts
		rm -f drift.stats
		mlive-encode -q -s drift.stats -r 16x16@10k -a 32k <drift.ts >out.ts
		for counter in clock_breaks gaps padded_samples trimmed_samples duplicated
		do
			test "$(counter drift.stats $counter)" -eq 0
		done
		ffmpeg -v error -i out.ts -map 0:a -f s16le - >out.pcm
		drift find <out.pcm | awk -v ppm=$ppm "{
			d = \$1 - (NR - 1) * 460800 * (1 + ppm / 1000000)
			if (NR == 1) first = d
			if (d > first + 192 || d < first - 192) { print NR, d - first; bad = 1 }
		} END { exit bad || NR < 30 }"
	done
'
# The second part overlaps the first, its sound by 96 ms; its pictures come later.
ffmpeg -v error -copyts -i flash.ts -map 0 -c copy -t 4.84 -muxdelay 0 -muxpreload 0 \
	-f mpegts part1.ts
ffmpeg -v error -ss 3.4 -copyts -i flash.ts -map 0 -c copy -muxdelay 0 -muxpreload 0 \
	-mpegts_flags initial_discontinuity -tables_version 7 -f mpegts part2.ts
cat part1.ts part2.ts >switch.ts

check 'a switch with pre-roll of the sound: in step at once, coded or copied' '
	mlive-encode -q -r 180p@300k <switch.ts >out.ts
	lips out.ts 8
	stamps out.ts a:0 | steps 1920
	stamps out.ts v:0 | steps 3600
	mlive-encode -q -a copy -r 180p@300k <switch.ts >out.ts
	stamps out.ts a:0 | steps 2160
	lips out.ts 8
	ffprobe -v error -select_streams a:0 -show_entries packet=pts -of csv=p=0 out.ts |
		tr -d , | grep . >order
	sort -n order | diff order -
'
source_ts 5 30000/1001 | decorate >cc.ts

check 'captions: the same text in AVC, HEVC and at every frame rate' '
	text cc.ts >want
	test "$(wc -l <want)" -ge 5
	mlive-encode -q -r 180p@300k -r 180p@300k,codec=hevc,preset=ultrafast \
		-r 180p@300k,fps=half -r 180p@300k,fps=25 -r 180p@300k,fps=60000/1001 \
		<cc.ts >out.ts
	for n in 0 1 2 3 4
	do
		ffmpeg -v error -y -i out.ts -map 0:v:$n -c copy one.ts
		text one.ts >got
		head -n 5 want >w
		head -n 5 got | diff w -
	done
'
check 'DTVCC: every byte once and in order, and no more than 9600 a second' '
	source_ts 5 30000/1001 | decorate 120 >dtvcc.ts
	mlive-encode -q -s dtvcc.stats -r 180p@300k \
		-r 180p@300k,codec=hevc,preset=ultrafast -r 180p@300k,fps=half \
		-r 180p@300k,codec=hevc,preset=ultrafast,fps=half -r 180p@300k,fps=24 \
		-r 180p@300k,fps=25 -r 180p@300k,fps=60000/1001 <dtvcc.ts >dtvcc.out
	triplets 256 <dtvcc.ts | awk "\$3 > 1 { print \$3, \$4 }" >want
	test "$(wc -l <want)" -eq 1050
	pid=256
	for most in 20 20 31 31 25 24 10	# of 600 a second, and 31 in a picture
	do
		triplets $pid <dtvcc.out >got
		awk "\$3 > 1 { print \$3, \$4 }" got | diff want -
		test "$(cut -d" " -f2 got | sort -n | tail -n 1)" -eq $most
		pid=$((pid + 1))
	done
	test "$(counter dtvcc.stats captions_dropped)" -eq 0
'
check 'cues: passed, on time with their pictures' '
	ebps <cc.ts | sed -n "s/^cue //p" >in.cues
	ebps <out.ts | sed -n "s/^cue //p" >out.cues
	test "$(wc -l <out.cues)" -ge 4
	first=$(stamps cc.ts v:0 | head -n 1)
	start=$(stamps out.ts v:4 | head -n 1)
	tail -n "$(wc -l <out.cues)" in.cues | paste - out.cues >both
	while read -r before after
	do
		test $((before - first)) -eq $((after - start))
	done <both
'
check 'memory of a ladder from 1080p stays under 350 MB' '
	ffmpeg -v error -f lavfi -i testsrc2=s=1920x1080:r=30:d=3 -c:v libx264 \
		-preset ultrafast -f mpegts hd.ts
	mlive-encode -q -r 1080p@5000k -r 720p@2800k -r 360p@800k <hd.ts >hd.out & pid=$!
	peak=0
	while kb=$(sed -n "s/^VmHWM:[^0-9]*\([0-9]*\).*/\1/p" /proc/$pid/status) &&
		test -n "$kb"
	do
		peak=$kb
		sleep 0.1
	done 2>/dev/null
	wait $pid
	echo "$peak kB"
	test "$peak" -gt 50000
	test "$peak" -lt 350000
'
done_testing
