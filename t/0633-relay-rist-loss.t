#!/bin/sh
# mconnect-relay with RIST over bad networks: what is lost is asked for until it comes;
# two ways are merged; peers die and come back; outputs come and go; datagrams of all
# kinds on its ports.
. "$(dirname "$0")/lib.sh"
. "$top/t/relay.sh"

need 'no perl' perl -MJSON::PP -e 1
clip clip.ts 4s 2M
size=$(($(wc -c <clip.ts) / 1316 * 1316))
head -c "$size" clip.ts >in.ts
echo 'not to be known' >key
echo 'not that one' >wrong
in=$(free_port)
export size in

twice 'losses of 1, 5, 10 and 20 % both ways, 80 ms there and back: nothing is missing' '
	set --
	for loss in 1 5 10 20
	do
		s1=$(even_port) s2=$(even_port) m1=$(free_port) m2=$(free_port)
		impair net$loss -S $loss -t loss=$loss%,delay=40ms -b loss=$loss%,delay=40ms \
			"$s1=127.0.0.1:$s2" "$((s1 + 1))=127.0.0.1:$((s2 + 1))" "$m1=127.0.0.1:$m2"
		relay s$loss -i "rist://@127.0.0.1:$s2?profile=simple&buffer=1500ms" -o s$loss.ts
		relay m$loss -i "rist://@127.0.0.1:$m2?buffer=1500ms&secret-file=key" -o m$loss.ts
		set -- "$@" -o "rist://127.0.0.1:$s1?profile=simple&buffer=1500ms" \
			-o "rist://127.0.0.1:$m1?buffer=1500ms&secret-file=key"
	done
	relay a -i "udp://127.0.0.1:$in" "$@"
	eventually sh -c "grep \": connected\" a.log | sort -u | wc -l | grep -x 8"
	sleep 0.5
	send in.ts -o "udp://127.0.0.1:$in"
	for loss in 1 5 10 20
	do
		for name in s$loss m$loss
		do
			eventually reads $name.ts $((size - 10 * 1316))
		done
	done
	sleep 1.8		# what is missing of the last ten may be asked for so long
	for name in s1 s5 s10 s20 m1 m5 m10 m20
	do
		test "$(now $name source_round_trip_time i1)" -ge 80
	done
	ended a
	for loss in 1 5 10 20
	do
		for name in s$loss m$loss
		do
			ended $name
			a_run_of $name.ts $((size - 10 * 1316))
			count $name ledger_ok | grep -x 1
			count $name not_recovered_packets | grep -x 0
			# So many were lost, or more.
			test "$(count $name source_arq_recovered i1)" -ge \
				$((size / 1316 * loss / 100 / 2))
		done
		ended net$loss
	done
	test "$(count a output_resent_packets o8)" -ge $((size / 1316 / 10))
	test "$(count a output_arq_requests o8)" -ge "$(count a output_resent_packets o8)"
	count a ledger_ok | grep -x 1
'
check 'a short buffer and a short way, 30 % lost: it is asked for again and again in that time' '
	one=$(free_port) one2=$(free_port)
	impair nets -S 7 -t loss=30% -b loss=30% "$one=127.0.0.1:$one2"
	relay s -i "rist://@127.0.0.1:$one2?buffer=150ms" -o s.ts
	relay a -i "udp://127.0.0.1:$in" -o "rist://127.0.0.1:$one?buffer=150ms"
	says a ": connected"
	sleep 0.5
	send in.ts -o "udp://127.0.0.1:$in"
	sleep 0.5
	ended a
	ended s
	ended nets
	test "$(count s source_arq_recovered i1)" -ge $((size / 1316 / 10))
	sum=0
	for n in first second third fourth later
	do
		by=$(count s source_arq_recovered_$n i1)
		echo "$n $by"
		case $n in
		first | second | third) test "$by" -gt 0 ;;
		esac
		sum=$((sum + by))
	done
	count s source_arq_recovered i1 | grep -x "$sum"
	# With 50 ms between requests it is more than 30.
	count s not_recovered_packets
	test "$(count s not_recovered_packets)" -le 10
'
check 'two ways of RIST merged: what one could not ask for in time, the other has' '
	one=$(free_port) two=$(free_port) one2=$(free_port) two2=$(free_port)
	impair neta -t outage=2s+300ms/2s "$one=127.0.0.1:$one2"
	impair netb -t outage=3s+300ms/2s,delay=20ms "$two=127.0.0.1:$two2"
	relay m --merge --window 1s -i "rist://@127.0.0.1:$one2?buffer=100ms" \
		-i "rist://@127.0.0.1:$two2?buffer=100ms" -o out.ts
	relay a -i "udp://127.0.0.1:$in" -o "rist://127.0.0.1:$one?buffer=100ms" \
		-o "rist://127.0.0.1:$two?buffer=100ms"
	eventually sh -c "grep \": connected\" a.log | sort -u | wc -l | grep -x 2"
	send in.ts -o "udp://127.0.0.1:$in"
	eventually reads out.ts "$size"
	ended a
	ended m
	ended neta
	ended netb
	cmp in.ts out.ts
	test "$(count m source_total_packets i1)" -lt $((size / 1316 - 10))
	test "$(count m source_total_packets i2)" -lt $((size / 1316 - 10))
	count m ledger_ok | grep -x 1
'
check 'RTP and RIST merged' '
	one=$(free_port) two=$(free_port) one2=$(free_port)
	impair neta -t loss=5%,outage=2s+200ms/1s "$one=127.0.0.1:$one2"
	relay m --merge --window 3s -i "rtp://127.0.0.1:$one2" \
		-i "rist://@127.0.0.1:$two?buffer=1s" -o out.ts
	relay a -i "udp://127.0.0.1:$in" -o "rtp://127.0.0.1:$one" \
		-o "rist://127.0.0.1:$two?buffer=1s"
	says a ": connected"
	send in.ts -o "udp://127.0.0.1:$in"
	eventually reads out.ts "$size"
	ended a
	ended m
	ended neta
	cmp in.ts out.ts
	test "$(count m source_delivered_packets i2)" -gt 50
	test "$(count m source_other_leg_packets i2)" -gt 500
'
check 'a sender is killed and begins anew; a receiver likewise' '
	one=$(free_port)
	relay r -i "rist://@127.0.0.1:$one?buffer=1s" -o r.ts
	for round in 1 2
	do
		relay a$round -i "udp://127.0.0.1:$in" -o "rist://127.0.0.1:$one?buffer=1s"
		says a$round ": connected"
		send in.ts -o "udp://127.0.0.1:$in"
		eventually reads r.ts $((size * round))
		test $round -eq 2 || kill -9 "$(cat a$round.pid)"
	done
	# But for the packets that announce the other clock.
	perl -e "binmode STDIN;
		while (read(STDIN, my \$p, 188) == 188) {
			my (\$c, \$len, \$flags) = (unpack \"C6\", \$p)[3 .. 5];
			print \$p unless (\$c & 0x30) == 0x20 && \$len == 183 && \$flags == 0x80;
		}" <r.ts >plain.ts
	test "$(wc -c <plain.ts)" -gt $((2 * (size - 1316)))
	cat in.ts in.ts | head -c "$(wc -c <plain.ts)" | cmp plain.ts -
	now r ledger_ok | grep -x 1
	kill -9 "$(cat r.pid)"
	relay r -i "rist://@127.0.0.1:$one?buffer=1s" -o again.ts
	says r ": connected"
	sleep 1
	send in.ts -o "udp://127.0.0.1:$in"
	eventually reads again.ts "$size"
	cmp in.ts again.ts
	ended r
	ended a2
'
check 'outputs come, go and pause; one that nobody hears costs the others nothing' '
	in5=$(free_port) one=$(free_port) two=$(free_port) dead=$(free_port)
	relay e -i "rist://@127.0.0.1:$one?buffer=1s" -o e.ts
	relay q -i "rist://127.0.0.1:$two?buffer=1s" -o q.ts
	relay d -i "udp://127.0.0.1:$in5" -o stays.ts -o "rist://127.0.0.1:$one?buffer=1s" \
		-o "rist://127.0.0.1:$dead?buffer=1s" -o "rist://@127.0.0.1:$two?buffer=1s&name=p"
	eventually sh -c "grep \": connected\" d.log | sort -u | wc -l | grep -x 2"
	sleep 0.5
	send in.ts -o "udp://127.0.0.1:$in5" &
	sending=$!
	eventually test -s q.ts
	ctl d "pause p" | grep ok
	while kill -0 $sending 2>/dev/null
	do
		ctl d "add rist://127.0.0.1:$dead?buffer=1s&name=x" | grep -q ok
		ctl d "add rist://@127.0.0.1:0?name=y" | grep -q error
		ctl d "remove x" | grep -q ok
		sleep 0.05
	done
	ctl d "resume p" | grep ok
	send in.ts -o "udp://127.0.0.1:$in5"
	cat in.ts in.ts >both.ts
	eventually reads e.ts $((2 * size))
	eventually sh -c "tail -c 13160 in.ts >end; tail -c 13160 q.ts | cmp -s - end"
	now d output_connected o3 | grep -x 0
	now d ledger_ok | grep -x 1
	ended d
	ended e
	ended q
	cmp both.ts stays.ts
	cmp both.ts e.ts
	tail -c "$size" q.ts | cmp in.ts -
	count d output_dropped_packets o1 | grep -x 0
	test "$(count d output_skipped_packets p)" -gt 100
'

cat >fire.pl <<'END'
# At ports of RIST, until killed: the same each time, but for when.
use strict;
use warnings;
use IO::Socket::INET;
my @s = map { IO::Socket::INET->new(Proto => 'udp', PeerAddr => "127.0.0.1:$_") or die } @ARGV;
my $x = 7;
sub chance { $x = ($x * 1103515245 + 12345) % 2147483648; return int($x / 65536) % shift }
sub bytes { return join '', map { chr chance(256) } 1 .. shift }
for (my $n = 0; ; $n++) {
	my $rtp = pack 'CCnNN', 0x80, chance(4) ? 33 : chance(128), chance(65536), chance(65536), 2 * chance(4);
	my $rr = pack 'CCnN', 0x80, 201, 1, 2 * chance(4);
	my $sdes = pack('CCnNCC', 0x81, 202, 3, 2 * chance(4), 1, 5) . "other\0";
	my $nack = pack('CCnNa4nn', 0x80, 204, 3, 2 * chance(4), 'RIST', chance(65536), 65535);
	my $bits = pack('CCnNNnn', 0x81, 205, 3, 0, 0, chance(65536), 65535);
	my $what = chance(8);
	my $in = $what == 0 ? bytes(chance(80)) : $what == 1 ? $rtp . bytes(chance(200)) :
		$what == 2 ? $rr . $sdes . $nack : $what == 3 ? $rr . $sdes . $bits :
		$what == 4 ? $rr . $sdes : $what == 5 ? substr($rr . $sdes . $nack, 0, chance(40)) :
		$what == 6 ? $rtp . "\x47\x1f\xff\x10" . "\xff" x 184 : '';
	# Bare, as in the simple profile, or in the tunnel, with a key or without.
	my $how = chance(4);
	$in = pack('nnnn', 0, 0x88b6, 1971, 1968) . $in if $how == 1;
	$in = pack('nnNNnn', 0x3000, 0x88b6, $n + 1, $n, 1971, 1968) . $in if $how == 2;
	$in = pack('nn', chance(65536), 0x88b5) . $in if $how == 3 && chance(2);
	$s[chance(scalar @s)]->send($in);
	select undef, undef, undef, 0.002;
}
END
twice 'datagrams of all kinds on ports with a key, and the stream with another key' '
	in6=$(free_port) k=$(free_port) l=$(free_port)
	relay v -i "rist://@127.0.0.1:$k?buffer=1s&secret-file=key" -o v.ts
	relay x -i "rist://127.0.0.1:$l?buffer=1s&secret-file=key" -o x.ts
	relay y -i "udp://127.0.0.1:$in6" -o "rist://127.0.0.1:$k?buffer=1s&secret-file=key" \
		-o "rist://@127.0.0.1:$l?buffer=1s&secret-file=key"
	eventually sh -c "grep \": connected\" y.log | sort -u | wc -l | grep -x 2"
	sleep 0.5
	send in.ts -o "udp://127.0.0.1:$in6" &
	sending=$!
	eventually test -s v.ts
	eventually test -s x.ts
	perl fire.pl "$k" "$l" 2>fire.log &
	echo $! >fire.pid
	relay z -i in.ts -o "rist://127.0.0.1:$k?buffer=1s&secret-file=wrong"
	wait $sending
	for name in v x
	do
		eventually reads $name.ts $((size - 1316))
		now $name ledger_ok | grep -x 1
	done
	sleep 0.2
	kill "$(cat fire.pid)"
	eventually grep -x 0 z.status
	for name in v x y
	do
		ended $name
	done
	cmp in.ts v.ts
	cmp in.ts x.ts
'
done_testing
