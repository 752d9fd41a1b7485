#!/bin/sh
# mconnect-relay with FEC: what a network loses is recovered wherever the code can, and
# nothing else is missing, as the network's log says; with other people's senders and
# receivers; matrices that change, numbers that wrap, FEC that is none.
. "$(dirname "$0")/lib.sh"
. "$top/t/relay.sh"
. "$top/t/gstfec.sh"

need 'no perl' perl -MJSON::PP -e 1
cbr in.ts 5 4
size=$(wc -c <in.ts)

a1=$(free_ports 6) a2=$(free_ports 6) b1=$(free_ports 6) b2=$(free_ports 6)
export size a1 a2 b1 b2

# lossy NAME SEED SPEC [FEC_SPEC]: a network from ports a1 to a2, or b1 to b2 for NAME b;
# NAME.net is the log of the media, NAMEf.net of the FEC
lossy () {
	if test "$1" = a
	then from=$a1 to=$a2
	else from=$b1 to=$b2
	fi
	impair "$1" -S "$2" -t "$3" "$from=127.0.0.1:$to"
	impair "$1f" -S "$2" -t "${4:-loss=0%}" "$((from + 2))=127.0.0.1:$((to + 2))" \
		"$((from + 4))=127.0.0.1:$((to + 4))"
}

# came FILE: all of in.ts but the datagram that its last packets begin
came () {
	eventually reads "$1" $((size / 1316 * 1316))
}

# What a check that failed has left would fail the next.
fresh () {
	# shellcheck disable=SC2046
	kill -9 $(cat ./*.pid 2>/dev/null) 2>/dev/null || :
	rm -f ./*.pid ./*.ts.log out.ts
}

calm () {
	for net
	do
		ended "$net"
		ended "${net}f"
	done
}

# as_coded NAME LxD PACKETS NET...: what relay NAME lacks is what the code cannot give
as_coded () {
	name=$1
	shift
	perl "$top/t/fecbound.pl" "$@" >coded
	cat coded
	lost=$(sed 's/lost=\([0-9]*\) .*/\1/' coded)
	remain=$(sed 's/.*remain=\([0-9]*\) .*/\1/' coded)
	test "$lost" -gt 0
	count "$name" not_recovered_packets
	count "$name" not_recovered_packets | grep -qx "$remain"
	count "$name" ledger_ok | grep -x 1
}

datagrams () {
	echo $((($(wc -c <"$1") + 1315) / 1316))
}

# ---- ours to ours

for matrix in 5x5 10x5,staircase 10x10 20x5 1x10,columns
do
	export matrix
	check "nothing lost, $matrix: the same comes out, and the matrix is known" '
		fresh
		relay r -i "rtp://127.0.0.1:$a2?fec=auto" -o out.ts
		send in.ts -o "rtp://127.0.0.1:$a2?fec=$matrix"
		came out.ts
		ended r
		cmp in.ts out.ts
		test "$(count r source_fec_columns i1)x$(count r source_fec_rows i1)" = "${matrix%%,*}"
		test "$(count r source_fec_packets i1)" -gt 100
		count r source_fec_recovered i1 | grep -x 0
		count r source_fec_false_packets i1 | grep -x 0
		count r not_recovered_packets | grep -x 0
		count r ledger_ok | grep -x 1
	'
done
check '3 % of the media lost, 5x5: every byte is there' '
	fresh
	lossy a 3 loss=3%
	relay r -i "rtp://127.0.0.1:$a2?fec=auto" -o out.ts
	send in.ts -o "rtp://127.0.0.1:$a1?fec=5x5"
	came out.ts
	ended r
	cmp in.ts out.ts
	calm a
	as_coded r 5x5 "$(datagrams in.ts)" a
	test "$(count r source_fec_recovered i1)" -eq "$lost"
	test "$(count r source_fec_recovered_row i1)" -gt 20
	test "$(($(count r source_fec_recovered_row i1) + $(count r source_fec_recovered_column i1)))" \
		-eq "$lost"
	test "$(count r source_delivered_packets i1)" -eq "$(datagrams in.ts)"
'
check 'without FEC at the receiver it is not: the network loses' '
	fresh
	lossy a 3 loss=3%
	relay r -i "rtp://127.0.0.1:$a2" -o out.ts
	send in.ts -o "rtp://127.0.0.1:$a1?fec=5x5"
	sleep 0.3
	ended r
	calm a
	fails 1 cmp in.ts out.ts
	test "$(count r not_recovered_packets)" -gt 20
'
check 'of media and FEC 20 % lost: what remains is what the code cannot give' '
	fresh
	lossy a 4 loss=20% loss=20%
	relay r --window 500ms -i "rtp://127.0.0.1:$a2?fec=auto" -o out.ts
	send in.ts -o "rtp://127.0.0.1:$a1?fec=10x5"
	sleep 0.5
	ended r
	calm a
	as_coded r 10x5 "$(datagrams in.ts)" a
	test "$remain" -gt 10
	test "$(count r source_fec_recovered_column i1)" -gt 20
'
check 'columns only, in bursts' '
	fresh
	lossy a 5 loss=4%,burst=5
	relay r --window 500ms -i "rtp://127.0.0.1:$a2?fec=auto" -o out.ts
	send in.ts -o "rtp://127.0.0.1:$a1?fec=10x5,columns"
	sleep 0.5
	ended r
	calm a
	as_coded r 10x5c "$(datagrams in.ts)" a
	count r source_fec_recovered_row i1 | grep -x 0
	test "$(count r source_fec_recovered_column i1)" -gt 20
'
check 'two legs that lose, merged, FEC of both for both; late and out of order' '
	fresh
	lossy a 6 loss=15%,delay=5ms,jitter=3ms,overtake loss=15%,delay=5ms
	lossy b 7 loss=15%,delay=30ms,jitter=5ms,overtake loss=15%,delay=30ms
	relay r --merge --window 500ms -i "rtp://127.0.0.1:$a2?fec=auto" \
		-i "rtp://127.0.0.1:$b2?fec=auto" -o out.ts
	send in.ts -o "rtp://127.0.0.1:$a1?fec=5x5" -o "rtp://127.0.0.1:$b1?fec=5x5"
	sleep 0.5
	ended r
	calm a b
	as_coded r 5x5 "$(datagrams in.ts)" a b
	test "$lost" -gt 20
	test "$remain" -gt 0 || cmp in.ts out.ts
	count r source_merge_mismatch_packets i2 | grep -x 0
'
check 'numbers that wrap, and a matrix that changes, from other hands' '
	fresh
	relay r -i "rtp://127.0.0.1:$a2?fec=auto" -o out.ts
	"$BUILD/t/helper/fec" send -m 10x5 -n 500 -L 20 "$a2" <in.ts
	came out.ts
	ended r
	cmp in.ts out.ts
	test "$(count r source_fec_changes i1)" -ge 2
	test "$(count r source_fec_recovered i1)" -gt 20
	count r not_recovered_packets | grep -x 0
	count r ledger_ok | grep -x 1
'
check 'headers that are kept have FEC as well, and what is recovered has its header' '
	fresh
	lossy a 8 loss=2%
	relay r --keep-header -i "rtp://127.0.0.1:$a2?fec=auto" -o "rtp://127.0.0.1:$b1?fec=5x5" \
		-o out.ts
	lossy b 9 loss=2%
	relay s --merge -i "rtp://127.0.0.1:$b2?fec=auto" -o again.ts
	send in.ts -o "rtp://127.0.0.1:$a1?fec=5x5"
	came out.ts
	came again.ts
	ended r
	ended s
	cmp in.ts out.ts
	cmp in.ts again.ts
	calm a b
	test "$(count s source_fec_recovered i1)" -gt 10
	count s source_restarts i1 | grep -x 0
'
check 'a leg with FEC and one without; FEC alone; a leg with FEC that goes and comes' '
	fresh
	lossy a 10 loss=5%
	relay r --merge --window 150ms -i "rtp://127.0.0.1:$a2?fec=auto&name=a" \
		-i "rtp://127.0.0.1:$b2?name=b" -o out.ts
	"$BUILD/t/helper/fec" send -L 1000 "$a2" <in.ts	# before any media
	test "$(now r source_fec_packets a)" -gt 100
	test "$(now r source_total_packets a)" -eq 0
	send in.ts -o "rtp://127.0.0.1:$a1?fec=5x5" -o "rtp://127.0.0.1:$b2" &
	eventually test -s out.ts
	sleep 1
	ctl r "remove-input b" | grep ok
	sleep 1
	ctl r "add-input rtp://127.0.0.1:$b2?name=b" | grep ok
	sleep 0.5
	ctl r "remove-input a" | grep ok
	sleep 0.5
	ctl r "add-input rtp://127.0.0.1:$a2?fec=auto&name=a" | grep ok
	wait $!
	came out.ts
	test "$(now r ledger_ok)" -eq 1
	ended r
	cmp in.ts out.ts
	calm a
'
check 'failover: each leg has its own, which the one in use is whole by' '
	fresh
	lossy a 11 loss=3%
	relay r --failover -i "rtp://127.0.0.1:$a2?fec=auto" -i "rtp://127.0.0.1:$b2?fec=auto" \
		-o out.ts
	send in.ts -o "rtp://127.0.0.1:$a1?fec=5x5"
	came out.ts
	ended r
	cmp in.ts out.ts
	calm a
	test "$(count r source_fec_recovered i1)" -gt 20
	count r source_fec_packets i2 | grep -x 0
	count r ledger_ok | grep -x 1
'
# same OPTION...: a recording of r, replayed, is what r gave
same () {
	rm -f again.ts again.stats
	mconnect-relay -q "$@" -o again.ts -s again.stats
	cmp out.ts again.ts
	for name in source_fec_packets source_fec_recovered source_fec_recovered_row \
		source_fec_recovered_column source_fec_columns source_delivered_packets
	do
		count again "$name" i1 | grep -x "$(count r "$name" i1)"
	done
	count again not_recovered_packets | grep -x "$(count r not_recovered_packets)"
	count again ledger_ok | grep -x 1
}
for options in '--window 300ms' '--merge' '--merge --window 300ms' '--merge --by-content'
do
	export options
	check "a recording has the FEC, and what it gave is given again: $options" '
		fresh
		lossy a 17 loss=8% loss=8%
		relay r $options -i "rtp://127.0.0.1:$a2?fec=auto" -o out.ts --record r.pcapng
		send in.ts -o "rtp://127.0.0.1:$a1?fec=5x5"
		sleep 0.3
		ended r
		calm a
		test "$(count r source_fec_recovered i1)" -gt 50
		same $options --replay r.pcapng
	'
done
check 'of a capture of others FEC is used, where fec=auto says so' '
	fresh
	lossy a 18 loss=3%
	relay r --window 500ms -i "rtp://127.0.0.1:$a2?fec=auto" -o out.ts --record r.pcapng
	send in.ts -o "rtp://127.0.0.1:$a1?fec=5x5"
	came out.ts
	ended r
	calm a
	cmp in.ts out.ts
	# An input that is picked: the recording is as any capture.
	for options in "" --merge "--window 500ms"
	do
		mconnect-relay -q $options --replay r.pcapng -i "rtp://:$a2?fec=auto" |
			cmp in.ts -
	done
	mconnect-relay -q --replay r.pcapng -i "rtp://:$a2?fec=no" -o without.ts -s without.stats
	test "$(wc -c <without.ts)" -lt "$size"
	count without source_total_packets i1 | grep -x "$(count r source_total_packets i1)"
	fails 2 mconnect-relay --replay r.pcapng -i "rtp://:$a2?fec=5x5" -o none.ts 2>err
	grep "auto or no" err
	fails 2 mconnect-relay --replay r.pcapng -i "udp://:$a2?fec=auto" -o none.ts
'
check 'the window becomes as long as the matrix needs, or a warning says so' '
	fresh
	for window in "" "--window 50ms"
	do
		relay r $window -i "rtp://127.0.0.1:$a2?fec=auto" -o out.ts
		send in.ts -o "rtp://127.0.0.1:$a2?fec=10x10"
		came out.ts
		ended r
		cmp in.ts out.ts
		# 200 packets of 4 Mb/s, more or less.
		test "$(count r source_fec_window_us i1)" -gt 400000
		test "$(count r source_fec_window_us i1)" -lt 900000
		if test -z "$window"
		then fails 1 grep "yours is shorter" r.log
		else grep "yours is shorter" r.log
		fi
	done
'
check 'limits: what is no matrix is refused, and why is said' '
	fresh
	for bad in 3x5 5x3 21x4 4x21 11x10 5 5x 5x5,rows 5x5,,columns 0x4,columns -5x5 5x5x5 99999999999x5 ""
	do
		fails 2 mconnect-relay -i /dev/null -o "rtp://127.0.0.1:$a1?fec=$bad" 2>err
		cat err
		grep "fec" err
	done
	fails 2 mconnect-relay -i /dev/null -o "udp://127.0.0.1:$a1?fec=5x5"
	fails 2 mconnect-relay -i "rtp://127.0.0.1:$a2?fec=5x5" -o out.ts
	fails 2 mconnect-relay -i "udp://127.0.0.1:$a2?fec=auto" -o out.ts
	fails 2 mconnect-relay -i "rtp://127.0.0.1:65532?fec=auto" -o out.ts
	fails 2 mconnect-relay -i /dev/null -o "rtp://127.0.0.1:65533?fec=5x5"
	relay r -i "rtp://127.0.0.1:$((a2 + 4))" -o out.ts
	fails 1 mconnect-relay -i "rtp://127.0.0.1:$a2?fec=auto" -o other.ts 2>err
	ended r
	grep "port $((a2 + 4)), for rows of FEC" err
'
cat >fire.pl <<'END'
# Until killed, at the ports of FEC: all that is none, or not of this stream.
use strict;
use warnings;
use IO::Socket::INET;
my @s = map { IO::Socket::INET->new(Proto => 'udp', PeerAddr => "127.0.0.1:$_") or die } @ARGV;
my $x = 7;
sub chance { $x = ($x * 1103515245 + 12345) % 2147483648; return int($x / 65536) % shift }
for (my $n = 0; ; $n++) {
	my $what = chance(6);
	my $header = pack 'CCnNN', 0x80 | ($what == 1 ? chance(64) : 0), 96, $n & 0xffff, $n, 0;
	# A matrix that changes each packet, sums of anything, masks, codes that are none.
	my $fec = pack 'nnCCCCNCCCC', chance(65536), $what == 2 ? chance(65536) : 1316, 0x80 | 33,
		$what == 3 ? 1 : 0, 0, 0, $n, $what == 4 ? chance(256) : chance(2) * 0x40,
		$what == 5 ? 0 : 1 + chance(255), 1 + chance(255), 0;
	# Not sums of packets that begin with a sync byte, or they could be true.
	my $p = $header . $fec . chr(1 + chance(60)) x 1316;
	$s[chance(scalar @s)]->send($what == 0 ? substr $p, 0, chance(60) : $p);
	select undef, undef, undef, 0.001 if $n % 4 == 0;
}
END
cat >sent.pl <<'END'
# Is each packet of the second file one of the first?
use strict;
use warnings;
my (%there, $n);
$/ = \188;
for my $name (@ARGV) {
	open my $f, '<', $name or die "$name: $!\n";
	while (<$f>) {
		if ($name eq $ARGV[0]) { $there{$_} = 1 } elsif ($n++, !$there{$_}) {
			die "not sent: ", unpack('H*', $_), "\n";
		}
	}
}
die "nothing\n" if !$n;
END
check 'FEC that is none, or of something else: counted, and the stream is as it was' '
	fresh
	lossy a 12 loss=3%
	relay r -i "rtp://127.0.0.1:$a2?fec=auto" -o out.ts
	send in.ts -o "rtp://127.0.0.1:$a1?fec=5x5" &
	sending=$!
	eventually test -s out.ts
	perl fire.pl $((a2 + 2)) $((a2 + 4)) 2>fire.log &
	echo $! >fire.pid
	wait $sending
	kill "$(cat fire.pid)"
	sleep 0.5
	test "$(now r source_fec_refused_packets i1)" -gt 100
	test "$(now r ledger_ok)" -eq 1
	ended r
	calm a
	count r source_fec_changes i1
	count r source_fec_false_packets i1
	# What is recovered is what was sent: nothing else comes out.
	perl sent.pl in.ts out.ts
	test "$(wc -c <out.ts)" -gt $((size * 9 / 10))
'

# ---- other people's

if command -v ffmpeg >/dev/null
then
	check 'ffmpeg sends FEC, 2 % is lost: nothing is missing' '
		fresh
		lossy a 13 loss=2%
		relay r -i "rtp://127.0.0.1:$a2?fec=auto" -o out.ts
		clip film.ts 5s 4M
		ffmpeg -nostdin -v error -re -i film.ts -map 0 -c copy -f rtp_mpegts \
			-fec prompeg=l=5:d=5 "rtp://127.0.0.1:$a1?pkt_size=1328"
		sleep 1
		ended r
		calm a
		lost=$(grep -c loss a.net)
		test "$lost" -gt 10
		count r not_recovered_packets | grep -x 0
		count r continuity_counter | grep -x 0
		# The last ones may be of a matrix that was not whole.
		test "$(count r source_fec_recovered i1)" -ge $((lost - 2))
		count r source_fec_columns i1 | grep -x 5
		for f in film out
		do
			ffmpeg -nostdin -v error -i $f.ts -map 0:v -c copy -f framehash - |
				grep -v "^#" | sed "s/.*,//" >$f.hash
		done
		test "$(wc -l <film.hash)" -gt 110
		cmp film.hash out.hash
	'
else
	skip 'ffmpeg sends FEC' 'no ffmpeg'
fi
if gst-inspect-1.0 rtpst2022-1-fecdec >/dev/null 2>&1
then
	for matrix in 5x5 10x10,staircase
	do
		export matrix
		check "GStreamer receives our FEC, $matrix, 2 % lost: every byte is there" '
			fresh
			lossy a 14 loss=2%
			gst_fec_in "$a2" 800
			send in.ts -o "rtp://127.0.0.1:$a1?fec=$matrix"
			eventually cmp -s in.ts gst.ts
			kill "$(cat gst.pid)"
			calm a
			test "$(grep -c loss a.net)" -gt 10
		'
	done
	for matrix in 5x5 10x5
	do
		export matrix
		check "GStreamer sends FEC, $matrix, 2 % lost: every byte is there" '
			fresh
			lossy a 15 loss=2%
			relay r --window 500ms -i "rtp://127.0.0.1:$a2?fec=auto" -o out.ts
			gst_fec_out "$matrix" "$a1" 1000
			sleep 1
			ended r
			calm a
			as_coded r "$matrix" "$(datagrams in.ts)" a
			count r source_fec_columns i1 | grep -x "${matrix%x*}"
			test "$remain" -gt 0 || cmp in.ts out.ts
		'
	done
else
	for what in receives sends
	do
		skip "GStreamer $what FEC" 'no GStreamer with rtpst2022-1-fecdec'
	done
fi

# ---- the bound of the code, over many packets

# bound WANT LOSS MATRIX SECONDS: 100 Mb/s
bound () {
	lossy a 16 "loss=$2%"
	relay r --window 1s -i "rtp://127.0.0.1:$a2?fec=auto&rcvbuf=32Mi" -o /dev/null
	send many.ts -o "rtp://127.0.0.1:$a1?fec=$3&sndbuf=32Mi"
	sleep 1.5
	ended r
	calm a
	as_coded r "$3" "$(datagrams many.ts)" a
	perl -ne 'BEGIN { $want = shift }
		($share, $error) = /share=(\S+) error=(\S+)/;
		printf "%.2e remain, of %.2e +- %.1e\n", $share, $want, $error;
		exit abs($share - $want) > 4 * $error + $want / 20' "$1" coded
}
if test -n "${FULL-}"
then
	cbr many.ts 24 100
	for row in '1.2e-4 5' '1.8e-3 10' '2.6e-2 20'
	do
		export row
		check "${row#* } % lost, 5x5, 200000 packets: what remains is the bound of the code" '
			fresh
			bound $row 5x5
		'
	done
else
	cbr many.ts 5 100
	check '10 % lost, 5x5, 40000 packets: what remains is the bound of the code' '
		fresh
		bound 1.8e-3 10 5x5
	'
fi
done_testing
