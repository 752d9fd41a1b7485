#!/bin/sh
# mlive-encode: two encoders of one stream, one begun later, make the same bytes.
. "$(dirname "$0")/lib.sh"
# shellcheck source=/dev/null
. "${top:-.}/t/encode.sh"
# shellcheck source=/dev/null
. "$top/t/quality.sh"

ffmpeg -v error -f lavfi -i "mandelbrot=s=320x180:r=25:end_scale=0.01" -f lavfi -i \
	"gradients=s=320x180:r=25" -t 18 -filter_complex \
	"[0:v]noise=alls=25:allf=t[a];[a][1:v]overlay=enable='lt(mod(t\\,5)\\,2)',format=yuv420p" \
	-c:v libx264 -preset ultrafast -qp 14 -g 25 -f mpegts film.ts
# A cut at which the sound of the first film is 16 ms too long.
for sound in 440 600
do
	ffmpeg -v error -i film.ts -f lavfi -i "sine=f=$sound:r=48000" -t 11 -c:v libx264 \
		-preset ultrafast -crf 30 -g 25 -c:a aac -f mpegts $sound.ts
done
ffmpeg -v error -i "concat:440.ts|600.ts" -c copy -f mpegts joined.ts
mlive-ingest -q --realtime joined.ts >channel.ts & recorder=$!
mlive-ingest -q --realtime -t 18s film.ts >in.ts
# shellcheck disable=SC2034	# checks use it
rungs='-r 180p@40M,quality=6 -r 180p@250k -r 90p@40M,quality=6,codec=hevc -r 90p@80k,codec=hevc'

# same N: how segments that both have compare, after the first of the second: number,
# "same" or "other", and whether the cap was in the way.  An encoder that has had fewer
# than four pictures makes the next segment, too.
same () {
	for who in one two
	do
		segments $who.stats "$1" >$who.segments
		gops $who.ts "$1" >$who.gops
		test "$(wc -l <$who.segments)" -eq "$(wc -l <$who.gops)"
		paste -d" " $who.segments $who.gops | awk '{ print $1, $8, $9, $6 }' | sort >$who.list
	done
	few=$(awk 'NR == 1 { print $2 < 4 }' two.gops)
	join one.list two.list | sed "1,$((1 + few))d" |
		awk '{ print $1, $2 == $5 ? "same" : "other", $4 }'
}

check 'two encoders, one of which gets the stream from the middle of its fourth second on' '
	mlive-encode -q -g 500ms -s one.stats $rungs <in.ts >one.ts
	tail -c +$(($(wc -c <in.ts) / 4 / 188 * 188 + 1)) in.ts >rest.ts
	mlive-encode -q -g 500ms -s two.stats $rungs <rest.ts >two.ts
'
for n in 0 1 2 3
do
	export n
	check "rung $n: the same from the first whole segment on" '
		same $n >got
		cat got
		test "$(wc -l <got)" -ge 12
		bound=$(grep -c "true$" got) || :
		case $n in
		0 | 2) test $bound -eq 0 ;;
		*) test $bound -ge 8 ;;
		esac
		test "$(grep -c " same " got)" -eq "$(wc -l <got)"
	'
done
ffmpeg -v error -f lavfi -i testsrc=s=64x36 -frames:v 1 logo.png
for codec in avc hevc
do
	export codec
	check "$codec with low latency, layers and less noise, too" '
		rm one.stats two.stats
		for who in in,one rest,two
		do
			mlive-encode -q --latency low -g 500ms -s ${who#*,}.stats \
				-r 180p@250k,codec=$codec --denoise low \
				--overlay "logo logo.png x=-5% y=5% opacity=70%" --text \
				"clock \"{utc} {timecode}\" size=10% x=center y=-0" --timecode clock \
				<${who%,*}.ts >${who#*,}.ts
		done
		same 0 >got
		cat got
		test "$(wc -l <got)" -ge 12
		test "$(grep -c "true$" got)" -ge 8
		test "$(grep -c " same " got)" -eq "$(wc -l <got)"
	'
done

check 'half of the pictures, of which two or three are a segment: the same after four such' '
	rm one.stats two.stats
	for who in in,one rest,two
	do
		mlive-encode -q -g 200ms -s ${who#*,}.stats -r 180p@250k,fps=half \
			-r 90p@80k,fps=half,codec=hevc <${who%,*}.ts >${who#*,}.ts
	done
	for n in 0 1
	do
		same $n >got
		cat got
		test "$(wc -l <got)" -ge 30
		fails 1 grep -q " other " <<-X
			$(sed 1,3d got)
		X
	done
'

# life FROM SEGMENTS - a channel from that hundredth of the stream on, whose encoder is killed
# when it has made so many segments, or never.
life () {
	tail -c +$(($(wc -c <channel.ts) * $1 / 100 / 188 * 188 + 1)) channel.ts >part.ts
	mpkg-segment -q --segment 1s --window 600s -o two/ <coded & packager=$!
	perl -e "while (sysread STDIN, \$_, 20000) { syswrite STDOUT, \$_; select undef, undef, undef, 0.05 }" \
		<part.ts >fed & feeder=$!
	# shellcheck disable=SC2086	# words of a list
	mlive-encode -q -g 1s $rungs -a 96k <fed >coded & encoder=$!
	if test "$2" -gt 0
	then
		eventually has_made "$2"
		kill -9 $encoder
	fi
	wait $encoder || :
	kill $feeder || :
	wait $packager
}
has_made () {
	test "$(find two -path "*/v1/*.m4s" -newer part.ts | wc -l)" -ge "$1"
}
wait $recorder
check 'one is killed twice: the files of the packagers behind them are the same' '
	rungs="-r 180p@40M,quality=6 -r 180p@250k -r 90p@80k,codec=hevc"
	mkdir one two
	mkfifo fed coded
	mlive-encode -q -g 1s $rungs -a 96k <channel.ts |
		mpkg-segment -q --segment 1s --window 600s -o one/
	life 5 8
	life 35 8
	life 65 0
	for track in v1 v2 v3 a1
	do
		for file in one/$track/*.m4s
		do
			cmp -s $file two/${file#one/} && printf s && continue
			test -e two/${file#one/} && printf o || printf -
		done >$track.list
		cat $track.list
		echo
	done
	# Three lives: s the same, o another, - none.  What they begin with may not be whole,
	# and there the sound is another for two periods; nor what they end with, but the last one.
	for track in v1,1 v2,1 v3,1 a1,5
	do
		part="-*o{0,${track#*,}}s+"
		grep -E "^${part}o?${part}o?$part\$" ${track%,*}.list
	done
'
done_testing
