#!/bin/sh
# mconnect-relay under fire: datagrams that are nothing, RTP of others, half of a packet,
# commands that are none; what is sent meanwhile arrives, byte for byte.
. "$(dirname "$0")/lib.sh"
. "$top/t/relay.sh"

need 'no perl' perl -MJSON::PP -e 1
clip in.ts 4s 3M
one=$(free_port) two=$(free_port)
export one two

cat >fire.pl <<'END'
# Until killed: the same each time, but for when.
use strict;
use warnings;
use IO::Socket::INET;
my @s = map { IO::Socket::INET->new(Proto => 'udp', PeerAddr => "127.0.0.1:$_") or die } @ARGV;
my $x = 7;
sub chance { $x = ($x * 1103515245 + 12345) % 2147483648; return int($x / 65536) % shift }
sub bytes { return join '', map { chr chance(256) } 1 .. shift }
my $ts = "\x47\x1f\xff\x10" . "\xff" x 184;
for (my $n = 0; ; $n++) {
	my $s = $s[chance(scalar @s)];
	my $rtp = pack 'CCnNN', 0x80, 33, chance(65536), chance(65536), 1000 + $n;
	my $what = chance(8);
	$s->send($what == 0 ? bytes(chance(60)) : $what == 1 ? "\x47" . bytes(187) . "\x46" x 188 :
		$what == 2 ? $rtp . $ts : $what == 3 ? $rtp . substr $ts, 0, 100 :
		$what == 4 ? pack('CCnNN', 0xff, 33, 1, 2, 3) . bytes(20) :
		$what == 5 ? pack('CCnNN', 0x80, chance(128), 1, 2, 3) . bytes(200) :
		$what == 6 ? '' : pack('CCnNN', 0xb0, 33, $n, 2, 3) . "\xff" x 300);
	select undef, undef, undef, 0.001 if $n % 4 == 0;
}
END
relay r --merge --window 100ms -i "rtp://127.0.0.1:$one" -i "rtp://127.0.0.1:$two" -o out.ts
check 'datagrams of all kinds' '
	# The first packet of all is believed: that shall be ours.
	send in.ts -o "rtp://127.0.0.1:$one" -o "rtp://127.0.0.1:$two" &
	sending=$!
	eventually test -s out.ts
	perl fire.pl "$one" "$two" 2>fire.log &
	echo $! >fire.pid
	wait $sending
	sleep 0.3
	test "$(now r source_refused_packets i1)" -gt 100
	test "$(now r source_astray_packets i1)" -gt 20
	test "$(now r ledger_ok)" -eq 1
'
cat >talk.pl <<'END'
use strict;
use warnings;
use IO::Socket::UNIX;
$SIG{PIPE} = 'IGNORE';
my $path = shift;
sub talk { return IO::Socket::UNIX->new($path) || die "no socket: $!\n" }
my $s = talk();
for my $line ("nonsense", "add", "add \xff\xfe://x", "add udp://[::1", "add udp://127.0.0.1:99999",
	"remove " . "x" x 9000, "pause \x01", "add udp://" . "h" x 9500 . ":1", "list of things",
	"add-input udp://127.0.0.1:1?rcvbuf=1", "add udp://a..b:5") {
	print $s "$line\n";
	my $answer = <$s>;
	die "$line: " . ($answer // 'nothing') if ($answer // '') !~ /^\{"error":/;
}
print $s "x" x 20000;
close $s;
my @many = map { IO::Socket::UNIX->new($path) } 1 .. 40;
print $_ "stats\n" x 50 for grep { $_ } @many;
close $_ for grep { $_ } @many;
select undef, undef, undef, 0.3;
$s = talk();
print $s "list\n";
print "still there\n" if <$s> =~ /"sources"/;
END
check 'commands of all kinds' '
	perl talk.pl r.ctl >said 2>&1 || :
	cat said
	grep "still there" said
'
check 'and all that was sent came' '
	kill "$(cat fire.pid)"
	test ! -s fire.log
	ended r
	head -c "$(wc -c <in.ts)" out.ts | cmp in.ts -
	count r ledger_ok | grep -x 1
'
done_testing
