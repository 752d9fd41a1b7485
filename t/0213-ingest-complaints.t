#!/bin/sh
# What people complain about in servers and players for live video, each by its number in
# our list of their reports, where it touches mlive-ingest and its failover.
. "$(dirname "$0")/lib.sh"
. "$top/t/encode.sh"
. "$top/t/failover.sh"

test_ts () {		# FILE SECONDS [KEYS]
	mlive-ingest -q -t "$2s" "test:?size=320x180&fps=25&rate=300k&${3:-gop=1s}" >"$1"
}

listening () {
	ss -Hltn "sport = :$1" | grep -q .
}
# Is there a newer segment than before?
differs () {
	test "$(grep -v "^#" "${list:?}" | tail -n 1)" != "${newest:?}"
}

check '3: a fallback goes back to the primary each time, and its reader stays connected' '
	fresh
	send a
	send b
	mkfifo r
	mlive-encode -q -r 320x180@400k --stats read.stats <r >out.enc & reader=$!
	mlive-ingest -v --failover --prefer --clear 1s --stats out.stats a b 2>out.err | tee out >r &
	eventually media out 2000
	for n in 1 2
	do
		hold a
		eventually switched out $((2 * n - 1))
		release a
		eventually switched out $((2 * n))
		test "$(event out $((2 * n)) to)" = a
		test "$(event out $((2 * n)) cause)" = preference
	done
	at=$(number out media_ms)
	eventually media out $((at + 1500))
	kill -0 $reader
	kill -9 $(cat a.pid b.pid)
	wait
	rm -f r a b ./?.pid
	test "$(counter read.stats decoded)" -gt 100
	exact out
'
check '6: behind an encoder a switch is no discontinuity, so none is before any segment' '
	mpkg-segment -q --vod --segment 2s -o coded <out.enc
	lists=$(find coded -name "*.m3u8")
	test -n "$lists"
	cat $lists
	test "$(cat $lists | grep -c EXTINF)" -ge 4
	fails 1 grep DISCONTINUITY $lists
'
check '4: sound and pictures before the first key picture do not bring a fallback in' '
	fresh
	test_ts whole.ts 20 "gop=8s"
	# from behind the first key picture on: 7 s of sound and of what needs it
	tail -c +$((188 * 100 + 1)) whole.ts >late.ts
	send a
	mkfifo b
	mlive-ingest -q -R late.ts >b & echo $! >b.pid
	take out a b
	eventually media out 1500
	hold a
	eventually switched out 1
	sleep 1
	quit out
	# the other had sent for a while, and was not taken for ready
	sed "/\"from\":/q" out.stats | grep -o "\"source\":\"b\"[^}]*\"ready\":false.*" |
		grep -c "\"source_bytes\":[1-9]"
	mlive-encode -q -r 320x180@400k <out >out.enc
	clean out.enc
	codes out.enc >out.codes
	test "$(grep -c -e - out.codes)" -eq 0
'
for jump in 3600 -5 95443
do
	export jump
	check "5: the picture does not freeze when the timestamps jump by $jump s" '
		test_ts one.ts 3
		ffmpeg -nostdin -v error -y -i one.ts -map 0 -c copy -copyts -muxdelay 0 \
			-output_ts_offset $jump -f mpegts two.ts
		cat one.ts two.ts one.ts | mlive-ingest -q | mlive-encode -q -r 320x180@400k >out.enc
		codes out.enc | cut -d " " -f 1 >got
		cat got | tr "\n" " "
		for n in $(seq 0 74)
		do
			test "$(grep -cx $n got)" -ge 3
		done
		stamps out.enc v:0 | steps 3600
		clean out.enc
	'
done
check '9: HLS goes on when a publisher comes again' '
	port=$(free_port)
	echo sesame >key
	test_ts clip.ts 4
	mkfifo one two
	mlive-ingest -q "rtmp://@127.0.0.1:$port/live?key-file=key" >one 2>one.err & echo $! >a.pid
	mlive-encode -q -r 320x180@400k -g 1s --on-loss black <one >two & echo $! >b.pid
	mpkg-segment -q --segment 1s -o live <two & echo $! >c.pid
	eventually listening $port
	for n in 1 2 3
	do
		ffmpeg -nostdin -v error -re -i clip.ts -c copy -f flv \
			rtmp://127.0.0.1:$port/live/sesame
		list=$(find live -name "*.m3u8" | xargs grep -l EXTINF | head -n 1)
		newest=$(grep -v "^#" "$list" | tail -n 1)
		eventually differs
	done
	kill "$(cat a.pid)"
	wait
	cat "$list"
	fails 1 grep "ENDLIST\|DISCONTINUITY$" "$list"
	# what came each time is in it
	(
		cd "$(dirname "$list")"
		cat init.mp4 $(grep -v "^#" "$OLDPWD/$list") >"$OLDPWD/all.mp4"
	)
	codes all.mp4 | cut -d " " -f 1 >got
	test "$(grep -cx 40 got)" -ge 3
	rm -f ./?.pid one two
'
check '11: to a live input and back is a matter of a second, not of forty' '
	fresh
	test_ts film.ts 60
	send a
	take out --control ctl film.ts a
	eventually media out 2500
	for n in 1 2 3 4
	do
		echo "switch $((n % 2 + 1))" >ctl
		eventually switched out $n
		after=$(event out $n after_ms)
		echo "after $after ms"
		test "$after" -le 3000
		sleep 1
	done
	quit out
	mlive-encode -q -r 320x180@400k <out >out.enc
	stamps out.enc v:0 | steps 3600
	clean out.enc
'
check '12: from live to a file nothing freezes' '
	codes out.enc >out.codes
	# no number more than three times in a row, and they move on
	awk "{ if (\$1 == was) n++; else n = 1; was = \$1; if (n > most) most = n }
		END { print \"a number at most\", most, \"times\"; exit most > 3 || NR < 100 }" out.codes
'
check '12: an input that comes in bursts is no reason to leave it, and each has its numbers' '
	fresh
	send b
	mkfifo a
	mlive-ingest -q -R "test:?size=320x180&fps=25&rate=300k&gop=1s" |
		perl -e "binmode STDIN; \$| = 1; while (sysread STDIN, \$p, 1 << 20) { print \$p;
			select undef, undef, undef, 0.4; }" >a & echo $! >a.pid
	take out --prefer --clear 1s a b
	eventually media out 8000
	kill "$(cat take.pid)"
	quit out
	test "$(switches out)" -eq 0
	tail -n 1 out.stats >last
	for name in source_bytes source_disconnections source_continuity_counter decoder_errors well
	do
		test "$(grep -o "\"$name\":" last | wc -l)" -ge 2
	done
'
done_testing
