#!/usr/bin/perl
# t/ledger.pl HOST:PORT PLAYLIST SECONDS - where the time of a low-latency channel goes,
# part by part, as somebody sees it who asks for each as soon as the playlist has it.
#
# A part's prft tells when its first picture was taken; its last was that much later
# as the part is long, less a picture.  With --server-timing the origin tells when the
# last bytes of a part came to it, and when it answered.  Prints, in ms:
#
#	make	from the last picture of a part to its last byte at the origin
#	tell	from there to the playlist that names it, here
#	fetch	from there to its last byte, here
use strict;
use warnings;
use IO::Socket::INET;
use Time::HiRes 'time';

my ($peer, $path, $seconds) = @ARGV;
my $s = IO::Socket::INET->new(PeerAddr => $peer) or die "cannot connect: $!\n";
$s->autoflush(1);

sub get {
	my ($target, @field) = @_;
	print $s join "\r\n", "GET $target HTTP/1.1", 'Host: localhost', @field, '', '';
	my ($code) = (<$s> // '') =~ m{^HTTP/1.1 (\d+)} or die "no answer\n";
	my (%h, $body);
	while (defined(my $l = <$s>)) {
		last if $l eq "\r\n";
		$h{lc $1} = $2 if $l =~ /^([^:]+):\s*(.*?)\r\n/;
	}
	if (defined $h{'content-length'}) {
		read $s, $body, $h{'content-length'};
		return ($code, $body, \%h);
	}
	$body = '';
	while (defined(my $l = <$s>)) {			# chunked
		my ($digits) = $l =~ /^([0-9a-f]+)/i or last;
		my $n = hex $digits;
		read $s, my $piece, $n + 2;
		last if $n == 0;
		$body .= substr $piece, 0, $n;
	}
	return ($code, $body, \%h);
}

# The NTP time of the first prft, as seconds since 1970.
sub taken {
	my $at = index $_[0], 'prft';
	return if $at < 0;
	my ($sec, $frac) = unpack 'NN', substr $_[0], $at + 12, 8;
	return $sec - 2208988800 + $frac / 4294967296;
}

my (%ms, %seen);
my $ask = '';
(my $folder = $path) =~ s{[^/]*$}{};
my $end = time() + $seconds;
while (time() < $end) {
	my ($code, $text) = get("$path$ask");
	my $told = time();
	die "playlist: $code\n" if $code != 200;
	my ($first) = $text =~ /^#EXT-X-MEDIA-SEQUENCE:(\d+)/m;
	my $segments = () = $text =~ /^#EXTINF/mg;
	my ($open) = $text =~ /.*#EXTINF[^\n]*\n[^\n]*\n(.*)/s;
	my @parts = $open =~ /^#EXT-X-PART:DURATION=([0-9.]+),URI="([^"]+)",BYTERANGE="(\d+\@\d+)"/mg;
	my $n = @parts / 3;
	$ask = sprintf '?_HLS_msn=%d&_HLS_part=%d', $first + $segments, $n;
	next if $n == 0;
	my ($duration, $uri, $range) = @parts[-3 .. -1];
	next if $seen{"$uri $range"}++ || keys %seen == 1;
	my ($len, $from) = split /@/, $range;
	my ($ok, $bytes, $h) = get("$folder$uri", 'X-Server-Timing: 1',
		sprintf 'Range: bytes=%d-%d', $from, $from + $len - 1);
	my $here = time();
	my ($age) = ($h->{'server-timing'} // '') =~ /age;dur=([0-9.]+)/;
	my $first_taken = taken($bytes);
	next if $ok != 206 || !defined $age || !defined $first_taken;
	my $at = $here - $age / 1000;		# it is answered at once
	push @{$ms{make}}, 1000 * ($at - $first_taken - $duration + 1 / 25);
	push @{$ms{tell}}, 1000 * ($told - $at);
	push @{$ms{fetch}}, 1000 * ($here - $told);
}
for my $stage (qw(make tell fetch)) {
	my @v = sort { $a <=> $b } @{$ms{$stage} || []};
	die "nothing was measured\n" if !@v;
	printf "%-5s p50=%.1f p99=%.1f max=%.1f ms of %d parts\n", $stage,
		$v[@v / 2], $v[@v * 0.99], $v[-1], scalar @v;
}
