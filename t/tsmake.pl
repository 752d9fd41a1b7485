#!/usr/bin/perl
# t/tsmake.pl SECONDS [FAULT...] >out.ts - a stream of 2 Mb/s in which nothing is wrong, but
# for what is asked.
#
# A program (1, 'News' of 'Tests': PMT 256, AVC on 257 with the PCR, MPEG audio on 258 in
# German), PAT and PMT each 100 ms, SDT each 500 ms, PCR each 20 ms and exact, a picture each
# 40 ms, audio each 24 ms, null packets.  A fault is NAME@SECONDS[+SECONDS][=VALUE]: when, for
# how long, and what: see %fault.
use strict;
use warnings;

my ($seconds, @asked) = @ARGV;
my %kinds = map { $_ => 1 } qw(
	no-pat no-pmt no-sdt no-audio no-video no-pcr no-pts pat-table pat-scrambled pmt-scrambled
	pmt-crc pat-crc sdt-crc tot-crc sync tei cc lost dup triple pcr-jump pcr-jump-told pcr-off
	pcr-step junk scrambled cat cat-table nit nit-table sdt-twice sdt-table eit eit-table rst
	rst-twice rst-table tdt tdt-table stray cue cue-crc program2 new-pmt cc-told cyrillic utf8 odd-name);
my @fault = map {
	/^([a-z0-9-]+)@([\d.]+)(?:\+([\d.]+))?(?:=(-?\d+))?$/ && $kinds{$1} or die "what is '$_'?\n";
	{ name => $1, from => $2, len => $3 // 0, value => $4 // 1, done => 0 }
} @asked;

my $ticks = 20304;		# of 27 MHz: 188 bytes at 2 Mb/s
my ($now, $shift, $extra, %cc, @queue) = (0, 0, 0);
binmode STDOUT;

# on(NAME): is it that time, for faults that last?  once(NAME): the first time it is.
sub on {
	my $t = $now / 27e6;
	return (grep { $_->{name} eq $_[0] && $t >= $_->{from} && $t < $_->{from} + $_->{len} } @fault)[0];
}
sub once {
	my $t = $now / 27e6;
	for (@fault) {
		next if $_->{name} ne $_[0] || $_->{done} || $t < $_->{from};
		$_->{done} = 1;
		return $_;
	}
	return;
}

my @crc = map { my $c = $_ << 24;
	$c = $c & 0x80000000 ? ($c << 1 ^ 0x04c11db7) & 0xffffffff : $c << 1 & 0xffffffff for 1 .. 8; $c } 0 .. 255;
sub crc {
	my $c = 0xffffffff;
	$c = ($c << 8 & 0xffffffff) ^ $crc[$c >> 24 ^ $_] for unpack 'C*', $_[0];
	return $c;
}

# packet(PID, START, PAYLOAD, [PCR], [DISCONTINUITY]): stuffed to 184 bytes; its counter is
# set when it goes out
sub packet {
	my ($pid, $start, $payload, $pcr, $disc) = @_;
	my $af = '';
	if (defined $pcr) {
		my ($base, $ext) = (int($pcr / 300) % 2**33, $pcr % 300);
		$af = pack('CNn', $disc ? 0x90 : 0x10, $base >> 1, ($base & 1) << 15 | 0x7e00 | $ext);
	} elsif ($disc) {
		$af = "\x80";
	}
	my $room = 184 - length $payload;
	if ($room > 0 || $af ne '') {
		$af = "\0" if $af eq '' && $room > 1;
		$af .= "\xff" x ($room - 1 - length $af);
		$af = pack('C', length $af) . $af;
	}
	my $has = $payload ne '';
	my $head = pack('CnC', 0x47, ($start ? 0x4000 : 0) | $pid,
	    ($af ne '' ? 0x20 : 0) | ($has ? 0x10 : 0));
	return $head . $af . $payload;
}

# section(PID, TABLE, EXTENSION, BODY, [NUMBER], [VERSION]): queued; body() without syntax
sub section {
	my ($pid, $table, $ext, $body, $number, $version) = @_;
	my $s = pack('Cnn', $table, 0xb000 | 5 + length($body) + 4, $ext) .
	    pack('CCC', 0xc1 | ($version // 0) << 1, $number // 0, $number // 0) . $body;
	return $s . pack 'N', crc($s);
}
sub send_section {
	my ($pid, $s, $scrambled) = @_;
	my $p = packet($pid, 1, "\0" . $s . "\xff" x (183 - length $s));
	substr($p, 3, 1) = pack 'C', 0x80 | ord substr $p, 3, 1 if $scrambled;
	push @queue, $p;
}
sub spoil {
	my ($s) = @_;
	substr($s, -1) = chr(ord(substr $s, -1) ^ 1);
	return $s;
}

sub pmt {
	my ($number, @streams) = @_;
	return section(0, 2, $number, pack('nn', 0xe000 | 257, 0xf000) . join('', @streams), 0,
	    once('new-pmt') ? 1 : 0);
}
my $german = "\x0a\x04deu\0";
my $video = pack 'Cnn', 0x1b, 0xe000 | 257, 0xf000;
my $audio = pack('Cnn', 0x03, 0xe000 | 258, 0xf000 | length $german) . $german;
my $cues = pack('Cnn', 0x86, 0xe000 | 500, 0xf000);

sub pes {
	my ($id, $pts, $len) = @_;
	return pack('NnCCC', 0x100 | $id, $id == 0xe0 ? 0 : 3 + $len, 0x80, 0, 0) . "\x55" x $len if !defined $pts;
	$pts %= 2**33;
	my $t = pack('CnnC', 0, 0, 0, 0);
	$t = pack('Cnn', 0x21 | ($pts >> 30 & 7) << 1, ($pts >> 15 & 0x7fff) << 1 | 1, ($pts & 0x7fff) << 1 | 1);
	return pack('NnCCC', 0x100 | $id, $id == 0xe0 ? 0 : 8 + $len, 0x80, 0x80, 5) . $t . "\x55" x $len;
}

my %every = (pcr => 540000, pat => 2700000, pmt => 2700000, sdt => 13500000, video => 1080000,
	audio => 648000, eit => 27000000, nit => 27000000, tdt => 27000000);
my %due = map { $_ => 0 } keys %every;
sub due {
	return 0 if $now < $due{$_[0]};
	$due{$_[0]} += $every{$_[0]};
	return 1;
}

sub service { my ($type, $provider, $name) = @_;
	my $d = pack('CCA*CA*', $type, length $provider, $provider, length $name, $name);
	return pack('nCnCC', 1, 0xfc, 0x8000 | 2 + length $d, 0x48, length $d) . $d; }

sub tables {
	if (due('pat') && !on('no-pat')) {
		my $pat = section(0, 0, 1, pack('nn', 1, 0xe100) . (on('program2') ? pack('nn', 2, 0xe110) : ''),
		    0, on('program2') ? 1 : 0);
		send_section(0, once('pat-crc') ? spoil($pat) : $pat, once('pat-scrambled'));
	}
	if (due('pmt') && !on('no-pmt')) {
		my $pmt = pmt(1, $video, $audio, (grep { $_->{name} =~ /^cue/ } @fault) ? $cues : ());
		send_section(256, once('pmt-crc') ? spoil($pmt) : $pmt, once('pmt-scrambled'));
		send_section(272, pmt(2, $video)) if on('program2');
	}
	if (due('sdt') && !on('no-sdt')) {
		my $name = on('cyrillic') ? "\x01\xbd\xde\xd2\xde\xe1\xe2\xd8" :	# ISO 8859-5
			on('utf8') ? "\x15N\xc3\xa4he" : on('odd-name') ? "\x15a\xff\x07b\xc3" : 'News';
		my $sdt = section(0, 0x42, 1, "\0\1\xff" . service(1, 'Tests', $name));
		send_section(17, once('sdt-crc') ? spoil($sdt) : $sdt);
		send_section(17, $sdt) if once('sdt-twice');
	}
	send_section(18, section(0, 0x4e, 1, pack('nnCC', 1, 1, $_, 0x4e), $_)) for due('eit') && on('eit') ? (0, 1) : ();
	send_section(16, section(0, 0x40, 1, "\xf0\7\x40\5Net-1\xf0\0")) if due('nit') && on('nit');
	send_section(20, "\x70\x70\5\xec\x27\x12\x34\x56") if due('tdt') && on('tdt');
	send_section(0, section(0, 0x42, 1, 'no PAT')) if once('pat-table');
	send_section(1, section(0, 1, 1, '')) if once('cat');
	send_section(1, section(0, 0, 1, pack 'nn', 1, 0xe100)) if once('cat-table');
	send_section(16, section(0, 0x42, 1, 'x' x 12)) if once('nit-table');
	send_section(17, section(0, 0x40, 1, 'x' x 12)) if once('sdt-table');
	send_section(18, section(0, 0x42, 1, 'x' x 12)) if once('eit-table');
	send_section(19, "\x71\x70\x05" . 'x' x 5) if once('rst');
	send_section(19, "\x71\x70\x05" . 'x' x 5) for once('rst-twice') ? (1, 2) : ();
	send_section(19, "\x70\x70\x05" . 'x' x 5) if once('rst-table');
	send_section(20, "\x71\x70\x05" . 'x' x 5) if once('tdt-table');
	send_section(20, "\x73\x70\x0b" . 'x' x 11) if once('tot-crc');
	# splice_insert, out of network, auto return: event 7
	for my $bad (once('cue') ? 0 : (), once('cue-crc') ? 1 : ()) {
		my $body = pack('H*', 'fc302500000000000000fff01405000000077feffe0006ddd0fe00292f80000100000000');
		my $s = $body . pack 'N', crc($body);
		send_section(500, $bad ? spoil($s) : $s);
	}
}

# The next packet: PCR first, since it must say when it comes.
sub next_packet {
	if (due('pcr') && !on('no-pcr')) {
		my $f = once('pcr-jump');
		my $told = $f ? undef : once('pcr-jump-told');
		$shift += 27000000 * ($f // $told)->{value} if $f || $told;
		my $step = once('pcr-step');		# ns
		$shift += int($step->{value} * 27 / 1000) if $step;
		my $off = once('pcr-off');		# ns
		return packet(257, 0, '', 135000000 + $now + $shift + ($off ? int($off->{value} * 27 / 1000) : 0),
		    $told ? 1 : 0);
	}
	tables();
	return shift @queue if @queue;
	my $pts = 495000 + int($now / 300) + int($shift / 300);
	if (due('video') && !on('no-video')) {
		push @queue, packet(257, 1, pes(0xe0, on('no-pts') ? undef : $pts, on('no-pts') ? 175 : 170)),
		    map { packet(257, 0, "\xaa" x 184) } 1 .. 20;
	}
	if (due('audio') && !on('no-audio')) {
		my $f = once('cc');
		$cc{258} += $f->{value} if $f;
		my $told = once('cc-told');
		if ($told) {
			$cc{258} += 5;
			push @queue, packet(258, 1, pes(0xc0, $pts, 160), undef, 1);
		} else {
			push @queue, packet(258, 1, pes(0xc0, on('no-pts') ? undef : $pts, 160));
		}
		substr($queue[-1], 3, 1) = pack 'C', 0xc0 | ord substr $queue[-1], 3, 1 if on('scrambled');
	}
	push @queue, packet(600, 0, "\x11" x 184) if on('stray');
	return shift @queue // "\x47\x1f\xff\x10" . "\xff" x 184;
}

for (; $now < $seconds * 27e6; $now += $ticks) {
	my $p = next_packet();
	my $pid = unpack('n', substr $p, 1, 2) & 0x1fff;
	my $control = ord substr $p, 3, 1;
	$cc{$pid} = ($cc{$pid} // 15) + ($control >> 4 & 1) & 15;
	substr($p, 3, 1) = chr($control | $cc{$pid});
	my $null = $pid == 0x1fff;
	my $sync = on('sync');
	substr($p, 0, 1) = "\x46" if $null && ($sync && $sync->{count}++ < $sync->{value});
	substr($p, 1, 1) = chr(0x80 | ord substr $p, 1, 1) if $pid == 257 && $control & 0x10 && once('tei');
	my $is_audio = $pid == 258;
	# lost=PID; 1, if not said, is audio
	next if !$null && (grep { $_->{name} eq 'lost' && ($_->{value} == 1 ? 258 : $_->{value}) == $pid } @fault) &&
		once('lost');
	print 'junk' x 30 if $pid == 257 && $control & 0x10 && once('junk');
	# What is sent again takes the place of null packets.
	if ($null && $extra > 0) {
		$extra--;
		next;
	}
	print $p;
	my $again = !$is_audio ? 0 : once('dup') ? 1 : once('triple') ? 2 : 0;
	print $p x $again;
	$extra += $again;
}
