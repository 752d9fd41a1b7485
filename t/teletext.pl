#!/usr/bin/perl
# t/teletext.pl SECONDS PAGE=LANGUAGE[,impaired]... <pages >out.ts - teletext as subtitles
# are sent: a program with a teletext PID (300, its descriptor with these pages), a PES packet
# for each page, from 1 s on, and the PCR each 40 ms.  EN 300 472, EN 300 706.
#
# A page is a line with tabs: MS, PAGE, FLAGS, then ROW=TEXT or COLUMN,ROW=MODE,CHARACTER, or
# sets=DESIGNATION for X/28.  Flags: 0 to 7 are the national option (C12 to C14, C12 first);
# k: the page before is not erased; i: inhibited; n: not a subtitle; s: no header follows it
# (until the next page); w: its rows one in each PES packet.  In TEXT \xNN is a byte.  A row
# is boxed unless it has a byte \x0b.
# With PID=NUMBER or ERRORS (a bit of each byte with Hamming code is wrong).
use strict;
use warnings;

my ($seconds, @args) = @ARGV;
my ($pid, $errors, @named) = (300, 0);
for (@args) {
	if (/^PID=(\d+)$/) { $pid = $1 }
	elsif ($_ eq 'ERRORS') { $errors = 1 }
	elsif (/^(\d)(\d\d)=(\w{3})(,impaired)?$/) { push @named, [$1 % 8, hex $2, $3, $4 ? 5 : 2] }
	else { die "what is '$_'?\n" }
}
binmode STDOUT;

my @crc = map { my $c = $_ << 24;
	$c = $c & 0x80000000 ? ($c << 1 ^ 0x04c11db7) & 0xffffffff : $c << 1 & 0xffffffff for 1 .. 8; $c } 0 .. 255;
sub crc {
	my $c = 0xffffffff;
	$c = ($c << 8 & 0xffffffff) ^ $crc[$c >> 24 ^ $_] for unpack 'C*', $_[0];
	return pack 'N', $c;
}
my %cc;
sub packets {
	my ($pid, $data) = @_;
	my $start = 0x4000;
	while ($data ne '') {
		my $part = substr $data, 0, 184, '';
		my ($af, $room) = ('', 184 - length $part);
		$af = pack('C', $room - 1) . ($room > 1 ? "\0" . "\xff" x ($room - 2) : '') if $room;
		print pack('CnC', 0x47, $start | $pid, ($af ne '' ? 0x30 : 0x10) | ($cc{$pid}++ & 15)), $af, $part;
		$start = 0;
	}
}
sub section {
	my ($pid, $s) = @_;
	$s .= crc($s);
	packets($pid, "\0" . $s . "\xff" x (183 - length $s));
}
sub tables {
	my $list = join '', map { pack 'A3CC', $_->[2], $_->[3] << 3 | $_->[0], $_->[1] } @named;
	my $d = @named ? pack('CC', 0x56, length $list) . $list : "\x56\0";
	section(0, pack('CnnCCCnn', 0, 0xb000 | 13, 1, 0xc1, 0, 0, 1, 0xf000));
	section(4096, pack('CnnCCCnn', 2, 0xb000 | 18 + length $d, 1, 0xc1, 0, 0, 0xe000 | $pid, 0xf000) .
	    pack('Cnn', 6, 0xe000 | $pid, 0xf000 | length $d) . $d);
}

sub reversed { return join '', map { pack 'b8', unpack 'B8', $_ } split //, $_[0] }
my @hamming = (0x15, 0x02, 0x49, 0x5e, 0x64, 0x73, 0x38, 0x2f, 0xd0, 0xc7, 0x8c, 0x9b, 0xa1, 0xb6, 0xfd, 0xea);
my $count = 0;
sub h8 { return join '', map { chr($hamming[$_] ^ ($errors ? 1 << $count++ % 8 : 0)) } @_ }
sub h24 {
	my ($v) = @_;
	my @bit = (0) x 25;
	my @data = (3, 5, 6, 7, 9 .. 15, 17 .. 23);
	$bit[$data[$_]] = $v >> $_ & 1 for 0 .. 17;
	for my $test (0 .. 4) {
		my $sum = 1;
		$sum ^= $bit[$_] for grep { $_ >> $test & 1 } 1 .. 23;
		$bit[1 << $test] = $sum;
	}
	$bit[24] = 1;
	$bit[24] ^= $bit[$_] for 1 .. 23;
	$bit[1 + $count++ % 24] ^= 1 if $errors;
	return pack 'b24', join '', @bit[1 .. 24];
}
sub odd { return join '', map { my $n = unpack '%8b*', $_; $n & 1 ? $_ : chr(ord($_) | 0x80) } split //, $_[0] }

# line(MAGAZINE, ROW, 40 BYTES): a data unit
sub line {
	my ($magazine, $row, $data) = @_;
	my $address = $row << 3 | $magazine & 7;
	return pack('CCCC', 3, 44, 0xe7, 0xe4) . reversed(h8($address & 15, $address >> 4) . $data);
}
sub header {
	my ($page, $flags) = @_;
	my ($magazine, $units, $tens) = (int($page / 100), $page % 10, int($page / 10) % 10);
	my $option = $flags =~ /([0-7])/ ? $1 : 0;
	my $c11 = ($option & 4 ? 2 : 0) | ($option & 2 ? 4 : 0) | ($option & 1 ? 8 : 0);
	return line($magazine, 0, h8($units, $tens, 0, $flags =~ /k/ ? 0 : 8, 0, $flags =~ /n/ ? 0 : 8,
	    1 | ($flags =~ /i/ ? 8 : 0), 1 | $c11) . odd(' ' x 32));
}

my (@queue, @lone);
while (<STDIN>) {
	chomp;
	next if $_ eq '' || /^#/;
	my ($ms, $page, $flags, @rest) = split /\t/;
	my $magazine = int($page / 100);
	my (@first, %row, @mark);
	for (@rest) {
		if (/^sets=(\d+)$/) {
			push @first, line($magazine, 28, h8(0) . h24($1 << 7) . h24(0) x 12);
		} elsif (/^(\d+),(\d+)=(\w+),(.)$/) {
			push @mark, [$2, $1, hex $3, ord $4];
		} elsif (/^(\d+)=(.*)$/) {
			my ($n, $text) = ($1, $2);
			$text =~ s/\\x([0-9a-f]{2})/chr hex $1/ge;
			$text = "\x0d\x0b\x0b$text\x0a\x0a" unless $text =~ /\x0b/;
			$row{$n} = substr $text . ' ' x 40, 0, 40;
		} else { die "what is '$_'?\n" }
	}
	my ($row, @triplet) = 0;
	for (sort { $a->[0] <=> $b->[0] || $a->[1] <=> $b->[1] } @mark) {
		push @triplet, 40 + $_->[0] | 4 << 6 if $_->[0] != $row;
		$row = $_->[0];
		push @triplet, $_->[1] | $_->[2] << 6 | $_->[3] << 11;
	}
	my $designation = 0;
	while (@triplet) {
		my @some = splice @triplet, 0, 13;
		push @some, 63 | 31 << 6 while @some < 13;
		push @first, line($magazine, 26, h8($designation++) . join '', map { h24($_) } @some);
	}
	my @lines = (header($page, $flags), @first, map { line($magazine, $_, odd($row{$_})) } sort { $a <=> $b } keys %row);
	my $end = $flags =~ /s/ ? '' : line(1, 0, h8(15, 15, 0, 0, 0, 0, 0, 1) . odd(' ' x 32));
	if ($flags =~ /w/) {
		push @queue, map { [$ms + 40 * $_, $lines[$_]] } 0 .. $#lines;
		push @queue, [$ms + 40 * @lines, $end];
	} else {
		push @queue, [$ms, join '', @lines, $end];
	}
}
push @queue, [0, line(1, 0, h8(15, 15, 0, 0, 0, 0, 0, 1) . odd(' ' x 32))];
@queue = sort { $a->[0] <=> $b->[0] } @queue;

for (my $ms = 0; $ms < $seconds * 1000; $ms += 40) {
	tables() if $ms % 120 == 0;
	my $pts = 90000 + 90 * $ms;
	my $pcr = $pts - 4500;
	print pack('CnCCCNn', 0x47, $pid, 0x20 | ($cc{$pid} // 0) + 15 & 15, 183, 0x10, $pcr >> 1, ($pcr & 1) << 15 | 0x7e00),
	    "\xff" x 176;
	my $units = '';
	my $due = @queue && $queue[0][0] <= $ms;
	$units .= (shift @queue)->[1] while @queue && $queue[0][0] <= $ms;
	next if !$due;
	$units .= "\xff\x2c" . "\xff" x 44 while (length($units) / 46 + 1) % 4;
	my $head = pack('CCC', 0x84, 0x80, 36) . pack('Cnn', 0x21 | ($pts >> 30 & 7) << 1,
	    ($pts >> 15 & 0x7fff) << 1 | 1, ($pts & 0x7fff) << 1 | 1) . "\xff" x 31;
	my $pes = $head . "\x10" . $units;
	packets($pid, pack('Nn', 0x1bd, length $pes) . $pes);
}
