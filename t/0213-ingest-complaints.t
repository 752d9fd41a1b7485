#!/bin/sh
# What people complain about in servers and players for live video, each by its number in
# our list of their reports: here where it touches mlive-ingest and its failover.  All of
# them, and the tests whose checks have their numbers:
#
#    1 with B pictures, a loss closes the connection		0213 0220
#    2 a wrong timestamp now and then ends HLS			0213 0223
#    3 never back to the primary, readers are let go		0213
#    4 a fallback on sound without a key picture		0213
#    5 frozen for good behind a jump in time			0213
#    6 a discontinuity before every segment			0213
#    7 many frames of AAC in a PES packet: wrong pace		0290
#    8 sound out of step after days, in HLS only		0213, and 0269 for long
#    9 HLS stuck when a publisher comes again			0213
#   10 playout out of step after hours				0221
#   11 forty seconds to a live input and back			0213
#   12 live to file freezes; to the backup for no reason	0213 0221
#   13 the listener must be there before the caller		0220, and 18 for outputs
#   14 one slow rendition stops all				0268
#   15 renditions that are not aligned				0268
#   16 type and data of SCTE-35 are lost			0260
#   17 an immediate splice comes seconds early			0260
#   18 one dead RTMP target holds up all; none comes back	0291
#   19 another format in each file: no sound			0221
#   20 a listener for IPv6 only				0213
#   21 an uplink that several outputs share			0290
#   22 "connecting" for ever, behind a firewall		0220
#   23 AAC without a sequence header is refused		0210
#   24 5.1 to stereo in mid-stream: a crash			0258
#   25 x265 crashes when it reuses an analysis			none: that is not used
. "$(dirname "$0")/lib.sh"
. "$top/t/encode.sh"
. "$top/t/failover.sh"

test_ts () {		# FILE SECONDS [KEYS]
	mlive-ingest -q -t "$2s" "test:?size=320x180&fps=25&rate=300k&${3:-gop=1s}" >"$1"
}

listening () {
	ss -Hltn "sport = :$1" | grep -q .
}
# publish NAME FILE [N=V...] - to one listener by RTMP, as fast as it goes; NAME.ts is what
# comes out
publish () {
	name=$1 clip=$2
	shift 2
	port=$(free_port)
	echo sesame >key
	mlive-ingest -q --stats "$name.stats" "rtmp://@127.0.0.1:$port/live?key-file=key" \
		>"$name.ts" & pid=$!
	eventually listening "$port"
	perl "$top/t/rtmp.pl" "$port" live/sesame "$clip" "$@" >codes
	cat codes
	# It was let go when it had done, and not before.
	grep Unpublish.Success codes
	kill $pid
	wait $pid
}
# Is there a newer segment than before?
differs () {
	test "$(grep -v "^#" "${list:?}" | tail -n 1)" != "${newest:?}"
}

test_ts clip.ts 8
ffmpeg -nostdin -v error -i clip.ts -c:v libx264 -bf 3 -g 25 -preset veryfast -c:a copy \
	-x264-params b-pyramid=normal:b-adapt=0 bf.flv
ffmpeg -nostdin -v error -i clip.ts -c copy clip.flv
check 'complaint 1: B pictures of which some are missing: a publisher is not sent away' '
	publish bf bf.flv lose=7
	sent=$((200 - 200 / 7))
	test "$(stamps bf.ts v:0 dts | wc -l)" -ge "$sent"
	counter bf.stats source_disconnections | grep -x 1
	mlive-encode -q -s coded.stats -r 180p@300k <bf.ts >coded.ts
	clean coded.ts
	near "$(pictures coded.ts 0)" 200 5
	test "$(counter coded.stats clock_breaks)" -eq 0
'
check 'complaint 2: each two seconds a picture is stamped hours away: it gets the next time' '
	publish wild clip.flv stray=50
	stamps wild.ts v:0 dts >wild.times
	wc -l <wild.times | grep -x 200
	steps 3600 <wild.times
	test "$(counter wild.stats pts_strays)" -eq 4
	test "$(counter wild.stats pts_jumps)" -eq 0
	stamps wild.ts a:0 | steps 1920
	mlive-encode -q -s coded.stats -r 180p@300k -g 1s <wild.ts | mpkg-segment -q --vod -o wild
	test "$(counter coded.stats clock_breaks)" -eq 0
	fails 1 grep -r --include="*.m3u8" DISCONTINUITY wild
'
check 'complaint 8: sound that is not as long as its timestamps say stays in step, in HLS too' '
	# A thousandth: in two minutes as much as a good clock is off in days.
	on="lt(mod(t\\,1)\\,0.08)*gte(t\\,0.5)"
	ffmpeg -nostdin -v error -y -f lavfi -i \
		"color=black:s=160x90:r=25:d=120,drawbox=t=fill:c=white:enable=$on" -f lavfi -i \
		"aevalsrc=0.8*sin(2*PI*1000*t)*$on:s=48000:d=120" -c:v libx264 -preset ultrafast \
		-g 25 -bf 0 -c:a aac -f mpegts long.ts
	slow="setts=pts=PTS*1.001:dts=DTS*1.001"
	ffmpeg -nostdin -v error -i long.ts -c copy -bsf:v "$slow" -bsf:a "$slow" long.flv
	publish long long.flv
	mlive-encode -q -r 90p@100k -g 1s <long.ts | mpkg-segment -q --vod -o long
	flashes long/index.m3u8 >f
	beeps long/index.m3u8 >b
	awk "NR == FNR { f[n++] = \$1; next }
		{ for (i = 0; i < n; i++) { d = (\$1 - f[i]) * 1000
			if (d > -300 && d < 300) { pairs++; if (d > most) most = d; if (d < least) least = d } } }
		END { print pairs, \"pairs,\", least, \"to\", most, \"ms\"
			exit pairs < 110 || least < -45 || most > 45 }" f b
'
check 'complaint 20: a publisher finds it by IPv4, and by IPv6 where there is any' '
	for host in 127.0.0.1 "[::1]"
	do
		test "$host" = 127.0.0.1 || grep -q "^0*1 " /proc/net/if_inet6 || continue
		port=$(free_port)
		echo sesame >key
		mlive-ingest -q "rtmp://:$port/live?key-file=key" >any.ts & pid=$!
		eventually listening $port
		ffmpeg -nostdin -v error -i clip.flv -c copy -f flv "rtmp://$host:$port/live/sesame"
		kill $pid
		wait $pid
		test "$(stamps any.ts v:0 | wc -l)" -eq 200
	done
'
check 'complaint 3: a fallback goes back to the primary each time, and its reader stays connected' '
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
check 'complaint 6: behind an encoder a switch is no discontinuity, so none is before any segment' '
	mpkg-segment -q --vod --segment 2s -o coded <out.enc
	lists=$(find coded -name "*.m3u8")
	test -n "$lists"
	cat $lists
	test "$(cat $lists | grep -c EXTINF)" -ge 4
	fails 1 grep DISCONTINUITY $lists
'
check 'complaint 4: sound and pictures before the first key picture do not bring a fallback in' '
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
	check "complaint 5: the picture does not freeze when the timestamps jump by $jump s" '
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
check 'complaint 9: HLS goes on when a publisher comes again' '
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
check 'complaint 11: to a live input and back is a matter of a second, not of forty' '
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
check 'complaint 12: from live to a file nothing freezes' '
	codes out.enc >out.codes
	# no number more than three times in a row, and they move on
	awk "{ if (\$1 == was) n++; else n = 1; was = \$1; if (n > most) most = n }
		END { print \"a number at most\", most, \"times\"; exit most > 3 || NR < 100 }" out.codes
'
check 'complaint 12: an input that comes in bursts is no reason to leave it, and each has its numbers' '
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
