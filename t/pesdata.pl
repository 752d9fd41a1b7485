#!/usr/bin/perl
# t/pesdata.pl <ts - the payloads of all PES packets, of video to got.video, of audio to
# got.audio: whatever codecs and PIDs a stream changes to.  A gap in a continuity counter is
# an error.
use strict;
use warnings;
binmode STDIN;
open my $video, '>:raw', 'got.video' or die;
open my $audio, '>:raw', 'got.audio' or die;
my (%cc, %to, %head);
while (read(STDIN, my $p, 188) == 188) {
	my (undef, $b1, $b2, $b3) = unpack 'C4', $p;
	my $pid = ($b1 & 31) << 8 | $b2;
	next if $pid < 256 || $pid > 300 || !($b3 & 16);
	my $at = $b3 & 32 ? 5 + unpack 'C', substr $p, 4, 1 : 4;
	die "continuity of $pid\n" if defined $cc{$pid} && $cc{$pid} != ($b3 & 15) &&
		!($b3 & 32 && $at > 5 && unpack('C', substr $p, 5, 1) & 128);
	$cc{$pid} = ($b3 + 1) & 15;
	my $data = substr $p, $at;
	if ($b1 & 64) {
		my ($id, $len) = unpack 'x3 C x4 C', $data;
		$to{$pid} = $id >= 0xe0 ? $video : $audio;
		$data = substr $data, 9 + $len;
	}
	print { $to{$pid} } $data;
}
