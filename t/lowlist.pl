#!/usr/bin/perl
# t/lowlist.pl DIRECTORY TRACK [live] - check a low-latency presentation against the rules.
#
# The media playlist DIRECTORY/TRACK/index.m3u8 by draft-pantos-hls-rfc8216bis 4.4.4.9
# and its neighbours, and each part's bytes box by box by ISO/IEC 23000-19 7.3.  With
# "live" the file has no end yet.  Prints what is wrong; status 1 if anything is.
use strict;
use warnings;

my ($dir, $track, $live) = @ARGV;
my ($bad, $text) = (0, '');
sub wrong { print "@_\n"; $bad++ }
sub slurp { local $/; open(my $f, '<:raw', $_[0]) or return ''; my $x = <$f>; defined $x ? $x : '' }

my @line = split /\n/, slurp("$dir/$track/index.m3u8");
my ($target) = map { /PART-TARGET=([\d.]+)/ } grep { /^#EXT-X-PART-INF/ } @line;
my ($control) = grep { /^#EXT-X-SERVER-CONTROL/ } @line;
my ($td) = map { /:(\d+)/ } grep { /^#EXT-X-TARGETDURATION/ } @line;
my ($version) = map { /:(\d+)/ } grep { /^#EXT-X-VERSION/ } @line;
defined $target or die "no PART-TARGET\n";
wrong("version $version") if $version < 9;
wrong("PART-HOLD-BACK") unless $control =~ /PART-HOLD-BACK=([\d.]+)/ && $1 >= 3 * $target - 1e-9;
wrong("HOLD-BACK") unless $control =~ /,HOLD-BACK=([\d.]+)/ && $1 >= 3 * $td or
	$control =~ /:HOLD-BACK=([\d.]+)/ && $1 >= 3 * $td;
wrong("CAN-SKIP-UNTIL") if $control =~ /CAN-SKIP-UNTIL=([\d.]+)/ && $1 < 6 * $td;

# ---- boxes

my ($seq, $slack, $due, $scale, $ntp0, $time0) = (0, 0);
my $init = slurp("$dir/$track/init.mp4");
$init =~ /mdhd.{12}(.{4})/s and $scale = unpack 'N', $1;

sub boxes {
	my ($b, @out) = @_;
	while (length $b) {
		my ($len, $type) = unpack 'N a4', $b;
		return () if $len < 8 || $len > length $b;
		push @out, [$type, substr $b, 8, $len - 8];
		substr($b, 0, $len) = '';
	}
	return @out;
}

# One part: styp prft emsg* moof mdat, and what the moof says.
sub chunk {
	my ($name, $bytes, $first, $duration) = @_;
	my @b = boxes($bytes);
	my $order = join ' ', map { $_->[0] } @b;
	$order =~ /^styp (prft )?(emsg )*moof mdat$/ or return wrong("$name: $order");
	my %b = map { $_->[0] => $_->[1] } @b;
	my $brand = substr $b{styp}, 0, 4;
	wrong("$name: brand $brand") unless $first ? $brand eq 'msdh' : $brand =~ /^cmf[fl]$/;
	my ($mfhd, $traf) = boxes($b{moof});
	my $n = unpack 'N', substr $mfhd->[1], 4;
	wrong("$name: sequence number $n after $seq") if $n <= $seq;
	$seq = $n;
	my ($tfhd, $tfdt, $trun) = boxes($traf->[1]);
	"$tfhd->[0] $tfdt->[0] $trun->[0]" eq 'tfhd tfdt trun' or return wrong("$name: traf");
	my ($flags, undef, $d, $s) = unpack 'NNNN', $tfhd->[1];
	my ($def_d, $def_s, @o) = (0, 0, unpack 'N*', substr $tfhd->[1], 8);
	$def_d = shift @o if $flags & 8;
	$def_s = shift @o if $flags & 16;
	wrong("$name: default-base-is-moof") unless $flags & 0x20000;
	my $time = unpack 'Q>', substr $tfdt->[1], 4;
	my ($tr, $count, $offset, @f) = unpack 'NNNN*', $trun->[1];
	shift @f if $tr & 4;
	my ($sum, $size) = (0, 0);
	for (1 .. $count) {
		$sum += $tr & 0x100 ? shift @f : $def_d;
		$size += $tr & 0x200 ? shift @f : $def_s;
		shift @f if $tr & 0x400;
		shift @f if $tr & 0x800;
	}
	my $head = length($bytes) - length($b{mdat});
	my $moof = index($bytes, 'moof') - 4;
	wrong("$name: data offset $offset") if $moof + $offset != $head;
	wrong("$name: $size bytes of samples") if $size != length $b{mdat};
	wrong("$name: decoded at $time, not $due") if defined $due && !$first &&
		abs($time - $due) > $slack;
	($due, $slack) = ($time + $sum, 0);
	wrong("$name: lasts $sum, not $duration") if abs($sum / $scale - $duration) > 0.00001;
	return unless exists $b{prft};
	my ($vf, $id, $sec, $frac) = unpack 'NNNN', $b{prft};
	my $ntp = $sec + $frac / 2**32;
	my $mt = unpack('Q>', substr $b{prft}, 16) / $scale;
	($ntp0, $time0) = ($ntp, $mt) unless defined $ntp0;
	wrong("$name: the clocks drift") if abs(($ntp - $ntp0) - ($mt - $time0)) > 0.05;
}

# ---- lines

my ($sum, $parts, $end, $map, $uri, @open) = (0, 0, 0, 0);
my ($gap, $listed, $hint, $last) = (0, 0);
for (my $i = 0; $i < @line; $i++) {
	local $_ = $line[$i];
	if (/^#EXT-X-PART:/) {
		my ($d) = /DURATION=([\d.]+)/;
		my ($name) = /URI="([^"]+)"/;
		my $missing = /,GAP=YES/;
		my ($len, $at) = /BYTERANGE="(\d+)@(\d+)"/;
		($parts, $end, $sum) = (0, 0, 0) if !defined $uri || $uri ne $name;
		wrong("$name: a part of $d") if $d > $target + 1e-9;
		push @open, [$name, $d, /INDEPENDENT=YES/ || $missing];
		wrong("$name: a short part $open[-2][1] is not the last") if $parts &&
			$open[-2][1] < 0.85 * $target && !$open[-2][2] && !$missing;
		if ($missing) {
			wrong("$name: a part that is not there has a range") if defined $at;
			$due += $d * $scale if defined $due;
			$slack += 2;
			($uri, $sum, $parts) = ($name, $sum + $d, $parts + 1);
			next;
		}
		defined $at or wrong("no range: $_"), next;
		wrong("$name: part at $at, not $end") if $at != $end;
		wrong("$name does not begin with an independent part") if !$parts && !/INDEPENDENT=YES/;
		my $file = slurp("$dir/$track/$name");
		wrong("$name has not the bytes of its part") if length($file) < $at + $len;
		chunk("$name+$at", substr($file, $at, $len), $at == 0, $d) if length($file) >= $at + $len;
		($uri, $end) = ($name, $at + $len);
		$sum += $d;
		$parts++;
		$listed++;
	} elsif (/^#EXTINF:([\d.]+)/) {
		my $d = $1;
		my $name = $line[$i + 1];
		if (defined $uri && $uri eq $name && !$gap) {
			wrong("$name: parts of $sum, but EXTINF $d") if abs($sum - $d) > 0.001 * $parts;
			wrong("$name: bytes after its last part") if -s "$dir/$track/$name" != $end;
		}
		wrong("$name: parts of $sum, but EXTINF $d") if $gap && defined $uri && $uri eq $name &&
			abs($sum - $d) > 0.001 * $parts;
		wrong("$name: $d is more than the target") if int($d + .5) > $td;
		$gap = 0;
	} elsif (/^(\d+)\.m4s/) {
		$last = $1;
	} elsif (/^#EXT-X-GAP/) {
		$gap = 1;
	} elsif (/^#EXT-X-PRELOAD-HINT/) {
		wrong("hint: $_") unless /TYPE=PART,URI="(\d+)\.m4s",BYTERANGE-START=(\d+)$/;
		my ($n, $at) = ($1, $2);
		wrong("hint of $n at $at, which is at $end") if "$n.m4s" eq $uri && $at != $end;
		wrong("hint of $n at $at") if "$n.m4s" ne $uri && ($at != 0 || $n != $last + 1);
		$hint = 1;
	} elsif (/^#EXT-X-ENDLIST/) {
		wrong("hint at the end") if $hint;
	}
}
wrong('no parts') if !$listed;
wrong('no hint') if $live && !$hint;
exit($bad > 0);
