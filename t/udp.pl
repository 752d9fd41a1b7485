#!/usr/bin/perl
# t/udp.pl recv PORT FILE [echo] - write the number in each datagram to FILE as it comes,
#	and send it back if asked to; ends by SIGTERM
# t/udp.pl send PORT COUNT [BYTES] - send datagrams with the numbers from 0, four each
#	millisecond or so; print the numbers that come back, until nothing has for a second
use strict;
use warnings;
use IO::Select;
use IO::Socket::INET;

my ($what, $port, $arg, $more) = @ARGV;
if ($what eq 'recv') {
	my $s = IO::Socket::INET->new(Proto => 'udp', LocalAddr => "127.0.0.1:$port") or
		die "cannot listen: $!\n";
	open my $out, '>>', $arg or die;
	$out->autoflush(1);
	while (defined(my $from = $s->recv(my $data, 65535))) {
		printf $out "%d %d %s\n", unpack('N', $data), length $data,
			substr($data, 4) =~ /[^x]/ ? 'bad' : 'good';
		$s->send($data, 0, $from) if $more;
	}
	exit;
}
my $s = IO::Socket::INET->new(Proto => 'udp', PeerAddr => "127.0.0.1:$port") or die;
my $select = IO::Select->new($s);
for my $n (0 .. $arg - 1) {
	$s->send(pack('N', $n) . 'x' x (($more || 100) - 4));
	select undef, undef, undef, 0.001 if $n % 4 == 0;
	print unpack('N', $_), "\n" while $select->can_read(0) && defined $s->recv($_, 65535);
}
while ($select->can_read(1)) {
	last if !defined $s->recv(my $data, 65535);
	print unpack('N', $data), "\n";
}
