#!/usr/bin/perl
# vtt.pl [base=SECONDS] FILE... - check segments of WebVTT strictly, and tell their cues.
#
# Files are segments of one track in order, or an init.mp4 and segments of wvtt.  Cues are
# "BEGIN END SETTINGS|TEXT", in milliseconds after base (0), rows divided by "/"; one that
# goes on in the next segment is one.  "wrong: ..." and status 1 for what is not as in W3C
# WebVTT 4 and RFC 8216 3.5.
use strict;
use warnings;
use Encode;

my (@cue, $wrong);
our $file;
my $base = @ARGV && $ARGV[0] =~ s/^base=// ? shift : 0;
sub wrong { print "wrong: $file: $_[0]\n"; $wrong = 1 }

sub settings {
	my %seen;
	for (split ' ', shift) {
		my ($name, $value) = /^(\w+):(\S+)$/ or return wrong("setting '$_'");
		wrong("'$name' twice") if $seen{$name}++;
		my $percent = qr/(?:100(?:\.0+)?|\d{1,2}(?:\.\d+)?)%/;
		wrong("setting '$_'") unless $name eq 'line' ? $value =~ /^(?:$percent|-?\d+)$/ :
			$name =~ /^(?:position|size)$/ ? $value =~ /^$percent$/ :
			$name eq 'align' && $value =~ /^(?:start|center|end|left|right)$/;
	}
}

sub text {
	my ($t, @open) = shift;
	wrong("empty text") if $t !~ /\S/;
	wrong("arrow in '$t'") if $t =~ /-->/;
	while ($t =~ /<(\/?)([a-z]*)((?:\.[a-z_]+)*)>|&(\w+;)?|([<>])/g) {
		if (defined $5) { wrong("bare '$5' in '$t'") }
		elsif (!defined $2) { wrong("escape in '$t'") unless defined $4 && $4 =~ /^(?:amp|lt|gt|nbsp);$/ }
		elsif ($1) { wrong("'$2' is not open in '$t'") unless (pop(@open) // '') eq $2 }
		else { push @open, $2; wrong("tag '$2' in '$t'") unless index('biuc', $2) >= 0 }
	}
	wrong("'@open' stays open in '$t'") if @open;
}

sub add {
	my ($from, $to, $settings, $text) = @_;
	my $last = $cue[-1];
	settings($settings);
	text($text);
	wrong("it ends at $to, begins at $from") unless $to > $from;
	wrong("begins at $from, before the one before it") if $last && $from < $last->[0] - 1;
	for my $c (@cue) {
		next unless $c->[2] eq $settings && $c->[3] eq $text && abs($c->[1] - $from) < 2;
		$c->[1] = $to;
		return;
	}
	push @cue, [$from, $to, $settings, $text];
}

sub ms { my ($h, $m, $s) = shift =~ /^(\d\d+):([0-5]\d):([0-5]\d\.\d{3})$/ or return; return int(($h * 60 + $m) * 60000 + $s * 1000 + .5) }

sub vtt {
	my @block = split /\n\n+/, shift;
	my ($head, $offset) = (shift @block, 0);
	wrong("no WEBVTT") unless $head =~ /^WEBVTT(?:[ \t][^\n]*)?(?:\n|\z)/;
	my ($mpegts, $local) = $head =~ /^X-TIMESTAMP-MAP=MPEGTS:(\d+),LOCAL:(\S+)$/m;
	return wrong("no map in '$head'") unless defined $mpegts && defined ms($local);
	wrong("MPEGTS:$mpegts has more than 33 bits") if $mpegts >= 2 ** 33;
	$offset = $mpegts / 90 - ms($local);
	for (@block) {
		my ($time, $text) = /^([^\n]*)\n(.+?)\n?\z/s or return wrong("block '$_'");
		my ($from, $to, $settings) = $time =~ /^(\S+) --> (\S+)(?: (.*))?$/;
		return wrong("times '$time'") unless defined $to && defined ms($from) && defined ms($to);
		add(ms($from) + $offset, ms($to) + $offset, $settings // '', $text);
	}
}

# Boxes of a text as [type, body].
sub boxes {
	my ($p, @box) = shift;
	while (length $p >= 8) {
		my ($len, $type) = unpack 'Na4', $p;
		return (wrong("box '$type' of $len bytes"), @box) if $len < 8 || $len > length $p;
		push @box, [$type, substr $p, 8, $len - 8];
		$p = substr $p, $len;
	}
	wrong("bytes behind the last box") if length $p;
	return @box;
}
sub box { my ($p, $first, @path) = @_; for (boxes($p)) { return @path ? box($_->[1], @path) : $_->[1] if $_->[0] eq $first } return }

sub samples {
	my $moof;
	for (boxes(shift)) {
		$moof = $_->[1] if $_->[0] eq 'moof';
		chunk($moof, $_->[1]) if $_->[0] eq 'mdat';
	}
}

sub chunk {
	my ($moof, $mdat) = @_;
	my $traf = box($moof, 'traf');
	my ($flags, undef, @tfhd) = unpack 'N*', box($traf, 'tfhd');
	my $duration = $flags & 8 ? shift @tfhd : undef;
	my $size = $flags & 16 ? shift @tfhd : undef;
	my ($high, $low) = unpack 'x4NN', box($traf, 'tfdt');
	my ($tr, $n, @row) = unpack 'N*', box($traf, 'trun');
	my ($t, $at) = (($high * 2 ** 32 + $low) / 90, 0);
	shift @row if $tr & 1;
	while ($n-- > 0) {
		my $d = $tr & 0x100 ? shift @row : $duration;
		my $s = $tr & 0x200 ? shift @row : $size;
		shift @row if $tr & 0x400;
		for (boxes(substr $mdat, $at, $s)) {
			next if $_->[0] eq 'vtte';
			wrong("sample of '$_->[0]'") unless $_->[0] eq 'vttc';
			add($t, $t + $d / 90, box($_->[1], 'sttg') // '', box($_->[1], 'payl'));
		}
		$t += $d / 90;
		$at += $s;
	}
	wrong("$at bytes of samples in " . length $mdat) if $at != length $mdat;
}

for $file (@ARGV) {
	open my $f, '<:raw', $file or die "cannot open '$file': $!\n";
	local $/;
	my $p = <$f>;
	wrong("no UTF-8") if $file =~ /vtt$/ && !defined eval { decode('UTF-8', my $copy = $p, 1) };
	if ($file =~ /init\.mp4$/) {
		my $stsd = box($p, qw(moov trak mdia minf stbl stsd)) // '';
		wrong("no wvtt") unless substr($stsd, 8, 8) =~ /wvtt$/ && substr($stsd, 24) =~ /^....vttCWEBVTT/s;
		next;
	}
	$p =~ /^WEBVTT/ ? vtt($p) : samples($p);
}
for (@cue) {
	my ($from, $to, $settings, $text) = @$_;
	$text =~ s/\n/\//g;
	printf "%.0f %.0f %s|%s\n", $from - $base * 1000, $to - $base * 1000, $settings, $text;
}
exit($wrong ? 1 : 0);
