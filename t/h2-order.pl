#!/usr/bin/perl
# h2-order.pl PORT CASE - in which order the streams of a connection of HTTP/2 on
# 127.0.0.1:PORT are sent, to a peer that does not take all at once.
#
# /a/big.ts has 20 MB there.  Prints what came; succeeds when that is right.
#
#     reload   a blocked reload of /live/p.m3u8, which fd 3 tells to end: a line
#     fair     two large ones that nothing is said of
#     first    the same, each wholly before the next
#     urgent   the second is the more urgent
#     update   it becomes so by a frame
use strict;
use warnings;
use IO::Socket::INET;
use Socket qw(SOL_SOCKET SO_RCVBUF);

my ($port, $case) = @ARGV;
my $sock = IO::Socket::INET->new(Proto => 'tcp') or die "no socket: $!";
setsockopt $sock, SOL_SOCKET, SO_RCVBUF, 32768 or die;
connect $sock, Socket::pack_sockaddr_in($port, Socket::inet_aton('127.0.0.1'))
	or die "cannot connect: $!";
$sock->timeout(20);
my ($in, %got, %over) = ('');

sub fr { my ($type, $flags, $id, $p) = @_;
	return substr(pack('N', length $p), 1) . pack('CCN', $type, $flags, $id) . $p }
sub fields { my $o = '';
	while (my ($name, $value) = splice @_, 0, 2) {
		$o .= "\0" . chr(length $name) . $name . chr(length $value) . $value }
	return $o }
sub get { my ($id, $path, @more) = @_;
	return fr(1, 5, $id, fields(':method', 'GET', ':scheme', 'http', ':path', $path,
		':authority', 'localhost', @more)) }
# At once, so that no request has been served for long when the next is read.
sub ask { print {$sock} @_; $sock->flush }
# Read until there is what the test wants.
sub until_there { my ($there) = @_;
	local $SIG{ALRM} = sub { die "nothing more comes\n" };
	alarm 20;
	until ($there->()) {
		sysread $sock, $in, 16384, length $in or die "the end\n";
		while (length $in >= 9) {
			my $len = unpack 'N', "\0" . substr $in, 0, 3;
			last if length $in < 9 + $len;
			my ($type, $flags, $id) = unpack 'CCN', substr $in, 3, 6;
			$got{$id} += $len if $type == 0;
			$over{$id} = 1 if $type <= 1 && $flags & 1;
			die "a reset\n" if $type == 3;
			substr($in, 0, 9 + $len) = '';
		}
	}
	alarm 0;
}

# Windows larger than all there is.
print {$sock} "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n" . fr(4, 0, 0, pack 'nN', 4, 0x7fffffff) .
	fr(8, 0, 0, pack 'N', 0x7fff0000 - 65535);
$got{$_} = 0 for 1, 3;
my $good;
if ($case eq 'reload') {
	ask(get(1, '/live/p.m3u8?_HLS_msn=12&_HLS_part=1'), get(3, '/a/big.ts'));
	until_there(sub { $got{3} >= 2000000 });
	$| = 1;
	print "ready\n";
	open my $told, '<&=', 3 or die;
	my $line = <$told>;
	my $before = $got{3};
	until_there(sub { $over{1} || $over{3} });
	$got{3} -= $before;
	$good = $over{1} && $got{3} < 400000;
} else {
	my %say = (fair => [[], []], first => [['priority', 'u=3'], ['priority', 'u=3']],
		urgent => [['priority', 'u=5'], ['priority', 'u=1']],
		update => [['priority', 'u=3'], ['priority', 'u=3']]);
	ask(get(1, '/a/big.ts', @{$say{$case}[0]}), get(3, '/a/big.ts', @{$say{$case}[1]}));
	if ($case eq 'update') {
		until_there(sub { $got{1} >= 1000000 });
		print {$sock} fr(0x10, 0, 0, pack('N', 3) . 'u=1');
		$sock->flush;
	}
	until_there(sub { $got{1} + $got{3} >= 12000000 });
	$good = $case eq 'fair' ? $got{3} > 5000000 && $got{1} > 5000000 :
	    $case eq 'first' ? $got{3} == 0 : $got{3} > 10000000;
}
print "of 1: $got{1}, of 3: $got{3}\n";
exit !$good;
