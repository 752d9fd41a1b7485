#!/bin/sh
# mlive-encode: the source is cut, turned, freed of noise and filtered; fit=.
. "$(dirname "$0")/lib.sh"
# shellcheck source=/dev/null
. "${top:-.}/t/encode.sh"

# like FILE N WANT [LEAST]: rung N looks like this picture, raw and as large, in its 10th.
like () {
	size=$(shape "$1" "v:$2" | cut -d, -f2,3 | tr , x)
	ffmpeg -v error -i "$1" -f rawvideo -pix_fmt yuv420p -s "$size" -i "$3" -lavfi \
		"[0:v:$2]select=eq(n\\,9),setpts=0[a];[1:v]setpts=0[b];[a][b]psnr=stats_file=psnr" \
		-frames:v 1 -f null - 
	awk -v least="${4:-32}" '{ sub(".*psnr_y:", ""); v = $1 == "inf" ? 99 : $1 }
		END { print v; exit v < least || NR == 0 }' psnr
}

# want FILTER: the 10th picture of the source by ffmpeg, raw
want () {
	ffmpeg -v error -i "${2:-still.ts}" -vf "$1,format=yuv420p" -frames:v 1 -f rawvideo -y want.yuv
}

# A picture that is the same all the time, and nowhere symmetric.
ffmpeg -v error -f lavfi -i testsrc=s=640x360 -frames:v 1 still.png
ffmpeg -v error -loop 1 -r 25 -i still.png -t 3 -c:v libx264 -preset ultrafast -qp 4 \
	-pix_fmt yuv420p -f mpegts still.ts

check 'a part of the source, from its middle and from where it is said' '
	mlive-encode -q --crop 320x240+100+20 -r 240p@4M,quality=9 -r 120p@1M,quality=9 <still.ts >out.ts
	test "$(shape out.ts v:0)" = h264,320,240,25/1
	want crop=320:240:100:20
	like out.ts 0 want.yuv
	want crop=320:240:100:20,scale=160:120:flags=bicubic
	like out.ts 1 want.yuv
	mlive-encode -q --crop 320x240 -r 240p@4M,quality=9 <still.ts >out.ts
	want crop=320:240
	like out.ts 0 want.yuv
	test "$(pictures out.ts 0)" -eq 75
'
check 'turned by the option' '
	for angle in 90,transpose=clock 180,hflip,vflip 270,transpose=cclock
	do
		mlive-encode -q --rotate ${angle%%,*} -r 360p@4M,quality=9 <still.ts >out.ts
		want "${angle#*,}"
		like out.ts 0 want.yuv
	done
	test "$(shape out.ts v:0)" = h264,360,640,25/1
'
check 'turned by a display orientation message, or not' '
	# The message has the angle anticlockwise (H.264 D.2.27), and mirrors first.
	for turn in rotate=90,transpose=cclock rotate=180,hflip,vflip rotate=270,transpose=clock \
		flip=horizontal,hflip flip=vertical,vflip
	do
		ffmpeg -v error -i still.ts -c copy -bsf:v \
			"h264_metadata=display_orientation=insert:${turn%%,*}" -f mpegts -y turned.ts
		mlive-encode -q -r 360p@4M,quality=9 <turned.ts >out.ts
		want "${turn#*,}"
		echo "$turn"
		like out.ts 0 want.yuv
	done
	mlive-encode -q --rotate none -r 360p@4M,quality=9 <turned.ts >out.ts
	want null
	like out.ts 0 want.yuv
'
check 'a chain of filters, once for all rungs; the captions and the sound stay' '
	source_ts 2 25 >film.ts
	mlive-encode -q --vf "split[a][b];[b]negate[c];[a][c]hstack,pad=iw:ih+20" \
		-r 1280x380@6M,quality=9 -r 190p@1M <film.ts >out.ts
	test "$(shape out.ts v:0)" = h264,1280,380,25/1
	test "$(shape out.ts v:1)" = h264,640,190,25/1
	test "$(pictures out.ts 0)" -eq 50
	test "$(shape out.ts a:0)" = aac,48000,1,0/0
	ffmpeg -v error -i film.ts -vf "select=eq(n\,9),split[a][b];[b]negate[c];[a][c]hstack,pad=iw:ih+20,format=yuv420p" \
		-frames:v 1 -f rawvideo -y want.yuv
	like out.ts 0 want.yuv 28
	clean out.ts
'
check 'a filter that holds pictures back loses none' '
	mlive-encode -q --vf "tmix=frames=3,reverse" -r 180p@1M <still.ts >out.ts
	test "$(pictures out.ts 0)" -eq 75
'
check 'noise goes, and what moves stays' '
	ffmpeg -v error -f lavfi -i "testsrc2=s=320x180:r=25:d=2" -vf format=yuv420p -c:v ffv1 clean.mkv
	ffmpeg -v error -i clean.mkv -vf "noise=c0s=10:c0f=t+u" -c:v libx264 \
		-preset ultrafast -qp 1 -pix_fmt yuv420p -f mpegts noisy.ts
	for level in none medium
	do
		mlive-encode -q --denoise $level -r 180p@40M,rc=abr <noisy.ts >$level.ts
		test "$(pictures $level.ts 0)" -eq 50
		ffmpeg -v error -i $level.ts -i clean.mkv -lavfi "[0:v][1:v]psnr=stats_file=psnr" -f null -
		awk "{ sub(\".*psnr_y:\", \"\"); s += \$1 } END { print s / NR }" psnr >$level.psnr
	done
	cat none.psnr medium.psnr
	# The rest that is missing is what coding takes.
	awk "NR == FNR { none = \$1 } END { exit \$1 < none + 0.5 }" none.psnr medium.psnr
'
check 'a rung that is filled, with bars or without its sides' '
	mlive-encode -q -r 480x480@4M,fit=pad,quality=9 -r 240x240@2M,fit=crop,quality=9 \
		-r 320x320@2M,quality=9 <still.ts >out.ts
	test "$(shape out.ts v:0)" = h264,480,480,25/1
	test "$(shape out.ts v:1)" = h264,240,240,25/1
	test "$(shape out.ts v:2)" = h264,320,180,25/1
	want "scale=480:270:flags=bicubic,pad=480:480:0:104"
	like out.ts 0 want.yuv 30
	want "crop=360:360:140:0,scale=240:240:flags=bicubic"
	like out.ts 1 want.yuv 30
'
check 'a part of the source for one rung, and for another the same, smaller' '
	mlive-encode -q -r 360p@4M,quality=9 -r 200x300@4M,quality=9,crop=200x300+100+20 \
		-r 100x150@1M,quality=9,crop=200x300+100+20 -r 200x360@4M,quality=9,crop=200x360 \
		-r 150p@1M,quality=9 <still.ts >out.ts
	test "$(shape out.ts v:0)" = h264,640,360,25/1
	test "$(shape out.ts v:1)" = h264,200,300,25/1
	test "$(shape out.ts v:2)" = h264,100,150,25/1
	test "$(shape out.ts v:3)" = h264,200,360,25/1
	test "$(shape out.ts v:4)" = h264,266,150,25/1
	want null
	like out.ts 0 want.yuv
	want crop=200:300:100:20
	like out.ts 1 want.yuv
	want crop=200:300:100:20,scale=100:150:flags=bicubic
	like out.ts 2 want.yuv
	want crop=200:360
	like out.ts 3 want.yuv
	want scale=266:150:flags=bicubic
	like out.ts 4 want.yuv 30
	# After what all rungs have: in pixels of the picture that was turned.
	mlive-encode -q --rotate 90 -r 160x160@4M,quality=9,crop=160x160+0+480 <still.ts >out.ts
	want transpose=clock,crop=160:160:0:480
	like out.ts 0 want.yuv
'
check 'the source changes so that the part is not in it any more' '
	source_ts 1 25 >small.ts
	ffmpeg -v error -i still.ts -t 1 -vf scale=1280:720 -c:v libx264 -preset ultrafast \
		-pix_fmt yuv420p -f mpegts large.ts
	cat large.ts small.ts >both.ts
	mlive-encode --crop 960x720 -r 720p@4M <both.ts >out.ts 2>words
	test "$(shape out.ts v:0)" = h264,960,720,25/1
	grep "640x360 are not cut" words
	test "$(grep -c warning words)" -eq 1
'
check 'the source changes so that the part of a rung is not in it any more' '
	mlive-encode -r 720p@4M -r 404x720@1M,crop=404x720 <both.ts >out.ts 2>words
	test "$(shape out.ts v:1)" = h264,404,720,25/1
	test "$(pictures out.ts 1)" -eq "$(pictures out.ts 0)"
	grep "rung .404x720@1M,crop=404x720.: pictures of 640x360 are not cut" words
	test "$(grep -c warning words)" -eq 1
	fails 2 mlive-encode -r 404x720@1M,crop=404x720 <still.ts >out 2>words
	grep "its crop is not within 640x360" words
	for part in 320 321x240 320x240+1+0 8x8
	do
		fails 2 mlive-encode -r 180p@1M,crop=$part <still.ts >out 2>words
		grep "crop .$part. is " words
	done
'
check 'what is wrong is said' '
	for part in 320 320x x240 321x240 320x240+1+0 320x240+10 8x8 320x240+0+0+0 -2x16
	do
		fails 2 mlive-encode --crop=$part -r 180p@1M <still.ts >out 2>words
		grep -e "--crop .$part. is " words
	done
	fails 2 mlive-encode --crop 1280x720 -r 180p@1M <still.ts >out 2>words
	grep "does not fit the source of 640x360" words
	for chain in nosuchfilter scale=nonsense "" color "negate;negate" "split" "hstack"
	do
		fails 2 mlive-encode --vf "$chain" -r 180p@1M <still.ts >out 2>words
		grep "no chain that libavfilter knows" words
	done
	fails 2 mlive-encode --vf crop=9000:9000 -r 180p@1M <still.ts >out 2>words
	grep "does not fit the source" words
	fails 2 mlive-encode --rotate 45 -r 180p@1M <still.ts >out 2>words
	grep "rotate is auto, none, 90, 180 or 270, not" words
	fails 2 mlive-encode --denoise 3 -r 180p@1M <still.ts >out
	fails 2 mlive-encode -r 180p@1M,fit=pad <still.ts >out 2>words
	grep "fit is of a size such as" words
	fails 2 mlive-encode -r 320x180@1M,fit=fill <still.ts >out 2>words
	grep "fit is inside, pad or crop" words
'
done_testing
