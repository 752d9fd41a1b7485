#!/bin/sh
# mlive-encode --control: rate and quality of a rung are changed while it runs.
. "$(dirname "$0")/lib.sh"
# shellcheck source=/dev/null
. "${top:-.}/t/encode.sh"
# shellcheck source=/dev/null
. "$top/t/quality.sh"

source_ts 4 25 >film.ts
ffmpeg -v error -f lavfi -i "mandelbrot=s=320x180:r=25:end_scale=0.01" -t 4 -vf \
	noise=alls=25:allf=t,format=yuv420p -c:v libx264 -preset ultrafast -qp 12 -g 25 \
	-f mpegts hard.ts

# say LINE...: each to the socket, and its answer.
say () {
	perl -MIO::Socket::UNIX -e '
		my $s = IO::Socket::UNIX->new("ctl") or die "no socket\n";
		for (@ARGV) { print $s "$_\n"; print scalar <$s> }' "$@"
}

answers () {
	test "$(say "show 1")" = "$1"
}

# told N FIELD VALUE: a segment of rung N had it
told () {
	segments stats "$1" | cut -d" " -f"$2" | grep -q -x "$3"
}

# asked N: the last cap, mean or rate that rung N was asked for
asked () {
	tail -n 40 stats | grep -o '"asked_bps":[0-9]*' | sort | uniq -c >all
	grep -q ":$1\$" all
}

mkfifo pipe
mlive-ingest -q --realtime --loop hard.ts >pipe & ingest=$!
mlive-encode -q -g 500ms --control ctl -s stats -r 180p@400k,quality=8 -r 90p@200k,rc=abr \
	-r 90x90@100k,rc=cbr <pipe >out.ts 2>words & encode=$!
trap 'kill -9 $ingest $encode 2>/dev/null; rm -rf "$scratch"' EXIT

check 'what a rung has is shown' '
	eventually answers "ok rate=400000 quality=8.000"
	test "$(say "show 180p")" = "ok rate=400000 quality=8.000"
	test "$(say "show 90x90")" = "ok rate=100000"
'
check 'rate and quality are set, and the segments from then on have them' '
	eventually asked 400000
	test "$(say "set 180p rate=150k quality=4.5" "show 180p")" = "$(printf "ok\nok rate=150000 quality=4.500")"
	eventually told 0 4 4500
	eventually asked 150000
	test "$(say "set 2 rate=100k")" = ok
	test "$(say "set 3 rate=50k")" = ok
	eventually asked 100000
	eventually asked 50000
	test "$(say "set 1 quality=auto")" = ok
	eventually told 0 4 6[0-9]*
'
check 'what is wrong is said, and changes nothing' '
	say "set 1 rate=401k" "set 4 rate=1M" "set 0 rate=1M" "set 90p quality=5" "set 1" \
		"set 1 rate=9k" "set 1 quality=11" "set 1 quality=" "get 1" "set" "show 1 2" \
		"set 1 speed=3" "show 99999999999999999999" >got
	cat got
	test "$(grep -c "^error: " got)" -eq 13
	test "$(say "show 1")" = "ok rate=150000 quality=auto"
'
kill "$ingest"
status=0
wait "$encode" || status=$?
export status
check 'what comes out is whole' '
	test "$status" -eq 0
	cat words
	test ! -s words
	test ! -e ctl
	clean out.ts
	for n in 0 1 2
	do
		stamps out.ts v:$n dts >dts
		steps 3600 <dts
	done
'
check 'of a FIFO what is wrong goes to standard error' '
	mkfifo fifo
	mlive-ingest -q --realtime hard.ts | mlive-encode -g 500ms --control fifo -s fifo.stats \
		-r 180p@400k,quality=8 >/dev/null 2>words & line=$!
	printf "set 1 rate=100k\nset 1 rate=1G\n" >fifo
	wait $line
	grep "^mlive-encode: warning: fifo: error: more than it began with" words
	# The first and the last are not whole.
	segments fifo.stats 0 | sed "1d;\$d" | tail -n 4 >got
	cat got
	awk "\$2 > 100000 { exit 1 }" got
'
check 'a path that is something else is refused, and so is a socket in use' '
	fails 2 mlive-encode --control film.ts -r 180p@400k <film.ts >out
	fails 1 mlive-encode --control none/ctl -r 180p@400k <film.ts >out
'
done_testing
