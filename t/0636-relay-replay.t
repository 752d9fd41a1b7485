#!/bin/sh
# mconnect-relay: what is recorded and replayed comes out as it did; captures of others;
# recordings in pieces, on a full disk, of damaged files.
. "$(dirname "$0")/lib.sh"
. "$top/t/relay.sh"

need 'no perl' perl -MJSON::PP -e 1
clip in.ts 6s 3M
size=$(wc -c <in.ts)
one=$(free_port) two=$(free_port) three=$(free_port) four=$(free_port)
export size one two three four

# counts NAME: all that the last line counts, but for what hangs on the clock of the day,
# the kernel or the outputs
counts () {
	grep -v '"event"' "$1.stats" | tail -n 1 | perl -MJSON::PP -e '
		my $o = decode_json(<STDIN>);
		my $left = qr/^(time|tool|uptime_ms|url|memory_bytes|bit_rate|source_bit_rate|
			source_connected|source_selected|connected|dropped_packets|\w*loss_percent|
			\w*consecutive_\w+|source_uptime|source_merge_\w*(active|solo)|source_dropped_packets|source_junk_bytes|
			merge_active|merge_status_warn_solo|pacer_\w+|record_\w+)$/x;
		for my $s ($o, @{$o->{sources}}) {
			for (sort keys %$s) {
				print "$_ $s->{$_}\n" unless ref $s->{$_} or /$left/;
			}
		}'
}

# events NAME: without their times
events () {
	grep '"event"' "$1.stats" | perl -MJSON::PP -ne '
		my $o = decode_json($_);
		delete @{$o}{qw(time uptime_ms tool)};
		print JSON::PP->new->canonical->encode($o), "\n";'
}

# same NAME OPTION...: NAME.pcapng, replayed, is what NAME gave out to NAME.ts
same () {
	name=$1
	shift
	rm -f again.ts again.stats
	mconnect-relay -q "$@" --replay "$name.pcapng" -o again.ts -s again.stats
	cmp "$name.ts" again.ts
	counts "$name" >want
	test "$(wc -l <want)" -gt 20
	counts again >got
	diff want got
	events "$name" >want
	events again >got
	diff want got
}

check 'two legs with losses, late and swapped packets, merged: the same again' '
	relay a --merge --window 60ms -i "rtp://127.0.0.1:$one" -i "rtp://127.0.0.1:$two" \
		-o a.ts --record a.pcapng
	impair x -S 1 -t "loss=8%,jitter=30ms,overtake" "$three=127.0.0.1:$one"
	impair y -S 2 -t "loss=8%,delay=20ms,jitter=80ms,overtake" "$four=127.0.0.1:$two"
	send in.ts -o "rtp://127.0.0.1:$three" -o "rtp://127.0.0.1:$four"
	sleep 0.3
	ended a
	ended x
	ended y
	test "$(count a not_recovered_packets)" -gt 0
	test "$(count a source_late_packets i2)" -gt 0
	count a ledger_ok | grep -x 1
	count a record_dropped_blocks | grep -x 0
	same a --merge --window 60ms
	grep "event.*lost" again.stats
'
check 'its times are those of then' '
	perl -MJSON::PP -e "
		my @t = map { decode_json(\$_)->{time} } grep { /event/ } <STDIN>;
		print \"\$_\n\" for @t" <a.stats >want
	perl -MJSON::PP -e "
		my @t = map { decode_json(\$_)->{time} } grep { /event/ } <STDIN>;
		print \"\$_\n\" for @t" <again.stats >got
	paste want got | perl -MTime::Local -ne "
		my @s = map { /(\d+)-(\d+)-(\d+)T(\d+):(\d+):([\d.]+)Z/ or die \"\$_\";
			timegm(int \$6, \$5, \$4, \$3, \$2 - 1, \$1) + \$6 - int \$6 } split;
		die \"\$_\" if abs(\$s[0] - \$s[1]) > 0.1"
	test -s want
'
check 'faster than it was' '
	start=$(date +%s%N)
	mconnect-relay -q --merge --window 60ms --replay a.pcapng -o again.ts
	test $(($(date +%s%N) - start)) -lt 3000000000
'
check 'failover from one to another, and back: the same again' '
	relay b --failover --prefer --back 500ms --hot 200ms -i "udp://127.0.0.1:$one" \
		-i "udp://127.0.0.1:$two" -o b.ts --record b.pcapng
	send in.ts -o "udp://127.0.0.1:$two" & sender=$!
	eventually test -s b.ts
	mconnect-relay -q -i in.ts -o "udp://127.0.0.1:$one" & first=$!
	sleep 2
	kill $first
	wait $sender
	ended b
	test "$(count b failover_switches)" -gt 1
	same b --failover --prefer --back 500ms --hot 200ms
	grep -c failover_switch again.stats
'
check 'merged by content, with an input that comes and goes' '
	relay c --merge --by-content -i "udp://127.0.0.1:$one" -o c.ts --record c.pcapng
	impair z -S 3 -t loss=3% "$three=127.0.0.1:$two"
	send in.ts -o "udp://127.0.0.1:$one" -o "udp://127.0.0.1:$three" & sender=$!
	eventually test -s c.ts
	ctl c "add-input udp://127.0.0.1:$two?name=more" | grep ok
	sleep 1.5
	ctl c "remove-input i1" | grep ok
	sleep 1
	ctl c "add-input udp://127.0.0.1:$one?name=again" | grep ok
	wait $sender
	ended c
	ended z
	test "$(count c source_total_packets again)" -gt 100
	test "$(count c source_content_other_leg more)" -gt 100
	same c --merge --by-content
'
check 'a pipe and a file, whose pace is kept' '
	mconnect-relay -q -i in.ts -o d.ts --record d.pcapng -s d.stats
	cmp in.ts d.ts
	same d
	mconnect-relay -q -s e.stats --record e.pcapng <in.ts >e.ts
	cmp in.ts e.ts
	same e
'
check 'junk, and RTP of another type, is in it too' '
	relay f -i "rtp://127.0.0.1:$one" -o f.ts --record f.pcapng
	perl -MIO::Socket::INET -e "
		my \$s = IO::Socket::INET->new(Proto => q(udp), PeerAddr => qq(127.0.0.1:$one));
		print {\$s} q(hello) for 1 .. 3; print {\$s} pack q(CCnNNa188), 128, 14, 1, 2, 3, q(G);
		send \$s, q(), 0"
	send in.ts -o "rtp://127.0.0.1:$one"
	ended f
	count f source_refused_packets i1 | grep -x 5
	same f
'
check 'in pieces, which are whole together and alone' '
	relay g --merge -i "rtp://127.0.0.1:$one" -i "rtp://127.0.0.1:$two" -o g.ts \
		--record g.piece.pcapng --record-every 1s
	send in.ts -o "rtp://127.0.0.1:$one" -o "rtp://127.0.0.1:$two"
	ended g
	test "$(ls g.piece-0000?.pcapng | wc -l)" -ge 5
	cat g.piece-*.pcapng >g.pcapng
	same g --merge
	for piece in g.piece-0000[1-4].pcapng
	do
		mconnect-relay -q --merge --replay "$piece" | cat >part.ts
		test "$(wc -c <part.ts)" -gt 50000
		perl -e "local \$/; open my \$a, q(<), q(g.ts); open my \$b, q(<), q(part.ts);
			exit(index(<\$a>, <\$b>) < 0)"
	done
	TZ=EST5 mconnect-relay -q -i in.ts -o h.ts --record "h-%Y-%H.pcapng"
	ls "h-$(date -u +%Y-%H).pcapng"
'
check 'to a pipe whose reader is slow: all of it' '
	mkfifo slow
	mconnect-relay -q --merge --window 60ms --replay a.pcapng -o slow & replay=$!
	perl -e "open my \$f, q(<), q(slow) or die; binmode STDOUT; select undef, undef, undef, 0.3;
		while (sysread \$f, my \$b, 20000) { print \$b; select undef, undef, undef, 0.002 }" >slow.ts
	wait $replay
	cmp a.ts slow.ts
'
check 'mistakes: status 2 and 3, and what is wrong' '
	fails 3 mconnect-relay --replay in.ts -o out 2>err
	grep "no capture" err
	fails 1 mconnect-relay --replay no-such -o out 2>err
	grep "no-such" err
	fails 2 mconnect-relay --replay a.pcapng -o udp://127.0.0.1:1 2>err
	grep "no pace" err
	fails 2 mconnect-relay --replay a.pcapng --control sock -o out
	fails 2 mconnect-relay --replay a.pcapng -i in.ts -o out 2>err
	grep "udp:// and rtp://" err
	fails 2 mconnect-relay --replay a.pcapng -i udp://localhost:1 -o out 2>err
	grep "no address in numbers" err
	fails 2 mconnect-relay --record-every 1s -i in.ts -o out
	fails 1 mconnect-relay --record /no/such/folder -i in.ts -o out
	fails 2 mconnect-relay --record a%q -i in.ts -o out
	: >empty
	fails 3 mconnect-relay --replay empty -o out 2>err
	grep "nothing in .empty" err
	# What is read is not written.
	cp in.ts in.before
	fails 2 mconnect-relay --record in.ts -i in.ts -o out 2>err
	grep "record .in.ts.: it is an input" err
	fails 2 mconnect-relay -i in.ts -o ./in.ts 2>err
	grep "it is an input" err
	cmp in.ts in.before
	cp a.pcapng a.before
	fails 2 mconnect-relay --replay a.pcapng -o a.pcapng
	cmp a.pcapng a.before
	fails 2 mconnect-relay --record - -i in.ts -o out
'
check 'damaged and cut recordings are used as far as they go' '
	head -c 1000000 a.pcapng >cut.pcapng
	mconnect-relay --merge --window 60ms --replay cut.pcapng -o cut.ts 2>err
	grep "middle of a packet" err
	bytes=$(wc -c <cut.ts)
	test "$bytes" -gt 200000
	head -c 200000 a.ts >want
	head -c 200000 cut.ts | cmp want -
	perl -pe "BEGIN { \$/ = undef } substr(\$_, 500000, 4000) = chr(255) x 4000" <a.pcapng >bad.pcapng
	mconnect-relay --merge --window 60ms --replay bad.pcapng -o bad.ts 2>err
	grep "damaged" err
	head -c 100000 a.ts >want
	head -c 100000 bad.ts | cmp want -
'

# ---- others' captures
# made OPTION...: a capture of in.ts, made here: t/captures.pl
made () {
	perl "$top/t/captures.pl" "$@" <in.ts
}
check 'pcap and pcapng of both byte orders, micro- and nanoseconds' '
	for format in pcap pcap-ns pcap-big pcap-ns-big pcapng pcapng-big
	do
		made "$format" ethernet >x.pcap
		mconnect-relay -q --replay x.pcap -i "rtp://:5000" | cmp in.ts -
	done
'
check 'over every kind of link' '
	for link in ethernet vlan qinq cooked cooked2 raw null ethernet6 vlan6 raw6 options6
	do
		made pcap "$link" >x.pcap
		mconnect-relay -q --replay x.pcap -i "rtp://:5000" | cmp in.ts -
	done
'
check 'inputs are picked by port, address and sender' '
	made pcap ethernet >x.pcap
	for address in rtp://10.0.0.2:5000 rtp://10.0.0.1@10.0.0.2:5000 "rtp://10.0.0.1@:5000?name=x"
	do
		mconnect-relay -q --replay x.pcap -i "$address" | cmp in.ts -
	done
	for address in rtp://:5001 rtp://10.0.0.3:5000 rtp://10.0.0.9@:5000 "rtp://[::1]:5000"
	do
		fails 3 mconnect-relay --replay x.pcap -i "$address" -o none.ts 2>err
		grep "no datagram of [0-9]* was of an input" err
		test ! -s none.ts
	done
'
check 'fragments, cut packets and what is no UDP are passed over, and counted' '
	made pcap ethernet odd >x.pcap
	mconnect-relay -v --replay x.pcap -i "rtp://:5000" -o x.ts 2>err
	cmp in.ts x.ts
	grep "1 packets were not captured whole" err
	grep "other=2 fragments=1" err
'
check 'two legs of a capture are merged, in its time' '
	made pcap ethernet two >x.pcap
	mconnect-relay -q --merge --window 100ms --replay x.pcap -i rtp://:5000 -i rtp://:5010 \
		-s x.stats -o x.ts
	cmp in.ts x.ts
	test "$(count x source_other_leg_packets i2)" -gt 100
	count x not_recovered_packets | grep -x 0
	count x ledger_ok | grep -x 1
'
check 'a day goes by as if it were nothing, and a clock that was set back is followed' '
	made pcap ethernet day >x.pcap
	mconnect-relay -q --replay x.pcap -i "rtp://:5000" -s day.stats | cmp in.ts -
	made pcap ethernet back >x.pcap
	mconnect-relay -q --replay x.pcap -i "rtp://:5000" | cmp in.ts -
'
if command -v tcpdump >/dev/null
then
	me=$(id -un)	# or it changes to a user of its own, who may not look in here
	export me
	check 'tcpdump reads a recording' '
		tcpdump -Z "$me" -nr a.pcapng udp 2>/dev/null >listed
		test "$(wc -l <listed)" -eq "$(count a record_packets)"
		grep -m 1 "192.0.2.1.$one > 192.0.2.2.$one: UDP, length 1328" listed
	'
	if tcpdump -i lo -L >/dev/null 2>&1
	then
		check 'what tcpdump captured, as the relay had it' '
			(exec tcpdump -Z "$me" -i lo --immediate-mode -U -w live.pcap udp port "$one" 2>dump.log) &
			echo $! >tcpdump.pid
			eventually grep listening dump.log
			relay h -i "rtp://127.0.0.1:$one" -o h.ts
			impair z "$three=127.0.0.1:$one"	# the relay itself sends some as one
			send in.ts -o "rtp://127.0.0.1:$three"
			eventually reads h.ts $((size / 1316 * 1316))
			ended z
			ended h
			sleep 0.5
			kill "$(cat tcpdump.pid)"
			mconnect-relay -q --replay live.pcap -i "rtp://127.0.0.1:$one" | cmp h.ts -
		'
	else
		skip 'what tcpdump captured' 'may not capture'
	fi
else
	skip 'tcpdump reads a recording' 'no tcpdump'
	skip 'what tcpdump captured' 'no tcpdump'
fi

# ---- a long time
check 'an hour with outages, drift and wraps: all that one leg brings, in bounded memory' '
	sh "$top/t/bench/soak.sh" 1 >soaked || { cat soaked; false; }
	test "$(grep -c "min: VmRSS .* 0 with a ledger" soaked)" -ge 5
	grep "holes [1-9].* disorder 0" soaked
'
check 'and when what it looks at cannot run, it ends' '
	mkdir bare
	ln -s "$BUILD/mconnect-relay" bare
	BUILD=$PWD/bare fails 1 timeout 20 sh "$top/t/bench/soak.sh" 1
'

# ---- disks
check 'a disk that is full ends the recording, and nothing else' '
	relay i -i "udp://127.0.0.1:$one" -o i.ts --record /dev/full
	send in.ts -o "udp://127.0.0.1:$one"
	grep "No space left.*\|cannot write ./dev/full" i.log
	now i record_active | grep -x 0
	ended i
	cmp in.ts i.ts
	test "$(grep -c /dev/full i.log)" -eq 1
'
check 'a disk that hangs loses the recording, and nothing else' '
	mkfifo disk
	(exec 9<disk; eventually test -e go) &
	relay j -i "udp://127.0.0.1:$one" -o j.ts --record disk
	senders=
	for _ in 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16 17 18 19 20
	do
		mconnect-relay -q --smooth 1ms -i in.ts -o "udp://127.0.0.1:$one" &
		senders="$senders $!"
	done
	wait $senders
	test "$(now j record_dropped_blocks)" -gt 0
	count j output_dropped_packets o1 | grep -x 0
	test "$(now j total_packets)" -gt $((size / 188 * 9))
	: >go
	ended j
'
done_testing
