#!/bin/sh
# mconnect-relay --health and --fail-if: what is measured of each source and of what goes
# out, when a source that sends has failed, and where the next one begins.
. "$(dirname "$0")/lib.sh"
. "$top/t/relay.sh"

need 'no perl' perl -MJSON::PP -e 1
main=$(free_port) spare=$(free_port)
export main spare

# of NAME KEY [ID]: from what the relay said at the last "ctl NAME stats"
of () {
	perl -MJSON::PP -e '
		my ($key, $id) = @ARGV;
		my $o = decode_json(<STDIN>);
		($o) = grep { $_->{id} eq $id } @{$o->{sources}} if $id;
		print $o->{$key} // "none", "\n";' "$2" "${3:-}" <"$1.now"
}
# had NAME PACKETS: it has taken so many datagrams
had () {
	test "$(now "$1" source_total_packets i1)" -ge "$2"
}

twice 'faults are counted where mconnect-probe counts them, of sources and of the output' '
	"$top/t/tsmake.pl" 9 no-pat@1+0.6 cc@2=3 tei@2.5 pmt-crc@3 no-pcr@3.5+0.16 pcr-jump@4=5 \
		no-pts@4.5+1 no-pmt@6+0.7 >bad.ts
	relay r --health -i "udp://127.0.0.1:$main" -o out.ts
	relay m --health --merge -i "rtp://127.0.0.1:$spare" -o two.ts
	send bad.ts -o "udp://127.0.0.1:$main" -o "rtp://127.0.0.1:$spare" &
	sending=$!
	# The end, and then silence, would be faults of their own.
	eventually had r $(($(wc -c <bad.ts) / 1316 * 15 / 18))
	ctl r stats >r.now
	ctl m stats >m.now
	wait $sending
	sleep 0.4
	ended r
	ended m
	mconnect-probe -f json bad.ts | tail -n 1 >probed
	for name in pat_error pmt_error continuity_counter transport_error crc_error pts_error \
		cat_error ts_sync_loss ts_byte_error pid_error pcr_error
	do
		want=$(perl -MJSON::PP -e "print decode_json(<STDIN>)->{\"source_$name\"}" <probed)
		echo "$name: probe $want, relay $(of r "source_$name" i1) $(of r "$name")," \
			"merged $(of m "source_$name" i1)"
		test "$(of r "source_$name" i1)" -eq "$want"
		test "$(of m "source_$name" i1)" -eq "$want"
		test "$(of r "$name")" -eq "$want"
	done
	test "$(of r source_pcr_error i1)" -ge 2
	test "$(count r ledger_ok)" -eq 1
	cmp bad.ts out.ts
'
refused () {
	test "$(now r source_ts_byte_error i1)" -eq "$1"
}
check 'a stream that is missing, and datagrams that are none' '
	"$top/t/tsmake.pl" 2 no-audio@0+9 >mute.ts
	relay r --health -i "udp://127.0.0.1:$main" -o out.ts
	send mute.ts -o "udp://127.0.0.1:$main"
	perl -MIO::Socket::INET -e "
		my \$s = IO::Socket::INET->new(Proto => q(udp), PeerAddr => qq(127.0.0.1:$main)) or die;
		\$s->send(qq(no stream \$_)) for 1 .. 3"
	eventually refused 3
	ended r
	count r audio_stream_missing i1 | grep -x 1
	count r video_stream_missing i1 | grep -x 0
	count r source_ts_sync_loss i1 | grep -x 1
'

# Two channels that differ, a picture to begin with each second; in the first every 40th
# packet that is no table is missing, between its fifth and its eighth second.
clip good.ts 14s 1M
clip two.ts 14s 1M
perl -e '
	binmode STDIN; binmode STDOUT; local $/ = \188; my @p = <STDIN>;
	for my $i (0 .. $#p) {
		my $t = 14 * $i / @p;
		my $pid = (unpack "n", substr $p[$i], 1, 2) & 0x1fff;
		next if $t >= 5 && $t < 8 && $i % 40 == 0 && $pid != 0 && $pid != 0x1fff;
		print $p[$i];
	}' <good.ts >one.ts

play () {
	mconnect-relay -q -i "$2" -o "udp://127.0.0.1:$3" &
	echo $! >"$1.pid"
}

uses () {
	test "$(now r source_selected "$1")" -eq 1
}

# Less is held than a tenth of a second brings.
low () {
	test "$(now r memory_bytes)" -lt 12000
}

# event N KEY: of the N-th switch
event () {
	grep '"event":"failover_switch"' r.stats | sed -n "$1p" | perl -MJSON::PP -e '
		my $o = decode_json(<STDIN>);
		print $o->{$ARGV[0]} // "none", "\n"' "$2"
}

# What is in out.ts behind the first packet that announces a jump: kinds of packets, up to
# the first one of video.
cat >after.pl <<'END'
use strict;
use warnings;
my @kinds;
binmode STDIN;
while (read(STDIN, my $p, 188) == 188) {
	my ($c, $len, $flags) = (unpack 'C6', $p)[3 .. 5];
	my $pid = (unpack 'n', substr $p, 1, 2) & 0x1fff;
	if (($c & 0x30) == 0x20 && $len == 183 && $flags == 0x80) {
		push @kinds, "mark$pid";
	} elsif (@kinds && ($pid == 0 || $p =~ /^.{4}\x00\x02\xb0/s)) {
		push @kinds, "table$pid";
	} elsif (@kinds && $p =~ /^.{4,60}?\x00\x00\x01[\xe0-\xef]/s) {
		push @kinds, ($c & 0x20) && $len > 0 && ($flags & 0x40) ? 'clean' : 'unclean';
		last;
	}
}
print "@kinds\n";
END

relay r --failover --prefer --back 2s --fail-time 2s --clean 2s -o out.ts \
	--fail-if "source_pat_error > 0" --fail-if "source_continuity_counter > 3" \
	-i "udp://127.0.0.1:$main?name=main" -i "udp://127.0.0.1:$spare?name=spare"
check 'a source that sends, but not well, is left at a clean point, and taken back' '
	play one one.ts "$main"
	eventually uses main
	play two two.ts "$spare"
	eventually uses spare
	eventually uses main
	kill -9 "$(cat one.pid)" "$(cat two.pid)"
	ended r
	test "$(count r failover_switches)" -eq 2
	test "$(event 1 reason) $(event 1 condition)" = "health source_continuity_counter > 3"
	test "$(event 1 clean) $(event 1 from_source) $(event 1 to_source)" = "1 main spare"
	test "$(event 1 repeated_ms)" = none
	test "$(event 2 reason) $(event 2 clean)" = "preference 1"
	grep -c "\"event\":\"unhealthy\"" r.stats | grep -x 1
	grep -c "\"event\":\"healthy\"" r.stats | grep -x 1
	count r source_unhealthy main | grep -x 0
	perl after.pl <out.ts >kinds
	cat kinds
	grep -E "^mark0 table0 mark[0-9]+ table[0-9]+ (mark[0-9]+ )*clean$" kinds
	count r ledger_ok | grep -x 1
'
check 'one that falls silent: the other begins where it can, with what it has kept' '
	rm -f r.stats
	relay r --failover --hot 300ms -o out.ts \
		-i "udp://127.0.0.1:$main?name=main" -i "udp://127.0.0.1:$spare?name=spare"
	play one good.ts "$main"
	eventually uses main
	play two two.ts "$spare"
	sleep 2.5
	kill -9 "$(cat one.pid)"
	eventually uses spare
	sleep 1.5
	# It has caught up: nothing is late for good.
	within 6 low
	# And that is not since there is nothing more.
	kill -0 "$(cat two.pid)"
	kill -9 "$(cat two.pid)"
	ended r
	test "$(event 1 reason) $(event 1 clean)" = "silence 1"
	test "$(event 1 repeated_ms)" -lt 1200
	perl after.pl <out.ts >kinds
	cat kinds
	grep -E "^mark0 table0 mark[0-9]+ table[0-9]+ (mark[0-9]+ )*clean$" kinds
	count r ledger_ok | grep -x 1
	test "$(count r source_held_packets spare)" -eq 0
	mlive-ingest -q --stats in.stats out.ts >/dev/null
	tail -n 1 in.stats | grep "\"source_continuity_counter\":0,"
'
check 'conditions that are none' '
	fails 2 mconnect-relay --failover --fail-if "cc_erors > 0" -i udp://:1 -i udp://:2 2>err
	grep "there is no number .cc_erors.; perhaps .cc_errors." err
	fails 2 mconnect-relay --failover --fail-if "cc_errors >" -i udp://:1 -i udp://:2 2>err
	grep "something is missing" err
	fails 2 mconnect-relay --merge --fail-if "cc_errors > 1" -i udp://:1 -i udp://:2 2>err
	grep "fail-if is for --failover" err
'
done_testing
