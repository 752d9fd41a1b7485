#!/bin/sh
# mlive-encode --on-loss: a channel that is started before its source.
. "$(dirname "$0")/lib.sh"
. "$top/t/encode.sh"

# encode NAME OPTION... - of the pipe NAME.in, into NAME.ts; the writer is held open on 9
encode () {
	name=$1
	shift
	mkfifo "$name.in"
	mlive-encode --stats "$name.stats" "$@" <"$name.in" >"$name.ts" 2>"$name.err" &
	echo $! >"$name.pid"
	exec 9>"$name.in"
}
# send NAME KEYS - a test picture in real time
send () {
	mlive-ingest -q -R "test:?rate=300k&gop=1s&$2" >"$1.in" &
	echo $! >send.pid
}
frames () {
	n=$(grep -o '"frames":[0-9]*,"clock' "$1.stats" 2>/dev/null | tail -n 1 | tr -cd 0-9)
	test "${n:-0}" -ge "$2"
}
# more NAME N - so many pictures more than there are now
more () {
	grep -o '"frames":[0-9]*,"clock' "$1.stats" | tail -n 1 | tr -cd 0-9 >had
	eventually frames "$1" $(($(cat had) + $2))
}
quit () {
	kill -9 "$(cat send.pid)" || :
	rm -f send.pid
	exec 9>&-
	wait "$(cat "$1.pid")"
	rm -f ./*.pid
}
# gapless FILE STEP - a picture at each place of the grid, sound at each of its, no word
gapless () {
	stamps "$1" v:0 | awk -v n="$2" 'NR > 1 && $1 - p != n { print "video", NR, p, $1; bad = 1 }
		{ p = $1 } END { exit bad }'
	stamps "$1" a:0 | awk 'NR > 1 && $1 - p != 1920 { print "audio", NR, p, $1; bad = 1 }
		{ p = $1 } END { exit bad }'
	clean "$1"
}
luma () {
	ffmpeg -v error -i "$1" -map 0:v:0 -fps_mode passthrough -vf \
		'signalstats,metadata=print:key=lavfi.signalstats.YAVG:file=-' -f null - |
		sed -n 's/.*YAVG=//p'
}
# shown LIGHT - at the end the source is seen, but where the machine held it up
shown () {
	tail -n 50 "$1" | awk '$1 > 20 && $1 < 230 { n++ } END { print n + 0, "of the source"
		exit n < 20 }'
}

check 'the source comes later: black, a colour, then it, without a hole' '
	encode late -r 320x180@300k,fps=25 -r 160x90@100k,fps=25 \
		--on-loss repeat=5s,black=1s,color=ffffff
	eventually frames late 75
	send late "size=320x180&fps=25"
	eventually grep "pictures come again" late.err
	more late 150
	quit late
	gapless late.ts 3600
	stamps late.ts v:1 | steps 3600
	luma late.ts >light
	head -n 24 light | awk "\$1 > 18 { exit 1 }"
	sed -n 26,60p light | awk "\$1 < 230 { exit 1 }"
	shown light
	grep -c "\"event\":\"input_lost\"" late.stats
	grep -c "\"event\":\"input_back\"" late.stats
'
check 'IDR pictures are on the grid, in both rungs on the same' '
	idr late.ts 0 | tail -n +2 >first
	idr late.ts 1 | tail -n +2 >second
	test "$(wc -l <first)" -ge 2
	cmp first second
	awk "NR > 1 && (\$1 - was < 1.999 || \$1 - was > 2.001) { print was, \$1; bad = 1 }
		{ was = \$1 } END { exit bad }" first
'
check 'a segmenter goes on over it: one tree, no discontinuity' '
	mkdir tree
	mpkg-segment -q --window 600s -o tree/ <late.ts
	find tree -name "*.m3u8" | grep .
	! grep -r "EXT-X-DISCONTINUITY$" tree --include="*.m3u8"
'
check 'the source never comes' '
	encode never -r 320x180@300k,fps=30000/1001 -a aac@96k,lang=eng -a aac@96k,lang=deu --on-loss black
	eventually frames never 90
	exec 9>&-
	wait "$(cat never.pid)"
	gapless never.ts 3003
	test "$(ffprobe -v error -show_entries stream_tags=language -of csv=p=0 never.ts |
		grep -c "eng\|deu")" -ge 2
	test "$(shape never.ts v:0)" = "h264,320,180,30000/1001"
'
check 'it comes with another size, rate and clock, and with another sound' '
	encode other -r 320x180@300k,fps=25 --on-loss black
	eventually frames other 25
	source_ts 60 30 -ac 1 -ar 44100 -output_ts_offset 5000 >other.src.ts
	mlive-ingest -q -R other.src.ts >other.in &
	echo $! >send.pid
	eventually grep "pictures come again" other.err
	more other 150
	quit other
	gapless other.ts 3600
	shape other.ts v:0
	shape other.ts a:0
	test "$(shape other.ts v:0)" = "h264,320,180,25/1"
	test "$(shape other.ts a:0)" = "aac,48000,2,0/0"
	luma other.ts >light
	shown light
'
check 'it goes, and another one comes with another clock: it is shown' '
	encode again -r 320x180@300k,fps=25 --on-loss repeat=1s,black
	send again "size=320x180&fps=25"
	eventually frames again 50
	kill -9 "$(cat send.pid)"
	eventually grep "no pictures for" again.err
	mlive-ingest -q -R other.src.ts >again.in &
	echo $! >send.pid
	eventually grep "pictures come again" again.err
	more again 150
	quit again
	gapless again.ts 3600
	luma again.ts >light
	shown light
'
check 'what is missing is told' '
	for rungs in "-r 320x180@300k" "-r 320x180@300k,fps=half" \
		"-r 320x180@300k,fps=25 -r copy" "-r 320x180@300k,fps=25 --crop 160x90"
	do
		rm -f missing.*
		# shellcheck disable=SC2086	# words
		encode missing $rungs --on-loss black
		eventually grep "cannot begin without" missing.err
		exec 9>&-
		if wait "$(cat missing.pid)"; then exit 1; fi
		test ! -s missing.ts
	done
'
check 'a file is waited for' '
	mkfifo film.in
	{ sleep 3; cat other.src.ts; } >film.in &
	mlive-encode -q -c none -r 160x90@300k,fps=25 --on-loss black <film.in >film.ts
	test "$(luma film.ts | head -n 1 | cut -d. -f1)" -gt 20
'
done_testing
