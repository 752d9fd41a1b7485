#!/bin/sh
# mconnect-relay --merge --by-content: datagrams without RTP, or with another, by two bad
# networks: what one of them at least brings comes out.
. "$(dirname "$0")/lib.sh"
. "$top/t/relay.sh"

need 'no perl' perl -MJSON::PP -e 1
clip in.ts 5s 4M
a1=$(free_port) a2=$(free_port) b1=$(free_port) b2=$(free_port)
export a1 a2 b1 b2

# through A B KIND: both networks; the second leg is of that kind
through () {
	impair neta -S 21 -t "$1" "$a1=127.0.0.1:$a2"
	impair netb -S 22 -t "$2" "$b1=127.0.0.1:$b2"
	relay m --merge --by-content --window 200ms -i "udp://127.0.0.1:$a2" \
		-i "$3://127.0.0.1:$b2" -o out.ts
	send in.ts -o "udp://127.0.0.1:$a1" -o "$3://127.0.0.1:$b1"
	sleep 0.5
	ended m
	ended neta
	ended netb
	count m ledger_ok | grep -x 1
}

check 'losses of one are filled from the other' '
	through loss=10%,burst=3,delay=5ms delay=40ms,jitter=5ms udp
	cmp in.ts out.ts
	test "$(count m source_content_filled i2)" -gt 100
	test "$(count m source_merge_latency_us i2)" -gt 20000
'
check 'the one behind may lose as well, and be ahead' '
	through delay=40ms loss=10%,burst=3,delay=5ms udp
	# What was lost before they were known to be the same is lost.
	test $(($(wc -c <in.ts) - $(wc -c <out.ts))) -lt 60000
	n=$(($(wc -c <out.ts) / 10 * 9))
	tail -c "$n" out.ts >end.ts
	tail -c "$n" in.ts | cmp end.ts -
	test "$(count m source_content_filled i1)" -gt 100
'
check 'outages in turn, of one with RTP and one without' '
	through outage=1s+300ms/2s outage=2s+300ms/2s,delay=30ms rtp
	cmp in.ts out.ts
	count m continuity_counter | grep -x 0
'
check 'a leg with another stream is left alone' '
	clip other.ts 4s 4M
	relay o --merge --by-content --window 200ms -i "udp://127.0.0.1:$a2?name=a" \
		-i "udp://127.0.0.1:$b2?name=b" -o out.ts
	send in.ts -o "udp://127.0.0.1:$a2" &
	sending=$!
	eventually test -s out.ts
	tail -c 1316000 other.ts >part.ts
	send part.ts -o "udp://127.0.0.1:$b2"
	wait $sending
	sleep 0.5
	ended o
	count o source_content_locked b | grep -x 0
	test "$(count o source_content_astray b)" -gt 1000
	cmp in.ts out.ts
'
# An outage of each in turn: only both together have everything.
twofold () {
	impair netb -S 22 -t outage=2s+400ms,outage=3500ms+300ms "$b1=127.0.0.1:$b2"
	relay s --merge --window 300ms -i "srt://:$a1?name=a" \
		-i "rtp://127.0.0.1:$b2?fec=auto&name=b" -o s.ts --record s.pcapng
	send in.ts -o "srt://127.0.0.1:$a1" -o "rtp://127.0.0.1:$b1"
	sleep 0.7
	ended s
	ended netb
}
check 'SRT and RTP are merged by content, unasked' '
	twofold
	says s "has no RTP: inputs are merged by content"
	cmp in.ts s.ts
	test "$(count s source_content_other_leg a)" -gt 500
	test "$(count s source_content_first a)" -gt 500
	count s source_refused_packets a | grep -x 0
	count s ledger_ok | grep -x 1
'
check 'and so is what was recorded of that' '
	mconnect-relay -q --merge --window 300ms --replay s.pcapng -o again.ts
	cmp s.ts again.ts
'
# apart WINDOW: a leg that comes late and with a hole, half a second ahead of another
apart () {
	impair neta -S 21 -t outage=0s+1500ms,outage=3s+700ms "$a1=127.0.0.1:$a2"
	impair netb -S 22 -t delay=500ms "$b1=127.0.0.1:$b2"
	relay w --merge --by-content --window "$1" -i "udp://127.0.0.1:$a2?name=a" \
		-i "udp://127.0.0.1:$b2?name=b" -o w.ts
	send far.ts -o "udp://127.0.0.1:$a1" -o "udp://127.0.0.1:$b1"
	sleep 1.2
	ended w
	ended neta
	ended netb
	count w ledger_ok | grep -x 1
	cmp far.ts w.ts
}
cbr far.ts 5 20
check 'a leg may come back far ahead of the other' '
	apart 800ms
	test "$(count w source_content_first a)" -gt 20000
	test "$(count w source_merge_latency_us b)" -gt 400000
	count w source_content_apart_us a | grep -x 0
'
check 'one that is further ahead than the window is said, and costs nothing' '
	apart 200ms
	test "$(count w source_content_apart_us a)" -gt 400000
	grep "warning: .a. is not merged: it is [45].. ms ahead of the others" w.log
	test "$(grep -c "\"event\":\"apart\"" w.stats)" -eq 1
'
# Three of four are null packets.
check 'null packets in the holes of one leg come from the other' '
	cbr thin.ts 5 5
	perl -e "local \$/ = \\188; while (<STDIN>) {
		print; print pack(q(CnC), 71, 8191, 16) . (chr(255) x 184) for 1 .. 3 }" \
		<thin.ts >stuffed.ts
	impair neta -S 21 -t loss=5%,burst=4 "$a1=127.0.0.1:$a2"
	impair netb -S 22 -t delay=30ms "$b1=127.0.0.1:$b2"
	relay n --merge --by-content --window 200ms -i "udp://127.0.0.1:$a2" \
		-i "udp://127.0.0.1:$b2" -o n.ts
	send stuffed.ts -o "udp://127.0.0.1:$a1" -o "udp://127.0.0.1:$b1"
	sleep 0.7
	ended n
	ended neta
	ended netb
	cmp stuffed.ts n.ts
	test "$(count n source_content_filled i2)" -gt 2000
	count n ledger_ok | grep -x 1
'
check 'what has no RTP and cannot be merged is said once' '
	relay w --merge -i "udp://127.0.0.1:$a2" -i "rtp://127.0.0.1:$b2" -o w.ts
	head -c 131600 in.ts >part.ts
	send part.ts -o "udp://127.0.0.1:$a2" -o "rtp://127.0.0.1:$b2"
	ended w
	grep "warning: .udp://127.0.0.1:$a2. is not merged: it has no RTP" w.log
	test "$(grep -c "not merged" w.log)" -eq 1
	cmp part.ts w.ts
'
check '--keep-header does not go with that' '
	fails 2 mconnect-relay --merge --keep-header -i srt://:$a1 -i rtp://:$b1 -o x.ts 2>err
	grep "srt://:$a1. has no RTP" err
'
done_testing
