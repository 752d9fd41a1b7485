#!/usr/bin/perl
# t/tstd.pl RATE PID:LEAK:SIZE... <in.ts - is it a stream of this constant rate, and what
# becomes of the buffers of a decoder (ISO/IEC 13818-1 2.4.2)?
#
# By the places of the packets alone: each PCR is within 500 ns of that of its place, there
# is one each 40 ms, PAT and PMT each 100 ms, counters are whole.  Of each PID the transport
# buffer of 512 bytes, which empties with LEAK bit/s, never runs over, nor the main buffer of
# SIZE bytes; and each access unit is there when it is decoded.  Prints what the worst was;
# the status is 1 if that is bad.
use strict;
use warnings;

my ($rate, @models) = @ARGV;
my %model = map { my ($pid, $leak, $size) = split /:/; $pid => { leak => $leak, size => $size,
	tb => 0, tb_most => 0, at => 0, main => 0, most => 0, unit => undef, kept => [],
	units => 0, least => 9e99 } } @models;
my ($n, $first, $pcr0, $pcr_last, $worst, $gap, $nulls) = (0, undef, undef, undef, 0, 0, 0);
my (%cc, %table, %bad);
my $packet_27m = 1504 * 27e6 / $rate;
my @all;

binmode STDIN;
while (read(STDIN, my $p, 188) == 188) {
	my ($sync, $pid, $flags) = unpack 'CnC', $p;
	push @all, $p;
	die "no packet at $n\n" if $sync != 0x47;
	if (!defined $first && ($flags & 0x20) && ord(substr $p, 4, 1) > 6 &&
	    (ord(substr $p, 5, 1) & 0x10)) {
		my ($base, $low) = unpack 'Nn', substr $p, 6, 6;
		($first, $pcr0) = ($n, ($base * 2 + ($low >> 15)) * 300 + ($low & 0x1ff));
	}
	$n++;
}
die "no PCR\n" if !defined $first;

sub ts33 { my @b = unpack 'C5', $_[0];
	return (($b[0] >> 1 & 7) << 30) | ($b[1] << 22) | ($b[2] >> 1 << 15) | ($b[3] << 7) |
		($b[4] >> 1) }
sub near { my ($v, $to) = @_; my $w = 2 ** 33 * 300;
	return $v + $w * int(($to - $v) / $w + ($to > $v ? .5 : -.5)) }

for my $i ($first .. $#all) {
	my $p = $all[$i];
	my ($sync, $pid, $flags) = unpack 'CnC', $p;
	my $stc = $pcr0 + ($i - $first) * $packet_27m;
	my $start = $pid & 0x4000;
	my $af = $flags & 0x20 ? ord(substr $p, 4, 1) : -1;
	my $told = $af > 0 && ord(substr $p, 5, 1) & 0x80;
	$pid &= 0x1fff;
	$nulls++ if $pid == 0x1fff;
	next if $pid >= 0x1ffe;
	if ($af > 6 && ord(substr $p, 5, 1) & 0x10) {
		my ($base, $low) = unpack 'Nn', substr $p, 6, 6;
		my $pcr = near(($base * 2 + ($low >> 15)) * 300 + ($low & 0x1ff), $stc);
		my $off = abs($pcr - $stc) / 27e-3;
		$worst = $off if $off > $worst;
		$gap = $stc - $pcr_last if defined $pcr_last && $stc - $pcr_last > $gap;
		$pcr_last = $stc;
	}
	if ($flags & 0x10) {
		$bad{"counter of $pid"}++ if defined $cc{$pid} && !$told &&
			($cc{$pid} + 1 & 15) != ($flags & 15);
		$cc{$pid} = $flags & 15;
	}
	if ($start && ($pid == 0 || $pid >= 0x1000 && $pid < 0x1010)) {
		my $t = $table{$pid} // $stc;
		$bad{"table $pid"}++ if $stc - $t > 2.7e6;
		$table{$pid} = $stc;
	}
	my $m = $model{$pid} or next;
	my $len = $flags & 0x10 ? 183 - $af : 0;
	$m->{tb} -= ($stc - $m->{at}) / 27e6 * $m->{leak};
	$m->{tb} = 0 if $m->{tb} < 0;
	$m->{tb} += 1504 if $len > 0;
	$m->{at} = $stc;
	$m->{tb_most} = $m->{tb} if $m->{tb} > $m->{tb_most};
	if ($start) {
		my $pes = substr $p, 188 - $len;
		my $has = ord(substr $pes, 7, 1) >> 6;
		my $dts = near(ts33(substr $pes, $has == 3 ? 14 : 9, 5) * 300, $stc);
		push @{$m->{kept}}, $m->{unit} if $m->{unit};
		$m->{unit} = { dts => $dts, len => 0 };
		$m->{units}++;
	}
	next if !$m->{unit};
	while (@{$m->{kept}} && $m->{kept}[0]{dts} <= $stc) {
		$m->{main} -= shift(@{$m->{kept}})->{len};
	}
	$m->{unit}{len} += $len;
	$m->{main} += $len;
	$m->{most} = $m->{main} if $m->{main} > $m->{most};
	my $left = $m->{unit}{dts} - $stc;
	$m->{least} = $left if $left < $m->{least};
}
printf "pcr off by up to %.0f ns, each %.1f ms or less; %d of %d packets are null\n", $worst,
	$gap / 27e3, $nulls, $n;
$bad{'pcr accuracy'} = 1 if $worst > 500;
$bad{'pcr interval'} = 1 if $gap > 40 * 27e3 + $packet_27m;
for my $pid (sort keys %model) {
	my $m = $model{$pid};
	printf "pid %d: %d units, transport buffer %.0f of 512, main buffer %d of %d, at least " .
		"%.1f ms before decoding\n", $pid, $m->{units}, $m->{tb_most} / 8, $m->{most},
		$m->{size}, $m->{least} / 27e3;
	$bad{"$pid: no units"} = 1 if !$m->{units};
	$bad{"$pid: transport buffer"} = 1 if $m->{tb_most} > 4096 + 1;
	$bad{"$pid: overflow"} = 1 if $m->{most} > $m->{size};
	$bad{"$pid: underflow"} = 1 if $m->{least} < 0;
}
print "bad: $_ ($bad{$_})\n" for sort keys %bad;
exit(%bad ? 1 : 0);
