#!/bin/sh
# mlive-ingest --listen: who may publish, what ends a publication, and who cannot do harm.
. "$(dirname "$0")/lib.sh"
. "$top/t/rtmp.sh"

need 'no ffmpeg' ffmpeg -version

clips
fresh () {
	: >err
	rm -f stats
	printf 'live/sesame one\nlive/second two takeover\n' >keys
	chmod 600 keys
}
count () {		# NAME VALUE [PUBLISHER]: a counter in the last line that has it
	grep "\"${3:+publisher\":\"$3\".*\"}$1\"" stats | tail -n 1 | grep "\"$1\":$2[,}]"
}
uptime_s () {
	echo $(($(ps -o etimes= -p "$server")))
}
paced () {		# CODES APP/KEY [N=V...]: in the background, in real time
	codes=$1 path=$2
	shift 2
	perl "$top/t/rtmp.pl" "$port" "$path" clip.flv pace=1 "$@" >"$codes" 2>&1 & publisher=$!
	export publisher
	eventually grep -q "Publish.Start\|NotFound" "$codes"
}

check 'a wrong key is told, and asks for more time each time' '
	fresh
	server
	fails 1 send clip.flv keyfile=/dev/null
	grep NetStream.Play.StreamNotFound codes
	grep "^end" codes
	before=$(date +%s%N)
	fails 1 perl "$top/t/rtmp.pl" $port live/other clip.flv >codes
	grep NetStream.Play.StreamNotFound codes
	fails 1 perl "$top/t/rtmp.pl" $port other/sesame clip.flv >codes
	after=$(date +%s%N)
	test $(((after - before) / 1000000)) -ge 3000
	# The right one does not wait, from that same address.
	fails 1 perl "$top/t/rtmp.pl" $port live/wrong clip.flv >slow & slow=$!
	send clip.flv
	grep Unpublish codes
	test ! -s slow || fails 1 grep NotFound slow
	wait $slow
	stop
	fails 1 grep "sesame\|wrong" err
	count rtmp_wrong_keys 4
	test "$(grep -c "is refused" err)" -le 2
	# A second guess does not come right behind the first.
	: >err
	server
	echo wrong >guess
	fails 1 send clip.flv keyfile=guess again=1
	grep NetStream.Play.StreamNotFound codes
	stop
	fails 1 grep "publisher of" err
'
check 'FFmpeg and librtmp stop at a wrong key, and say why' '
	fresh
	server
	fails 1 ffmpeg -nostdin -v error -i clip.flv -c copy -f flv \
		rtmp://127.0.0.1:$port/live/wrong 2>said
	grep "there is no such stream key" said
	if command -v rtmpdump
	then
		fails 1 timeout 20 rtmpdump -q -r rtmp://127.0.0.1:$port/live -y sesame -o nil
	fi
	stop
'
check 'a key in use is refused; with takeover the new one has it' '
	fresh
	server
	paced first live/sesame
	first=$publisher
	fails 1 send clip.flv
	grep NetStream.Play.StreamNotFound codes
	wait $first
	grep Unpublish first
	paced first live/second
	first=$publisher
	perl "$top/t/rtmp.pl" $port live/second clip.flv >codes
	grep Unpublish codes
	fails 1 wait $first
	grep NetStream.Publish.BadName first
	eventually count rtmp_refused 1
	stop
'
check 'a publisher that comes again goes on in its pipe, with a discontinuity' '
	fresh
	server
	read_pipe one
	send clip.flv
	send clip.flv stop=60
	eventually grep "is gone: it has hung up" err
	send bf.flv
	stop
	wait $reader
	packet_times one.ts v:0 | grep -v N/A >vt
	awk "NR > 1 && \$2 <= d { exit 1 } { d = \$2 }" vt
	test "$(wc -l <vt)" -gt 200
	mconnect-probe -f json one.ts >probe
	cat probe
	fails 1 grep "\"continuity_count_error\":[1-9]" probe
	perl -e "while (read STDIN, \$p, 188) { @b = unpack q(C*), \$p; \$b[3] & 32 && \$b[4] && \$b[5] & 128 or next;
		\$seen{(\$b[1] & 31) << 8 | \$b[2]}++ } print map { qq(\$_ \$seen{\$_}\n) } sort keys %seen" <one.ts >flags
	grep "^256 2$" flags
	grep "^257 2$" flags
'
check 'a codec that a transport stream cannot carry is refused by name' '
	fresh
	server
	fails 1 send hv.hevc fourcc=av01 stay=5
	grep "^NetStream.Failed" codes
	grep "codec hvc1" codes
	sed "/Connect.Success/q" codes >offered
	fails 1 grep "codec av01" offered
	grep "sends video of codec .av01." err
	send clip.flv
	stop
	count rtmp_refused_codecs 1
'
check 'keys that change: removed, changed, with mistakes, by themselves and by SIGHUP' '
	fresh
	server
	paced first live/sesame stay=100
	paced second live/second stay=100
	second=$publisher
	read_pipe one
	echo "live/second two" >keys
	eventually grep "publisher of .one.*is gone" err
	wait $reader
	eventually grep NetStream.Play.StreamNotFound first
	fails 1 send clip.flv
	echo "nothing good" >keys
	kill -HUP $server
	eventually grep "keys. is not used, and what it said before holds: line 1" err
	kill -0 $second
	echo "live/new two" >keys
	kill -HUP $server
	eventually grep "publisher of .two.*is gone" err
	perl "$top/t/rtmp.pl" $port live/new clip.flv >codes
	grep Unpublish codes
	stop
'
check 'a named pipe in the place of the keys holds nobody up' '
	fresh
	server
	rm keys
	mkfifo -m 600 keys
	kill -HUP $server
	eventually grep "keys. is not used, and what it said before holds: it is no regular file" err
	send clip.flv
	grep Unpublish codes
	stop
	fails 2 mlive-ingest -l rtmp://127.0.0.1:$port --keys keys --fifo-dir fifos 2>err
	rm keys
'
told () {
	printf x >>again
	send clip.flv stop=1 || :
	grep "more messages about publishers of .one" err
}
check 'who has a key and comes again and again does not fill the log' '
	fresh
	server
	for n in $(seq 30)
	do
		send clip.flv stop=1 || :
	done
	test "$(grep -c "publisher of .one" err)" -le $((20 + $(uptime_s) / 10 + 1))
	eventually told
	# the others are heard of
	perl "$top/t/rtmp.pl" $port live/second clip.flv >codes
	grep "publisher of .two" err
	stop
'
check 'who is slow with the handshake, or speaks something else, does not stay' '
	fresh
	server
	before=$(date +%s)
	(sleep 30 | nc 127.0.0.1 $port >nc.out; date +%s >closed) &
	slow=$!
	printf "GET / HTTP/1.1\r\nHost: x\r\n\r\n" | timeout 10 nc 127.0.0.1 $port >http
	(printf "\377"; head -c 3000 /dev/urandom) | timeout 20 nc 127.0.0.1 $port >random || :
	(printf "\3"; head -c 3071 /dev/zero; head -c 5000 /dev/urandom) | timeout 20 nc 127.0.0.1 $port >random || :
	(printf "\3"; head -c 3072 /dev/zero; printf "\3\0\0\0\377\377\377\24\0\0\0\0") |
		timeout 20 nc 127.0.0.1 $port >long || :
	send clip.flv
	grep Unpublish codes
	eventually count rtmp_timeouts "[1-9][0-9]*"
	eventually count rtmp_connections 0
	stop
	kill $slow 2>/dev/null || :
	grep "what it speaks is not RTMP\|its handshake takes too long" err
'
check 'one address has 16 connections without a key, and no more' '
	fresh
	server
	perl -MIO::Socket::INET -e "my @s = map { IO::Socket::INET->new(q(127.0.0.1:$port)) } 1 .. 30; sleep 2" &
	crowd=$!
	eventually count rtmp_refused_full 14
	wait $crowd
	send clip.flv
	stop
'
cat >hang.pl <<'EOF2'
# Some with a wrong key and much behind it, who do not wait for the answer.
use strict; use warnings; use IO::Socket::INET; use Socket;
my @s;
sub text { "\2" . pack "n/a*", $_[0] }
sub number { "\0" . pack "d>", $_[0] }
sub message { "\3\0\0\0" . substr(pack("N", length $_[1]), 1) . "\24" . pack("V", $_[0]) . $_[1] }
for (1 .. 8) {
	push @s, IO::Socket::INET->new("127.0.0.1:$ARGV[0]") or die;
	syswrite $s[-1], "\3" . "\0" x 3072 . message(0, text("connect") . number(1) . "\3" .
		pack("n/a*", "app") . text("live") . "\0\0\11") . message(1, text("publish") .
		number(2) . "\5" . text("wrong") . text("live"));
}
sleep 1;
syswrite $_, "x" x 60000 for @s;
sleep 1;
setsockopt $_, SOL_SOCKET, SO_LINGER, pack("ii", 1, 0) for @s;
EOF2
ticks () {
	awk "{ print \$14 + \$15 }" "/proc/$server/stat"
}
check 'who hangs up before its answer, or finds no descriptor left, does not keep it busy' '
	fresh
	server
	perl hang.pl $port
	before=$(ticks)
	sleep 2
	test $(($(ticks) - before)) -lt 40
	eventually count rtmp_connections 0
	prlimit --pid $server --nofile=8:
	perl -MIO::Socket::INET -e "my @s = map { IO::Socket::INET->new(q(127.0.0.1:$port)) } 1 .. 8; sleep 4" &
	crowd=$!
	eventually grep "cannot take connections for now: Too many open files" err
	before=$(ticks)
	sleep 2
	test $(($(ticks) - before)) -lt 40
	prlimit --pid $server --nofile=256:
	wait $crowd
	send clip.flv
	grep Unpublish codes
	stop
'
check 'a slow reader loses whole units and delays nobody; the next key picture is its start' '
	fresh
	mlive-ingest -q -t 20s "test:?size=320x180&fps=30&gop=1s&rate=12M" >big.ts
	ffmpeg -nostdin -v error -y -i big.ts -c copy big.flv
	server
	mkfifo go
	(exec <fifos/one; read -r line <go; cat >one.ts) & reader=$!
	perl "$top/t/rtmp.pl" $port live/second clip.flv >other
	for round in 1 2 3
	do
		send big.flv chunk=60000
		grep Unpublish codes
	done
	perl "$top/t/rtmp.pl" $port live/second clip.flv >other
	grep Unpublish other
	echo go >go
	eventually count reader_waiting_bytes 0 one
	send bf.flv
	stop
	wait $reader
	grep "\"publisher\":\"one\"" stats | tail -n 1 | grep "\"reader_stalls\":[1-9]"
	ffmpeg -v error -xerror -i one.ts -f null - 2>errors
	cat errors
	test ! -s errors
	packet_times one.ts v:0 | tail -n 90 >vt
	elements one.ts one
	tail -c 20000 bf.ref.v >end
	tail -c 20000 one.v | cmp - end
'
check 'a pipe without a reader is no trouble, and a reader in the middle begins well' '
	fresh
	server
	paced first live/sesame stay=1
	eventually count unread_units "[1-9][0-9]*" one
	read_pipe one
	wait $publisher
	stop
	wait $reader
	ffmpeg -v error -xerror -i one.ts -f null - 2>errors
	test ! -s errors
	head -c 24 one.ts | od -An -tx1 | tr -d " \n" | grep "^471ffe20b7"
	head -c 193 one.ts | tail -c 5 | od -An -tx1 | tr -d " \n" | grep "^474000"
'
check 'at the end, who can is asked to connect again; others are let go' '
	fresh
	server
	paced first live/sesame caps=1 stay=20
	able=$publisher
	paced second live/second stay=20
	stop
	wait $able
	grep NetConnection.Connect.ReconnectRequest first
	fails 1 grep ReconnectRequest second
'
# Publishers side by side that come and go, among them those with wrong keys, noise, and
# handshakes that do not end: all that belongs to one stream comes out of its pipe.
# FULL=1: for ten minutes.
check 'eight publishers on a port, with bad company' '
	fresh
	: >keys
	for n in 1 2 3 4 5 6 7 8
	do
		echo "live/key$n p$n" >>keys
	done
	for clip in clip bf
	do
		ffmpeg -nostdin -v error -y -i $clip.flv -map v -c copy -f data $clip.pv
	done
	server
	rounds=${ROUNDS:-3}
	test -z "${FULL-}" || rounds=150
	bad_company () {
		while test ! -e done
		do
			perl "$top/t/rtmp.pl" $port live/bad$1 clip.flv >/dev/null 2>&1 || :
			head -c 5000 /dev/urandom | timeout 5 nc -N 127.0.0.1 $port >/dev/null || :
			(printf "\3"; sleep 3) | timeout 8 nc -N 127.0.0.1 $port >/dev/null || :
			perl "$top/t/rtmp.pl" $port live/key$1 clip.flv >/dev/null 2>&1 stop=0 fourcc=av01 keyfile=/dev/null || :
		done
	}
	one_publisher () {
		n=$1 i=0
		while test $i -lt $rounds
		do
			i=$((i + 1))
			case $(((n + i) % 4)) in
			0) perl "$top/t/rtmp.pl" $port live/key$n bf.flv pace=1 chunk=4096 ;;
			1) perl "$top/t/rtmp.pl" $port live/key$n hv.hevc pace=1 ;;
			2) ffmpeg -nostdin -v quiet -re -i clip.flv -c copy -f flv rtmp://127.0.0.1:$port/live/key$n ;;
			3) perl "$top/t/rtmp.pl" $port live/key$n clip.flv pace=1 ex=1 modex=1 base=20000000 ;;
			esac >"p$n.log" 2>&1 || echo "$n $i" >>failures
		done
	}
	rm -f done failures
	readers=
	for n in 1 2 3 4 5 6 7 8
	do
		read_pipe p$n
		readers="$readers $reader"
	done
	bad_company 1 & b1=$!
	bad_company 2 & b2=$!
	publishers=
	for n in 1 2 3 4 5 6 7 8
	do
		one_publisher $n & publishers="$publishers $!"
	done
	wait $publishers
	touch done
	wait $b1 $b2
	test ! -e failures || { cat failures; tail -n 5 p*.log err; false; }
	tail -n 1 stats
	grep "VmHWM" /proc/$server/status
	awk "{ print \"cpu ticks\", \$14 + \$15 }" /proc/$server/stat
	stop
	wait $readers
	for n in 1 2 3 4 5 6 7 8
	do
		i=0
		: >want
		: >want.a
		while test $i -lt $rounds
		do
			i=$((i + 1))
			case $(((n + i) % 4)) in
			0) cat bf.ref.v >>want; cat bf.ref.a >>want.a ;;
			1) cat hv.ref.v >>want ;;
			2 | 3) cat clip.ref.v >>want; cat clip.ref.a >>want.a ;;
			esac
		done
		perl "$top/t/pesdata.pl" 256 257 <p$n.ts >got
		cat want want.a | wc -c
		cmp got.video want
		cmp got.audio want.a
	done
'
done_testing
