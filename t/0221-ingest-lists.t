#!/bin/sh
# mlive-ingest of lists and folders: file after file without a gap, however many; files
# that differ in all; files that are not there; folders that are watched.
. "$(dirname "$0")/lib.sh"

need 'no ffmpeg' ffmpeg -version
need 'no perl' perl -MJSON::PP -e 1
mkdir same films
# Pictures of 40 ms and sound of 21.3 ms: neither ends where the other does.
clip () {
	to=$1
	shift
	mlive-ingest -q "$@" >"$to"
}
tiny='size=192x108&gop=1s&preset=ultrafast&rate=300k'
export tiny
clip same/1.ts -t 1040ms "test:?$tiny&fps=25"
clip same/2.ts -t 2s "test:?$tiny&fps=25"
clip same/10.ts -t 1s "test:?$tiny&fps=25"

last () {
	tail -n 1 stats | perl -MJSON::PP -e \
		'print decode_json(<STDIN>)->{$ARGV[0]} // "none", "\n"' "$1"
}
counts () {
	test "$(last "$1")" -ge "$2"
}
# stamps FILE: streams, as PID and times of its units in order, without those of -1
stamps () {
	perl -e 'binmode STDIN;
		sub time33 { my @b = unpack "C5", $_[0];
			(($b[0] >> 1 & 7) << 30) + ($b[1] << 22) + ($b[2] >> 1 << 15) + ($b[3] << 7) + ($b[4] >> 1) }
		while (read(STDIN, my $p, 188) == 188) {
			my (undef, $b1, $b2, $b3) = unpack "C4", $p;
			my $pid = ($b1 & 31) << 8 | $b2;
			next unless $b1 & 64 && $pid >= 256 && $pid < 512;
			my $at = $b3 & 32 ? 5 + unpack "x4 C", $p : 4;
			my $h = substr $p, $at;
			next unless substr($h, 0, 3) eq "\0\0\1";
			my $flags = unpack "x7 C", $h;
			my $pts = time33(substr $h, 9, 5);
			print "$pid $pts ", $flags & 64 ? time33(substr $h, 14, 5) : $pts, "\n";
		}' <"$1"
}
export LC_ALL=C
# steps PID: how far apart the pictures or sounds are, and how often
steps () {
	grep "^$1 " times | cut -d" " -f2 | sort -n |
		awk 'NR > 1 { n[$1 - was]++ } { was = $1 } END { for (d in n) print d, n[d] }' | sort -n
}
ordered () {
	awk '{ if ($3 <= was[$1] && NR > 1 && $1 in was) { print "back:", $0; bad = 1 } was[$1] = $3 }
		$2 < $3 { print "late:", $0; bad = 1 } END { exit bad }' times
}

check 'a folder: by name and number; pictures without a gap, at their own times' '
	mlive-ingest --stats stats same >out.ts 2>err
	stamps out.ts >times
	ordered
	steps 256 >steps
	cat steps
	test "$(cat steps)" = "3600 100"
	last files | grep -x 3
	for f in same/1.ts same/2.ts same/10.ts
	do
		ffmpeg -nostdin -v error -i $f -map 0:v -f framehash - | sed "/^#/d; s/.* //"
	done >want
	ffmpeg -nostdin -v error -i out.ts -map 0:v -fps_mode passthrough -f framehash - 2>broken |
		sed "/^#/d; s/.* //" >got
	test ! -s broken
	test "$(wc -l <want)" -eq 101
	cmp want got
	# Two joins, each with new tables.
	perl "$top/t/pesdata.pl" <out.ts
'
quoted="same/1'.ts"
export quoted
cat >list.ffconcat <<'END'
ffconcat version 1.0
# so
file same/2.ts
duration 2
file 'same/1'\''.ts'
file same/10\.ts
END
check 'a list: names beside it, comments, line ends of another system' '
	printf "# a list\r\n\r\nsame/2.ts\r\n  same/1.ts  \n%s/same/10.ts" "$PWD" >list.txt
	mlive-ingest -q list.txt >out.ts
	stamps out.ts >times
	steps 256 | grep -x "3600 100"
	cp same/1.ts "$quoted"
	mlive-ingest -q list.ffconcat >again.ts
	rm "$quoted"
	stamps again.ts >times
	steps 256 | grep -x "3600 100"
'
check 'a list as players write it: M3U, with addresses of files' '
	cp same/2.ts "same/2 %25.ts"
	printf "#EXTM3U\n#EXTINF:2,Two\nfile://%s/same/2%%20%%2525.ts\n#EXTINF:1,One\nsame/1.ts\nsame/10.ts\n" \
		"$PWD" >list.M3U
	mlive-ingest -q list.M3U | cmp - out.ts
	rm "same/2 %25.ts"
	# One of HLS is none, by what is in it.
	mpkg-segment -q --hls-ts --segment 1s --vod -o hls <same/2.ts
	cp hls/v1/index.m3u8 hls/v1/index.m3u
	mlive-ingest -q hls/v1/index.m3u >played.ts
	mlive-ingest -q hls/v1/index.m3u8 | cmp - played.ts
	test -s played.ts
'
check 'mistakes: which line, and what is wrong with it' '
	while IFS="	" read -r text what
	do
		printf "$text" >bad.txt
		fails 3 mlive-ingest bad.txt >out 2>err
		grep -- "$what" err
		test ! -s out
	done <<-END
		same/1.ts\nudp://127.0.0.1:5000\n	line 2: .udp://127.0.0.1:5000. is no file
		list.txt\n	line 1: .list.txt. is a list in a list
		bad.m3u\n	line 1: .bad.m3u. is a list in a list
		file same/1.ts\ninpoint 1\n	line 2: .inpoint 1. cannot be done: files are played whole
		file same/1.ts\nnonsense 1\n	line 2: .nonsense. is not understood
		# nothing\n	there is no file in .bad.txt
	END
	mkdir empty
	fails 3 mlive-ingest empty 2>err
	grep "there is no file in .empty" err
	fails 2 mlive-ingest --watch same/1.ts 2>err
	grep "watch is for folders" err
	fails 2 mlive-ingest --watch udp://127.0.0.1:5000 2>err
	grep "watch is for folders" err
	fails 2 mlive-ingest --watch --loop same 2>err
	grep "exclude" err
	fails 1 mlive-ingest none.txt 2>err
	grep "cannot open .none.txt" err
'
check 'a file that is not there, and one that is none: left out, and an error at the end' '
	echo nothing >same/none.ts
	printf "same/1.ts\nsame/away.ts\nsame/10.ts\n" >holes.txt
	fails 1 mlive-ingest --stats stats holes.txt >out.ts 2>err
	grep "cannot open .*same/away.ts.: left out" err
	grep "1 of the files in .holes.txt. could not be played, first .*away.ts" err
	last files | grep -x 2
	stamps out.ts >times
	steps 256 | grep -x "3600 50"
	printf "same/none.ts\nsame/10.ts\n" >holes.txt
	fails 3 mlive-ingest --stats stats holes.txt >out.ts 2>err
	grep "no transport stream\|is no transport stream" err
	rm same/none.ts
	last files_failed | grep -x 1
	stamps out.ts >times
	steps 256 | grep -x "3600 24"
	mkdir odd
	cp same/1.ts odd
	cp same/2.ts "$(printf "odd/2\\t.ts")"
	cp same/10.ts odd
	fails 3 mlive-ingest odd >out.ts 2>err
	grep "warning: .odd/2?.ts. is no address or file name: left out" err
	stamps out.ts >times
	steps 256 | grep -x "3600 50"
	printf "http://h:99999/x.ts\nhttp://127.0.0.1:9/x.ts#so=1\nsame/10.ts\n" >holes.txt
	fails 3 mlive-ingest --stats stats holes.txt >out.ts 2>err
	last files_failed | grep -x 2
	stamps out.ts >times
	steps 256 | grep -x "3600 24"
'
check 'a list that loops and cannot be read again: as it was' '
	rm -f stats
	echo same/2.ts >again.txt
	mlive-ingest --realtime --loop --stats stats again.txt >out.ts 2>err &
	tool=$!
	eventually counts loops 1
	echo udp://127.0.0.1:5000 >again.txt
	eventually grep "is no file: playing it as it was" err
	rm again.txt
	eventually grep "cannot open: playing it as it was" err
	: >again.txt
	eventually grep "there is no file in it: playing it as it was" err
	echo same/1.ts >again.txt
	eventually grep "same/1.ts. is at its end" err
	kill $tool
	wait $tool
	last files_failed | grep -x 0
	stamps out.ts >times
	steps 256 | grep "^3600 "
	test "$(steps 256 | wc -l)" -eq 1
'
check 'a list that loops and whose files are gone: which, why, and status 1' '
	mkdir gone
	cp same/2.ts gone/1.ts
	cp same/2.ts gone/2.ts
	printf "gone/1.ts\ngone/2.ts\n" >gone.txt
	rm -f stats
	mlive-ingest --realtime --loop --stats stats gone.txt >out.ts 2>err & tool=$!
	eventually counts files 1
	rm gone/1.ts gone/2.ts
	status=0
	wait $tool || status=$?
	cat err
	test $status -eq 1
	grep "cannot open .*gone/1.ts.: left out: No such file or directory" err
	grep "fatal: none of the files in .gone.txt. can be played any more, first .*gone/[12].ts" err
'
check 'one that is stopped by -t in its second round, and one of its files is missing' '
	printf "same/2.ts\ngone/3.ts\n" >gone.txt
	fails 1 mlive-ingest --loop -t 3s gone.txt >out.ts 2>err
	cat err
	grep "fatal: [12] of the files in .gone.txt. could not be played, first .*gone/3.ts" err
'
if test -n "${FULL-}"
then
	check 'an address where nobody is: left out after half a minute' '
		printf "http://127.0.0.1:9/x.ts\nsame/10.ts\n" >holes.txt
		fails 1 mlive-ingest holes.txt >out.ts 2>err
		grep "nothing has come from .http://127.0.0.1:9/x.ts.: left out" err
		stamps out.ts >times
		steps 256 | grep -x "3600 24"
	'
fi
# With FULL twenty minutes, which is 880 files.
long=2min pictures=3000 files=80
test -z "${FULL:-}" || long=20min pictures=30000 files=800
export long pictures files
check 'complaint 10: files that end anywhere, for hours, and sound is where it was' '
	mlive-ingest --loop --duration $long --stats stats same >out.ts 2>err
	counts files $files
	stamps out.ts >times
	ordered
	steps 256 >steps
	cat steps
	test "$(wc -l <steps)" -eq 1
	awk "{ exit !(\$1 == 3600 && \$2 > $pictures - 10 && \$2 < $pictures + 10) }" steps
	# Sound by its place in its file: of each first picture and the sound next to it, what
	# is between them in the first pass is so in the last.
	awk "\$1 == 256 { v = \$2 } \$1 == 257 { d = \$2 - v; if (d < low || NR < 50) low = d
		if (d > high || NR < 50) high = d; if (NR == 2000) { l = low; h = high } }
		END { print l, h, low, high; exit low < l - 1920 || high > h + 1920 }" times
	# Gaps in it are no longer than one of its units, where a file joins.
	steps 257 | awk "\$1 > 2 * 1920 || \$1 < 1919 { print; bad = 1 } END { exit bad }"
'
check 'complaint 12: from live to a folder and on, without end and without a stop' '
	rm -f stats
	udp=$(free_port)
	mlive-ingest --failover --loop --stats stats "udp://127.0.0.1:$udp" same >fo.ts 2>err &
	tool=$!
	mlive-ingest -q -R -t 3s "test:?$tiny&fps=25" >live.ts
	"$BUILD/mconnect-relay" -q -i live.ts -o "udp://127.0.0.1:$udp"
	eventually counts active_input 2
	at=$(last media_ms)
	eventually counts media_ms $((at + 9000))
	kill $tool
	wait $tool
	stamps fo.ts >times
	ordered
	ffmpeg -nostdin -v error -i fo.ts -map 0:v -fps_mode passthrough -enc_time_base -1 -f null - 2>broken
	cat broken
	test ! -s broken
'
clip films/1.ts -t 2s "test:?size=192x108&preset=ultrafast&rate=300k&fps=25"
clip films/2.ts -t 2s "test:?size=320x180&preset=ultrafast&rate=300k&fps=30000/1001&codec=hevc&acodec=ac3"
clip films/3.ts -t 2s "test:?size=256x144&rate=900k&fps=50&codec=mpeg2&acodec=mp2&channels=1"
ffmpeg -nostdin -v error -f lavfi -i testsrc2=size=160x120:rate=24 -f lavfi -i sine=sample_rate=44100 \
	-t 2 -c:v libx264 -preset veryfast -bf 3 -c:a aac films/4.mp4
check 'complaint 19: each file of another format: all of each is there, with its sound' '
	mlive-ingest --loop --duration 17s --stats stats films >out.ts 2>err
	cat err
	stamps out.ts >times
	ordered
	# 50 + 60 + 100 + 48 pictures, twice, and then some.
	steps 256 >steps
	cat steps
	awk "\$1 == 3600 { a = \$2 } \$1 == 3003 { b = \$2 } \$1 == 1800 { c = \$2 } \$1 == 3750 { d = \$2 }
		\$1 > 3800 { exit 1 }
		END { exit !(a >= 100 && b >= 119 && c >= 199 && d >= 95) }" steps
	steps 257 | awk "\$1 > 5760 { print; exit 1 }"
	# One encoder takes it all, and makes one format of it.
	mlive-encode -q -r 160x90@200k <out.ts >coded.ts 2>err
	cat err
	ffmpeg -nostdin -v error -i coded.ts -f null - 2>broken
	cat broken
	test ! -s broken
	ffprobe -v error -select_streams a -show_entries packet=pts -of csv=p=0 coded.ts |
		cut -d, -f1 | grep . | awk "NR > 1 && \$1 - was > 2 * 2090 { print NR, \$1 - was; bad = 1 } { was = \$1 }
		END { exit bad || NR < 700 }"
'
check 'a folder is watched: files come in when they are whole, and in order' '
	mkdir drop
	rm -f stats
	mlive-ingest --watch --stats stats drop >out.ts 2>err &
	tool=$!
	eventually grep "waiting for files" err
	cp same/2.ts drop/b.ts
	cp same/1.ts drop/a.ts
	eventually counts files 2
	# This one grows, and is not taken before it is all there.
	head -c 50000 same/10.ts >drop/c.ts
	sleep 1
	tail -c +50001 same/10.ts >>drop/c.ts
	eventually counts files 3
	echo text >drop/readme.txt
	cp same/1.ts drop/.hidden.ts
	kill $tool
	wait $tool
	stamps out.ts >times
	steps 256 | grep -x "3600 100"
	last files_failed | grep -x 0
'
# More than a pipe holds, so that its process lives as long as it is played.
mkdir big
clip big.ts -t 5s "test:?size=320x180&preset=ultrafast&rate=8M&fps=25"
mlive-ingest -q --loop -t 3min big.ts >big/1.ts
cp same/1.ts big/2.ts
cp same/1.ts big/3.ts
check 'with --realtime at its pace; the process of a file is killed: the next one' '
	rm -f stats
	mlive-ingest --realtime --loop --stats stats big >out.ts 2>err &
	tool=$!
	eventually counts media_ms 500
	kill -9 $(pgrep -P $tool -o)
	eventually counts files_failed 1
	grep "has failed" err
	eventually counts files 2
	test "$(last media_ms)" -le $(($(last uptime_ms) + 3000))
	kill $tool
	wait $tool || test $? -eq 1
	test -z "$(pgrep -P $tool)"
'
done_testing
