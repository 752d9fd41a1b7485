# t/faults.pl - inputs of a failover that fail at planned times, and what came out of it.
#
#   plan equal|prefer N SEED    N faults at random, a line each: input, what, the first
#                               picture and that after the last; then "end", pictures
#   args PLAN INPUT             those that are in the picture, for faultfilm
#   mute PLAN INPUT             when there is no sound, for FFmpeg's "enable"
#   send PLAN INPUT FILE START  the file at the pace of its clock from START on, seconds
#                               since 1970, with the faults that are in the stream
#   judge PLAN EVENTS CODES LIMIT
#                               each switch is for the fault of its input, to one that is
#                               well, at most LIMIT ms late, and each picture is the right one
#
# Pictures are 25 a second, a group has GROUP of them; a fault lasts LONG, each condition
# holds after SETTING and an input is clear after CLEAR.
use strict;
use warnings;
use Time::HiRes qw(sleep time);

use constant { GROUP => 12, SETTING => 25, CLEAR => 50, LONG => 62 };
my @causes = qw(loss black freeze silence cc errors);

sub slurp {
	open my $f, '<', shift or die;
	binmode $f;
	local $/;
	return scalar <$f>;
}

sub faults {
	my ($plan, $input) = @_;
	return grep { !defined $input || $_->[0] eq $input }
	    map { [split] } grep { !/^end/ } split /\n/, slurp($plan);
}

# A fault lasts 2.5 s; its input is well again 1.5 s later at most, and clear 2 s after.
# With inputs that are equal a fault comes either so soon that the input before is not
# clear, which leaves the third one, or so late that both are.  With a preferred one it
# comes when that has been back for a while.
sub plan {
	my ($policy, $n, $seed) = @_;
	my ($active, $before, $at, $soon) = (1, 0, 100, 0);
	srand $seed;
	my @deck;
	for (1 .. $n) {
		@deck = sort { $a->[1] <=> $b->[1] } map { [$_, rand] } @causes unless @deck;
		my $what = shift(@deck)->[0];
		printf "%d %s %d %d\n", $active, $what, $at, $at + LONG;
		if ($policy eq 'prefer') {
			$at += 185 + int rand 25;
			next;
		}
		my @others = grep { $_ != $active } 1 .. 3;
		my $to = $soon ? (grep { $_ != $before } @others)[0] : $others[0];
		($before, $active) = ($active, $to);
		$soon = !$soon && rand() < 0.8;
		$at += $soon ? 66 + int rand 4 : 160 + int rand 20;
	}
	printf "end %d\n", $at + 50;
}

sub send_it {
	my ($plan, $input, $file, $start) = @_;
	my @faults = faults($plan, $input);
	my $ts = slurp($file);
	my ($first, $picture, $n, $pid, $pcr0, $fault) = (undef, -1, 0);
	binmode STDOUT;
	$| = 1;
	my $burst = '';
	for (my $i = 0; $i < length $ts; $i += 188) {
		my $p = substr $ts, $i, 188;
		my @b = unpack 'C*', $p;
		my $this = ($b[1] & 31) << 8 | $b[2];
		if ($b[3] & 32 && $b[4] >= 7 && $b[5] & 16) {
			my $pcr = ((($b[6] << 24 | $b[7] << 16 | $b[8] << 8 | $b[9]) << 1) |
			    $b[10] >> 7) / 90000;
			$pcr0 //= $pcr;
			my $at = $start + $pcr - $pcr0;
			syswrite STDOUT, $burst if length $burst;
			$burst = '';
			my $wait = $at - time;
			sleep $wait if $wait > 0;
		}
		my $head = $b[3] & 32 ? 5 + $b[4] : 4;
		if ($b[1] & 64 && $head < 170 && substr($p, $head, 3) eq "\0\0\1" &&
		    ($b[$head + 3] & 0xf0) == 0xe0) {
			my @t = @b[$head + 9 .. $head + 13];
			my $pts = ($t[0] >> 1 & 7) << 30 | $t[1] << 22 | $t[2] >> 1 << 15 |
			    $t[3] << 7 | $t[4] >> 1;
			$pid = $this;
			$first //= $pts;
			$picture = int(($pts - $first) / 3600 + 0.5);
			($fault) = grep { $picture >= $_->[2] && $picture < $_->[3] } @faults;
		}
		if ($fault) {
			$n++;
			next if $fault->[1] eq 'loss';
			next if $fault->[1] eq 'cc' && $n % 8 == 7;
			substr($p, 100, 60) = chr(85) x 60 if $fault->[1] eq 'errors' &&
			    $n % 4 == 3 && defined $pid && $this == $pid && !($b[1] & 64);
		}
		$burst .= $p;
	}
	syswrite STDOUT, $burst;
}

sub events {
	my @list;
	for (split /\n/, slurp(shift)) {
		next unless /"event":"input_switch"/;
		push @list, { map { /"([a-z_]+)":"?([^"]*)/ ? ($1, $2) : () } /"[a-z_]+":(?:"[^"]*"|\d+)/g };
	}
	return @list;
}

sub judge {
	my ($plan, $stats, $codes, $limit) = @_;
	my @plan = faults($plan);
	my @event = events($stats);
	my @code = split /\n/, slurp($codes);
	my (%late, %count, $wrong);
	my ($n0) = split / /, $code[0];
	my $base = $event[0]{at_pts} - 3600 * $n0;
	$_->{number} = int(($_->{at_pts} - $base) / 3600 + 0.5) for @event;
	my ($end) = slurp($plan) =~ /^end (\d+)/m;
	@event = grep { $_->{number} < $end - 5 } @event;	# they end one after another
	my $switches = $#event;
	my $fail = sub { print "$_[0]\n"; $wrong++ };

	# the switches: those of the plan, each followed by the one back if there is one
	my @left = @plan;
	for my $e (@event[1 .. $#event]) {
		if ($e->{cause} eq 'preference') {
			$fail->("back to $e->{input}") if $e->{input} != 1;
			my ($f) = grep { $_->[0] == 1 && $_->[3] <= $e->{number} } reverse @plan;
			my $since = ($e->{number} - $f->[3]) * 40;
			$fail->("back $since ms after the fault") if $since < CLEAR * 40 - 200 ||
			    $since > (CLEAR + SETTING + GROUP) * 40 + $limit;
			push @{ $late{preference} }, $since;
			next;
		}
		my $f = shift @left;
		if (!$f || $f->[0] != $e->{from_input} || $f->[1] ne $e->{cause}) {
			$fail->("switch from $e->{from_input} for $e->{cause} at $e->{number}, and not " .
			    ($f ? "@$f" : 'none'));
			last;
		}
		$fail->("to $e->{input}, which is bad") if grep { $_->[0] == $e->{input} &&
		    $_->[2] <= $e->{number} && $e->{number} < $_->[3] } @plan;
		my $ms = $f->[1] eq 'loss' ? $e->{after_ms} : ($e->{number} - $f->[2]) * 40;
		push @{ $late{$f->[1]} }, $ms;
		my $most = ($f->[1] =~ /cc|errors/ ? 0 : SETTING * 40) + GROUP * 40 + $limit;
		$fail->("$f->[1] at $f->[2]: after $ms ms") if $ms > $most;
	}
	$fail->("no switch for @$_") for @left;

	# the pictures
	for my $i (0 .. $#code) {
		my ($number, $id) = split / /, $code[$i];
		my $n = $n0 + $i;
		shift @event while @event > 1 && $event[1]{number} <= $n;
		my $in = $event[0]{input};
		my ($f) = grep { $_->[0] == $in && $n >= $_->[2] && $n < $_->[3] + ($_->[1] =~ /cc|errors/ ?
		    2 * GROUP : 0) } @plan;
		my $what = $f ? $f->[1] : 'well';
		$count{$what}++;
		next if $what =~ /cc|errors/ && ($number eq '-' || $number <= $n);
		my $right = $what eq 'black' ? $number eq '-' : $what eq 'freeze' ?
		    $number ne '-' && $number == $f->[2] - 1 : $number ne '-' && $number == $n && $id == $in;
		$right = 1 if $what eq 'loss' && $n < $f->[2] + 2;
		$fail->("picture $n of input $in, which is $what: $code[$i]") unless $right;
	}
	for (sort keys %late) {
		my @ms = sort { $a <=> $b } @{ $late{$_} };
		printf "%s: %d, %d to %d ms, middle %d\n", $_, scalar @ms, $ms[0], $ms[-1], $ms[@ms / 2];
	}
	printf "%d switches, %d pictures:%s\n", $switches, scalar @code,
	    join '', map { " $_ $count{$_}" } sort keys %count;
	exit($wrong ? 1 : 0);
}

my $verb = shift;
if ($verb eq 'plan') {
	plan(@ARGV);
} elsif ($verb eq 'args') {
	print join ' ', map { "$_->[1] $_->[2] $_->[3]" } grep { $_->[1] =~ /black|freeze/ } faults(@ARGV);
} elsif ($verb eq 'mute') {
	print join '+', 0, map { sprintf 'between(t,%.2f,%.2f)', $_->[2] / 25, $_->[3] / 25 }
	    grep { $_->[1] eq 'silence' } faults(@ARGV);
} elsif ($verb eq 'send') {
	send_it(@ARGV);
} elsif ($verb eq 'judge') {
	judge(@ARGV);
} else {
	die "faults.pl: what is '$verb'?\n";
}
