# fecbound.pl [-r FROM-TO] LxD[c] PACKETS NET... - what FEC can recover, at most.
#
# Of so many packets with that FEC, aligned, or none with 0x0: what none of the networks
# brought, by NET.net and NETf.net, logs of mconnect-impair for the media and, columns
# first, the FEC; and how much of that remains: "lost=N remain=M", of those in the range,
# or of those between the first and the last that a receiver has.  Share and error, of
# the mean over matrices.
use strict;
use warnings;

my ($from, $to);
(shift, ($from, $to) = split /-/, shift) if $ARGV[0] eq '-r';
my ($l, $d, $c) = shift =~ /^(\d+)x(\d+)(c?)$/ or die;
my $n = shift;
my (@gone, %fec_gone);
for my $net (@ARGV) {
	for my $file ("$net.net", $l ? "${net}f.net" : ()) {
		open my $f, '<', $file or die "$file: $!\n";
		while (<$f>) {
			my ($k, $link, $what) = /"n":(\d+),"link":(\d+),"way":"there",.*"what":"(\w+)"/ or next;
			next if $what eq 'pass';
			if ($file eq "$net.net") { $gone[$k]++ } else { $fec_gone{"$link.$k"}++ }
		}
	}
}
my @missing = map { ($gone[$_] // 0) == @ARGV } 0 .. $n - 1;
my $first = 0;
$first++ while $missing[$first];
my $lost = grep { $missing[$_] } $from // $first .. ($to // $n) - 1;
# Sums: rows are sent in order, columns too, each of its link.
my (@sums, $row, $column);
for (my $r = 0; $l && !$c && $r + $l <= $n; $r += $l) {
	push @sums, [$r .. $r + $l - 1] if ($fec_gone{'1.' . ($row++ // 0)} // 0) < @ARGV;
}
for (my $m = 0; $l && $m + $l * $d <= $n; $m += $l * $d) {
	for my $i (0 .. $l - 1) {
		push @sums, [map { $m + $i + $_ * $l } 0 .. $d - 1]
			if ($fec_gone{'0.' . ($column++ // 0)} // 0) < @ARGV;
	}
}
for (my $any = 1; $any;) {
	$any = 0;
	for my $s (@sums) {
		my @m = grep { $missing[$_] } @$s;
		next if @m != 1;
		$missing[$m[0]] = 0;
		$any = 1;
	}
}
my $last = $n - 1;
$last-- while $missing[$last];
my $remain = grep { $missing[$_] } $from // $first .. ($to // $last + 1) - 1;
printf "lost=%d remain=%d", $lost, $remain;
if ($l) {
	my ($sum, $square, $matrices) = (0, 0, int($n / ($l * $d)));
	for my $m (0 .. $matrices - 1) {
		my $k = grep { $_ } @missing[$m * $l * $d .. ($m + 1) * $l * $d - 1];
		$sum += $k;
		$square += $k * $k;
	}
	printf " share=%g error=%g", $sum / $matrices / $l / $d,
		sqrt(($square / $matrices - ($sum / $matrices) ** 2) / $matrices) / $l / $d;
}
print "\n";
