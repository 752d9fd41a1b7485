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
ffmpeg -v error -i film.ts -vf scale=128:72 -c:v libx264 -preset ultrafast -g 1 -f mpegts each.ts
mlive-ingest -q --realtime -t 18s each.ts >whole.ts & second=$!
mlive-ingest -q --realtime -t 18s film.ts >in.ts
wait $second
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

# After so many segments that the encoder of those is another, wherever it was begun.
while read -r length fps from after
do
	export length fps from after
	check "-g $length, $fps pictures a second: the same after $after segments" '
		rm -f one.stats two.stats
		tail -c +$(($(wc -c <in.ts) * from / 1000 / 188 * 188 + 1)) in.ts >later.ts
		for who in in,one later,two
		do
			mlive-encode -q -g $length -s ${who#*,}.stats -r "180p@250k,fps=$fps" \
				-r "90p@80k,fps=$fps,codec=hevc" <${who%,*}.ts >${who#*,}.ts
		done
		for n in 0 1
		do
			same $n >got
			cat got
			sed "1,${after}d" got >late
			test -s late
			fails 1 grep -q " other " late
		done
	'
done <<END
200ms half 250 3
200ms 15/2 300 4
500ms 1 330 8
END

# A hole of more than five seconds stays one, wherever its edges are in their segments.
while read -r from to
do
	export from to
	check "a hole after picture $from and before $to: no time goes back, and it is all there is" '
		perl -e "my (\$from, \$to, \$n, \$p) = (@ARGV, -1); binmode STDIN; binmode STDOUT;
			while (read STDIN, \$p, 188) {
				\$n++ if unpack(q(x n), \$p) == 0x4100;
				print \$p if \$n < \$from || \$n >= \$to;
			}" $from $to <whole.ts >hole.ts
		for how in "" ,rc=abr ,rc=cbr
		do
			mlive-encode -q -g 400ms -r "72p@100k$how" -r "72p@60k,codec=hevc$how" \
				<hole.ts >over.ts
			for n in 0 1
			do
				ffprobe -v error -select_streams v:$n -show_entries packet=pts,dts \
					-of csv=p=0 over.ts | sed "s/,\$//; /^\$/d" >times
				awk -F, "NR > 1 && (\$2 <= was || \$2 - was > 90000 && holes++) ||
						\$1 - \$2 > 90000 || \$1 < \$2 { print NR, \$0, was; bad = 1 }
					{ was = \$2 } END { exit bad || holes != 1 }" times
			done
			rm -rf over
			mpkg-segment -q --segment 400ms --window 60s -o over <over.ts
			for v in v1 v2
			do
				test "$(grep -c "DISCONTINUITY$" over/$v/index.m3u8)" -eq 1
				fails 1 grep GAP over/$v/index.m3u8
				sed -n "s/^#EXTINF:\(.*\),/\1/p" over/$v/index.m3u8 |
					awk "\$1 > 0.45 { print; bad = 1 } END { exit bad }"
			done
		done
	'
done <<END
101 251
102 253
104 255
107 258
109 260
END

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
