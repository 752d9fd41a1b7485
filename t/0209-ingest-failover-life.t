#!/bin/sh
# mlive-ingest --failover: inputs whose process is stopped, hangs or cannot be had, inputs
# from networks, and cues over a switch.
. "$(dirname "$0")/lib.sh"
. "$top/t/encode.sh"
. "$top/t/hls.sh"
. "$top/t/failover.sh"
serve .

ends () {		# OUT N - times that the process of that input ended
	tail -n 1 "$1.stats" | grep -o "\"source_disconnections\":[0-9]*" | sed -n "$(($2 + 1))p" |
		cut -d : -f 2
}
ended () {		# OUT N COUNT
	times=$(ends "$1" "$2")
	test "${times:-0}" -ge "$3"
}
active () {		# OUT N
	test "$(number "$1" active_input 2>/dev/null)" = "$2"
}

running () {		# OUT N
	test "$(tail -n 1 "$1.stats" 2>/dev/null | grep -o "\"process\":[1-9]" | wc -l)" -eq "$2"
}

check 'an input process that somebody stops with SIGTERM has failed, not ended' '
	fresh
	send b
	take out --prefer --clear 300ms "test:?size=320x180&fps=25&rate=300k&gop=2s" b
	eventually media out 1500
	old=$(child out 1)
	kill "$old"
	eventually again out 1 "$old"
	eventually switched out 2
	quit out
	test "$(event out 1 to)" = b
	test "$(event out 2 cause)" = preference
	grep "test:.* has failed: trying again" out.err
	exact out
'
check 'twenty inputs that hang end together, not one after another' '
	fresh
	for n in a b c d e f g h i j k l m n o p q r s t
	do
		mkfifo $n
	done
	take out a b c d e f g h i j k l m n o p q r s t
	eventually running out 20
	for n in $(seq 20)
	do
		kill -STOP $(child out $n)
	done
	before=$(date +%s)
	kill "$(cat take.pid)"
	wait "$(cat take.pid)"
	seconds=$(($(date +%s) - before))
	echo "$seconds s"
	test "$seconds" -lt 10
	rm -f take.pid ./?
'
check 'no descriptors for the process of an input: the other goes on, and it is tried again' '
	fresh
	send a
	send b
	take out a b
	eventually media out 1500
	old=$(child out 2)
	prlimit --pid "$(cat take.pid)" --nofile=3:
	kill -9 "$old"
	eventually grep "cannot start a process for .b., trying again: Too many" out.err
	at=$(number out media_ms)
	eventually media out $((at + 1500))
	prlimit --pid "$(cat take.pid)" --nofile=256:
	eventually again out 2 "$old"
	quit out
	test "$(switches out)" -eq 0
	whole out
'
check 'what is wrong with an input only later does not end the others' '
	fresh
	busy=$(free_port)
	nc -l 127.0.0.1 $busy >/dev/null & echo $! >b.pid
	echo sesame >secret
	take out "test:?size=320x180&fps=25&rate=300k" "rtmp://@127.0.0.1:$busy/live?key-file=secret"
	eventually ended out 2 1
	: >secret
	eventually ended out 2 $(($(ends out 2) + 2))
	at=$(number out media_ms)
	eventually media out $((at + 500))
	quit out
'
check 'a cue that the new input announced before the switch is not lost' '
	fresh
	mlive-ingest -q -t 14s "test:?size=320x180&fps=25&rate=300k&gop=1s" >plain.ts
	first=$(ffprobe -v error -select_streams v -show_entries packet=pts -of csv=p=0 \
		-read_intervals %+#1 plain.ts | head -n 1 | tr -d ,)
	# of the second one only what comes before the switch, as if it were not sent again
	printf "%s\n" "+2s out 1s id=5" "+9s out 2s id=7" >cues.txt
	mlive-cue insert -q -f cues.txt --preroll 5s <plain.ts |
		perl -e "binmode STDIN; binmode STDOUT; while (read(STDIN, my \$p, 188) == 188) {
			print \$p unless ((unpack q(n), substr \$p, 1, 2) & 0x1fff) == 500 && \$n++ >= 4; }" >cued.ts
	take out --control ctl plain.ts cued.ts
	eventually test -p ctl
	eventually media out 6000
	echo "switch 2" >ctl
	eventually switched out 1
	at=$(event out 1 at_pts)
	quit out
	perl "$top/t/sections.pl" <cued.ts >sent
	perl "$top/t/sections.pl" <out >got
	cat sent got
	test "$at" -lt $((first + 9 * 90000))
	grep "id=7 out pts=$((first + 9 * 90000)) " got
	fails 1 grep "id=5" got
'
# Live HTTP: a transport stream without a length, in real time; ends when it is killed.
http () {		# NAME PORT
	{
		printf "HTTP/1.1 200 OK\r\nContent-Type: video/mp2t\r\n\r\n"
		exec mlive-ingest -q -R "test:?size=320x180&fps=25&rate=300k&gop=1s"
	} | nc -l -N 127.0.0.1 "$2" >/dev/null &
	echo $! >"$1.pid"
}
# Live HLS in the folder hls, which is served already.
hls () {		# NAME
	mlive-ingest -q -R "test:?size=320x180&fps=25&rate=300k&gop=1s" |
		ffmpeg -nostdin -v error -f mpegts -i - -c copy -f hls -hls_time 1 -hls_list_size 6 \
			-hls_flags delete_segments hls/i.m3u8 &
	echo $! >"$1.pid"
}
# A publisher of RTMP.
rtmp () {		# NAME PORT
	mlive-ingest -q -R "test:?size=320x180&fps=25&rate=300k&gop=1s" |
		ffmpeg -nostdin -v error -f mpegts -i - -c copy -f flv "rtmp://127.0.0.1:$2/live/sesame" &
	echo $! >"$1.pid"
}
drop () {
	kill -9 "$(cat "$1.pid")"
	rm "$1.pid"
}
listening () {
	ss -Hltn "sport = :$1" | grep -q .
}
well () {		# OUT N - is that input well?
	tail -n 1 "$1.stats" | grep -o "\"well\":[a-z]*" | sed -n "$2p" | grep -q true
}
check 'HTTP, HLS and RTMP: each is left when it breaks off and used again when it is back' '
	fresh
	mkdir -p hls
	web=$(free_port)
	push=$(free_port)
	echo sesame >secret
	http a $web
	hls b
	eventually test -s hls/i.m3u8
	take out --prefer --clear 1s "http://127.0.0.1:$web/live.ts" "$url/hls/i.m3u8" \
		"rtmp://@127.0.0.1:$push/live?key-file=secret"
	eventually listening $push
	rtmp c $push
	eventually active out 1
	eventually well out 2
	eventually well out 3
	drop a
	eventually switched out 1
	test "$(event out 1 input)" -eq 2
	drop b
	eventually switched out 2
	test "$(event out 2 input)" -eq 3
	at=$(number out media_ms)
	eventually media out $((at + 2000))
	rm -f hls/*
	hls b
	eventually switched out 3
	test "$(event out 3 input)" -eq 2
	http a $web
	eventually switched out 4
	test "$(event out 4 input)" -eq 1
	drop c
	at=$(number out media_ms)
	eventually media out $((at + 2000))
	quit out
	for n in 1 2
	do
		test "$(event out $n cause)" = loss
		test "$(event out $((n + 2)) cause)" = preference
	done
	test "$(switches out)" -eq 4
	mlive-encode -q -r 320x180@400k <out >out.enc
	stamps out.enc v:0 | steps 3600
	clean out.enc
	codes out.enc >out.codes
	test "$(grep -c -e - out.codes)" -eq 0
'
done_testing
