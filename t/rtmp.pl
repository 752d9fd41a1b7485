#!/usr/bin/perl
# t/rtmp.pl - a publisher of RTMP that does what real ones do, and worse.
#
#   rtmp.pl PORT APP/KEY FILE [name=value...]
#
# FILE is FLV, or NAME.hevc in Annex B with access unit delimiters, beside which there are
# NAME.hvcc, its record, and NAME.times, "pts dts" in ms a line.  It prints each code that
# the server sends.  The values:
#
#   chunk=N         our chunk size                    csid=N    of video; audio has one more
#   ext3=0          no extended timestamp in chunks of type 3
#   base=MS         added to all timestamps           amf3=1    commands and data in AMF 3
#   ex=1            Enhanced RTMP: FourCC instead of codec ids
#   modex=1         each with a ModEx before, of some nanoseconds
#   multi=N         audio as N tracks of one message  x=1       hvc1 without cts
#   aggregate=N     so many tags in a message of type 22
#   twice=1         sequence headers again with each key picture
#   lag=MS          subtracted from all composition times
#   noconfig=1      no AAC sequence header            empty=1   "AF 00" first
#   late=MS         audio begins so late              abort=1   messages begun and given up
#   caps=N          capsEx                            fourcc=C  in the place of hvc1
#   split=N         bytes to a write                  pace=X    of real time
#   stay=S          seconds to stay at the end        stop=N    tags, then hang up at once
#   v=BYTE          version byte in C1                colour=1  colorInfo first
#   skipmeta=1      no onMetaData                     keyfile=F the key of F, in place of KEY
#   then=FILE       goes on with that FLV             after=MS  from this time on
#   again=1         with keyfile: and then KEY, at once
#   lose=N          each N-th picture that is no key picture is not sent
#   stray=N         each N-th picture is stamped hours away, earlier and later by turns
use strict;
use warnings;
use IO::Socket::INET;
use IO::Select;
use Time::HiRes qw(time sleep);

my ($port, $path, $file, @rest) = @ARGV;
my %o = (chunk => 128, csid => 6, ext3 => 1, base => 0, v => 0, stay => 0);
for (@rest) {
	/^(\w+)=(.*)$/ or die "rtmp.pl: '$_'";
	$o{$1} = $2;
}
my ($app, $key) = $path =~ m{^([^/]+)/(.*)$} or die;
$| = 1;
$SIG{PIPE} = 'IGNORE';

my $s = IO::Socket::INET->new(PeerAddr => "127.0.0.1:$port", Timeout => 10) or die "connect: $!\n";
$s->setsockopt(6, 1, 1);
my ($out_chunk, $in_chunk, $inbuf) = (128, 128, '');

sub out {
	my $data = shift;
	my $step = $o{split} || length $data || 1;
	for (my $at = 0; $at < length $data; $at += $step) {
		my $piece = substr $data, $at, $step;
		while (length $piece) {
			my $n = syswrite $s, $piece;
			unless (defined $n) {
				get(1);
				print "hung up\n";
				exit 1;
			}
			substr($piece, 0, $n) = '';
		}
	}
}
sub ts24 { substr pack('N', $_[0]), 1 }
sub basic {
	my ($fmt, $csid) = @_;
	return pack 'C', $fmt << 6 | $csid if $csid < 64;
	return pack 'CC', $fmt << 6, $csid - 64 if $csid < 320;
	return pack 'CCC', $fmt << 6 | 1, ($csid - 64) & 255, ($csid - 64) >> 8;
}
my %last;
sub message {
	my ($csid, $type, $stream, $ts, $data, $only) = @_;
	$ts &= 0xffffffff;
	my $l = $last{$csid};
	my ($fmt, $field) = (0, $ts);
	if ($l && $l->{stream} == $stream && $ts >= $l->{ts}) {
		$fmt = 1;
		$field = $ts - $l->{ts};
		if ($l->{len} == length $data && $l->{type} == $type) {
			$fmt = 2;
			# What begins with type 3 adds the last delta again.
			$fmt = 3 if $l->{fmt} != 0 && defined $l->{delta} && $l->{delta} == $field;
		}
	}
	my $ext = $field >= 0xffffff ? pack 'N', $field : '';
	my $head = basic($fmt, $csid);
	$head .= ts24($ext ne '' ? 0xffffff : $field) if $fmt < 3;
	$head .= ts24(length $data) . pack 'C', $type if $fmt < 2;
	$head .= pack 'V', $stream if $fmt == 0;
	$head .= $ext if $fmt < 3 || $o{ext3};
	my $bytes = $head . substr $data, 0, $out_chunk;
	for (my $at = $out_chunk; $at < length $data; $at += $out_chunk) {
		last if $only;
		$bytes .= basic(3, $csid) . ($o{ext3} ? $ext : '') . substr $data, $at, $out_chunk;
	}
	$last{$csid} = { ts => $ts, len => length $data, type => $type, stream => $stream,
		fmt => $fmt, delta => $fmt == 0 ? undef : $field };
	out($bytes);
}

# AMF
sub str { pack('C n', 2, length $_[0]) . $_[0] }
sub num { pack 'C d>', 0, $_[0] }
sub obj {
	my $b = "\3";
	while (@_) {
		my ($k, $v) = (shift, shift);
		$b .= pack('n', length $k) . $k . $v;
	}
	return "$b\0\0\x09";
}
sub str3 { my $l = length($_[0]) << 1 | 1; ($l < 128 ? pack 'C', $l : pack 'CC', $l >> 7 | 128, $l & 127) . $_[0] }
sub obj3 {				# of strings, behind the marker of AMF 3
	my $b = "\x11\x0a\x0b\x01";
	while (@_) {
		my ($k, $v) = (shift, shift);
		$b .= str3($k) . "\6" . str3($v);
	}
	return "$b\1";
}
sub command {
	my ($stream, $data) = @_;
	message(3, $o{amf3} ? 17 : 20, $stream, 0, ($o{amf3} ? "\0" : '') . $data);
}

# What the server says: each code is printed, and ends the wait for it.
sub get {
	my ($for, $want) = @_;
	my $until = time + $for;
	for (;;) {
		while (my ($type, $data) = in_message()) {
			$in_chunk = unpack 'N', $data if $type == 1;
			message(2, 4, 0, 0, pack 'nN', 7, unpack 'x2 N', $data)
				if $type == 4 && unpack('n', $data) == 6;
			next if $type != 20;
			if ($data =~ /capsEx\0(.{8})/s) { print 'caps ', unpack('d>', $1), "\n" }
			while ($data =~ /(hvc1|avc1|av01|vp09|mp4a|Opus)/g) { print "codec $1\n" }
			my ($name) = unpack 'x n/a', $data;
			next if $name =~ /^onFC/;
			if ($data =~ /\0\x04code\x02..([\w.]+)/s) {
				print "$1\n";
				return $1 if $want && index($1, $want) == 0;
				return $1 if $data =~ /\x02\0\x05error/;
			} elsif ($want && $want eq $name) {
				return $name;
			}
		}
		my $left = $until - time;
		last if $left <= 0 || !IO::Select->new($s)->can_read($left);
		my $n = sysread $s, $inbuf, 65536, length $inbuf;
		next if defined $n && $n > 0;
		print defined $n ? "end\n" : "reset\n";
		exit 1;
	}
	return '';
}
my %stream;
sub in_message {
	for (;;) {
		return unless length $inbuf;
		my $b = unpack 'C', $inbuf;
		my ($fmt, $csid, $at) = ($b >> 6, $b & 63, 1);
		my $h = (11, 7, 3, 0)[$fmt];
		return if length $inbuf < $at + $h;
		my $st = $stream{$csid} ||= { data => '' };
		$st->{len} = unpack 'N', "\0" . substr $inbuf, $at + 3, 3 if $fmt < 2;
		my $len = $fmt < 2 ? $st->{len} : $st->{len};
		my $type = $fmt < 2 ? unpack 'C', substr $inbuf, $at + 6, 1 : $st->{type};
		my $n = $len - length $st->{data};
		$n = $in_chunk if $n > $in_chunk;
		return if length $inbuf < $at + $h + $n;
		$st->{type} = $type;
		$st->{data} .= substr $inbuf, $at + $h, $n;
		substr($inbuf, 0, $at + $h + $n) = '';
		next if length $st->{data} < $len;
		my $data = $st->{data};
		$st->{data} = '';
		return ($type, $data);
	}
}

# ---- what is sent: [type, ms, cts, key, config, body]
my @tags;
sub hevc {
	(my $base = $file) =~ s/\.hevc$//;
	my $read = sub { local $/; open my $f, '<:raw', $_[0] or die "$_[0]: $!"; <$f> };
	my $four = $o{fourcc} || 'hvc1';
	my @times = map { [split] } split /\n/, $read->("$base.times");
	push @tags, [9, 0, 0, 1, 1, pack('C', 0x90) . $four . $read->("$base.hvcc")];
	for my $unit (split /(?=\x00\x00\x00\x01\x46\x01)/, $read->($file)) {
		my ($body, $key) = ('', 0);
		for my $nal (split /\x00*\x00\x00\x01/, $unit) {
			next if $nal eq '';
			my $type = unpack('C', $nal) >> 1 & 63;
			next if $type >= 32 && $type <= 35;
			$key ||= $type >= 16 && $type <= 21;
			$body .= pack('N', length $nal) . $nal;
		}
		my ($pts, $dts) = @{shift @times};
		my $cts = $pts - $dts;
		my $plain = $o{x} && $cts == 0;
		push @tags, [9, $dts, $cts, $key, 0, pack('C', 0x80 | ($key ? 0x10 : 0x20) |
			($plain ? 3 : 1)) . $four . ($plain ? '' : ts24($cts & 0xffffff)) . $body];
	}
}
sub flv {
	local $/;
	open my $f, '<:raw', $file or die "$file: $!";
	my $data = <$f>;
	for (my $at = 13; $at + 11 < length $data;) {
		my ($type, $l1, $l2, $t2, $t1) = unpack 'C C n n x0 C', substr $data, $at, 11;
		my $len = $l1 << 16 | $l2;
		my $ms = unpack('N', "\0" . substr $data, $at + 4, 3) | unpack('C', substr $data, $at + 7, 1) << 24;
		my $body = substr $data, $at + 11, $len;
		$at += 11 + $len + 4;
		next if $len < 2 && $type != 18;
		my ($b0, $b1) = unpack 'CC', $body;
		if ($type == 9) {
			my $cts = unpack 'N', "\0" . substr $body, 2, 3;
			$cts -= 1 << 24 if $cts >= 1 << 23;
			push @tags, [9, $ms, $cts, $b0 >> 4 == 1, $b1 == 0, $body] if $b1 < 2;
		} elsif ($type == 8) {
			push @tags, [8, $ms, 0, 0, $b0 >> 4 == 10 && $b1 == 0, $body];
		} elsif ($type == 18) {
			push @tags, [18, $ms, 0, 0, 0, $body];
		}
	}
}
$file =~ /\.hevc$/ ? hevc() : flv();
if ($o{then}) {
	my @before = @tags;
	@tags = ();
	$file = $o{then};
	flv();
	$_->[1] += $o{after} for @tags;
	unshift @tags, @before;
}

sub modex {				# before the type that the low bits have
	my ($body) = @_;
	return $body unless $o{modex};
	my $b = unpack 'C', $body;
	return pack('C', ($b & 0xf0) | 7) . "\2" . substr(pack('N', 250000), 1) .
		pack('C', $b & 15) . substr $body, 1;
}
sub dress {
	my ($type, $ms, $cts, $key, $config, $body) = @{$_[0]};
	if ($type == 9 && defined $o{lag} && !$config && $file !~ /hevc$/) {
		$cts -= $o{lag};
		substr($body, 2, 3) = ts24($cts & 0xffffff);
	}
	return $body unless $o{ex};
	if ($type == 9 && $file !~ /hevc$/) {
		my $head = pack('C', 0x80 | ($key ? 0x10 : 0x20) | ($config ? 0 : 1)) . 'avc1';
		$body = $head . ($config ? '' : ts24($cts & 0xffffff)) . substr $body, 5;
	} elsif ($type == 8 && unpack('C', $body) >> 4 == 10) {
		my $what = $config ? 0 : 1;
		my $frame = substr $body, 2;
		return modex(pack('C', 0x90 | $what) . 'mp4a' . $frame) unless $o{multi};
		# Several tracks: type 5, then how many kinds, and a size before each.
		$body = pack('CC', 0x95, 0x10 | $what) . 'mp4a';
		$body .= pack('C', $_) . ts24(length $frame) . $frame for 0 .. $o{multi} - 1;
		return $body;
	}
	return $type == 18 ? $body : modex($body);
}

# ---- the session
my $c1 = pack('N', 1) . pack('C4', $o{v}, $o{v} ? (0, 124, 2) : (0, 0, 0)) . join '', map { chr int rand 256 } 1 .. 1528;
out("\3$c1");
my $need = 1 + 1536 * 2;
while (length $inbuf < $need) {
	my $n = sysread $s, $inbuf, $need - length $inbuf, length $inbuf;
	die "handshake\n" unless $n;
}
die "S2 is not our C1\n" if substr($inbuf, 1537) ne $c1;
out(substr $inbuf, 1, 1536);
$inbuf = '';
if ($o{chunk} != 128) {
	message(2, 1, 0, 0, pack 'N', $o{chunk});
	$out_chunk = $o{chunk};
}
my @caps;
push @caps, capsEx => num($o{caps}) if defined $o{caps};
push @caps, fourCcList => "\x0a" . pack('N', 3) . str('av01') . str('hvc1') . str('vp09'),
	videoFourCcInfoMap => obj('*' => num(7)) if $o{ex} || $file =~ /hevc$/;
command(0, str('connect') . num(1) . ($o{amf3} ?
	obj3(app => $app, flashVer => 'rtmp.pl', tcUrl => "rtmp://127.0.0.1/$app") :
	obj(app => str($app), flashVer => str('rtmp.pl'), tcUrl => str("rtmp://127.0.0.1/$app"), @caps)));
get(10, 'NetConnection.Connect.Success') or die "no answer to connect\n";
if ($o{keyfile}) {
	open my $f, '<', $o{keyfile} or die;
	chomp($key = <$f>);
}
command(0, str('releaseStream') . num(2) . "\5" . str($key));
command(0, str('FCPublish') . num(3) . "\5" . str($key));
command(0, str('createStream') . num(4) . "\5");
get(10, '_result');
command(1, str('publish') . num(5) . "\5" . str($key) . str('live'));
command(1, str('publish') . num(6) . "\5" . str(substr $path, 5) . str('live')) if $o{again};
my $code = get(20, 'NetStream.Publish.Start');
if ($code ne 'NetStream.Publish.Start') {
	get(10, 'never');
	exit 1;
}

my $start = time;
my ($n, %done, @bundle, %config) = (0);
if ($o{colour}) {
	message($o{csid}, 9, 1, $o{base}, pack('C', 0xd4) . 'hvc1' . str('colorInfo') .
		obj(colorConfig => obj(colorPrimaries => num(9), transferCharacteristics => num(16))));
}
sub send_tag {
	my ($type, $ms, $body) = @_;
	my $ts = $o{base} + $ms;
	if ($o{aggregate} && $type != 18) {
		push @bundle, pack('C', $type) . ts24(length $body) . ts24($ts & 0xffffff) .
			pack('C', $ts >> 24 & 255) . "\0\0\0" . $body . pack('N', 11 + length $body);
		return if @bundle < $o{aggregate};
		message(7, 22, 1, unpack('N', "\0" . substr $bundle[0], 4, 3), join '', @bundle);
		@bundle = ();
		return;
	}
	message($o{csid} + ($type == 8), $o{amf3} && $type == 18 ? 15 : $type, 1, $ts,
		($o{amf3} && $type == 18 ? "\0" : '') . $body);
}
my $from = 0;
for my $t (@tags) {
	my ($type, $ms, $cts, $key, $config, $body) = @$t;
	my $picture = $type == 9 && !$config ? ++$done{pictures} : 0;
	next if $o{lose} && $picture && !$key && $picture % $o{lose} == 0;
	$ms += $picture / $o{stray} % 2 ? 37600000 : -9800000
		if $o{stray} && $picture && $picture % $o{stray} == 0;
	next if $type == 8 && ($o{noconfig} && $config || $o{late} && !$config && $ms < $o{late});
	next if $type == 18 && $o{skipmeta};
	if ($type == 8 && $o{empty} && !$done{empty}++) {
		send_tag(8, $ms, "\xaf\0");
	}
	if ($type == 9 && $key && $o{twice}) {
		send_tag($_, $ms, $config{$_}) for keys %config;
	}
	if ($o{abort} && $type == 9 && $n % 7 == 3) {
		message($o{csid}, 9, 1, $o{base} + $ms, "\x27\1\0\0\0" . 'x' x (3 * $out_chunk), 1);
		message(2, 2, 0, 0, pack 'N', $o{csid});
	}
	my $dressed = dress($t);
	$config{$type} = $dressed if $config;
	if ($o{pace}) {
		my $due = $start + $ms / 1000 / $o{pace};
		get($due - time, 'NetConnection.Connect.ReconnectRequest') and exit 0 if $due > time;
	}
	send_tag($type, $ms, $dressed);
	# A refusal may come at any time.
	if (++$n % 8 == 0 && IO::Select->new($s)->can_read(0)) {
		my $got = get(0, 'NetConnection.Connect.ReconnectRequest');
		exit 0 if $got =~ /Reconnect/;
		get(10, 'never') if $got =~ /Failed|NotFound|BadName/;
	}
	if ($o{stop} && $n >= $o{stop}) {
		close $s;
		exit 0;
	}
}
if (@bundle) {
	$o{aggregate} = 1;
	message(7, 22, 1, unpack('N', "\0" . substr $bundle[0], 4, 3), join '', @bundle);
}
get($o{stay}, 'NetConnection.Connect.ReconnectRequest') and exit 0 if $o{stay};
command(1, str('FCUnpublish') . num(6) . "\5" . str($key));
command(1, str('deleteStream') . num(7) . "\5" . num(1));
get(10, 'NetStream.Unpublish.Success');
