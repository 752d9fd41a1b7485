#!/bin/sh
# mlive-encode: quality under a cap, and the rate controls beside it.
. "$(dirname "$0")/lib.sh"
# shellcheck source=/dev/null
. "${top:-.}/t/encode.sh"
# shellcheck source=/dev/null
. "$top/t/quality.sh"

# Easy, hard, and cut twelve times in two seconds; 25 pictures a second all of them.
ffmpeg -v error -f lavfi -i "testsrc2=s=320x180:r=25:d=8" -c:v libx264 -preset ultrafast \
	-qp 8 -g 50 -f mpegts easy.ts
ffmpeg -v error -f lavfi -i "mandelbrot=s=320x180:r=25:end_scale=0.01" -t 8 -vf \
	noise=alls=30:allf=t,format=yuv420p -c:v libx264 -preset ultrafast -qp 12 -g 50 \
	-f mpegts hard.ts
ffmpeg -v error -f lavfi -i "mandelbrot=s=320x180:r=25:end_scale=0.01" -f lavfi -i \
	"testsrc2=s=320x180:r=25" -t 8 -filter_complex \
	"[0:v]noise=alls=20:allf=t[a];[a][1:v]overlay=enable='lt(mod(n\\,8)\\,4)',format=yuv420p" \
	-c:v libx264 -preset ultrafast -qp 12 -g 50 -f mpegts cuts.ts

check 'easy pictures keep the level, at less than the cap' '
	mlive-encode -q -s easy.stats -r 180p@2M,quality=7 -r 180p@2M,quality=7,codec=hevc \
		<easy.ts >easy.out
	segments easy.stats 0 >avc
	segments easy.stats 1 >hevc
	cat avc hevc
	test "$(wc -l <avc)" -eq 4
	awk "\$5 < 6950 || \$6 != \"false\" || \$2 > 1600000 { exit 1 }" avc hevc
'
check 'many segments in no time: each of them is told' '
	mlive-encode -q -g 200ms -s many.stats -r 90p@2M <easy.ts >many.out
	segments many.stats 0 >got
	gops many.out 0 >made
	wc -l got made
	test "$(wc -l <got)" -ge 40
	test "$(wc -l <got)" -eq "$(wc -l <made)"
'
for clip in hard cuts easy
do
	export clip
	check "$clip: no segment has more than its cap, and no decoder starves" '
		mlive-encode -q -s $clip.stats -r 180p@300k,quality=9 -r 180p@120k \
			-r 180p@300k,codec=hevc,quality=9 -r 180p@300k,fps=half \
			-r 180p@300k,vbv=500ms,gop=500ms <$clip.ts >$clip.out
		for n in 0 1 2 3 4
		do
			units $clip.out $n >units
			test "$(wc -l <units)" -ge 99
			cap=300000 vbv=2
			test $n -ne 1 || cap=120000
			test $n -ne 4 || vbv=0.5
			keeps_cap units $cap $vbv 2
		done
		clean $clip.out
	'
done
check 'what is hard is told: the level that was reached, and that it was the cap' '
	segments hard.stats 0 >got
	cat got
	awk "\$4 != 9000 || \$5 > 7000 || \$6 != \"true\" || \$2 < 225000 { exit 1 }" got
'
# Noise that moves, and noise on a picture that stands still, which falls off steeply.
ffmpeg -v error -f lavfi -i "mandelbrot=s=320x180:r=25:end_scale=0.1" -t 4 -vf \
	noise=alls=20:allf=t,format=yuv420p -c:v libx264 -preset ultrafast -qp 8 -g 50 \
	-f mpegts noise.ts
ffmpeg -v error -f lavfi -i "gradients=s=320x180:r=25:speed=0.00001:seed=7" -t 8 -vf \
	noise=alls=10:allf=t,format=yuv420p -c:v libx264 -preset ultrafast -qp 8 -g 50 \
	-f mpegts still.ts
for clip in noise still
do
	export clip
	check "$clip: levels that the cap binds are coded alike, and a higher one is no worse" '
		for codec in avc hevc
		do
			rungs=
			for level in 4 6 8 9 10
			do
				rungs="$rungs -r 180p@300k,quality=$level,codec=$codec"
			done
			mlive-encode -q -c none $rungs <$clip.ts >$clip.out
			for n in 0 1 2 3 4
			do
				ssim $clip.out $n $clip.ts 320:180
			done >got
			cat got
			awk "\$1 < best - 0.001 { exit 1 } \$1 > best { best = \$1 }" got
			for n in 3 4
			do
				gops $clip.out $n >$n.gops
			done
			cmp 3.gops 4.gops
		done
	'
done
check 'where the cap is too low for any quality, pictures come again' '
	mlive-encode -q -c none -s floor.stats -r 180p@10k,codec=hevc <hard.ts >floor.out
	segments floor.stats 0 >got
	cat got
	awk "\$2 > 17000 { exit 1 }" got
	test "$(pictures floor.out 0)" -eq 200
'
check 'what begins two pictures before a segment does not starve that' '
	ffmpeg -v error -i hard.ts -f lavfi -i sine=r=48000 -t 13.9 -vf \
		"settb=1/25,setpts=N+if(lt(N\\,50)\\,0\\,148)" -enc_time_base:v 1/25 -fps_mode passthrough \
		-c:v libx264 -preset ultrafast -bf 0 -qp 12 -c:a aac -f mpegts hole.ts
	mlive-encode -q -c none -s hole.stats -r 180p@500k <hole.ts >hole.out
	grep -q "\"segment\":8,\"frames\":2," hole.stats
	segments hole.stats 0 >got
	cat got
	awk "\$1 == 9 && \$2 > 250000 && \$2 <= 500000 { good = 1 } END { exit !good }" got
'
check 'segments of three pictures leave each other what is theirs' '
	mlive-encode -q -c none -g 200ms -s few.stats -r 180p@500k,fps=half \
		-r 180p@500k,fps=half,codec=hevc <hard.ts >few.out
	for n in 0 1
	do
		segments few.stats $n >got
		test "$(wc -l <got)" -ge 32
		awk "{ r = r \" \" \$2 } \$2 < 100000 || \$2 > 500000 { bad = 1 }
			END { print r; exit bad }" got
	done
'
check 'bytes and SSIM grow with the level, in both codecs' '
	ffmpeg -v error -i hard.ts -t 2 -c copy -f mpegts short.ts
	for codec in avc hevc
	do
		rungs=
		for level in 1 2 3 4 5 6 7 8 9 10
		do
			rungs="$rungs -r 180p@40M,quality=$level,codec=$codec"
		done
		mlive-encode -q $rungs <short.ts >levels.ts
		for n in 0 1 2 3 4 5 6 7 8 9
		do
			echo "$(bytes levels.ts $n) $(ssim levels.ts $n short.ts 320:180)"
		done >table
		cat table
		awk "NR > 1 && (\$1 <= bytes || \$2 <= ssim) { exit 1 }
			{ bytes = \$1; ssim = \$2 }" table
	done
'
check 'auto is the level by size and cap, as the manual says' '
	mlive-encode -q -s auto.stats -r 180p@2M -r 180p@88888 -r 180p@2M,quality=auto \
		<easy.ts >out
	for n in 0 1 2
	do
		segments auto.stats $n | head -n 1 | cut -d" " -f4
	done >got
	printf "%s\n" 7000 6000 7000 | diff - got
'
check 'cbr: the rate it is: a decoder neither starves nor overflows, whatever is shown' '
	ffmpeg -v error -i easy.ts -f lavfi -i color=gray:s=320x180:r=25:d=8 -i hard.ts \
		-filter_complex "[0:v]trim=end=2[a];[1:v]trim=end=4[b];[2:v]trim=end=2,\
setpts=PTS-STARTPTS[c];[a][b][c]concat=n=3" -c:v libx264 -preset ultrafast -qp 12 -f mpegts all.ts
	mlive-encode -q -r 180p@800k,rc=cbr -r 180p@800k,rc=cbr,codec=hevc <all.ts >cbr.ts
	for n in 0 1
	do
		units cbr.ts $n >units
		test "$(wc -l <units)" -eq 200
		awk "BEGIN { fill = 1440000 } { fill -= \$1 * 8; if (fill < 0) bad = 1
			fill += 32000; if (fill > 1600000 + 64) bad = 1; if (fill > most) most = fill }
			END { print bad, most; exit bad || most < 1599936 }" units
	done
	clean cbr.ts
	test "$(pictures cbr.ts 0)" -eq 200
	test "$(pictures cbr.ts 1)" -eq 200
'
check 'the parameter sets are the same in all segments, whatever their quality' '
	for n in 0 1 2
	do
		format=h264
		test $n -ne 2 || format=hevc
		ffmpeg -v error -y -i hard.out -map 0:v:$n -c copy -f $format es
		perl -0777 -ne "for (split /\x00\x00\x00?\x01/) {
			my \$t = ord; my \$h = \$t >> 1 & 63;
			print unpack(\"H*\", \$_), \"\n\" if $n == 2 ? \$h > 31 && \$h < 35 :
				(\$t & 31) == 7 || (\$t & 31) == 8 }" es | sort | uniq -c | tee sets
		test "$(wc -l <sets)" -eq $((n == 2 ? 3 : 2))
		test "$(awk "{ print \$1 }" sets | sort -u)" -eq 4
	done
'
check 'maxrate alone is of a mean rate, as it ever was' '
	mlive-encode -q -s abr.stats -r 180p@400k,maxrate=800k <hard.ts >abr.ts
	test "$(segments abr.stats 0 | cut -d" " -f5 | sort -u)" = -
	near "$(($(bytes abr.ts 0) / 8 * 8))" 400000 40000
'
check '--ssim tells what ffmpeg measures' '
	ffmpeg -v error -f lavfi -i "mandelbrot=s=320x180:r=25:end_scale=0.01" -t 2 -vf \
		noise=alls=6:allf=t,format=yuv420p -c:v libx264 -preset ultrafast -qp 12 -f mpegts soft.ts
	mlive-encode -q --ssim -s ssim.stats -r 180p@1M,quality=6 <soft.ts >ssim.ts
	near "0.$(segments ssim.stats 0 | cut -d" " -f7)" "$(ssim ssim.ts 0 soft.ts 320:180)" 0.003
'
check 'low latency: the same promises' '
	mlive-encode -q --latency low -g 1s -s low.stats -r 180p@300k,quality=9 <hard.ts >low.ts
	clean low.ts
	units low.ts 0 >units
	keeps_cap units 300000 0.5 1
	segments low.stats 0 | awk "\$2 < 210000 { exit 1 }"
'
done_testing
