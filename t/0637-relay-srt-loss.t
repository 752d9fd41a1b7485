#!/bin/sh
# mconnect-relay by SRT over a bad network: with a latency that is long enough nothing is
# missing, however much is lost; with one that is not, what is missing is told.
. "$(dirname "$0")/lib.sh"
. "$top/t/relay.sh"
. "$top/t/srt.sh"

need 'no perl' perl -MJSON::PP -e 1
whole in.ts 4s 3M
feed=$(free_port) near=$(free_port) far=$(free_port)
export feed near far

# The last datagram of all is not asked for when it is lost, since no other comes after
# it: what is looked at is followed by more.
head -c $((100 * 1316)) in.ts >more.ts

# over NAME LATENCY SPEC: the clip through a network like that
over () {
	relay "rx$1" -i "srt://127.0.0.1:$far?mode=listener&latency=$2" -o "$1.ts"
	impair "net$1" -S 11 -t "$3" -b "$3" "$near=127.0.0.1:$far"
	relay "tx$1" -i "udp://127.0.0.1:$feed" -o "srt://127.0.0.1:$near"
	eventually connected "tx$1" o1
	send in.ts -o "udp://127.0.0.1:$feed"
	send more.ts -o "udp://127.0.0.1:$feed"
}

# arrives NAME: all of the clip, as it was
arrives () {
	eventually reads "$1.ts" "$(wc -c <in.ts)" || {
		tail -n 1 "rx$1.stats" "tx$1.stats"
		return 1
	}
	head -c "$(wc -c <in.ts)" "$1.ts" | cmp in.ts -
}

# over_now NAME: its programs end
over_now () {
	ended "tx$1"
	ended "rx$1"
	kill "$(cat "net$1.pid")"
	eventually test -s "net$1.status"
}

check 'losses of 1, 5, 10 and 20 percent: every byte' '
	for loss in 1 5 10 20
	do
		over "p$loss" 3s "loss=$loss%,delay=10ms"
		arrives "p$loss"
		test "$(now "rxp$loss" source_arq_recovered i1)" -gt 0
		test "$(now "txp$loss" output_resent_packets o1)" -gt 0
		test "$(now "rxp$loss" source_round_trip_time i1)" -ge 15
		now "rxp$loss" source_not_recovered_packets i1 | grep -x 0
		over_now "p$loss"
	done
'
check 'bursts, jitter, another order and copies: every byte' '
	over burst 3s "loss=5%,burst=8,delay=30ms,jitter=15ms,reorder=5%,dup=5%"
	arrives burst
	over_now burst
'
twice 'a latency that is too short: what is missing is counted, and told' '
	over short 60ms "loss=10%,delay=50ms"
	sleep 0.5
	over_now short
	lost=$(count rxshort source_not_recovered_packets i1)
	test "$lost" -gt 50
	test "$(count rxshort ledger_ok)" -eq 1
	count rxshort not_recovered_packets | grep -x "$lost"
	grep "\"event\":\"lost\"" rxshort.stats | grep "\"pids\":\[{\"pid\"" >events
	# Each datagram has come, or is counted; but for those at the end.
	sum=$(($(count rxshort source_total_packets i1) + lost))
	all=$(($(cat in.ts more.ts | wc -c) / 1316))
	test "$sum" -le "$all"
	test "$sum" -gt $((all - 50))
'
done_testing
