# sections.pl <TS - the cues of a stream, decoded here from the specification alone.
#
# A line for each section on a PID that a PMT gives the type 0x86: "PID packet command
# ..." with the fields of a splice_insert or time_signal.  Dies if a continuity counter
# jumps, a CRC is wrong, a version stands for two PMTs, or a program has cues without
# the registration CUEI.
use strict;
use warnings;

my (%pmt, %cues, %cc, %part, %said, $n);

sub crc {
	my $crc = 0xffffffff;
	for my $byte (unpack 'C*', shift) {
		$crc ^= $byte << 24;
		$crc = ($crc << 1 ^ ($crc & 0x80000000 ? 0x04c11db7 : 0)) & 0xffffffff for 1 .. 8;
	}
	return $crc;
}

sub pmt {
	my ($pid, $s) = @_;
	my ($number, $version) = (unpack('n', substr $s, 3, 2), ord(substr $s, 5, 1) >> 1 & 31);
	my $said = $said{"$pid $number $version"} //= $s;
	die "version $version stands for two PMTs of program $number\n" if $said ne $s;
	my $len = unpack('n', substr $s, 10, 2) & 0xfff;
	my $cuei = substr($s, 12, $len) =~ /\x05[\x04-\xff]CUEI/s;
	for (my $i = 12 + $len; $i < length($s) - 4; ) {
		my ($type, $es, $l) = unpack 'Cnn', substr $s, $i, 5;
		die "program $number has cues and no registration\n" if $type == 0x86 && !$cuei;
		$cues{$es & 0x1fff} = 1 if $type == 0x86;
		$i += 5 + ($l & 0xfff);
	}
}

sub pts {
	my @b = unpack 'C5', shift;
	return 'none' unless $b[0] & 0x80;
	return (($b[0] & 1) * 2 ** 32 + ($b[1] << 24 | $b[2] << 16 | $b[3] << 8 | $b[4]));
}

sub cue {
	my ($pid, $s) = @_;
	my $adjust = (ord(substr $s, 4, 1) & 1) * 2 ** 32 + unpack 'N', substr $s, 5, 4;
	my ($tier, $len, $type) = (unpack('n', substr $s, 10, 2) >> 4,
		unpack('n', substr $s, 11, 2) & 0xfff, ord substr $s, 13, 1);
	my $c = substr $s, 14, $len;
	my $line = "$pid $n adjust=$adjust tier=$tier type=$type";
	if ($type == 5) {
		my ($id, $cancel) = unpack 'NC', $c;
		$line .= " id=$id";
		if ($cancel & 0x80) {
			$line .= ' cancel';
		} else {
			my $flags = ord substr $c, 5, 1;
			my $i = 6;
			$line .= $flags & 0x80 ? ' out' : ' in';
			if ($flags & 0x10) {
				$line .= ' immediate';
			} else {
				$line .= ' pts=' . pts(substr $c, $i, 5);
				$i += 5;
			}
			if ($flags & 0x20) {
				my $auto = ord(substr $c, $i, 1) & 0x80 ? 1 : 0;
				$line .= sprintf ' duration=%d auto=%d', (ord(substr $c, $i, 1) & 1) *
					2 ** 32 + unpack('N', substr $c, $i + 1, 4), $auto;
				$i += 5;
			}
			$line .= sprintf ' program=%d avail=%d/%d', unpack 'nCC', substr $c, $i, 4;
		}
	} elsif ($type == 6) {
		$line .= ' pts=' . pts($c . "\0" x 4);
	}
	my $all = unpack 'n', substr $s, 14 + $len, 2;
	for (my $i = 16 + $len; $i < 16 + $len + $all; $i += 2 + ord substr $s, $i + 1, 1) {
		my ($tag, $l, $who, $id, $cancel, $flags) = unpack 'CCNNCC', substr $s, $i, 12;
		next unless $tag == 2 && $who == 0x43554549;
		$line .= " [id=$id";
		if ($cancel & 0x80) {
			$line .= ' cancel]';
			next;
		}
		my $k = $i + 12;
		$line .= sprintf ' delivery=%02x', $flags & 0x3f;
		if ($flags & 0x40) {
			my ($hi, $lo) = unpack 'CN', substr $s, $k, 5;
			$line .= ' duration=' . ($hi * 2 ** 32 + $lo);
			$k += 5;
		}
		my ($ut, $ul) = unpack 'CC', substr $s, $k, 2;
		my ($type_id, $num, $of) = unpack 'CCC', substr $s, $k + 2 + $ul, 3;
		$line .= sprintf ' upid=%d:%s type=%02x num=%d/%d]', $ut, substr($s, $k + 2, $ul),
			$type_id, $num, $of;
	}
	print "$line\n";
}

sub section {
	my ($pid, $s) = @_;
	die "wrong CRC on PID $pid\n" if crc($s) != 0;
	if ($pid == 0) {
		$pmt{unpack('n', substr $s, $_ * 4 + 10, 2) & 0x1fff} = 1 for 0 .. (length($s) - 12) / 4 - 1;
	} elsif ($pmt{$pid}) {
		pmt($pid, $s);
	} else {
		cue($pid, $s);
	}
}

binmode STDIN;
while (read(STDIN, my $p, 188) == 188) {
	$n++;
	my ($sync, $pid, $c) = unpack 'CnC', $p;
	my $start = $pid & 0x4000;
	$pid &= 0x1fff;
	die "packet $n has no sync byte\n" if $sync != 0x47;
	my $i = 4 + ($c & 0x20 ? 1 + ord substr $p, 4, 1 : 0);
	next unless $c & 0x10;
	if ($pid < 0x1ffe) {
		my $want = defined $cc{$pid} ? ($cc{$pid} + 1) % 16 : $c & 15;
		my $announced = ($c & 0x20) && $i > 5 && (ord(substr $p, 5, 1) & 0x80);
		die "PID $pid, packet $n: counter jumps\n" if $want != ($c & 15) && !$announced;
		$cc{$pid} = $c & 15;
	}
	next unless $pid == 0 || $pmt{$pid} || $cues{$pid};
	if ($start) {
		my $to = ord substr $p, $i, 1;
		$part{$pid} .= substr $p, $i + 1, $to if defined $part{$pid};
		$part{$pid} = '' unless defined $part{$pid} && length $part{$pid};
		$part{$pid} .= substr $p, $i + 1 + $to;
	} elsif (defined $part{$pid}) {
		$part{$pid} .= substr $p, $i;
	}
	while (defined $part{$pid} && length $part{$pid} >= 3) {
		my $len = 3 + (unpack('n', substr $part{$pid}, 1, 2) & 0xfff);
		if (ord $part{$pid} == 0xff) {
			$part{$pid} = undef;
			last;
		}
		last if length $part{$pid} < $len;
		section($pid, substr $part{$pid}, 0, $len, '');
	}
}
