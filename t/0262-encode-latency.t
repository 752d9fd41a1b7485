#!/bin/sh
# mlive-encode --latency low: a picture in, a picture out; fragments.
. "$(dirname "$0")/lib.sh"
# shellcheck source=/dev/null
. "${top:-.}/t/encode.sh"
ebps=$BUILD/t/helper/ebps
export ebps

source_ts 4 25 -bf 0 >in.ts

# units FILE N: access units of video N that are in the file
units () {
	ffprobe -v quiet -select_streams "v:$2" -show_entries packet=pts -of csv=p=0 "$1" |
		grep -c .
}

at_least () {
	test "$(units "$1" "$2")" -ge "$3"
}

# The stream stops, and stays open: what has come out by then was not held back.
mkfifo pipe
check 'what went in has come out, but for what the decoder keeps' '
	mlive-encode -q --latency low -r 360p@800k -r 180p@300k <pipe >low.ts &
	exec 9>pipe
	cat in.ts >&9
	eventually at_least low.ts 0 98
	eventually at_least low.ts 1 98
	exec 9>&-
	wait $!
	test "$(pictures low.ts 0)" -eq 100
'
check 'normally some of it is' '
	mlive-encode -q -r 360p@800k <pipe >normal.ts &
	exec 9>pipe
	cat in.ts >&9
	eventually at_least normal.ts 0 60
	sleep 1
	test "$(units normal.ts 0)" -lt 96
	exec 9>&-
	wait $!
'
check 'HEVC keeps nothing either' '
	mlive-encode -q --latency low -r 180p@300k,codec=hevc <pipe >hevc.ts &
	exec 9>pipe
	cat in.ts >&9
	eventually at_least hevc.ts 0 97
	exec 9>&-
	wait $!
'
check 'no picture is shown before one that is decoded after it' '
	stamps low.ts v:0 >pts
	stamps low.ts v:0 dts | diff pts -
'
check 'all of it decodes' '
	clean low.ts
	clean hevc.ts
'
check 'a fragment begins each 200 ms, a segment each 2 s' '
	mlive-encode -q --latency low -r 180p@300k <in.ts >part.ts
	$ebps all <part.ts | grep "^256" >points
	test "$(wc -l <points)" -eq 20
	test "$(grep -c " 1 1 -" points)" -eq 2
	awk "NR > 1 && \$2 - last != 18000 { exit 1 } { last = \$2 }" points
	test "$($ebps <part.ts | grep -c "^256")" -eq 2
'
check '--part asks for others, without low as well' '
	mlive-encode -q --part 500ms -r 180p@300k <in.ts >part.ts
	$ebps all <part.ts | grep "^256" >points
	test "$(wc -l <points)" -eq 8
	mlive-encode -q --latency low --part 330ms -r 180p@300k <in.ts >part.ts
	$ebps all <part.ts | grep "^256" | head -n 7 >points
	awk "NR == 2 { exit \$2 - last != 8 * 3600 } { last = \$2 }" points
'
check 'a rung at half the rate has the same times' '
	mlive-encode -q --latency low -r 180p@300k -r 90p@100k,fps=half <in.ts >half.ts
	$ebps all <half.ts | grep "^256" | cut -d" " -f2 >a
	$ebps all <half.ts | grep "^257" | cut -d" " -f2 >b
	test "$(wc -l <a)" -eq 20
	test "$(wc -l <b)" -ge 16
'
check 'bad values are usage errors' '
	fails 2 mlive-encode --latency fast -r 180p@300k </dev/null
	fails 2 mlive-encode --part 1ms -r 180p@300k </dev/null
	fails 2 mlive-encode --part 3s -r 180p@300k </dev/null
'
done_testing
