#!/bin/sh
# mconnect-impair: what gets lost, the same for a seed; there and back; logs; real RTP
# through it.
. "$(dirname "$0")/lib.sh"

need 'no perl' perl -e 1
running=
trap 'kill -9 $running 2>/dev/null; rm -rf "$scratch"' EXIT

in=$(free_port) out=$(free_port)
export in out
"$top/t/udp.pl" recv "$out" got echo &
running=$!
eventually test -e got

# impair OPTION...: until the next one
impair () {
	test -z "${impair-}" || ended
	: >impair.log
	mconnect-impair "$@" "$in=127.0.0.1:$out" 2>impair.log &
	impair=$!
	running="$running $impair"
	eventually grep -q 'listening on' impair.log
}

# through COUNT [BYTES]: sends so many; got has what came there, back what came back
through () {
	: >got
	"$top/t/udp.pl" send "$in" "$@" >back
}

# arrived FILE: just these numbers have come, in this order, now or in a while
arrived () {
	eventually sh -c "cut -d' ' -f1 got | cmp -s - $1"
}

# said LOG WAY WHAT: the numbers of which a log says so
said () {
	sed -n "s/^{\"n\":\([0-9]*\),\"link\":0,\"way\":\"$2\",.*\"what\":\"$3\".*/\1/p" "$1"
}

# The log is whole when it has ended.
ended () {
	kill "$impair"
	wait "$impair"
	impair=
}

impair
check 'nothing is lost unless asked' '
	through 500
	seq 0 499 >want
	arrived want
	sort -n back | diff want -
'
impair -S 5 -t loss=10%,burst=3 -b loss=5% -l one.log
through 1000
ended
# shellcheck disable=SC2094
said one.log there pass >there
check 'what the log says is lost does not arrive, and all else does' '
	arrived there
	test "$(said one.log there loss | wc -l)" -gt 40
	test "$(wc -l <back)" -eq "$(said one.log back pass | wc -l)"
	test "$(said one.log back loss | wc -l)" -gt 10
'
impair -S 5 -t loss=10%,burst=3 -b loss=5%
check 'the same seed loses the same' '
	through 1000
	arrived there
'
impair -S 6 -t loss=10%,burst=3 -l two.log
through 1000
ended
check 'another seed loses others' '
	said two.log there pass >other
	arrived other
	fails 1 cmp -s there other
'
impair --replay one.log
check 'a log is played again' '
	through 1000
	arrived there
'
impair -t dup=10%,corrupt=5%,reorder=5%,reorder-by=20ms
check 'twice, later, and with a bit wrong' '
	through 1000
	eventually sh -c "test \$(wc -l <got) -gt 1050"
	eventually sh -c "test \$(cut -d\" \" -f1 got | sort -un | wc -l) -gt 980"
	test "$(grep -c bad got)" -gt 20
	fails 1 sort -nc got
'
# 600 kbit/s for a second, then as good as nothing
{
	seq 20 20 1000
	echo 60000
} >trace
impair -t rate-trace=trace,queue=30ms -l line.log
through 1000 200
ended
check 'a line whose rate varies as a trace says: what it does not take is lost' '
	test "$(said line.log there queue | wc -l)" -gt 0
	test "$(said line.log there pass | wc -l)" -gt 10
	said line.log there pass >passed
	arrived passed
	for text in "" 0 "2\\n1" x
	do
		printf %b "$text" >bad
		fails 3 mconnect-impair -t rate-trace=bad 127.0.0.1:1=127.0.0.1:2 2>err
		grep "bad., line [12]: this is no trace of times in ms" err
	done
	fails 1 mconnect-impair -t rate-trace=none 127.0.0.1:1=127.0.0.1:2
	fails 2 mconnect-impair -t rate-trace=trace,rate=1M 127.0.0.1:1=127.0.0.1:2
'
check 'what does nothing alone is refused; an IPv6 address has its brackets' '
	for spec in burst=3 delay=1ms,queue=5ms reorder-by=5ms overtake
	do
		fails 2 mconnect-impair -t $spec 127.0.0.1:1=127.0.0.1:2 2>err
		grep "does nothing without" err
	done
	mconnect-impair "[::1]:$(free_port)=[::1]:9" 2>six.log &
	eventually grep -E "listening on \[::1\]:[0-9]+ for \[::1\]:9" six.log
	kill $!
	wait $!
'
impair -t rate=400k,queue=10ms -l line.log
through 1000 200
ended
check 'what a line does not take is lost' '
	test "$(said line.log there queue | wc -l)" -gt 0
	said line.log there pass >passed
	arrived passed
'
impair -t outage=0s+10min -s stats
check 'nothing passes in an outage, and the numbers say so' '
	through 100
	eventually grep -q "\"outage\": *100[,}]" stats
	test ! -s got
'
check 'SIGTERM ends it, with status 0' '
	mconnect-impair "127.0.0.1:0=127.0.0.1:$out" 2>term.log &
	eventually grep -q "listening on" term.log
	kill $!
	wait $!
'
check 'what is no spec, address or log is said to be wrong' '
	fails 2 mconnect-impair -t loss=5 1=127.0.0.1:2 2>err
	grep "loss=5" err
	fails 2 mconnect-impair -t delay=1s,what=3 1=127.0.0.1:2 2>err
	grep "what=3" err
	for spec in outage=5s+5s/2s states=1%:2%:3%:4%:5%
	do
		fails 2 mconnect-impair -t "delay=1s,$spec" 1=127.0.0.1:2 2>err
		grep "can be: .$spec.$" err
	done
	fails 2 mconnect-impair 5000 2>err
	fails 2 mconnect-impair 0=127.0.0.1 2>err
	fails 2 mconnect-impair
	echo nonsense >no.log
	fails 3 mconnect-impair --replay no.log 0=127.0.0.1:2 2>err
	grep "no.log" err
	fails 1 mconnect-impair --replay none.log 0=127.0.0.1:2
'

# RTP of a real sender: the receiver counts as lost what the log says is.
if command -v ffmpeg >/dev/null
then
	kill "${running%% *}"
	ffmpeg -v error -f lavfi -i testsrc2=s=320x180:r=25:d=6 -c:v libx264 -preset ultrafast \
		-b:v 2M -f mpegts test.ts
	impair -S 9 -t loss=3%,delay=20ms,jitter=5ms -l rtp.log
	mlive-ingest -q -t 20s --stats rtp.stats "rtp://127.0.0.1:$out" >rtp.ts &
	ingest=$!
	running="$running $ingest"
	sleep 0.5
	ffmpeg -v error -re -i test.ts -c copy -f rtp_mpegts "rtp://127.0.0.1:$in?pkt_size=1328"
	sleep 1
	kill $ingest
	wait $ingest
	ended
	lost=$(said rtp.log there loss | wc -l)
	last=$(said rtp.log there pass | tail -n 1)
	beyond=$(said rtp.log there loss | awk -v n="$last" '$1 > n' | wc -l)
	export lost beyond
	check 'RTP through it misses just what was lost' '
		tail -n 1 rtp.stats
		grep -q "\"source_not_recovered_packets\": *$((lost - beyond))[,}]" rtp.stats
	'
else
	skip 'RTP through it' 'no ffmpeg'
fi
done_testing
