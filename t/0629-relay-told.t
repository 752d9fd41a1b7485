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
done_testing
