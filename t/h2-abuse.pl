#!/usr/bin/perl
# h2-abuse.pl PORT KIND - misuse a connection of HTTP/2 on 127.0.0.1:PORT.
#
# Succeeds when the server ends the connection, by GOAWAY or by closing it, or the
# stream; prints how it did.  /a/big.ts is a large object there.
use strict;
use warnings;
use IO::Select;
use IO::Socket::INET;
use Time::HiRes qw(time sleep);

my ($port, $kind) = @ARGV;
my $sock = IO::Socket::INET->new(PeerAddr => "127.0.0.1:$port") or die "cannot connect: $!";
my ($in, $goaway, $ended, $reset) = ('', undef, 0, undef);
$SIG{PIPE} = 'IGNORE';
$sock->blocking(0);

sub fr { my ($type, $flags, $id, $p) = @_;
	return substr(pack('N', length $p), 1) . pack('CCN', $type, $flags, $id) . $p }
sub str { my ($s) = @_; my $n = length $s; return chr($n) . $s if $n < 127;
	my $o = chr 127; $n -= 127;
	while ($n >= 128) { $o .= chr($n & 127 | 128); $n >>= 7 }
	return $o . chr($n) . $s }
sub hp { my $o = ''; while (@_) { $o .= "\0" . str(shift) . str(shift) } return $o }
sub base { return (':method', 'GET', ':scheme', 'http', ':path', $_[0], ':authority', 'localhost') }
sub look {
	while (length $in >= 9) {
		my $len = unpack 'N', "\0" . substr $in, 0, 3;
		last if length $in < 9 + $len;
		my ($type, $flags, $id) = unpack 'CCN', substr $in, 3, 6;
		$goaway = unpack 'x4N', substr $in, 9 if $type == 7;
		$reset = unpack 'N', substr $in, 9 if $type == 3;
		substr($in, 0, 9 + $len) = '';
	}
}
sub take { my ($wait) = @_;
	while (!$ended && IO::Select->new($sock)->can_read($wait)) {
		my $n = sysread $sock, $in, 1 << 20, length $in;
		$ended = 1 if defined $n ? $n == 0 : !$!{EAGAIN};
		look();
		$wait = 0;
	}
}
# Send; false once the server has had enough.
sub out { my ($p, $deaf) = @_; my $until = time + 20;
	while (length $p && !$ended) {
		my $n = syswrite $sock, $p;
		if (defined $n) { substr($p, 0, $n) = '' }
		elsif ($!{EAGAIN}) { IO::Select->new($sock)->can_write(0.1); die "stuck\n" if time > $until }
		else { $ended = 1 }
		take(0) if !$deaf;
	}
	return !$ended && !defined $goaway;
}
sub many { my ($n, $make) = @_;
	for (my $i = 0; $i < $n; $i += 100) { out(join '', map { $make->($_) } $i .. $i + 99) or return } }

my $settings = $kind eq 'window-0' || $kind eq 'idle-stall' ? pack 'nN', 4, 0 : '';
out("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n" . fr(4, 0, 0, $settings));
my $small = hp(base('/a/small.ts'));
my %run = (
	'reset' => sub { many(100000, sub { my $id = 2 * $_[0] + 1; fr(1, 5, $id, $small) . fr(3, 0, $id, pack 'N', 8) }) },
	'made-reset' => sub { many(100000, sub { my $id = 2 * $_[0] + 1; fr(1, 4, $id, $small) . fr(8, 0, $id, pack 'N', 0) }) },
	'ping' => sub { many(1000000, sub { fr(6, 0, 0, '12345678') }) },
	'settings' => sub { many(1000000, sub { fr(4, 0, 0, pack 'nN', 3, 100) }) },
	'empty' => sub { out(fr(1, 4, 1, hp(':method', 'PUT', ':scheme', 'http', ':path', '/a/abuse.ts', ':authority', 'localhost'))); many(1000000, sub { fr(0, 0, 1, '') }) },
	'continuation' => sub { out(fr(1, 1, 1, $small)); many(1000000, sub { fr(9, 0, 1, hp('x', 'y')) }) },
	# A long field once, then again and again by its index of one byte.
	'bomb' => sub { my $f = "\x40" . str('x') . str('y' x 3900);
		out(fr(1, 5, 1, hp(base('/a/small.ts')) . $f));
		many(2000, sub { fr(1, 5, 2 * $_[0] + 3, hp(base('/a/small.ts')) . "\xbe" x 15000) }) },
	'window-0' => sub { out(fr(1, 5, 1, hp(base('/a/big.ts')))) },
	'never-reads' => sub { out(fr(8, 0, 0, pack 'N', 0x7fff0000 - 65535) . fr(4, 0, 0, pack 'nN', 4, 0x7fffffff), 1); out(fr(1, 5, 2 * $_ + 1, hp(base('/a/big.ts'))), 1) for 0 .. 20; sleep 5 },
	'slow-head' => sub { out(fr(1, 1, 1, substr $small, 0, 10)) },
	'idle-stall' => sub { out(fr(1, 5, 2 * $_ + 1, hp(base('/a/big.ts')))) for 0 .. 120 },
);
$run{$kind}->();
my $until = time + 20;
take(0.2) while !$ended && !defined $goaway && !(defined $reset && $kind =~ /window|stall/) && time < $until;
print 'goaway=', $goaway // '-', ' reset=', $reset // '-', " ended=$ended\n";
exit !($ended || defined $goaway || defined $reset && $kind =~ /window|stall/);
