#!/bin/sh
# mconnect-relay: what it says of rates and readers, and what it refuses to loop.
. "$(dirname "$0")/lib.sh"
. "$top/t/relay.sh"

need 'no perl' perl -MJSON::PP -e 1
cbr in.ts 4 5
one=$(free_port) two=$(free_port) web=$(free_port)
export one two web

metric () {
	perl -MIO::Socket::INET -e '
		my $s = IO::Socket::INET->new("127.0.0.1:$ARGV[0]") or die "no metrics\n";
		print $s "GET /metrics HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n";
		while (<$s>) { print "$1\n" if /^\Qmconnect_$ARGV[1]\E (\d+)/ }' "$web" "$1"
}

# about NUMBER: it is 5 Mb/s, but for a tenth
about () {
	test "$1" -gt 4500000
	test "$1" -lt 5500000
}

nobody () {
	now r output_connected o1 | grep -qx 0
}

relay r -i "udp://127.0.0.1:$one" -o "udp://127.0.0.1:$two" -o out.ts \
	--metrics "127.0.0.1:$web"
check 'rates, of the whole, sources and outputs, for both kinds of readers' '
	send in.ts -o "udp://127.0.0.1:$one" & sender=$!
	sleep 3
	about "$(metric bit_rate)"
	about "$(metric "source_bit_rate{source=\"i1\"}")"
	about "$(metric "output_bit_rate{output=\"o2\"}")"
	about "$(now r bit_rate)"
	about "$(now r source_bit_rate i1)"
	about "$(now r output_bit_rate o2)"
	nobody
	wait $sender
'
check 'where nobody is, nothing is connected, and that is one disconnection' '
	test "$(now r output_disconnections o1)" -eq 1
	now r ledger_ok | grep -x 1
	ended r
	cmp in.ts out.ts
'
check 'a name is a short text, and a file can have one' '
	long=12345678901234567890123456789012
	fails 2 mconnect-relay -i "udp://127.0.0.1:$one?name=$long" -o x.ts 2>err
	grep "the name .$long. is longer than 31 bytes" err
	fails 2 mconnect-relay -i "udp://127.0.0.1:$one" -o "udp://127.0.0.1:$two?name=a%0Ab" 2>err
	grep "a control character" err
	fails 2 mconnect-relay -i "udp://127.0.0.1:$one?name=" -o x.ts 2>err
	grep "the name is empty" err
	relay f -i "udp://127.0.0.1:$one?name=${long%2}" -o "file://named.ts?name=it" -o "a.ts?name=x"
	ctl f list | grep "\"id\":\"it\",\"url\":\"file://named.ts"
	test -e named.ts
	test -e "a.ts?name=x"
	ctl f "add file://other.ts?colour=red" | grep "what is .colour"
	ctl f "add named.ts" | grep "it is an output"
	ctl f "remove it" | grep ok
	ended f
'
check 'what is wrong is said as it is, once' '
	fails 2 mconnect-relay -i "rtp://127.0.0.1:$one?fec=auto&fec=auto" -o x.ts 2>err
	grep ": .fec. is there twice" err
	fails 2 mconnect-relay -i "rtp://127.0.0.1:$one?fec=auto&fex=auto" -o x.ts 2>err
	grep "what is .fex" err
	for tos in 0x100 0x 0xg 256 b8
	do
		fails 2 mconnect-relay -i "udp://127.0.0.1:$one" -o "udp://127.0.0.1:$two?tos=$tos"
	done
	relay f -i "udp://127.0.0.1:$one" -o "udp://127.0.0.1:$two?tos=0xb8" \
		-o "srt://:$two?iptos=0xb8"
	ended f
	fails 1 mconnect-relay -i "udp://127.0.0.1:$one" -o udp://no.such.host.invalid:5 2>err
	grep "no address of .no.such.host.invalid.: [^:]*\$" err
	fails 2 mconnect-relay -i "udp://127.0.0.1:$one" -o x.ts --stats fd:x
	fails 2 mconnect-relay grant -f grants.json --expires yesterday ann 2>err
	grep "neither a time such as .* nor one from now such as 24h" err
	fails 2 mconnect-relay -i "rist://:$two" -o x.ts 2>err
	grep "it has no host; what is called is rist://@:$two" err
'
check 'what would come back is refused, at the start and later' '
	for address in "udp://127.0.0.1:$one" "rtp://127.0.0.1:$one"
	do
		fails 2 mconnect-relay -i "udp://127.0.0.1:$one" -o "$address" 2>err
		grep "$address.: it would come back by .udp://127.0.0.1:$one" err
		fails 2 mconnect-relay -i "udp://:$one" -o "$address" 2>err
		grep "it would come back by" err
	done
	relay l -i "udp://127.0.0.1:$one" -o "udp://127.0.0.1:$two" -o "udp://127.0.0.2:$one"
	ctl l "add udp://127.0.0.1:$one" | grep "it would come back by"
	ctl l "add-input udp://:$two" | grep "udp://127.0.0.1:$two. sends there"
	ctl l "add-input udp://127.0.0.3:$two" | grep ok
	ended l
'
check 'a group may go to another interface, and not to its own' '
	fails 2 mconnect-relay -i "udp://@239.1.1.1:$one?iface=lo" \
		-o "udp://239.1.1.1:$one?iface=lo" 2>err
	grep "it would come back by" err
	relay g -i "udp://@239.1.1.1:$one?iface=lo" -o "udp://239.1.1.2:$one?iface=lo"
	ended g
'

# highest KEY: of all seconds, of the source
highest () {
	perl -MJSON::PP -ne 'BEGIN { $key = shift @ARGV; $most = 0 }
		my $o = decode_json($_); my $v = $o->{sources}[0]{$key} // 0;
		$most = $v if $v > $most; END { print "$most\n" }' "$1" h.stats
}

check 'what a network loses, by the names of MediaConnect' '
	relay h -i "rtp://127.0.0.1:$one" -o h.ts
	impair n -S 5 -t loss=5% "$two=127.0.0.1:$one"
	send in.ts -o "rtp://127.0.0.1:$two"
	sleep 1.2		# its numbers, once more
	ended h
	ended n
	lost=$(count h source_not_recovered_packets i1)
	test "$lost" -gt 50
	count h source_missing_packets i1 | grep -x "$lost"
	count h missing_packets | grep -x "$lost"
	count h source_recovered_packets i1 | grep -x 0
	highest source_packet_loss_percent | perl -ne "exit !(\$_ > 2 && \$_ < 15)"
	test "$(highest source_consecutive_drops)" -ge 1
	test "$(highest source_uptime)" -ge 2
	highest source_jitter | perl -ne "exit !(\$_ < 5000)"
'
check 'and what FEC gave of it' '
	port=$(free_ports 6) far=$(free_ports 6)
	relay f --window 500ms -i "rtp://127.0.0.1:$port?fec=auto" -o f.ts
	impair n -S 5 -t loss=2% "$far=127.0.0.1:$port"
	impair x "$((far + 2))=127.0.0.1:$((port + 2))" "$((far + 4))=127.0.0.1:$((port + 4))"
	send in.ts -o "rtp://127.0.0.1:$far?fec=5x5"
	sleep 1.2
	ended f
	ended n
	ended x
	missing=$(count f source_missing_packets i1) got=$(count f source_recovered_packets i1)
	test "$got" -gt 10
	test "$missing" -eq $((got + $(count f source_not_recovered_packets i1)))
	count f fec_recovered | grep -x "$got"
	count f recovered_packets | grep -x "$got"
'
done_testing
