#!/bin/sh
# mlive-cue insert: what is put in, when, and that all else stays as it is.
. "$(dirname "$0")/lib.sh"
need 'no ffmpeg' command -v ffmpeg

ffmpeg -v error -f lavfi -i "testsrc2=s=160x90:r=25:d=30" \
	-f lavfi -i sine=frequency=440:d=30 -c:v libx264 -preset ultrafast -bf 2 -g 25 \
	-c:a aac -f mpegts plain.ts
ffmpeg -v error -i plain.ts -c copy -output_ts_offset 95429 -f mpegts wrap.ts
"$BUILD/t/helper/decorate" <plain.ts >marked.ts
first=$(ffprobe -v error -select_streams v -show_entries packet=pts -of csv=p=0 \
	-read_intervals %+#1 plain.ts | head -n 1)
first=${first%%,*}
export first

# decoded TS - its cues, from the specification alone, without PID and place
decoded () {
	perl "$top/t/sections.pl" <"$1" | sed 's/^[0-9]* [0-9]* //'
}
# put LINES TS [OPTION...] - insert them; the stream is in out.ts
put () {
	printf '%s\n' "$1" >cues.txt
	in=$2
	shift 2
	mlive-cue insert -f cues.txt "$@" <"$in" >out.ts 2>err
}
said () {
	printf '%s\n' "$1" | perl -MIO::Socket::UNIX -e '
		my $s = IO::Socket::UNIX->new(Peer => shift) or exit 1;
		print $s $_ while <STDIN>;
		$s->shutdown(1);
		print while <$s>;' ctl
}

check 'each cue three times, at its time, and all else byte for byte' '
	put "# a break
+12s out 8s auto id=7 avail=1/2 program=3 tier=9

+00:00:20 in" plain.ts
	decoded out.ts >got
	base="adjust=0 tier=9 type=5 id=7 out pts=$((first + 12 * 90000))"
	want="$base duration=720000 auto=1 program=3 avail=1/2"
	test "$(grep -cxF "$want" got)" -eq 3
	want="adjust=0 tier=4095 type=5 id=7 in pts=$((first + 20 * 90000)) program=0 avail=0/0"
	test "$(grep -cxF "$want" got)" -eq 3
	test "$(wc -l <got)" -eq 6
	only - 500 4096 <out.ts >rest
	only - 4096 <plain.ts | cmp - rest
	grep "cues=2 messages=6 missed=0" err
	mlive-cue show -q -j <out.ts >json
	perl -MJSON::PP -ne "push @ms, decode_json(\$_)->{ahead_ms};
		END { for my \$i (0 .. 2) {
			my \$want = 8000 * (3 - \$i) / 3;
			die \"\$ms[\$i]\" if abs(\$ms[\$i] - \$want) > 200;
		} }" json
	ffprobe -v error -show_entries stream=codec_name,id -of csv=p=0 out.ts >streams
	grep -xF scte_35,0x1f4 streams
	mlive-ingest out.ts 2>&1 >none | grep "lost=0 bad=0 sync_losses=0 junk_bytes=0"
'
check 'the same bytes each time, and in any pieces; strip takes all of it out' '
	cp out.ts want.ts
	mlive-cue insert -q -f cues.txt <plain.ts | cmp - want.ts
	perl -e "\$| = 1; binmode STDIN; while (read(STDIN, my \$p, 1001)) { print \$p }" \
		<plain.ts | mlive-cue insert -q -f cues.txt | cmp - want.ts
	perl -e "binmode STDIN; while (read(STDIN, my \$p, 188) == 188) { print \$p, \"x\" x 16 }" \
		<plain.ts | mlive-cue insert -q -f cues.txt | cmp - want.ts
	mlive-cue strip -q <want.ts | only - 4096 >back
	only - 4096 <plain.ts | cmp - back
'
check 'each kind of cue' '
	put "+10s time_signal type=provider-po-start duration=5s upid=Ad-ID:ABCD0001000H num=1/2 web=no
+15s time_signal type=0x35 and type=0x36 id=99 upid=0x09:0x53 tier=7
+16s time_signal cancel id=99
+5s null
now out 1:30.5
+17s cancel id=5
pts=$((first + 1500000)) raw /DAvAAAAAAAA///wFAVIAACPf+/+c2nALv4AUsz1AAAAAAAKAAhDVUVJAAABNWLbowo=
+18s {\"splice_insert\": {\"splice_event_id\": 3, \"splice_time\": {\"pts_time\": 1}}}" plain.ts --id 20
	decoded out.ts | sort -u >got
	seg="upid=3:ABCD0001000H type=34 num=1/2]"
	grep -xE "adjust=0 tier=4095 type=6 pts=$((first + 900000)) \[id=[0-9]+ delivery=0f duration=450000 $seg" got
	grep -xE "adjust=0 tier=7 type=6 pts=$((first + 1350000)) \[id=[0-9]+ .*upid=0: type=35 num=0/0\] \[id=99 .*upid=9:S type=36 num=0/0\]" got
	grep -xE "adjust=0 tier=4095 type=6 pts=$((first + 1440000)) \[id=99 cancel\]" got
	grep -xE "adjust=0 tier=4095 type=0" got
	grep -xE "adjust=0 tier=4095 type=5 id=[0-9]+ out immediate duration=8145000 auto=0 .*" got
	grep -xE "adjust=0 tier=4095 type=5 id=5 cancel" got
	grep -xE "adjust=0 tier=4095 type=5 id=1207959695 out pts=$((first + 1500000)) duration=5426421 auto=1 .*" got
	grep -xE "adjust=0 tier=4095 type=5 id=3 in pts=$((first + 18 * 90000)) .*" got
	test "$(wc -l <got)" -eq 8
	# The end has the id of its start.
	sed -n "s/.* \[id=\([0-9]*\) .*type=3[45].*/\1/p" got | sed "s/ .*//" | sort -u >ids
	test "$(wc -l <ids)" -eq 1
'
check 'asis: a section at the time that it has, as it is' '
	put "+12s out 8s id=7" plain.ts
	section=$(mlive-cue show -q -j <out.ts | head -n 1)
	mlive-cue insert -q -f cues.txt <plain.ts | only 500 >want
	printf "asis %s\n" "$section" >asis.txt
	mlive-cue insert -q -f asis.txt <plain.ts | only 500 | cmp - want
'
check 'across the wrap of the PTS' '
	start=$(ffprobe -v error -select_streams v -show_entries packet=pts -of csv=p=0 \
		-read_intervals %+#1 wrap.ts | head -n 1)
	start=${start%%,*}
	put "+10s out id=1
+20s out id=2" wrap.ts
	for at in 10 20
	do
		pts=$(perl -e "print(($start + $at * 90000) % 2 ** 33)")
		test "$(decoded out.ts | grep -c " pts=$pts ")" -eq 3
	done
	pts=$(perl -e "print(($start + 20 * 90000) % 2 ** 33)")
	test "$pts" -lt 2000000
	put "pts=$pts out id=2" wrap.ts
	test "$(decoded out.ts | grep -c " pts=$pts ")" -eq 3
	mlive-cue show -q -j <out.ts >json
	test "$(grep -c "\"ahead_ms\":[2578]...," json)" -eq 3
'
check 'where the clock jumps, what waits waits for as long as was left' '
	# The second has its own clock, and its counters go on by chance only.
	cat plain.ts wrap.ts >joined.ts
	put "+35s out id=1" joined.ts
	mlive-cue show -q <out.ts >lines
	test "$(wc -l <lines)" -ge 3
	mlive-cue show -q -j <out.ts >json
	perl -MJSON::PP -ne "push @o, decode_json(\$_); END {
		die if \$o[0]{splice_time} == \$o[-1]{splice_time};
		my (\$n, @again) = (0);
		for (@o) { push @again, \$_ if \$_->{splice_time} == \$o[-1]{splice_time} }
		die unless @again;
		die if \$again[0]{ahead_ms} < 4500 || \$again[0]{ahead_ms} > 6200 }" json
	grep "clock has jumped" err
	# All three have been sent before it: there is a fourth, with the new time.
	put "+31s out id=2" joined.ts
	mlive-cue show -q -j <out.ts | sed "s/.*\"splice_time\":\([0-9]*\),.*/\1/" >times
	test "$(wc -l <times)" -eq 4
	test "$(head -n 3 times | sort -u | wc -l)" -eq 1
	test "$(sort -u times | wc -l)" -eq 2
'
check 'what the stream has goes on: its PID, its PMT, its counter' '
	put "+10s out 5s id=70
+15s in" marked.ts --null 2s
	only 4096 <out.ts >tables
	only 4096 <marked.ts | cmp - tables
	only - 500 <out.ts >rest
	only - 500 <marked.ts | cmp - rest
	decoded out.ts >got
	test "$(grep -c " id=70 " got)" -eq 6
	test "$(grep -c " id=1 " got)" -eq "$(decoded marked.ts | wc -l)"
	test "$(grep -c "type=0" got)" -ge 14
	test "$(grep -c "type=0" got)" -le 16
	put "+10s out 5s id=70" marked.ts --pid 900
	perl "$top/t/sections.pl" <out.ts | grep -c "^900 .* id=70 " | grep -x 3
	only 500 <out.ts >rest
	only 500 <marked.ts | cmp - rest
'
check 'a PMT that needs another packet' '
	ffmpeg -v error -t 12 -i plain.ts -map 0:v $(for _ in 1 2 3 4 5 6 7 8 9 10 11 12 13 14
		do printf " -map 0:a"; done) -metadata:s:a language=eng -c copy -f mpegts many.ts
	put "+9s out" many.ts
	test "$(decoded out.ts | wc -l)" -eq 3
	before=$(only 4096 <many.ts | wc -c)
	after=$(only 4096 <out.ts | wc -c)
	test "$after" -eq "$((2 * before))"
	mlive-ingest out.ts 2>&1 >none | grep "lost=0 bad=0"
	ffprobe -v error -show_entries stream=codec_name -of csv=p=0 out.ts | grep -c aac >n
	test "$(cat n)" -ge 14
'
# with_cues TS - the numbers of the programs that have cues
with_cues () {
	ffprobe -v error -show_entries program=program_num:program_stream=codec_name \
		-of compact "$1" | awk -F "[|=]" '/^program/ { n = $3 } /scte_35/ { print n }'
}
check 'several programs: one of them, or all of a ladder' '
	ffmpeg -v error -t 14 -i plain.ts -map 0:v -map 0:a -map 0:v -map 0:a -c copy \
		-program title=a:st=0:st=1 -program title=b:st=2:st=3 -f mpegts two.ts
	put "+9s out" two.ts
	test "$(with_cues out.ts)" = 1
	put "+9s out" two.ts --program 2
	test "$(with_cues out.ts)" = 2
	test "$(decoded out.ts | wc -l)" -eq 3
	fails 3 mlive-cue insert --program 5 -f cues.txt <two.ts 2>err >none
	grep "no program .5." err
	# The programs of a ladder share one clock.
	mlive-encode -q -r 90p@100k -r 72p@60k <plain.ts >ladder.ts
	put "+9s out" ladder.ts
	test "$(with_cues out.ts | tr "\n" " ")" = "1 2 "
	test "$(decoded out.ts | wc -l)" -eq 3
'
check 'late, over, and never: warnings, and what can be sent is' '
	put "+2s out id=1
pts=1 out id=2
+50s out id=3
2026-01-01T00:00:00Z out id=4" plain.ts
	test "$(decoded out.ts | grep -c " id=1 ")" -eq 3
	test "$(decoded out.ts | wc -l)" -eq 3
	# Spread over the time that was left.
	mlive-cue show -q -j <out.ts >json
	perl -MJSON::PP -ne "push @ms, decode_json(\$_)->{ahead_ms}; END {
		for my \$i (1, 2) {
			die \"@ms\" if abs(\$ms[\$i] - \$ms[0] * (3 - \$i) / 3) > 200;
		} }" json
	grep -E "cues.txt:1: sent only [0-9]+ ms ahead of its splice" err
	grep -E "cues.txt:2: not sent, its time was [0-9]+ ms ago" err
	grep "cues.txt:3: not sent, the stream ended before its time" err
	grep "cues.txt:4: not sent, the stream did not say what time it is" err
	grep "cues=1 messages=3 missed=3" err
'
check 'a cancellation ends the repeats' '
	put "+12s out id=7
+13s out id=8
+8s cancel id=7" plain.ts
	decoded out.ts >got
	test "$(grep -c "id=7 out" got)" -eq 2
	test "$(grep -c "id=7 cancel" got)" -eq 1
	test "$(grep -c "id=8 out" got)" -eq 3
'
check 'by the time of day that the stream says' '
	mlive-ingest -q --realtime -t 3s marked.ts >stamped.ts
	mlive-cue show -q -j <stamped.ts | grep "\"time\"" | head -n 1 >json
	date=$(perl -MJSON::PP -MTime::Local -ne "
		my (\$y, \$m, \$d, \$h, \$min, \$s) = decode_json(\$_)->{time} =~ /(\d+)-(\d+)-(\d+)T(\d+):(\d+):([\d.]+)/;
		my \$t = timegm(int \$s, \$min, \$h, \$d, \$m - 1, \$y) + 2;
		my @t = gmtime \$t;
		printf \"%04d-%02d-%02dT%02d:%02d:%02d.500Z\", \$t[5] + 1900, \$t[4] + 1, @t[3, 2, 1, 0]" json)
	put "$date out id=70" stamped.ts
	mlive-cue show -q -j <out.ts | grep "\"splice_event_id\":70" | tail -n 1 >json
	DATE=$date perl -MJSON::PP -ne "my \$o = decode_json(\$_);
		my (\$s) = \$o->{time} =~ /:([\d.]+)Z/;
		my (\$want) = \$ENV{DATE} =~ /:([\d.]+)Z/;
		my \$off = (\$s + \$o->{ahead_ms} / 1000 - \$want + 90) % 60;
		die \"off\" if abs((\$s + \$o->{ahead_ms} / 1000 - \$want + 90) - 60 * int((\$s +
			\$o->{ahead_ms} / 1000 - \$want + 90) / 60) - 30) > 0.15" json
'
check 'lines that are wrong: where and what, before a byte has passed' '
	while IFS="|" read -r line what
	do
		put "+1s out
$line" plain.ts && exit 1
		test ! -s out.ts
		grep -F "cues.txt:2: $what" err
	done <<END
soon out|'"'"'soon'"'"' is not a time
+30 out|'"'"'+30'"'"' is not a time
+5s|'"'"'+5s'"'"': there is no command
+5s out 30|'"'"'30'"'"' is not a duration
+5s out auto|'"'"'auto'"'"' needs a duration
+5s out id=1 id=2|'"'"'id=2'"'"': id is there already
+5s out color=red|'"'"'color=red'"'"' is nothing that out has
+5s cancel|'"'"'cancel'"'"' needs id=
+5s time_signal|'"'"'time_signal'"'"' needs type=
+5s time_signal type=zork|'"'"'type=zork'"'"' is not a segmentation type
+5s time_signal type=0x34 upid=Ad-ID:AB|'"'"'Ad-ID:AB'"'"' has 2 bytes
+5s otu|'"'"'otu'"'"' is neither a command nor a section
asis out|'"'"'asis'"'"' is for whole sections
pts=8589934592 out|'"'"'pts=8589934592'"'"' is not a PTS
now {"a":|'"'"'{"a":'"'"' is no JSON
2026-13-01T00:00:00Z out|'"'"'2026-13-01T00:00:00Z'"'"' is not a time
END
	put "in" plain.ts && exit 1
	printf "+1s in\n" >cues.txt
	fails 2 mlive-cue insert -f cues.txt <plain.ts 2>err
	grep "needs id=, there was no out" err
	fails 2 mlive-cue insert -f missing <plain.ts
	fails 2 mlive-cue insert -j <plain.ts
	fails 2 mlive-cue strip -f cues.txt <plain.ts
	fails 2 mlive-cue insert --preroll 8 <plain.ts
	fails 3 mlive-cue insert --pid 256 <plain.ts >none 2>err
	grep "PID .256. has something else" err
	fails 3 mlive-cue insert </dev/null
	fails 1 mlive-cue insert <plain.ts >/dev/full
	fails 2 mlive-cue insert -c cues.txt <plain.ts
'

# A stream that comes slowly, and lines while it does.
begin () {
	rm -f line
	mkfifo line
	: >live.ts
	mlive-cue insert "$@" <line >live.ts 2>live.err & pid=$!
	exec 9>line
	head -c 282000 plain.ts >&9
	eventually passed 282000
}
passed () {
	test "$(wc -c <live.ts)" -ge "$1"
}
cues () {
	mlive-cue show -q <live.ts >shown
	test "$(wc -l <shown)" -ge "$1"
}
finish () {
	tail -c +282001 plain.ts >&9
	exec 9>&-
	wait "$pid"
	perl "$top/t/sections.pl" <live.ts >none
	only - 500 4096 <live.ts >rest
	only - 4096 <plain.ts | cmp - rest
}
check 'control by a FIFO: at once, in pieces, and after its writer is killed' '
	mkfifo ctl
	begin -c ctl
	echo "now out 30s id=5" >ctl
	eventually cues 1
	grep "out now for 30.000 s: event 5" shown
	sh -c "printf \"now i\" >ctl; kill -9 \$\$" || :
	printf "n\r\n\n# nothing\nnow otu\nnow out id=6\n" >ctl
	eventually cues 3
	grep "in now: event 5" shown
	grep "out now: event 6" shown
	eventually grep "ctl: error: .otu. is neither" live.err
	echo "+10s out id=9" >ctl
	finish
	mlive-cue show -q -j <live.ts | grep -c "\"splice_event_id\":9" | grep -x 3
	test -p ctl
	rm ctl
'
check 'control by a socket: an answer to each line; one that is stale is replaced' '
	perl -MIO::Socket::UNIX -e "IO::Socket::UNIX->new(Local => shift, Listen => 1) or die" ctl
	test -S ctl
	begin -c ctl --id 40
	said "now out 30s
now otu

now in" >answers
	cat answers
	test "$(sed -n 1p answers)" = "ok id=40"
	grep "^error: .otu. is neither" answers
	test "$(sed -n 3p answers)" = "ok id=40"
	said "pts=1 out" | grep "^error: its time was [0-9]* ms ago"
	said "now null" | grep -x ok
	fails 1 mlive-cue insert -c ctl <plain.ts 2>err
	grep "somebody else listens" err
	perl -e "print \"x\" x 100000, \"\n\"" | said "$(cat)" | grep "^error: the line is too long"
	eventually cues 3
	finish
	test ! -e ctl
'
check 'a stop ends it in order; counters are written' '
	begin -c ctl -s stats
	kill $pid
	wait "$pid"
	exec 9>&-
	test ! -e ctl
	grep "\"cues\":0" stats
	mlive-cue strip -s stats2 <marked.ts >none
	grep "\"removed\":30" stats2
	fails 2 mlive-cue strip -s fd:1 <marked.ts >none
'
done_testing
