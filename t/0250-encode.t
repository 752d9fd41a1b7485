#!/bin/sh
# mlive-encode: pictures in and out, the same IDR pictures in every rung, endings.
. "$(dirname "$0")/lib.sh"
# shellcheck source=/dev/null
. "${top:-.}/t/encode.sh"
ebps=$BUILD/t/helper/ebps
export ebps

source_ts 5 30000/1001 >in.ts

check 'a ladder: every picture is in every rung, and decodes without a word' '
	mlive-encode -q -s stats -r 360p@800k -r 180p@300k,fps=half <in.ts >out.ts
	test "$(pictures in.ts 0)" -eq 150
	test "$(pictures out.ts 0)" -eq 150
	test "$(pictures out.ts 1)" -eq 75
	clean out.ts
	test "$(shape out.ts v:0)" = "h264,640,360,30000/1001"
	test "$(shape out.ts v:1)" = "h264,320,180,15000/1001"
	test "$(counter stats duplicated)" -eq 0
	test "$(counter stats dropped)" -eq 0
	test "$(counter stats decoded)" -eq 150
'
check 'IDR pictures are the same in all rungs, each 60 pictures' '
	idr out.ts 0 >a
	idr out.ts 1 >b
	diff a b
	test "$(wc -l <a)" -eq 3
'
check 'a boundary point is on each of them, and on nothing else' '
	$ebps <out.ts >points
	test "$(grep -c "^256 .* 1 1 -" points)" -eq 3
	test "$(grep -c "^257 .* 1 1 -" points)" -eq 3
	test "$(wc -l <points)" -eq 6
'
check 'gop= adds IDR pictures and moves none' '
	mlive-encode -q -r 180p@300k,gop=500ms <in.ts >gop.ts
	idr gop.ts 0 >c
	test "$(wc -l <c)" -eq 10
	test "$(cat a c | sort | uniq -d | wc -l)" -eq 3
	$ebps <gop.ts >points
	test "$(wc -l <points)" -eq 3
'
check 'rungs with and without B pictures show theirs at the same times' '
	mlive-encode -q -r 360p@800k,x264=bframes=0 -r 180p@300k <in.ts >b.ts
	stamps b.ts v:0 >a
	stamps b.ts v:1 | diff a -
	test "$(stamps b.ts v:0 dts | head -n 1)" -gt "$(stamps b.ts v:1 dts | head -n 1)"
	idr b.ts 0 >a
	idr b.ts 1 | diff a -
	clean b.ts
'
check 'a rung has its rate within a few percent' '
	source_ts 8 25 -qp 4 >big.ts
	mlive-encode -q -s rates -r 360p@1500k,rc=abr -r 180p@400k,rc=abr <big.ts >out2.ts
	rates=$(tail -n 1 rates | grep -o "\"rung\":[^}]*\"frames\"" |
		sed "s/.*rate_bps\":\([0-9]*\).*/\1/")
	set -- $rates
	near "$1" 1500000 150000
	near "$2" 400000 40000
'
check 'HEVC: pictures, alignment' '
	mlive-encode -q -r 360p@800k -r 180p@300k,codec=hevc,preset=ultrafast <in.ts >h.ts
	test "$(shape h.ts v:1)" = "hevc,320,180,30000/1001"
	test "$(pictures h.ts 1)" -eq 150
	idr h.ts 1 >b
	diff a b
	clean h.ts
'
check 'sizes: aspect kept, even, not enlarged but when asked' '
	ffmpeg -v error -f lavfi -i testsrc2=s=406x722:r=25:d=1 -c:v libx264 \
		-preset ultrafast -f mpegts p.ts
	mlive-encode -r 360p@500k -r 200x200@200k -r 1080p@900k -r 1000x1000@900k \
		<p.ts >s.ts 2>words
	test "$(shape s.ts v:0)" = "h264,360,640,25/1"
	test "$(shape s.ts v:1)" = "h264,112,200,25/1"
	test "$(shape s.ts v:2)" = "h264,406,722,25/1"
	test "$(shape s.ts v:3)" = "h264,562,1000,25/1"
	grep "warning: rung .1080p@900k.* smaller.*406x722" words
'
check 'SIGTERM: what was read is written, with status 0' '
	mkfifo pipe
	mlive-encode -q -r 180p@300k <pipe >term.ts & pid=$!
	exec 9>pipe
	cat in.ts >&9
	eventually test -s term.ts
	kill $pid
	wait $pid
	exec 9>&-
	clean term.ts
	test "$(pictures term.ts 0)" -ge 60
'
check 'SIGTERM in the middle of a picture: it is left out, not coded with a hole' '
	cut_short 90 <in.ts >cut.ts 2>whole
	stopped_after cut.ts mlive-encode -c none -r 180p@300k >term.ts 2>words
	cat words
	grep " corrupt=0 errors=0 " words
	grep "decoded=$(cat whole) " words
	test "$(pictures term.ts 0)" -eq "$(cat whole)"
'
check 'live: two that begin at different pictures agree on boundaries and dates' '
	source_ts 6 30000/1001 -g 15 | mlive-ingest -q --realtime - >live.ts
	mlive-encode -q -r 180p@300k <live.ts >one.ts
	tail -c +800000 live.ts | mlive-encode -q -r 180p@300k >two.ts
	$ebps <one.ts | sed 1d >a
	$ebps <two.ts | sed 1d >b
	test "$(grep -c "T.*Z$" b)" -ge 1
	tail -n "$(wc -l <b)" a | diff - b
	idr one.ts 0 | tail -n 1 >c
	idr two.ts 0 | tail -n 1 | diff c -
	stamps one.ts a:0 | sort >c
	stamps two.ts a:0 | sort | comm -13 c - >only
	test ! -s only
'
check 'sound alone, and pictures alone' '
	ffmpeg -v error -i in.ts -map 0:a -c copy -f mpegts a.ts
	ffmpeg -v error -i in.ts -map 0:v -c copy -f mpegts v.ts
	mlive-encode -r 180p@300k <a.ts >ao.ts 2>words
	grep "audio only" words
	test "$(shape ao.ts a)" = "aac,48000,1,0/0"
	clean ao.ts
	mlive-encode -q -r 180p@300k <v.ts >vo.ts
	test "$(pictures vo.ts 0)" -eq 150
	test "$(shape vo.ts a)" = ""
'
check 'what is not live says so in its first packet, and nowhere else' '
	for f in out ao
	do
		test "$(head -c 3 $f.ts | od -An -tx1 | tr -d " ")" = 471ffe
	done
	test "$(head -c 3 one.ts | od -An -tx1 | tr -d " ")" = 474000
'
check 'sound alone and live: boundary points on it, and segments numbered by them' '
	mlive-ingest -q --realtime a.ts >live.ts
	mlive-encode -q -r 180p@300k <live.ts >ao1.ts
	tail -c +15000 live.ts | mlive-encode -q -r 180p@300k >ao2.ts
	$ebps <ao1.ts | sed 1d >a
	$ebps <ao2.ts | sed 1d >b
	test "$(grep -c " 1 1 .*T.*Z$" b)" -ge 1
	tail -n "$(wc -l <b)" a | diff - b
	for n in 1 2
	do
		mpkg-segment -q --segment 2s -o d$n/ <ao$n.ts
		(cd d$n/a1; ls *.m4s) >n$n
	done
	test "$(wc -l <n2)" -ge 1
	test "$(sort n1 | comm -13 - n2)" = ""
	test "$(head -n 1 n1 | tr -dc 0-9)" -gt 1000000
'
check 'audio copied, and left out' '
	for c in "ac3 -ac 6" "aac -ac 2" mp2 libopus eac3
	do
		ffmpeg -v error -y -i in.ts -map 0 -c:v copy -c:a $c \
			-metadata:s:a:0 language=fra -f mpegts co.ts
		mlive-encode -q -a copy -r 180p@300k <co.ts >ac.ts
		clean ac.ts
		for f in co ac
		do
			ffmpeg -v error -y -i $f.ts -map 0:a -c copy -f data $f.data
			ffprobe -v error -select_streams a -show_entries \
				stream=codec_name,channels:stream_tags=language -of csv=p=0 $f.ts |
				sort -u >$f.shape
		done
		diff co.shape ac.shape
		tail -c "$(wc -c <ac.data)" co.data | cmp - ac.data
		test "$(stamps ac.ts a:0 | head -n 1)" -le "$(stamps ac.ts v:0 | head -n 1)"
	done
	mlive-encode -q -a none -r 180p@300k <in.ts >an.ts
	test "$(shape an.ts a)" = ""
'
check 'what is wrong with a command is said, with status 2' '
	for rung in 360p 360p@ 360p@0 x360@1M 360p@1M,codec=vp9 360p@1M,fps=0 360p@1M,fps=1/61 \
		360p@1M,preset=quick 360p@1M,tune=x 360p@1M,profile=x 360p@1M,level=99 \
		360p@1M,x264=me=hex,codec=hevc 360p@1M,x265=me=hex \
		360p@1M,level=3.7 360p@1M,level=9 360p@1M,codec=hevc,level=3.2 \
		360p@1M,gop=3s 360p@1M,x264=nope=1 360p@1M,x265=a=1 360p@1M,vbv=1 \
		360p@1M,maxrate=500k 360p@1M,rc=qvbr,maxrate=2M 360p@1M,rc=vbr \
		360p@1M,quality=0 360p@1M,quality=11 360p@1M,quality=best \
		360p@1M,rc=abr,quality=7 360p@1M,maxrate=2M,quality=7 9p@1M 360q@1M 360p@1M,,
	do
		fails 2 mlive-encode -r "$rung" <in.ts >out 2>err
		test ! -s out
		grep "^mlive-encode: fatal" err
	done
	mlive-encode -q -r 180p@300k,x265=me=hex,preset=ultrafast,codec=hevc <in.ts >out
	fails 2 mlive-encode -s fd:1 -r 180p@300k <in.ts >out 2>err
	test ! -s out
	grep "fatal: --stats .fd:1. is where the stream goes" err
	fails 2 mlive-encode <in.ts >out 2>err
	grep "no rung.*-r 720p@2800k" err
'
check 'a level that is too low is raised, with a warning; one that is not, is written' '
	mlive-encode -r 360p@800k,level=2.1 -r 360p@800k,level=4.1 -r 360p@8M,level=3 \
		-r 180p@300k,codec=hevc,preset=ultrafast,level=1 \
		-r 180p@3M,codec=hevc,preset=ultrafast,level=2 <in.ts >level.ts 2>words
	ffprobe -v error -show_entries stream=level -select_streams v -of csv=p=0 level.ts |
		grep . | head -n 5 >got
	printf "%s\n" 30 41 31 60 90 | diff - got
	grep "warning: rung .360p@800k,level=2.1.: .* for its size, coded as level 3.0" words
	grep "warning: rung .360p@8M,level=3.: .* for its vbv, coded as level 3.1" words
	grep "warning: rung .180p@300k.*level=1.: .* for its size, coded as level 2.0" words
	grep "warning: rung .180p@3M.*level=2.: .* for its rate" words
	test "$(grep -c warning words)" -eq 4
'
check 'input that is no stream, or has nothing to decode: status 3' '
	echo "no stream" >words.txt
	fails 3 mlive-encode -r 180p@300k <words.txt >out
	fails 3 mlive-encode -r 180p@300k </dev/null >out
	fails 3 mlive-encode -P 7 -r 180p@300k <in.ts >out
'
done_testing
