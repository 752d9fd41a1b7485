#!/usr/bin/perl
# t/hostile.pl WHAT ARGUMENT... - what no sender of good will sends, on loopback
#
#   udp PORT...		until killed: no transport packets, halves of them, RTP that is none
#   rtp PORT...		until killed: RTP with transport packets, other SSRC, jumps, all bits
#   fec PORT...		until killed: to ports of FEC, any matrix, near and far, any length
#   srt PORT...		until killed: garbage, handshakes of all kinds, half of one each time
#   rist HOW PORT		until killed: reports, media, logins, at random; HOW: simple, main
#   nack HOW PORT SSRC	until killed: requests for 65536 datagrams, and by bitmask
#   both PORT N		N senders of the simple profile, each from one port to both
#   list		names of single datagrams of RIST that are malformed
#   one HOW PORT NAME	that one, between good ones
#   tee PORT TO FILE	until killed: forward both ways, and note what comes in FILE
#   replay FILE PORT...	send all that again, as fast as it came about
#
# The same each time, but for when.  Those that go on until killed say how many at the end.
use strict;
use warnings;
use IO::Select;
use IO::Socket::INET;
use Socket qw(INADDR_LOOPBACK pack_sockaddr_in);

my ($what, @to) = @ARGV;
my $x = 7;
my $sent = 0;
my $ssrc = 0x12345678;
my $ts = "\x47\x1f\xff\x10" . "\xff" x 184;
$SIG{TERM} = sub { print "$sent\n"; exit };
$| = 1;

sub chance { $x = ($x * 1103515245 + 12345) % 2147483648; return int($x / 65536) % shift }
sub bytes { return join '', map { chr chance(256) } 1 .. shift }
sub to { return IO::Socket::INET->new(Proto => 'udp', PeerAddr => "127.0.0.1:$_[0]") || die }
sub wait_ms { select undef, undef, undef, $_[0] / 1000 }

sub rtp {
	my ($first, $type, $seq, $time, $of) = @_;
	return pack 'CCnNN', $first, $type, $seq & 0xffff, $time & 0xffffffff, $of & 0xffffffff;
}

# Until killed, what make(number) gives, four a millisecond or so.
sub go_on {
	my ($make, @s) = @_;
	while (1) {
		$s[chance(scalar @s)]->send($make->($sent));
		wait_ms(1) if ++$sent % 4 == 0;
	}
}

# ---- RTP and FEC

sub no_ts {
	my $n = shift;
	my $kind = chance(8);
	return $kind == 0 ? bytes(chance(60)) : $kind == 1 ? "\x47" . bytes(187) . "\x46" x 188 :
	    $kind == 2 ? substr $ts x 2, 0, 100 + chance(87) : $kind == 3 ? '' :
	    $kind == 4 ? "\x47" x 65000 : $kind == 5 ? rtp(0x80 | chance(64), 33, $n, 0, 1) :
	    $kind == 6 ? rtp(0xbf, 33, $n, 0, 1) . bytes(30) :
	    rtp(0xa0, 33, $n, 0, 1) . $ts . "\xff";	# padding that is longer than all
}

sub odd_rtp {
	my $n = shift;
	my $kind = chance(6);
	my $of = $kind == 0 ? $n : 99;
	return rtp(0x80, 33, $kind == 1 ? chance(65536) : $n, $n * 3000, $of) . $ts x 7 if $kind < 3;
	return rtp(0x80, 33, $n & 1 ? 0 : 32768, chance(65536) << 16, 99) . $ts if $kind == 3;
	return rtp(0x8f, 0xa1, $n, 0, 99) . bytes(60) . $ts if $kind == 4;
	return rtp(0xb1, 33, $n, 0, 99) . bytes(4) . pack('nn', 0xbede, 1) . bytes(4) . $ts .
	    "\0\0\0\4";
}

sub odd_fec {
	my $n = shift;
	my @side = (0, 1, 4, 5, 10, 20, 21, 100, 128, 254, 255);
	my $first = 0x80 | (chance(3) ? 0 : chance(64));
	my $base = chance(2) ? chance(65536) : chance(2) ? $n : 65536 - chance(40);
	my $fec = pack 'nnCCCCNCCCC', $base & 0xffff, chance(2) ? 1316 : 65535 - chance(3),
	    (chance(8) ? 0x80 : 0) | chance(128), 0, 0, chance(20) ? 0 : 1, $n * 3000 & 0xffffffff,
	    chance(4) ? chance(2) * 0x40 : chance(256), $side[chance(11)], $side[chance(11)],
	    chance(30) ? 0 : 255;
	# Not a sum of packets that begin with a sync byte, or it could be true.
	my $p = rtp($first, chance(4) ? 96 : chance(256), $n, $n, 0) . $fec . chr(1 + chance(60)) x
	    (chance(6) ? 1316 : chance(10) ? chance(1400) : 60000);
	return chance(8) ? $p : substr $p, 0, chance(60);
}

# ---- SRT: HSv5

sub odd_srt {
	my $n = shift;
	my $hs = sub {
		my ($version, $type, $cookie, $ext, $rest) = @_;
		return pack('NNNN', 0x80000000, 0, $n, 0) . pack('NnnNNNNNN', $version, 0, $ext,
		    chance(65536), 1500, 8192, $type & 0xffffffff, 1 + $n, $cookie) .
		    pack('N', 0x0100007f) . "\0" x 12 . ($rest // '');
	};
	my $kind = chance(12);
	return $kind == 0 ? bytes(chance(1400)) : $kind == 1 ? $hs->(4, 1, 0, 2) :
	    $kind == 2 ? substr($hs->(4, 1, 0, 2), 0, chance(64)) :
	    $kind == 3 ? $hs->(chance(256) << chance(24), 1, 0, chance(65536)) :
	    $kind == 4 ? $hs->(5, -1, chance(65536) << 16, 1,
		pack('nnNNnn', 1, 3, 0x010501, 0xbf, 120, 120)) :
	    $kind == 5 ? $hs->(5, -1, 0, 7, pack('nn', chance(9), 65535) . bytes(40)) :
	    $kind == 6 ? pack('NNNN', 0x80000000 | chance(10) << 16, 0, $n, chance(65536)) . bytes(40) :
	    $kind == 7 ? pack('NNNN', $n, 0xe0000000 | $n, $n, chance(65536)) . $ts x 7 :
	    $kind == 8 ? $hs->(5, chance(2) ? 1002 : 0, $n, 3) : $kind == 9 ? '' :
	    $kind == 10 ? pack('NNNN', 0x80030000, 0, $n, 0) . pack('NN', 0x80000000, 0x7fffffff) :
	    $hs->(4, 1, 0, 2);
}

# ---- RIST

# How its datagrams begin, in the tunnel or without.
my %how = (simple => '', main => pack 'nnnn', 0, 0x88b6, 1971, 1968);
my $sr = pack 'CCnNNNNNN', 0x80, 200, 6, $ssrc, 1, 2, 3, 4, 5;
my $rr = pack 'CCnN', 0x80, 201, 1, $ssrc;
my $sdes = pack('CCnNCC', 0x81, 202, 3, $ssrc, 1, 5) . "other\0";

# To the port of media, and to that of reports; what a sender would send.
my %bad = (
	'media-empty' => [rtp(0x80, 33, 7, 0, $ssrc), ''],
	'media-extension' => [rtp(0x90, 33, 7, 0, $ssrc) . "RI\0\1", ''],
	'media-no-nulls' => [rtp(0x90, 33, 7, 0, $ssrc) . "RI\0\1\x80\0\0\0", ''],
	'media-short' => [substr(rtp(0x80, 33, 7, 0, $ssrc), 0, 7), ''],
	'report-65536' => ['', pack('CCnN', 0x80, 200, 0x3fff, $ssrc) . $sdes],
	'report-beyond' => ['', $rr . pack('CCnN', 0x80, 201, 40, $ssrc)],
	'nack-0' => ['', $rr . $sdes . pack('CCnNa4nn', 0x80, 204, 0, $ssrc, 'RIST', 1, 1)],
	'nack-bits-0' => ['', $rr . $sdes . pack('CCnNNnn', 0x81, 205, 0, $ssrc, 0, 1, 1)],
	'nack-4-bytes' => ['', $rr . $sdes . pack('CCn', 0x81, 205, 0)],
	'name-250' => ['', $rr . pack('CCnNCC', 0x81, 202, 63, $ssrc, 1, 250) . 'A' x 246],
	'xr-65536' => ['', $rr . $sdes . pack('CCnNCCnNNN', 0x80, 207, 4, $ssrc, 4, 0, 0xffff, 0, 0, 0)],
	'xr-without' => ['', $rr . $sdes . pack('CCnN', 0x80, 207, 1, $ssrc)],
	'reports-many' => ['', $sr . $sdes . $rr x 100],
	'media-to-reports' => ['', rtp(0x80, 33, 7, 0, $ssrc) . $ts],
	'reports-to-media' => [$sr . $sdes, ''],
	'long' => [rtp(0x80, 33, 7, 0, $ssrc) . $ts x 60, $rr . $sdes . $rr x 1500],
);
my %bare = (				# of the tunnel
	'tunnel-4' => pack('nn', 0, 0x88b6), 'tunnel-8' => $how{main},
	'tunnel-seq' => pack('nnNnn', 0x1000, 0x88b6, 1, 1971, 1968) . "\x80",
	'tunnel-checksum' => pack('nnNNnn', 0x9000, 0x88b6, 0, 1, 1971, 1968) . rtp(0x80, 33, 1, 0, $ssrc),
	'tunnel-full' => pack('nn', 0, 0x0800) . "\x45" . "\0" x 40,
	'keyed-8' => pack('nnN', 0x3000, 0x88b6, 7), 'keyed-12' => pack('nnNN', 0x3000, 0x88b6, 7, 1),
	'keyed-checksum' => pack('nnNNN', 0xb000, 0x88b6, 0, 7, 1),
	'keyed-short' => pack('nnNN', 0x3000, 0x88b6, 7, 1) . "\x80" x 17,
	'eapol-4' => pack('nn', 0, 0x888e), 'eapol-beyond' => pack('nnCCn', 0, 0x888e, 2, 0, 60000),
	'eapol-nothing' => pack('nnCCnCCn', 0, 0x888e, 2, 0, 4, 2, 0, 4),
	'eapol-key' => pack('nnCCnCCnCC', 0, 0x888e, 2, 0, 22, 2, 0, 22, 19, 1) . 'x' x 16,
);

sub odd_rist {
	my ($n, $how) = @_;
	my $kind = chance(12);
	my @names = sort keys %bad;
	my $p = $bad{$names[chance(scalar @names)]}[chance(2)];
	my $in = $kind == 0 ? bytes(chance(300)) : $kind < 4 ? $p :
	    $kind == 4 ? rtp(0x80, chance(128), chance(65536), $n, 2 * chance(4)) . $ts :
	    $kind == 5 ? $rr . $sdes . pack('CCnNa4nn', 0x80, 204, 3, 0, 'RIST', chance(65536), 65535) :
	    $kind == 6 ? substr($sr . $sdes . $rr, 0, chance(60)) : $kind == 7 ? $sr . $sdes :
	    $kind == 8 ? $rr . $sdes . bytes(4 * chance(40)) :
	    $kind == 9 ? pack('CCn', 0x80, 200 + chance(12), chance(20)) . bytes(4 * chance(20)) : $rr . $sdes;
	return $in if $how eq 'simple' || $kind == 10;
	@names = sort keys %bare;
	return $bare{$names[chance(scalar @names)]} if $kind == 11;
	# What becomes of these by another key is as good as chance: some would hang librist.
	return pack('nnNNnn', chance(2) * 0x8000 + 0x3000, 0x88b6, 1 + $n % 16, $n, 1971, 1968) . $in
	    if !chance(4);
	return pack('nnNNnn', 0x3000, 0x88b6, 0, $n, 1971, 1968) . $in if !chance(4);
	return pack('nnNnn', 0x1000, 0x88b6, $n, 1971, 1968) . $in if !chance(4);
	return $how{main} . $in;
}

# To the ports of media and of reports, from two: to be sent to from one librist cannot stand.
sub ports_of {
	my ($how, $port) = @_;
	my $media = to($port);
	return ($media, $media) if $how ne 'simple';
	my @reports = to($port + 1);
	unshift @reports, to($port + 1) while $reports[0]->sockport == $media->sockport;
	return ($media, $reports[0]);
}

sub one {
	my ($how, $port, $name) = @_;
	my ($media, $reports) = ports_of($how, $port);
	my $seq = 100;
	for my $round (1 .. 12) {
		if ($bare{$name}) {
			$media->send($bare{$name});
		} else {
			$media->send($how{$how} . $bad{$name}[0]) if $bad{$name}[0] ne '';
			$reports->send($how{$how} . $bad{$name}[1]) if $bad{$name}[1] ne '';
		}
		wait_ms(3);
		next if $round < 3;
		$reports->send($how{$how} . $sr . $sdes);
		wait_ms(3);
		$media->send($how{$how} . rtp(0x80, 33, $seq++, $seq * 300, $ssrc) . $ts);
	}
}

# ---- what is asked for

if ($what eq 'udp' || $what eq 'rtp' || $what eq 'fec' || $what eq 'srt') {
	my %make = (udp => \&no_ts, rtp => \&odd_rtp, fec => \&odd_fec, srt => \&odd_srt);
	my @s = map { to($_) } @to;
	if ($what eq 'srt') {		# each is another caller
		while (1) {
			@s = map { to($to[0]) } 1 .. 20;
			$_->send(odd_srt(++$sent)) for map { ($_) x 3 } @s;
			wait_ms(10);
		}
	}
	go_on($make{$what}, @s);
} elsif ($what eq 'rist') {
	my $how = $to[0];
	go_on(sub { odd_rist($_[0], $how) }, ports_of(@to));
} elsif ($what eq 'nack') {
	my ($how, $port) = @to;
	my (undef, $s) = ports_of($how, $port);
	while (1) {
		my $all = pack('CCnNa4', 0x80, 204, 2 + 16, $ssrc, 'RIST') . pack('nn', 0, 65535) x 16;
		my $bits = pack('CCnNN', 0x81, 205, 2 + 200, $ssrc, 0) .
		    join '', map { pack 'nn', chance(65536), 65535 } 1 .. 200;
		$s->send($how{$how} . $rr . $sdes . ($sent++ % 10 ? $bits : $all));
		wait_ms(2);
	}
} elsif ($what eq 'both') {
	my ($port, $n) = @to;
	my @to = map { pack_sockaddr_in($port + $_, INADDR_LOOPBACK) } 0, 1;
	my @s = map { IO::Socket::INET->new(Proto => 'udp', LocalAddr => '127.0.0.1') || die } 1 .. $n;
	for my $round (1 .. 100) {
		for my $i (0 .. $n - 1) {
			my $of = $ssrc + 2 * $i;
			my $hello = $sr . $sdes;
			my ($old, $new) = map { pack 'N', $_ } $ssrc, $of;
			$hello =~ s/\Q$old\E/$new/g;
			my @all = ([$hello, 0, $to[1]], [rtp(0x80, 33, $round, $round * 900, $of) . $ts, 0, $to[0]]);
			send $s[$i], $_->[0], $_->[1], $_->[2] for $i & 2 ? reverse @all : @all;
		}
		wait_ms(10);
	}
} elsif ($what eq 'list') {
	print "$_\n" for sort keys %bad, keys %bare;
} elsif ($what eq 'one') {
	one(@to);
} elsif ($what eq 'tee') {
	my ($port, $to, $file) = @to;
	my $in = IO::Socket::INET->new(Proto => 'udp', LocalAddr => "127.0.0.1:$port") or die;
	my $out = to($to);
	open my $f, '>', $file or die;
	$f->autoflush(1);
	my $select = IO::Select->new($in, $out);
	my $from;
	print "ready\n";
	while (1) {
		for my $s ($select->can_read) {
			my $who = $s->recv(my $p, 65535);
			next if !defined $who;
			if ($s == $out) {
				$in->send($p, 0, $from) if $from;
				next;
			}
			$from = $who;
			print $f pack('n', length $p), $p;
			$out->send($p);
		}
	}
} elsif ($what eq 'replay') {
	my $file = shift @to;
	my @s = map { to($_) } @to;
	open my $f, '<', $file or die "$file: $!\n";
	binmode $f;
	while (read($f, my $len, 2) == 2) {
		read $f, my $p, unpack 'n', $len;
		$_->send($p) for @s;
		wait_ms(1) if ++$sent % 2 == 0;
	}
	print "$sent\n";
} else {
	die "what is $what?\n";
}
