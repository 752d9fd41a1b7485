#!/usr/bin/perl
# captures.pl FORMAT LINK [ODD] - a transport stream from standard input as a capture of
# RTP from 10.0.0.1:4000 to 10.0.0.2:5000 (or fd00::1, fd00::2), a datagram each ms.
#
# FORMAT  pcap pcap-ns pcap-big pcap-ns-big pcapng pcapng-big
# LINK    ethernet vlan qinq ethernet6 vlan6 cooked cooked2 raw raw6 options6 null
# ODD     odd: among it a fragment, a cut packet, ARP and ICMP
#         two: a second leg to port 5010, 20 ms later; each loses every 7th, of its own
#         day: a pause of 30 days after the first second
#         back: the clock is set back by an hour then
use strict;
use warnings;

my ($format, $link, $odd) = @ARGV;
$odd //= '';
binmode STDIN;
binmode STDOUT;
my $big = $format =~ /big/;
my $ns = $format =~ /ns/;
my ($u16, $u32, $i64) = $big ? ('n', 'N', 'q>') : ('v', 'V', 'q<');
my %number = (ethernet => 1, vlan => 1, qinq => 1, ethernet6 => 1, vlan6 => 1, cooked => 113,
	cooked2 => 276, raw => 101, raw6 => 101, options6 => 101, null => 0);
my $v6 = $link =~ /6/;

sub ip {
	my ($proto, $body, $fragment) = @_;
	if ($v6) {
		my $next = $proto;
		if ($link eq 'options6') {	# hop by hop options, then a fragment that is all
			$body = pack('CCx6', 44, 0) . pack('CCnN', $next, 0, 0, 7) . $body;
			$next = 0;
		}
		return pack('NnCC', 6 << 28, length $body, $next, 64) . pack('Cx14C', 0xfd, 1) .
			pack('Cx14C', 0xfd, 2) . $body;
	}
	return pack('CCnnnCCn', 0x45, 0, 20 + length $body, 1, $fragment // 0, 64, $proto, 0) .
		pack('C8', 10, 0, 0, 1, 10, 0, 0, 2) . $body;
}

sub udp {
	my ($port, $body) = @_;
	return pack('nnnn', 4000, $port, 8 + length $body, 0) . $body;
}

sub framed {
	my ($ip) = @_;
	my $type = $v6 ? 0x86dd : 0x0800;
	return pack('x12n', $type) . $ip if $link =~ /^ethernet/;
	return pack('x12nnn', 0x8100, 5, $type) . $ip if $link =~ /^vlan/;
	return pack('x12nnnnn', 0x88a8, 6, 0x8100, 5, $type) . $ip if $link eq 'qinq';
	return pack('x14n', $type) . $ip if $link eq 'cooked';
	return pack('nx18', $type) . $ip if $link eq 'cooked2';
	return pack('L', 2) . $ip if $link eq 'null';
	return $ip;
}

sub block {
	my ($type, $body) = @_;
	$body .= "\0" x (-length($body) % 4);
	my $total = pack $u32, 12 + length $body;
	print pack($u32, $type), $total, $body, $total;
}

sub packet {
	my ($t_ns, $data, $full) = @_;
	$full //= length $data;
	if ($format =~ /^pcapng/) {
		block(6, pack("$u32$u32$u32$u32$u32", 0, $t_ns >> 32, $t_ns & 0xffffffff,
			length $data, $full) . $data);
		return;
	}
	my $part = $t_ns % 1_000_000_000;
	print pack("$u32$u32$u32$u32", $t_ns / 1_000_000_000, $ns ? $part : $part / 1000,
		length $data, $full), $data;
}

if ($format =~ /^pcapng/) {
	block(0x0a0d0d0a, pack("$u32$u16$u16$i64", 0x1a2b3c4d, 1, 0, -1));
	block(1, pack("$u16$u16$u32", $number{$link}, 0, 0) . pack("$u16${u16}Cx3", 9, 1, 9) .
		pack("$u16$u16", 0, 0));
} else {
	print pack("$u32$u16$u16$u32$u32$u32$u32", $ns ? 0xa1b23c4d : 0xa1b2c3d4, 2, 4, 0, 0,
		65535, $number{$link});
}

my $t = 1_700_000_000_000_000_000;
my ($n, $more, @later) = (0);
while (($more = read STDIN, my $ts, 7 * 188) or @later) {
	my $rtp = pack('CCnNN', 0x80, 33, $n & 0xffff, $n * 90, 77) . ($ts // '');
	if ($odd eq 'odd' and $n == 50) {
		packet($t, framed(ip(17, udp(5000, $rtp), 0x2000)));
		packet($t, substr(framed(ip(17, udp(5000, $rtp))), 0, 300),
			length framed(ip(17, udp(5000, $rtp))));
		packet($t, pack('x12n', 0x0806) . 'x' x 28);
		packet($t, framed(ip(1, 'ping')));
	}
	$t += 30 * 86400 * 1_000_000_000 if $odd eq 'day' and $n == 500;
	$t -= 3600 * 1_000_000_000 if $odd eq 'back' and $n == 500;
	packet($t, framed(ip(17, udp(5000, $rtp)))) if $more and ($odd ne 'two' or $n % 7 != 3);
	if ($odd eq 'two') {
		push @later, [ $n, framed(ip(17, udp(5010, $rtp))) ] if $more;
		my $one = @later > 20 || !$more ? shift @later : undef;
		packet($t, $one->[1]) if $one and $one->[0] % 7 != 5;
	}
	$t += 1_000_000;
	$n++;
}
