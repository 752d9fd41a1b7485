#!/bin/sh
# mlive-ingest test: the generated picture and tone, and the code in it.
. "$(dirname "$0")/lib.sh"

# libx265 keeps some memory; for builds with the address sanitizer
echo leak:libx265 >"$scratch/.lsan"
export LSAN_OPTIONS="suppressions=$scratch/.lsan:print_suppressions=0"

helper=$BUILD/t/helper
export helper

codes () {		# FILE [WIDTH HEIGHT]
	ffmpeg -v error -i "$1" -vf "scale=${2:-640}:${3:-360},format=gray" \
		-f rawvideo - | "$helper/blockcode" "${2:-640}" "${3:-360}"
}
# Times in seconds at which the beep begins, on the clock of the stream.
beeps () {
	ffmpeg -v error -copyts -i "$1" -map 0:a:0 -af \
		"asetpts=PTS,highpass=f=900,silencedetect=n=-26dB:d=0.3,ametadata=print:file=-" \
		-f null - | sed -n "s/^lavfi.silence_end=//p"
}

check 'without an end: status 2' '
	fails 2 mlive-ingest test: 2>err
	grep "needs --duration or --realtime" err
'
check 'keys that are unknown or wrong: status 2, and which' '
	fails 2 mlive-ingest -t 1s "test:?colour=red" 2>err
	grep "there is no key .colour." err
	fails 2 mlive-ingest -t 1s "test:?size=641x360" 2>err
	grep "size .641x360." err
	fails 2 mlive-ingest -t 1s "test:?fps=0" 2>err
	fails 2 mlive-ingest -t 1s "test:?codec=vp8" 2>err
	fails 2 mlive-ingest -t 1s "test:?rate=fast" 2>err
	fails 2 mlive-ingest -t 1s "test:?channels=4" 2>err
'
check 'two seconds are 119 or 120 pictures at 60000/1001, each with its number' '
	mlive-ingest -q -t 2s "test:?size=640x360&fps=60000/1001" >ts
	ffmpeg -v error -xerror -i ts -f null - 2>err
	test ! -s err
	codes ts >codes
	awk "{ print NR - 1 }" codes >want
	cut -d " " -f 1 codes | cmp - want
	test "$(wc -l <codes)" -eq 120
'
check 'the code survives 416x234' '
	codes ts 416 234 | cmp - codes
'
check 'flashes are at each second, and first in the picture that says so' '
	awk "\$3 == 3 { print \$1 }" codes | tr "\n" " " | grep "^0 60 $"
	awk "\$3 != 0 && \$4 < 200 || \$3 == 0 && \$4 > 40" codes >wrong
	test ! -s wrong
'
check 'the beep begins with the flash' '
	mlive-ingest -q -t 4s "test:?size=320x180&fps=25" >ts
	beeps ts >got
	cat got
	test "$(wc -l <got)" -ge 2
	awk "{ d = \$1 - int(\$1 + 0.5); if (d > 0.001 || d < -0.001) exit 1 }" got
'
check 'the same command makes the same bytes' '
	mlive-ingest -q -t 1s "test:?size=320x180" | cksum >one
	mlive-ingest -q -t 1s "TEST:?size=320x180" | cksum >two
	cmp one two
'
check 'other codecs, channels, tracks and languages' '
	mlive-ingest -q -t 1s "test:?size=320x180&codec=hevc&acodec=ac3&channels=6" >ts
	ffprobe -v error -show_entries stream=codec_name,channels -of csv=p=0 ts >got
	grep "^hevc" got
	grep "^ac3,6" got
	ffmpeg -v error -xerror -i ts -f null - 2>err
	test ! -s err
	mlive-ingest -q -t 1s "test:?size=320x180&codec=mpeg2&acodec=mp2&tracks=2&lang=eng,deu&channels=1" >ts
	ffprobe -v error -show_entries stream=codec_name:stream_tags=language -of csv=p=0 ts >got
	grep "^mpeg2video" got
	grep "^mp2,eng" got
	grep "^mp2,deu" got
	ffmpeg -v error -xerror -i ts -f null - 2>err
	test ! -s err
'
# However slow the machine is: after we began, and before we were done.
check '--realtime: the code shows the time at which the picture is due' '
	start=$(date +%s)
	timeout 120 mlive-ingest -q -R -t 2s "test:?size=320x180&fps=25" >ts 2>err
	end=$(date +%s)
	codes ts >codes
	test "$(wc -l <codes)" -eq 50
	awk -v start="$start" -v end="$end" "{
		t = \$2 / 1000
		if (t < start || t > end + 1) {
			print start, t, end
			exit 1
		}
	}" codes
	ffprobe -v error -select_streams v -show_entries packet=pts -of csv=p=0 ts |
		tr -d , | grep . | head -n 1 >pts
	awk "NR == 1 { ms = \$2 } END {
		getline pts <\"pts\"
		t = ms * 90
		d = t - int(t / 8589934592) * 8589934592 - pts
		if (d > 90 || d < -90) { print d; exit 1 }
	}" codes
'
check 'one that is stopped says its counters, as one that has ended' '
	mlive-ingest -R "test:?size=320x180&fps=25" >stopped 2>err & pid=$!
	eventually test -s stopped
	kill $pid
	wait $pid
	grep "units=[1-9]" err
'
done_testing
