#!/bin/sh
# mlive-ingest: short, damaged and odd input, and streams that are closed.
. "$(dirname "$0")/lib.sh"

need 'no ffmpeg' command -v ffmpeg
clip="test:?size=128x72&fps=25&gop=1s&tracks=0"
timeout 60 mlive-ingest -q -t 2s "$clip" >clip.ts
tail -c +189 clip.ts >bare.ts		# without the clock packet

strip () {		# without clock packets
	perl -0777 -ne 'while (/(.{188})/gs) { $p = $1; print $p unless
		(unpack("n", substr($p, 1, 2)) & 0x1fff) == 0x1ffe }' "$1"
}
# m2ts <TS: each packet after four bytes of time
m2ts () {
	perl -0777 -ne 'while (/(.{188})/gs) { print "\0\0\0\0", $1 }'
}

check 'a file of two packets and a half: two packets' '
	head -c 500 bare.ts >cut
	mlive-ingest cut >ts 2>err
	grep "packets=2 .*junk_bytes=124" err
	strip ts >got
	head -c 376 bare.ts | cmp - got
'
check 'one sync byte where a packet would end is no transport stream' '
	perl -e "print q(x) x 2000, q(G), q(x) x 187" >text
	fails 3 mlive-ingest text >ts 2>err
	test ! -s ts
	grep "is no transport stream, MP4" err
'
check '192 bytes a packet: what follows the last one ends' '
	{
		m2ts <bare.ts
		head -c 300 /dev/zero
	} >zeros.m2ts
	timeout 20 mlive-ingest -q zeros.m2ts >ts
	strip ts | cmp - bare.ts
'
check '192 bytes a packet: bytes between them, sync bytes too, go' '
	{
		head -c 18800 bare.ts | m2ts
		perl -e "print qq(\0\0G\0) x 20"
		tail -c +18801 bare.ts | m2ts
	} >junk.m2ts
	timeout 20 mlive-ingest -q junk.m2ts >ts
	strip ts >got
	perl -0777 -ne "while (/(.{188})/gs) { exit 1 if substr(\$1, 0, 1) ne q(G) }" got
	test $(($(wc -c <bare.ts) - $(wc -c <got))) -le 188
	counts=$(mlive-ingest junk.m2ts 2>&1 >/dev/null)
	echo "$counts" | grep "bad=0"
'
check '--duration of less than a tick: the first picture' '
	timeout 20 mlive-ingest -q -t 1us "$clip" >one
	test "$(wc -c <one)" -lt 20000
	ffprobe -v error -count_packets -show_entries stream=nb_read_packets -of csv=p=0 one |
		grep "^1"
'
check '--loop of less than two units goes on in time' '
	head -c 1880 bare.ts >short.ts
	timeout 20 mlive-ingest -q --loop -t 1s short.ts >ts
	ffmpeg -v error -f lavfi -i sine -frames:a 1 -c:a aac short.mp4
	timeout 20 mlive-ingest -q --loop -t 1s short.mp4 >ts
'
check '--loop moves splice times, whole or in two packets, and their CRC' '
	"$BUILD/t/helper/splices" put <bare.ts >cues.ts
	timeout 20 mlive-ingest -q --loop -t 5s cues.ts >ts
	"$BUILD/t/helper/splices" list <ts >got
	cat got
	cat >want <<-END
	short 0
	long 0
	short 180000
	long 180000
	END
	head -n 4 got | cmp - want
'
check 'standard output is for the stream alone, also when it is closed' '
	fails 1 mlive-ingest -q --stats stats clip.ts >&- 2>err
	grep "cannot write to standard output" err
	fails 1 grep -a "^G" stats
	fails 2 mlive-ingest --stats fd:1 clip.ts >ts 2>err
	fails 2 mlive-ingest --stats fd:x clip.ts >ts 2>err
'
check 'a live source of something else is a warning' '
	mkfifo other
	mlive-ingest <other 2>err & pid=$!
	exec 9>other
	wordy () {
		seq 5000 >&9
		grep "warning: what comes from .-. is no transport stream: waiting" err
	}
	eventually wordy
	exec 9>&-
	fails 3 wait $pid
	test "$(grep -c waiting err)" -eq 1
'
check 'a program that a live source lacks is a warning' '
	port=$(free_port)
	timeout --foreground 60 mlive-ingest --program 9 udp://127.0.0.1:$port >ts 2>err &
	pid=$!
	listening () {
		ss -Hlun "sport = :$port" | grep -q .
	}
	eventually listening
	"$BUILD/t/helper/datagrams" 127.0.0.1 127.0.0.1 $port <bare.ts
	eventually grep "warning: no program 9 in .udp.*it has 1" err
	kill $pid
	wait $pid
'
done_testing
