#!/usr/bin/perl
# cmaf.pl - a CMAF ingest source, by hand.
#
#   cmaf.pl split FILE PREFIX [TICKS]   PREFIXhead and PREFIX00, 01 ... of each chunk,
#                                       their times moved by so many ticks
#   cmaf.pl send METHOD URL ITEM...     one chunked request; an ITEM is a file,
#       half:FILE (the first half of one), wait:FILE (until it is there), touch:FILE,
#       or cut (break off).  Prints the status, or 0.
use strict;
use warnings;
use IO::Socket::INET;
use Time::HiRes qw(sleep);

sub slurp {
	open my $f, '<:raw', $_[0] or die "$_[0]: $!\n";
	local $/;
	return scalar <$f>;
}

sub spurt {
	open my $f, '>:raw', $_[0] or die "$_[0]: $!\n";
	print $f $_[1];
	close $f;
}

sub split_file {
	my ($file, $prefix, $ticks) = @_;
	my ($data, $head, $chunk, $n) = (slurp($file), '', '', 0);

	while (length $data >= 8) {
		my ($size, $type) = unpack 'Na4', $data;
		my $box = substr $data, 0, $size, '';

		if ($type eq 'ftyp' || $type eq 'moov') {
			$head .= $box;
		} elsif ($type eq 'moof' || $type eq 'mdat' || $type eq 'styp') {
			if ($type eq 'moof' && $ticks) {
				my $at = 8 + index $box, 'tfdt';
				substr $box, $at, 8, pack 'Q>', $ticks + unpack 'Q>', substr $box, $at, 8;
			}
			$chunk .= $box;
			next if $type ne 'mdat';
			spurt(sprintf('%s%02d', $prefix, $n++), $chunk);
			$chunk = '';
		}
	}
	spurt("${prefix}head", $head);
}

sub send_request {
	my ($method, $url, @items) = @_;
	my ($host, $path) = $url =~ m{^http://([^/]+)(/.*)$} or die "$url\n";
	my $s = IO::Socket::INET->new(PeerAddr => $host) or die "$host: $!\n";

	local $SIG{PIPE} = 'IGNORE';
	print $s "$method $path HTTP/1.1\r\nHost: $host\r\n" .
	    "Transfer-Encoding: chunked\r\nConnection: close\r\n\r\n";
	$s->flush;
	for my $item (@items) {
		my $data;

		if ($item eq 'cut') {
			close $s;
			return 0;
		} elsif ($item =~ /^wait:(.*)/) {
			my $end = time + 120;
			sleep 0.02 until -e $1 || time > $end;
			next;
		} elsif ($item =~ /^touch:(.*)/) {
			spurt($1, '');
			next;
		} elsif ($item =~ /^half:(.*)/) {
			$data = slurp($1);
			$data = substr $data, 0, length($data) / 2;
		} else {
			$data = slurp($item);
		}
		printf $s "%x\r\n%s\r\n", length $data, $data;
		$s->flush;
	}
	print $s "0\r\n\r\n";
	$s->flush;
	my $line = <$s>;
	return $line =~ m{^HTTP/1.1 (\d+)} ? $1 : 0;
}

my $what = shift;
if ($what eq 'split') {
	split_file(@ARGV);
} else {
	print send_request(@ARGV), "\n";
}
