#!/bin/sh
# mconnect-relay over two bad networks: what one of them at least brings comes out, in
# order, and what none does is what their logs say; legs that are cut, killed, swapped,
# and begin anew; other senders of RTP.
. "$(dirname "$0")/lib.sh"
. "$top/t/relay.sh"

need 'no perl' perl -MJSON::PP -e 1
clip in.ts 5s 4M
size=$(wc -c <in.ts)
datagrams=$(((size + 1315) / 1316))
a1=$(free_port) a2=$(free_port) b1=$(free_port) b2=$(free_port)
export size datagrams a1 a2 b1 b2

# said NAME WHAT: the numbers of datagrams of which its log says so
said () {
	sed -n "s/^{\"n\":\([0-9]*\),\"link\":0,\"way\":\"there\",.*\"what\":\"$2\".*/\1/p" "$1.net"
}

both () {
	send in.ts -o "rtp://127.0.0.1:$a1" -o "rtp://127.0.0.1:$b1"
	sleep 0.5
}

got_some () {
	test "$(now k source_total_packets "$1")" -gt 20
}

# through A B: what comes out of a relay after two networks like that
through () {
	impair neta -S 11 -t "$1" "$a1=127.0.0.1:$a2"
	impair netb -S 12 -t "$2" "$b1=127.0.0.1:$b2"
	relay m --merge --window 1s -i "rtp://127.0.0.1:$a2" -i "rtp://127.0.0.1:$b2" -o out.ts
	both
	ended m
	ended neta
	ended netb
}

check 'losses of each that the other does not have, delays, jitter, copies' '
	through loss=20%,burst=4,delay=5ms,jitter=5ms,overtake,dup=2% \
		delay=60ms,jitter=20ms,overtake,reorder=2%
	test "$(said neta loss | wc -l)" -gt 50
	cmp in.ts out.ts
	count m ledger_ok | grep -x 1
	count m not_recovered_packets | grep -x 0
	test "$(count m source_merge_latency_us i2)" -gt "$(count m source_merge_latency_us i1)"
	count m merge_status_warn_mismatch | grep -x 0
'
check 'and outages, in turn' '
	through outage=1s+300ms/2s outage=2s+300ms/2s,delay=30ms
	test "$(said neta outage | wc -l)" -gt 50
	test "$(said netb outage | wc -l)" -gt 50
	cmp in.ts out.ts
'
check 'what both lose is lost, no more, and what it was is told' '
	through loss=8% loss=8%,delay=10ms
	said neta loss | sort >la
	said netb loss | sort >lb
	want=$(comm -12 la lb | wc -l)
	test "$want" -gt 0
	last=$((datagrams - 1))
	! comm -12 la lb | grep -qx "$last" || want=$((want - 1))
	count m not_recovered_packets | grep -x "$want"
	count m ledger_ok | grep -x 1
	grep "\"event\":\"lost\"" m.stats | grep "\"pid\"" | grep "\"pts\"" | grep "\"picture\":\"[IPB]\""
	test "$(grep -o "\"event\":\"lost\",\"packets\":[0-9]*" m.stats | cut -d: -f3 |
		awk "{ n += \$1 } END { print n }")" -eq "$want"
'

# ---- legs killed, cut and swapped while it runs
relay k --merge --window 1s -i "rtp://127.0.0.1:$a2?name=a" -i "rtp://127.0.0.1:$b2?name=b" \
	-o out.ts
check 'one leg at a time is taken away and comes back' '
	send in.ts -o "rtp://127.0.0.1:$a2" -o "rtp://127.0.0.1:$b2" &
	seed=7
	while kill -0 $! 2>/dev/null
	do
		seed=$(((seed * 1103515245 + 12345) % 2147483648))
		if test $((seed / 65536 % 2)) -eq 0
		then leg=a port=$a2
		else leg=b port=$b2
		fi
		ctl k "remove-input $leg" | grep -q ok
		ctl k "add-input rtp://127.0.0.1:$port?name=$leg" | grep -q ok
		# Both are there before the next one goes.
		within 2 got_some $leg || break
	done
	sleep 1.3
	test "$(now k ledger_ok)" -eq 1
	ended k
	cmp in.ts out.ts
	test "$(grep -c . k.stats)" -gt 1
'

# ---- at random: a leg is cut for five seconds, killed and brought back, or swapped for
# another network; one more leg lives meanwhile.  FULL=1: sixty times.
strikes=8 seconds=60
test -z "${FULL-}" || strikes=60 seconds=330
export strikes

# open_net NAME SEED: the network of leg NAME, other ones at each seed
open_net () {
	if test "$1" = a
	then ports=$a1=127.0.0.1:$a2
	else ports=$b1=127.0.0.1:$b2
	fi
	# The one before may be about to end.
	eventually fails 1 sh -c "ss -Hlun sport = :${ports%%=*} | grep -q ."
	impair "net$1" -S "$2" -t "delay=$(($2 % 7 * 5))ms,jitter=$(($2 % 4))ms,dup=2%" "$ports"
}

# chance N: from 0 to N - 1, the same each time; sets $drawn
chance () {
	seed=$(((seed * 1103515245 + 12345) % 2147483648))
	drawn=$((seed / 65536 % $1))
}

# more_than KEY ID N
more_than () {
	test "$(now k "$1" "$2")" -gt "$3"
}

# lives NAME: it brings packets, and again
lives () {
	eventually more_than source_total_packets "$1" 20
	eventually more_than source_total_packets "$1" "$(($(now k source_total_packets "$1") + 50))"
}

# strike N: at one leg, after which it lives again
strike () {
	chance 2
	if test "$drawn" -eq 0
	then leg=a port=$a2
	else leg=b port=$b2
	fi
	chance 6
	echo "$1: $leg $drawn"
	case $drawn in
	0)
		kill -9 "$(cat net$leg.pid)"
		sleep 5
		open_net $leg "$1"
		;;
	1 | 2)
		kill -9 "$(cat net$leg.pid)"
		open_net $leg "$1"
		;;
	*)
		ctl k "remove-input $leg" | grep -q ok
		test "$drawn" -gt 3 || sleep "0.$((seed / 65536 % 6))"
		ctl k "add-input rtp://127.0.0.1:$port?name=$leg" | grep -q ok
		;;
	esac
	lives $leg
	# What it did not have comes by the other in this time, or too late.
	sleep 1
}

cbr long.ts "$seconds" 4
open_net a 1
open_net b 2
relay k --merge --window 1s -i "rtp://127.0.0.1:$a2?name=a" -i "rtp://127.0.0.1:$b2?name=b" \
	-o out.ts
check "$strikes strikes at random: not one packet is missing or out of order" '
	# Until it is told to end.
	mconnect-relay -q -i long.ts -o "rtp://127.0.0.1:$a1" -o "rtp://127.0.0.1:$b1" \
		-o sent.ts &
	sending=$!
	echo $sending >sender.pid
	lives a
	lives b
	seed=5
	for n in $(seq "$strikes")
	do
		strike "$n"
	done
	kill $sending
	wait $sending
	sleep 1.5
	test "$(now k ledger_ok)" -eq 1
	ended k
	cmp sent.ts out.ts
	count k not_recovered_packets | grep -x 0
	test "$(wc -c <out.ts)" -gt 1000000
'
done_testing
