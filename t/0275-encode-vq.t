#!/bin/sh
# mlive-encode --vq enhanced: fewer bits for what looks the same.
. "$(dirname "$0")/lib.sh"
# shellcheck source=/dev/null
. "${top:-.}/t/encode.sh"
# shellcheck source=/dev/null
. "$top/t/quality.sh"
# shellcheck source=/dev/null
. "$top/t/chain.sh"

film
clip 6 in.ts 360
size=$(shape in.ts v:0 | cut -d, -f2,3 | tr , :)
export size

check 'a level is kept, with fewer bytes, in both codecs' '
	mlive-encode -q -a none -r 360p@20M,quality=7 -r 360p@20M,quality=7,vq=enhanced \
		-r 360p@20M,quality=7,codec=hevc -r 360p@20M,quality=7,codec=hevc,vq=enhanced \
		<in.ts >levels.ts
	for n in 0 1 2 3
	do
		echo "$(bytes levels.ts $n) $(ssim levels.ts $n in.ts "$size")"
	done >table
	cat table
	awk "NR % 2 { bytes = \$1; ssim = \$2; next }
		\$1 > 0.98 * bytes || \$2 < ssim - 0.002 { exit 1 }" table
	clean levels.ts
'
check 'SSIM is not below that of the standard at the same rate' '
	mlive-encode -q -a none -r 360p@400k,rc=cbr -r 360p@400k,rc=cbr,vq=enhanced \
		-r 360p@300k,rc=cbr,codec=hevc -r 360p@300k,rc=cbr,codec=hevc,vq=enhanced \
		<in.ts >mean.ts
	for n in 0 1 2 3
	do
		echo "$(bytes mean.ts $n) $(ssim mean.ts $n in.ts "$size")"
	done >table
	cat table
	awk "NR % 2 { bytes = \$1; ssim = \$2; next }
		\$1 > 1.02 * bytes || \$2 < ssim { exit 1 }" table
'
check '--vq is of all rungs that do not say it, nor a preset' '
	mlive-encode -q -a none --vq enhanced -r 360p@500k -r 360p@500k,vq=standard \
		-r 360p@500k,preset=superfast -r 180p@200k,codec=hevc <in.ts >all.ts
	mlive-encode -q -a none -r 360p@500k,vq=enhanced -r 360p@500k \
		-r 360p@500k,preset=superfast -r 180p@200k,codec=hevc,vq=enhanced <in.ts >each.ts
	cmp all.ts each.ts
	mlive-encode -q -a none -r 360p@500k <in.ts >standard.ts
	gops standard.ts 0 >a
	gops all.ts 0 >b
	gops all.ts 1 >c
	cmp a c
	fails 1 cmp -s a b
'
check 'the cap is kept, and the level that was reached is told' '
	mlive-encode -q -a none --vq enhanced -c none -s cap.stats -r 360p@150k,quality=9 \
		-r 360p@5M,quality=6 -r 360p@150k,quality=9,codec=hevc <in.ts >cap.ts
	for n in 0 2
	do
		segments cap.stats $n >got
		cat got
		awk "\$2 > 150000 || \$5 >= 9000 || \$6 != \"true\" { exit 1 }" got
	done
	segments cap.stats 1 | awk "\$5 < 5900 || \$6 != \"false\" { exit 1 }"
'
check 'two encoders, one begun later, make the same bytes' '
	mlive-ingest -q --realtime -t 6s in.ts >live.ts
	tail -c +$(($(wc -c <live.ts) / 3 / 188 * 188 + 1)) live.ts >rest.ts
	for who in live rest
	do
		mlive-encode -q -a none --vq enhanced -g 500ms -s $who.stats -r 360p@20M,quality=6 \
			-r 180p@20M,quality=6,codec=hevc <$who.ts >$who.out
	done
	for n in 0 1
	do
		for who in live rest
		do
			segments $who.stats $n >numbers
			gops $who.out $n >digests
			test "$(wc -l <numbers)" -eq "$(wc -l <digests)"
			paste -d" " numbers digests | awk "{ print \$1, \$8 }" | sort >$who.list
		done
		join live.list rest.list | sed 1,2d >both
		cat both
		test "$(wc -l <both)" -ge 4
		awk "\$2 != \$3 { exit 1 }" both
	done
'
check 'low latency: nothing is looked at ahead, and it still saves' '
	mlive-encode -q --latency low -a none -r 360p@20M,quality=7 \
		-r 360p@20M,quality=7,vq=enhanced -r 180p@20M,codec=hevc,vq=enhanced <in.ts >low.ts
	stamps low.ts v:1 >pts
	stamps low.ts v:1 dts | diff pts -
	stamps low.ts v:2 >pts
	stamps low.ts v:2 dts | diff pts -
	for n in 0 1
	do
		echo "$(bytes low.ts $n) $(ssim low.ts $n in.ts "$size")"
	done >table
	cat table
	awk "NR == 1 { bytes = \$1; ssim = \$2; next }
		\$1 > 0.98 * bytes || \$2 < ssim - 0.002 { exit 1 }" table
'
check 'bad values are usage errors, which say what they are' '
	fails 2 mlive-encode --vq best -r 360p@500k </dev/null 2>said
	grep -q "not .best" said
	fails 2 mlive-encode -r 360p@500k,vq=good </dev/null 2>said
	grep -q "not .good" said
	fails 2 mlive-encode -r 360p@500k,vq=enhanced,preset=veryfast </dev/null 2>said
	grep -q "in place of .preset" said
	fails 2 mlive-encode -r copy --vq enhanced </dev/null 2>said
	grep -q "vq is of rungs that are coded" said
'
done_testing
