#!/usr/bin/perl
# t/reload.pl HOST:PORT PATH COUNT SEED - publish COUNT versions of a low-latency
# playlist at random, and follow each as a player does, by delta updates of the
# second kind: what it then knows has to be what the whole playlist says.
#
# Prints a line of what was done; dies at the first difference.
use strict;
use warnings;
use IO::Socket::INET;
use Time::HiRes 'time';

my ($peer, $path, $count, $seed) = @ARGV;
my $until = 1.0;		# CAN-SKIP-UNTIL
srand $seed;

my $s = IO::Socket::INET->new(PeerAddr => $peer) or die "cannot connect: $!\n";
$s->autoflush(1);

sub request {
	my ($method, $target, $body) = @_;
	my $head = "$method $target HTTP/1.1\r\nHost: localhost\r\n";
	$head .= 'Content-Length: ' . length($body) . "\r\n" if defined $body;
	print $s "$head\r\n", defined $body ? $body : '';
	my $status = <$s>;
	my ($code) = $status =~ m{^HTTP/1.1 (\d+)} or die "bad status '$status'\n";
	my $len = 0;
	while (defined(my $l = <$s>)) {
		last if $l eq "\r\n";
		$len = $1 if $l =~ /^content-length:\s*(\d+)/i;
	}
	my $text = '';
	read($s, $text, $len) == $len or die "short answer\n" if $len > 0;
	return ($code, $text);
}

# The playlist's segments (a block of lines each), date ranges, and the rest.
sub parse {
	my ($text) = @_;
	my %p = (segments => [], ranges => {}, rest => [], skipped => 0, removed => []);
	my @block;
	for my $line (split /\n/, $text) {
		if ($line =~ /^#EXT-X-MEDIA-SEQUENCE:(\d+)/) { $p{first} = $1 }
		elsif ($line =~ /^#EXT-X-SKIP:SKIPPED-SEGMENTS=(\d+)(?:,RECENTLY-REMOVED-DATERANGES="(.*)")?/) {
			$p{skipped} = $1;
			$p{removed} = [split /\t/, $2] if defined $2;
		} elsif ($line =~ /^#EXT-X-DATERANGE:ID="([^"]*)"/) { $p{ranges}{$1} = $line }
		elsif ($line =~ /^#EXT-X-(TARGET|VERSION|SERVER|PART-INF|PRELOAD|RENDITION)|^#EXTM3U/) {
			push @{$p{rest}}, $line unless $line =~ /VERSION/;
		} else {
			push @block, $line;
			if ($line !~ /^#/) {
				push @{$p{segments}}, join "\n", @block;
				@block = ();
			}
		}
	}
	$p{open} = join "\n", @block;
	return \%p;
}

sub flat {
	my ($p) = @_;
	return join "\n", $p->{first}, @{$p->{segments}}, $p->{open}, @{$p->{rest}},
		map { $p->{ranges}{$_} } sort keys %{$p->{ranges}};
}

# ---- the publisher
my ($first, $last, $parts, $range) = (0, 0, 0, 0);
my (@segments, %ranges);

sub advance {
	if (++$parts > 4 || rand() < 0.1) {
		push @segments, join '', (rand() < 0.1 ? "#EXT-X-DISCONTINUITY\n" : ''),
			"#EXT-X-PROGRAM-DATE-TIME:2026-01-01T00:00:00.${last}Z\n",
			"#EXTINF:0.2,\n$last.m4s\n";
		$last++;
		$parts = 0;
	}
	while (@segments > 40) { shift @segments; $first++ }
	$ranges{'r' . $range++} = 1 if rand() < 0.1;
	for (keys %ranges) {
		delete $ranges{$_} if rand() < 0.02;
		$ranges{$_}++ if exists $ranges{$_} && rand() < 0.02;
	}
}

sub text {
	my $t = join "\n", '#EXTM3U', '#EXT-X-TARGETDURATION:1', '#EXT-X-VERSION:9',
		"#EXT-X-SERVER-CONTROL:CAN-BLOCK-RELOAD=YES,PART-HOLD-BACK=0.2," .
		"CAN-SKIP-UNTIL=$until,CAN-SKIP-DATERANGES=YES",
		'#EXT-X-PART-INF:PART-TARGET=0.05', "#EXT-X-MEDIA-SEQUENCE:$first\n";
	my @r = map { "#EXT-X-DATERANGE:ID=\"$_\",START-DATE=\"2026-01-01T00:00:00Z\",X-V=$ranges{$_}\n" }
		sort keys %ranges;
	$t .= join '', splice @r, 0, @r / 2;
	$t .= $_ for @segments;
	$t .= join '', @r;
	$t .= "#EXT-X-PART:DURATION=0.05,URI=\"$last.$_.m4s\"\n" for 0 .. $parts - 1;
	return $t . "#EXT-X-PRELOAD-HINT:TYPE=PART,URI=\"$last.$parts.m4s\"\n";
}

# ---- the reader
my ($mine, $at, $deltas, $wholes, $left_out, $gone) = (undef, 0, 0, 0, 0, 0);

sub merge {
	my ($new) = @_;
	my @known = @{$mine->{segments}};
	splice @known, 0, $new->{first} - $mine->{first};
	die "more is left out than is known\n" if $new->{skipped} > @known;
	$new->{segments} = [@known[0 .. $new->{skipped} - 1], @{$new->{segments}}];
	my %r = (%{$mine->{ranges}}, %{$new->{ranges}});
	$left_out++ for grep { !exists $new->{ranges}{$_} } keys %{$mine->{ranges}};
	delete $r{$_} for @{$new->{removed}};
	$gone += @{$new->{removed}};
	$new->{ranges} = \%r;
	return $new;
}

advance() for 1 .. 100;
for my $i (1 .. $count) {
	advance();
	my $text = text();
	my ($code) = request('PUT', $path, $text);
	die "PUT: $code\n" unless $code =~ /^20/;
	my $ask = $parts > 0 ? "_HLS_msn=$last&_HLS_part=" . ($parts - 1) :
		'_HLS_msn=' . ($last - 1);
	# What is older than half of the skip boundary has to be read whole.
	my $skip = defined $mine && time() - $at < $until / 2 ? '&_HLS_skip=v2' : '';
	my $now = time();
	($code, my $got) = request('GET', "$path?$ask$skip", undef);
	die "GET: $code\n" if $code != 200;
	my $new = parse($got);
	if ($new->{skipped} > 0) {
		$new = merge($new);
		$deltas++;
	} else {
		$wholes++;
	}
	($mine, $at) = ($new, $now);
	my $want = flat(parse($text));
	die "reload $i: not the same\n$got\n---- want\n$text\n" if flat($mine) ne $want;
	# The first kind has every date range.
	($code, $got) = request('GET', "$path?$ask&_HLS_skip=YES", undef);
	my $first_kind = parse($got);
	die "reload $i: date ranges\n$got\n" if $code != 200 ||
		join(',', sort keys %{$first_kind->{ranges}}) ne join(',', sort keys %ranges);
	select undef, undef, undef, 0.002;
}
print "$deltas deltas, $wholes wholes, $left_out ranges left out, $gone named as gone\n";
