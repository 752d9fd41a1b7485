#!/usr/bin/perl
# t/lowfollow.pl URL TRACK PARTS [OTHER...] - follow a low-latency playlist as a player does.
#
# Each reload waits for the next part, which is fetched the moment it is listed and has
# to have just the bytes that the playlist says.  What the playlist reports of another
# rendition is asked of that one at once, without waiting.  Prints "part MSN N BYTES",
# and what is wrong; status 1 if anything is, or when PARTS have not come.
use strict;
use warnings;
use HTTP::Tiny;

my ($url, $track, $want) = @ARGV;
my $http = HTTP::Tiny->new(timeout => 20);
my ($bad, $got, $msn, $part, %seen) = (0, 0);
sub wrong { print "wrong: @_\n"; $bad++ }

# Where a playlist has come to: segments and parts that are listed.
sub state_of {
	my ($text) = @_;
	my ($seq) = $text =~ /#EXT-X-MEDIA-SEQUENCE:(\d+)/ or return;
	my ($n, @list) = (0);
	for (split /\n/, $text) {
		if (/^#EXT-X-PART:.*URI="([^"]+)",BYTERANGE="(\d+)@(\d+)"/) {
			push @list, [$seq, $n++, $1, $2, $3];
		} elsif (/^#EXT-X-PART:.*GAP=YES/) {
			$n++;
		} elsif (/^[^#]/) {
			($seq, $n) = ($seq + 1, 0);
		}
	}
	return ($seq, $n, @list);
}

for (my $tries = 0; $got < $want && $tries < 20 * $want + 100; $tries++) {
	my $query = defined $msn ? "?_HLS_msn=$msn&_HLS_part=$part" : '';
	my $r = $http->get("$url/$track/index.m3u8$query");
	if (!$r->{success}) {
		select undef, undef, undef, 0.1;
		undef $msn if $r->{status} == 400;
		next;
	}
	my $text = $r->{content};
	my @list;
	($msn, $part, @list) = state_of($text);
	for my $p (@list) {
		my ($m, $n, $uri, $len, $at) = @$p;
		next if $seen{"$m.$n"}++;
		my $to = $at + $len - 1;
		my $b = $http->get("$url/$track/$uri", { headers => { range => "bytes=$at-$to" } });
		wrong("$uri $at-$to: status $b->{status}, " . length($b->{content}) . ' bytes')
			if $b->{status} != 206 || length($b->{content}) != $len;
		wrong("$uri $at-$to is no part") if substr($b->{content}, 4, 4) ne 'styp';
		print "part $m $n $len\n";
		$got++;
	}
	while ($text =~ /RENDITION-REPORT:URI="..\/(\w+)\/index.m3u8",LAST-MSN=(\d+),LAST-PART=(\d+)/g) {
		my ($other, $m, $n) = ($1, $2, $3);
		my $o = $http->get("$url/$other/index.m3u8");
		my ($om, $on) = state_of($o->{content});
		wrong("$other is said to be at $m.$n, but is at $om.$on")
			if !defined $om || $m > $om || ($m == $om && $n >= $on);
	}
}
wrong("$got parts, not $want") if $got < $want;
exit($bad > 0);
