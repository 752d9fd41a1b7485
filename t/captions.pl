#!/usr/bin/perl
# captions.pl [want CHANNEL] - captions of 16 seconds for t/helper/caption: pop-on, paint-on
# and roll-up on CC1, roll-up with XDS between on CC3, windows on service 1 and service 2,
# at 30000/1001 pictures a second.
#
# want: what a channel shows, "BEGIN END TEXT" in pictures, rows divided by "/".
use strict;
use warnings;
use utf8;
binmode STDOUT, ':utf8';

my (@field, @data);			# pairs by picture; bytes of DTVCC by picture
my %want;

sub odd { my $b = shift() & 0x7f; return unpack('%8b*', chr $b) & 1 ? $b : $b | 0x80 }

# ---- 608: pairs that end just before picture N, or begin with it
sub codes { return map { ([@$_], [@$_]) } @_ }		# twice
sub text { my $s = shift; return map { [map { ord } split //, $_] } $s =~ /(..?)/sg }

sub place {
	my ($f, $at, @pairs) = @_;
	for (@pairs) {
		die "picture $at of field $f has a pair" if $field[$f][$at];
		$field[$f][$at++] = [odd($_->[0]), odd($_->[1] // 0)];
	}
}

sub before { my ($f, $n, @pairs) = @_; place($f, $n - @pairs, @pairs) }

# Each channel has its codes: of field 2 some with another first byte.
sub misc { my ($f, $c) = @_; return [$f ? 0x15 : 0x14, $c] }

sub pop_on {
	my ($from, $to, $shown, @inside) = @_;
	before(0, $from, codes(misc(0, 0x20), misc(0, 0x2e)), @inside);
	place(0, $from, codes(misc(0, 0x2f)));
	place(0, $to, codes(misc(0, 0x2c)));
	push @{$want{CC1}}, [$from, $to, $shown];
}

pop_on(60, 120, "<i>HELLO</i> WORLD/SECOND ROW",
	codes([0x13, 0x74], [0x11, 0x2e]), text('HELLO'), codes([0x11, 0x20]), text('WORLD'),
	codes([0x14, 0x54]), text('SECOND ROW'));
pop_on(160, 210, "<c.yellow>ÇA ♪ & <MORE></c>",
	codes([0x11, 0x6a]), text('C'), codes([0x12, 0x32]), text('A '), codes([0x11, 0x37]),
	text(' & <MORE>'));

# Paint-on is seen as it comes.
place(0, 245, codes(misc(0, 0x29), [0x14, 0x70]), text('PAINTED ON'));
place(0, 290, codes(misc(0, 0x2c)));
push @{$want{CC1}}, [249, 290, 'PAINTED ON'];

# Roll-up of two rows.
my @line = ('FIRST LINE', 'THE SECOND', 'AND A THIRD');
place(0, 300, codes(misc(0, 0x25), misc(0, 0x2d), [0x14, 0x70]), text($line[0]));
place(0, 340, codes(misc(0, 0x2d), [0x14, 0x70]), text($line[1]));
place(0, 385, codes(misc(0, 0x2d), [0x14, 0x70]), text($line[2]));
place(0, 430, codes(misc(0, 0x2c)));
push @{$want{CC1}}, [306, 340, $line[0]], [340, 385, "$line[0]/$line[1]"],
	[385, 430, "$line[1]/$line[2]"];

# ---- CC3, in field 2
sub line3 { my ($n, $s) = @_; place(1, $n, codes(misc(1, 0x26), misc(1, 0x2d), [0x14, 0x70]), text($s)) }
line3(30, 'UNO');
place(1, 50, [1, 3], text('NAME OF IT'), [0x0f, 0x1d]);
line3(75, 'DOS');
line3(130, 'TRES');
place(1, 150, [1, 3], text('NAME'));		# goes on behind the line
line3(190, 'CUATRO');
place(1, 220, [2, 3], text('MORE'), [0x0f, 0x1d]);
place(1, 270, codes(misc(1, 0x2c)));
$want{CC3} = [[36, 77, 'UNO'], [77, 132, 'UNO/DOS'], [132, 192, 'UNO/DOS/TRES'],
	[192, 270, 'DOS/TRES/CUATRO']];

# ---- 708: a packet of one service, whole in one picture
my $sequence = 0;

sub service {
	my ($n, $service, @bytes) = @_;
	my $head = $service < 7 ? chr($service << 5 | @bytes) :
		chr(7 << 5 | @bytes) . chr($service);
	my $p = "\0$head" . pack('C*', @bytes);
	$p .= "\0" if length($p) % 2;
	substr($p, 0, 1) = chr($sequence++ << 6 & 0xc0 | length($p) / 2);
	die 'too long' if length($p) > 36;
	$data[$n] = $p;
}

# A window for each cue: hidden while it is written.
sub window {
	my ($service, $from, $to, $shown, @bytes) = @_;
	service($from - 6, $service, 0x98, 0x00, 75, 0, 0x61, 31, 0x09);
	service($from - 4, $service, @bytes);
	service($from, $service, 0x89, 1);
	service($to, $service, 0x8c, 1);
	push @{$want{"SERVICE$service"}}, [$from, $to, $shown];
}
window(1, 90, 150, 'SERVICE ONE', unpack('C*', 'SERVICE ONE'));
window(1, 170, 225, '<i>♪ IN ITALICS</i>/AND NOT', 0x90, 5, 0x80, 0x7f, unpack('C*', ' IN ITALICS'),
	0x90, 5, 0, 0x0d, unpack('C*', 'AND NOT'));
window(1, 310, 400, 'ACROSS SEGMENTS', unpack('C*', 'ACROSS SEGMENTS'));
window(2, 100, 200, 'DÉJÀ VU', 0x44, 0xc9, 0x4a, 0xc0, unpack('C*', ' VU'));

# ---- out
if (@ARGV && $ARGV[0] eq 'want') {
	print "$_->[0] $_->[1] $_->[2]\n" for @{$want{$ARGV[1]}};
	exit;
}
for my $n (0 .. 16 * 30) {
	my $line = '';
	for my $f (0, 1) {
		my $p = $field[$f][$n] // [0x80, 0x80];
		$line .= sprintf '%02x%02x%02x', 0xfc | $f, @$p;
	}
	my $p = $data[$n] // '';
	for (my $i = 0; $i < 36; $i += 2) {
		$line .= $i < length $p ? sprintf('%02x%02x%02x', $i ? 0xfe : 0xff,
			unpack 'CC', substr $p, $i, 2) : 'fa0000';
	}
	print "$line\n";
}
