#!/usr/bin/perl
# t/rtpstray.pl PORT TO N - between a client of RTSP and a server at the port TO: of the RTP
# that comes in the connection, each N-th picture of the first track is stamped hours away,
# 9800 s back and 37600 s forward by turns, as some cameras do.  One connection; it prints
# what it has changed.
use strict;
use warnings;
use IO::Socket::INET;
use IO::Select;

my ($port, $to, $every) = @ARGV;
$| = 1;
my $l = IO::Socket::INET->new(LocalAddr => "127.0.0.1:$port", Listen => 4, ReuseAddr => 1)
	or die "listen: $!";
print "serving\n";
my $client = $l->accept or die;
my $server = IO::Socket::INET->new(PeerAddr => "127.0.0.1:$to") or die "connect: $!";
my $both = IO::Select->new($client, $server);
my ($in, $was, $n, $strays) = ('', '', 0, 0);

# All that is whole in $in goes on: text up to the next "$", and frames of RTP.
sub forward {
	my $out = '';
	while ($in ne '') {
		if ($in !~ /^\$/) {
			$in =~ s/^([^\$]+)//;
			$out .= $1;
			next;
		}
		last if length $in < 4;
		my ($channel, $len) = unpack 'x C n', $in;
		last if length $in < 4 + $len;
		my $frame = substr $in, 0, 4 + $len, '';
		if ($channel == 0 && $len >= 12) {
			my $stamp = substr $frame, 8, 4;
			$n++ if $stamp ne $was;
			$was = $stamp;
			if ($n % $every == 0) {
				my $away = $n / $every % 2 ? -9800 : 37600;
				substr($frame, 8, 4) = pack 'N',
					unpack('N', $stamp) + $away * 90000 & 0xffffffff;
				print 'stray ', ++$strays, "\n" if unpack('x5 C', $frame) & 128;
			}
		}
		$out .= $frame;
	}
	syswrite($client, $out) == length $out or exit if $out ne '';
}
for (;;) {
	for my $s ($both->can_read) {
		sysread $s, my $data, 65536 or exit;
		if ($s == $client) {
			syswrite $server, $data;
		} else {
			$in .= $data;
			forward();
		}
	}
}
