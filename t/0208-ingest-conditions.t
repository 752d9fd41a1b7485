#!/bin/sh
# mlive-ingest --fail-on: what an input fails on while it still sends.
. "$(dirname "$0")/lib.sh"
. "$top/t/encode.sh"

export gop_ms=1000

# film FILE VIDEO AUDIO - 14 s that are well for 4, by filters
film () {
	ffmpeg -nostdin -v error -y -f lavfi -i "testsrc2=s=320x180:r=25:d=${4:-14}" \
		-f lavfi -i "sine=f=440:r=48000:d=14" -vf "$2" -af "$3" -c:v libx264 \
		-preset ultrafast -g 25 -keyint_min 25 -sc_threshold 0 -pix_fmt yuv420p \
		-c:a aac -b:a 64k -f mpegts "$1"
}
film good.ts null anull
film black.ts "drawbox=c=black:t=fill:enable='gte(t,4)'" anull
film later.ts "drawbox=c=black:t=fill:enable='gte(t,5)'" anull
film soon.ts "drawbox=c=black:t=fill:enable='between(t,5.02,8.48)'" anull
film logo.ts "drawbox=c=black:t=fill:enable='gte(t,4)',drawbox=x=280:y=10:w=30:h=20:c=white:t=fill" anull
film frozen.ts "tpad=stop_mode=clone:stop_duration=10" anull 4
film silent.ts null "volume=0:enable='gte(t,4)'"
film mute.ts null "atrim=end=4"
# from the fifth second on each hundredth packet is not there, or other bytes are in it
perl -e 'binmode STDIN; binmode STDOUT; my ($n, $size) = (0, -s STDIN);
	while (read(STDIN, my $p, 188) == 188) { $n++;
		print $p unless $n * 188 > $size * 4 / 14 && $n % 100 == 0; }' <good.ts >lossy.ts
perl -e 'binmode STDIN; binmode STDOUT; my ($n, $size) = (0, -s STDIN);
	while (read(STDIN, my $p, 188) == 188) { $n++;
		substr($p, 100, 60) = chr(85) x 60 if $n * 188 > $size * 4 / 14 && $n % 10 == 0;
		print $p; }' <good.ts >damaged.ts

started=
# start NAME LIST FILE [FILE] - for $len; all of them at once, since each takes its time
start () {
	mlive-ingest -q --failover --fail-on "$2" --stats "$1.stats" -t "${len:-10s}" "$3" \
		"${4:-good.ts}" >"$1" 2>"$1.err" &
	started="$started $!"
}
# event NAME FIELD - of the first switch from one to another
event () {
	grep '"event":"input_switch".*"from":' "$1.stats" | head -n 1 |
		sed "s/.*\"$2\":\"*\([^\",}]*\).*/\1/"
}
# failed NAME CAUSE MS - it was left for the good one, in its time: half a second for
# the machine beside the group of pictures
failed () {
	test "$(event "$1" cause)" = "$2"
	test "$(event "$1" to)" = good.ts
	after=$(event "$1" after_ms)
	echo "$1: $2 after $after ms"
	test "$after" -ge "$3"
	test "$after" -le $(($3 + gop_ms + 500))
	mlive-encode -q -r 320x180@400k <"$1" >"$1.enc"
	clean "$1.enc"
	stamps "$1.enc" v:0 | steps 3600
}
stayed () {
	grep '"input_switches":0' "$1.stats" | tail -n 1 >last
	test -s last
	! grep '"event":"input_switch".*"from":' "$1.stats"
}
# dark FILE - how many ms of it are black
dark () {
	ffmpeg -nostdin -i "$1" -vf blackdetect=d=0.1 -an -f null - 2>&1 |
		sed -n 's/.*black_duration:\([0-9.]*\).*/\1/p' |
		awk '{ s += $1 } END { printf "%.0f\n", s * 1000 }'
}

start black black=2s black.ts
start logo black=2s/95% logo.ts
start strict black=2s/99.9% logo.ts
start plain loss=1s black.ts
start frozen freeze=3s frozen.ts
start silent silence=2s silent.ts
start mute silence=2s mute.ts
start lossy cc=3/10s lossy.ts
start enough cc=1000/1s lossy.ts
start damaged errors=3/5s damaged.ts
len=12s start both loss=5s,black=4s black.ts black.ts
len=12s start later loss=5s,black=4s black.ts later.ts
len=12s start soon loss=5s,black=4s black.ts soon.ts
start several loss=2s,black=2s,freeze=6s,silence=6s,cc=50/1s,errors=50/1s black.ts

check 'values that cannot be: status 2' '
	for wrong in black=0s black=5 black=5s/0% black=5s/101% black=5s/9 cc=5 cc=0/5s \
		cc=5/5 cc=2000/5s errors=x/5s freeze silence= loss=1s,,black=2s
	do
		fails 2 mlive-ingest --failover --fail-on "$wrong" good.ts good.ts 2>err
		grep "fail-on" err
	done
'
# shellcheck disable=SC2086	# numbers
wait $started
check 'black' '
	failed black black 2000
	test "$(dark black.enc)" -ge 1900
	test "$(dark black.enc)" -le 3600
'
check 'black, but for the logo of the station' '
	failed logo black 2000
	stayed strict
'
check 'what is no condition is none' '
	stayed plain
	test "$(dark plain)" -ge 3000
'
check 'frozen' '
	failed frozen freeze 3000
'
check 'silent' '
	failed silent silence 2000
'
check 'without sound' '
	failed mute silence 2000
'
check 'gaps in continuity counters' '
	failed lossy cc 0
	stayed enough
'
check 'errors of the decoder' '
	failed damaged errors 0
'
check 'several at once: the one that holds is told' '
	failed several black 2000
'
check 'both are black, and one is found to be so first: it is not left' '
	test "$(dark both)" -ge 3000
	stayed both
	! grep "no input is well" both.err
'
check 'another that is black as well, but not yet for so long, is not taken' '
	stayed later
'
check 'it is, once it has something to show' '
	test "$(event soon cause)" = black
	after=$(event soon after_ms)
	echo "after $after ms"
	test "$after" -ge 4200
	mlive-encode -q -r 320x180@400k <soon >soon.enc
	clean soon.enc
	stamps soon.enc v:0 | steps 3600
'
done_testing
