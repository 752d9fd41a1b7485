#!/bin/sh
# mlive-encode --on-loss: what it shows while nothing comes.
. "$(dirname "$0")/lib.sh"
. "$top/t/encode.sh"

# feed [KEYS] - test pictures in real time into the pipe in; its process is in feed.pid
feed () {
	rm -f in
	mkfifo in
	mlive-ingest -q -R "test:?size=320x180&fps=25&rate=300k&gop=2s${1:-}" >in &
	echo $! >feed.pid
}
# encode OPTION... - of it, into out
encode () {
	rm -f out out.stats
	mlive-encode -r 320x180@400k --stats out.stats "$@" <in >out 2>out.err &
	echo $! >encode.pid
}
frames () {
	n=$(grep -o '"frames":[0-9]*,"clock' out.stats 2>/dev/null | tail -n 1 | tr -cd 0-9)
	test "${n:-0}" -ge "$1"
}
codes () {
	ffmpeg -v error -i "$1" -map 0:v:0 -fps_mode passthrough -vf scale=320:180,format=gray \
		-f rawvideo - | "$BUILD/t/helper/blockcode" 320 180
}
# lose SECONDS - run until there are pictures, stop the source for so long, go on
lose () {
	eventually frames 50
	kill -STOP "$(cat feed.pid)"
	eventually grep "no pictures for" out.err
	sleep "$1"
	kill -CONT "$(cat feed.pid)"
	eventually grep "pictures come again" out.err
	sleep 1.5
	kill -9 "$(cat feed.pid)"
	wait
	rm -f feed.pid encode.pid
}
# gapless FILE - a picture at each place of the grid, sound at each of its, no word
gapless () {
	stamps "$1" v:0 | steps 3600
	stamps "$1" a:0 | steps 1920
	clean "$1"
}
# luma FILE - of each picture, the mean
luma () {
	ffmpeg -v error -i "$1" -map 0:v:0 -fps_mode passthrough -vf \
		'signalstats,metadata=print:key=lavfi.signalstats.YAVG:file=-' -f null - |
		sed -n 's/.*YAVG=//p'
}

check 'what cannot be: status 2' '
	for wrong in fog repeat=5 repeat,black=1s color=red color=12345 slate \
		slate=nothing.png black=1s, repeat=1s,,black
	do
		fails 2 mlive-encode -r 320x180@400k --on-loss "$wrong" </dev/null >/dev/null 2>err
		cat err
	done
'
twice 'the last picture for a second, black for one, then a colour; and on with the source' '
	feed
	encode --on-loss repeat=1s,black=1s,color=ffffff
	lose 3.5
	gapless out
	codes out >seen
	# the same number for 25 pictures, then some without, then later ones
	awk "\$1 == was && was != \"-\" { n++; most = n > most ? n : most } \$1 != was { n = 0 } { was = \$1 }
		END { print \"repeated\", most; exit most < 20 || most > 26 }" seen
	awk "\$1 != \"-\" && \$1 < was { print \"back\", \$0; bad = 1 } \$1 != \"-\" { was = \$1 }
		END { exit bad }" seen
	luma out >light
	awk "\$1 < 18 { black++ } \$1 > 230 { white++ }
		END { print black, \"black\", white, \"white\"; exit black < 24 || black > 26 || white < 25 }" light
	test "$(grep -c "\"event\":\"input_lost\"" out.stats)" -eq 1
	test "$(grep -c "\"event\":\"input_back\"" out.stats)" -eq 1
	fill=$(tail -n 1 out.stats | sed "s/.*\"fill_msec\":\\([0-9]*\\).*/\\1/")
	echo "filled $fill ms"
	test "$fill" -ge 3000
'
check 'IDR pictures stay where the grid has them' '
	idr out 0 | tail -n +2 | awk "NR > 1 && (\$1 - was < 1.999 || \$1 - was > 2.001) { print was, \$1; bad = 1 }
		{ was = \$1 } END { exit bad }"
'
twice 'a slate, at once' '
	ffmpeg -v error -y -f lavfi -i color=c=0x808080:s=640x360:d=1 -frames:v 1 slate.png
	feed
	encode --on-loss slate=slate.png
	lose 2
	gapless out
	luma out | awk "\$1 > 124 && \$1 < 128 { n++ } END { print n; exit n < 40 }"
'
twice 'it goes on by the clock, not faster' '
	feed
	encode --on-loss black
	eventually frames 50
	kill -STOP "$(cat feed.pid)"
	eventually grep "no pictures for" out.err
	sleep 1
	sleep 5
	kill -9 "$(cat feed.pid)"
	wait
	gapless out
	# as long as it ran, and no longer
	n=$(pictures out 0)
	ms=$(tail -n 1 out.stats | sed "s/.*\"uptime_ms\":\\([0-9]*\\).*/\\1/")
	echo "$n pictures in $ms ms"
	test $((n * 40)) -le "$ms"
	test $((n * 40)) -ge $((ms - 5000))
'
check 'the end of the input is the end, and a file has no loss' '
	source_ts 3 25 >film.ts
	mlive-encode -q -r 320x180@400k --on-loss repeat=1s,black --stats stats <film.ts >out
	test "$(pictures out 0)" -eq 75
	test "$(tail -n 1 stats | sed "s/.*\"fill_msec\":\\([0-9]*\\).*/\\1/")" -eq 0
'
done_testing
