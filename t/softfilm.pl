# softfilm.pl <film.m2v >soft.m2v - MPEG-2 at 24000/1001 without B pictures says 30000/1001
# and repeats fields instead (ISO/IEC 13818-2 6.3.10): soft telecine.
use strict;
use warnings;

binmode $_ for *STDIN, *STDOUT;
local $/;
my $video = <STDIN>;
my @pulldown = ([ 1, 1 ], [ 0, 0 ], [ 0, 1 ], [ 1, 0 ]);	# top first, repeated
my $n = 0;

# frame_rate_code 4; and the sequence is not progressive
$video =~ s/(\x00\x00\x01\xb3...)(.)/$1 . chr(ord($2) & 0xf0 | 4)/gse;
$video =~ s/(\x00\x00\x01\xb5[\x10-\x1f])(.)/$1 . chr(ord($2) & 0xf7)/gse;
$video =~ s{(\x00\x00\x01\xb5[\x80-\x8f]..)(.)}{
	my ($top_first, $repeat) = @{$pulldown[$n++ % 4]};
	$1 . chr(ord($2) & 0x7d | $top_first << 7 | $repeat << 1)
}gse;
print $video;
