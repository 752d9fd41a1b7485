#!/usr/bin/perl
# h2-rules.pl PORT [WORD] - what RFC 9113 asks of a server, by raw frames.
#
# Each case is a connection of its own to 127.0.0.1:PORT, where /o/small is an
# object of 4096 bytes, and writing is allowed.  Prints a line for each: "ok" or
# "bad", a tab, the section and what it is about, a tab, and what came instead.
# With WORD only cases whose name has it.
use strict;
use warnings;
use IO::Select;
use IO::Socket::INET;
use Time::HiRes 'time';

my ($port, $word) = @ARGV;
my ($DATA, $HEADERS, $PRIORITY, $RST, $SETTINGS, $PUSH, $PING, $GOAWAY, $WINDOW,
    $CONT) = 0 .. 9;
my ($NONE, $PROTOCOL, $INTERNAL, $FLOW, $TIMEOUT, $CLOSED, $SIZE, $REFUSED,
    $CANCEL, $COMPRESSION, $CONNECT, $CALM) = 0 .. 11;
my ($END, $ACK, $END_HEADERS, $PADDED, $PRIO) = (1, 1, 4, 8, 0x20);
my $MAGIC = "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";
my ($sock, $in, $saw, @case);

sub fr { my ($type, $flags, $id, $p) = @_;
	return substr(pack('N', length $p), 1) . pack('CCN', $type, $flags, $id) . $p }
sub out { my $p = join '', @_; local $SIG{PIPE} = 'IGNORE';
	while (length $p) { my $n = syswrite $sock, $p; return if !defined $n; substr($p, 0, $n) = '' } }
sub str { my ($s) = @_; my $n = length $s;
	return chr($n) . $s if $n < 127;
	my $o = chr 127; $n -= 127;
	while ($n >= 128) { $o .= chr($n & 127 | 128); $n >>= 7 }
	return $o . chr($n) . $s }
sub hp { my $o = ''; while (@_) { $o .= "\0" . str(shift) . str(shift) } return $o }
sub base { my ($m, $path) = @_;
	return (':method', $m || 'GET', ':scheme', 'http', ':path', $path || '/o/small',
	    ':authority', "127.0.0.1:$port") }
sub get { my ($id, @more) = @_; return fr($HEADERS, $END | $END_HEADERS, $id, hp(base(), @more)) }
sub put { my ($id, @more) = @_;
	return fr($HEADERS, $END_HEADERS, $id, hp(base('PUT', "/o/new$id"), @more)) }

# The next frame as [type, flags, id, payload]; undef at the end or after 20 s.
sub next_frame {
	my $until = time + 20;
	for (;;) {
		if (length $in >= 9) {
			my $len = unpack 'N', "\0" . substr $in, 0, 3;
			if (length $in >= 9 + $len) {
				my ($type, $flags, $id) = unpack 'CCN', substr $in, 3, 6;
				my $p = substr $in, 9, $len;
				substr($in, 0, 9 + $len) = '';
				$saw .= " $type/$flags/$id";
				$saw .= '=' . unpack 'N', $p if $type == $RST;
				$saw .= '=' . unpack 'x4N', $p if $type == $GOAWAY;
				out(fr($SETTINGS, $ACK, 0, '')) if $type == $SETTINGS && !($flags & $ACK);
				return [$type, $flags, $id, $p];
			}
		}
		my $left = $until - time;
		if ($left <= 0 || !IO::Select->new($sock)->can_read($left)) { $saw .= ' silence'; return }
		my $n = sysread $sock, $in, 65536, length $in;
		if (!$n) { $saw .= defined $n ? ' end' : ' reset'; return }
	}
}
sub wait_for { my ($ok) = @_;
	while (my $f = next_frame()) { return $f if $ok->($f) }
	return }
sub goaway { my %c = map { $_ => 1 } @_;
	my $f = wait_for(sub { $_[0][0] == $GOAWAY });
	return $f && $c{unpack 'x4N', $f->[3]} }
sub rst { my ($id, @code) = @_; my %c = map { $_ => 1 } @code;
	my $f = wait_for(sub { ($_[0][0] == $RST && $_[0][2] == $id) || $_[0][0] == $GOAWAY });
	return $f && $c{$f->[0] == $RST ? unpack 'N', $f->[3] : unpack 'x4N', $f->[3]} }
# A stream error leaves the rest alone.
sub only_rst { return rst(@_) && alive() }
sub alive { out(fr($PING, 0, 0, 'stillok!'));
	return wait_for(sub { $_[0][0] == $PING && $_[0][1] == $ACK && $_[0][3] eq 'stillok!' }) }
# RFC 9113 5.1: on a closed stream they may be an error, or may come late.
sub ignored { my ($id) = @_; my $before = length $saw;
	out(fr($PING, 0, 0, 'stillok!'));
	my $f = wait_for(sub { $_[0][0] == $PING || $_[0][0] == $RST || $_[0][0] == $GOAWAY });
	return $f && substr($saw, $before) !~ m{ [01]/\d+/$id} }
my %indexed = (8 => 200, 9 => 204, 10 => 206, 11 => 304, 12 => 400, 13 => 404, 14 => 500);
sub status { my ($id) = @_;
	my $f = wait_for(sub { $_[0][2] == $id && ($_[0][0] == $HEADERS || $_[0][0] == $RST) || $_[0][0] == $GOAWAY });
	return 0 if !$f || $f->[0] != $HEADERS;
	my $p = $f->[3]; my $b = ord $p;
	$p = substr $p, 1 if ($b & 0xe0) == 0x20;		# a change of table size
	$b = ord $p;
	my $s = $b & 0x80 ? $indexed{$b & 0x7f} || 0 : 1;	# 1: some other, as a literal
	$saw .= " status=$s";
	return $s }
sub body { my ($id) = @_; my $n = 0;
	while (my $f = next_frame()) {
		return -1 if $f->[0] == $GOAWAY || $f->[0] == $RST && $f->[2] == $id;
		next if $f->[2] != $id;
		$n += length $f->[3] if $f->[0] == $DATA;
		return $n if $f->[1] & $END && ($f->[0] == $DATA || $f->[0] == $HEADERS);
	}
	return -1 }

sub t { push @case, [@_] }
sub raw { push @case, [@_, 1] }	# no preface is sent

# ---- 3
raw '3.4 preface that is another' => sub { out("PRI * HTTP/2.0\r\n\r\nXX\r\n\r\n"); while (next_frame()) { } return $saw =~ /end|reset/ };
raw '3.4 preface, byte by byte' => sub { for (split //, $MAGIC . fr($SETTINGS, 0, 0, '')) { out($_) } out(get(1)); status(1) == 200 };
raw '3.4 preface without SETTINGS' => sub { out($MAGIC, fr($PING, 0, 0, '12345678')); goaway($PROTOCOL) };
raw '3.4 the server begins with SETTINGS' => sub { out($MAGIC, fr($SETTINGS, 0, 0, '')); my $f = next_frame(); $f && $f->[0] == $SETTINGS && $f->[1] == 0 };
t '3.4 one request' => sub { out(get(1)); status(1) == 200 && body(1) == 4096 };
# ---- 4
t '4.1 frame of an unknown type' => sub { out(fr(0x42, 0xff, 0, 'x' x 20), fr(0x42, 0, 1, 'y')); alive() };
t '4.1 flags that are not defined' => sub { out(fr($PING, 0x16, 0, 'stillok!')); wait_for(sub { $_[0][0] == $PING && $_[0][1] == $ACK }) };
t '4.1 reserved bit of the stream' => sub { out(fr($PING, 0, 0x80000000, 'stillok!')); wait_for(sub { $_[0][0] == $PING && $_[0][1] == $ACK }) };
t '4.2 DATA of 16384' => sub { out(put(1), fr($DATA, $END, 1, 'a' x 16384)); status(1) };
t '4.2 DATA over the maximum' => sub { out(put(1), fr($DATA, $END, 1, 'a' x 16385)); rst(1, $SIZE) };
t '4.2 HEADERS over the maximum' => sub { out(fr($HEADERS, $END | $END_HEADERS, 1, hp(base(), 'x', 'y' x 16400))); goaway($SIZE) };
t '4.2 SETTINGS over the maximum' => sub { out(fr($SETTINGS, 0, 0, "\0\x09\0\0\0\0" x 2731)); goaway($SIZE) };
t '4.3 field block that cannot be decoded' => sub { out(fr($HEADERS, $END | $END_HEADERS, 1, "\xff\xff\xff\xff\xff\xff\xff\xff")); goaway($COMPRESSION) };
t '4.3 PRIORITY between HEADERS and CONTINUATION' => sub { out(fr($HEADERS, $END, 1, hp(base())), fr($PRIORITY, 0, 1, "\0\0\0\0\x10"), fr($CONT, $END_HEADERS, 1, hp('a', 'b'))); goaway($PROTOCOL) };
t '4.3 HEADERS of another stream between' => sub { out(fr($HEADERS, $END, 1, hp(base())), get(3)); goaway($PROTOCOL) };
t '4.3 CONTINUATION of another stream' => sub { out(fr($HEADERS, $END, 1, hp(base())), fr($CONT, $END_HEADERS, 3, hp('a', 'b'))); goaway($PROTOCOL) };
t '4.3 unknown frame between' => sub { out(fr($HEADERS, $END, 1, hp(base())), fr(0x42, 0, 1, 'x')); goaway($PROTOCOL) };
# ---- 5
t '5.1 idle: DATA' => sub { out(fr($DATA, $END, 1, 'x')); goaway($PROTOCOL, $CLOSED) };
t '5.1 idle: RST_STREAM' => sub { out(fr($RST, 0, 1, pack 'N', $CANCEL)); goaway($PROTOCOL) };
t '5.1 idle: WINDOW_UPDATE' => sub { out(fr($WINDOW, 0, 1, pack 'N', 1)); goaway($PROTOCOL) };
t '5.1 idle: CONTINUATION' => sub { out(fr($CONT, $END_HEADERS, 1, hp('a', 'b'))); goaway($PROTOCOL) };
t '5.1 idle: PRIORITY is allowed' => sub { out(fr($PRIORITY, 0, 5, "\0\0\0\0\x10"), get(7)); status(7) == 200 };
t '5.1 half-closed: DATA' => sub { out(fr($HEADERS, $END | $END_HEADERS, 1, hp(base('GET', '/o/grows'))), fr($DATA, $END, 1, 'x')); rst(1, $CLOSED) };
t '5.1 half-closed: HEADERS' => sub { out(fr($HEADERS, $END | $END_HEADERS, 1, hp(base('GET', '/o/grows'))), fr($HEADERS, $END | $END_HEADERS, 1, hp(base()))); rst(1, $CLOSED) };
t '5.1 half-closed: CONTINUATION' => sub { out(get(1), fr($CONT, $END_HEADERS, 1, hp('a', 'b'))); goaway($PROTOCOL, $CLOSED) };
t '5.1 half-closed: WINDOW_UPDATE, PRIORITY and RST_STREAM are allowed' => sub { out(fr($HEADERS, $END | $END_HEADERS, 1, hp(base('GET', '/o/grows'))), fr($WINDOW, 0, 1, pack 'N', 5), fr($PRIORITY, 0, 1, "\0\0\0\0\x10"), fr($RST, 0, 1, pack 'N', $CANCEL)); alive() };
t '5.1 closed by RST_STREAM: DATA' => sub { out(put(1), fr($RST, 0, 1, pack 'N', $CANCEL), fr($DATA, $END, 1, 'x')); alive() || $saw =~ m{[37]/0/\d+=5} };
t '5.1 closed by RST_STREAM: HEADERS' => sub { out(put(1), fr($RST, 0, 1, pack 'N', $CANCEL), fr($HEADERS, $END | $END_HEADERS, 1, hp(base()))); ignored(1) };
t '5.1 closed: DATA' => sub { out(get(1)); body(1); out(fr($DATA, $END, 1, 'x')); ignored(1) };
t '5.1 closed: HEADERS' => sub { out(get(1)); body(1); out(get(1)); ignored(1) };
t '5.1 closed: CONTINUATION' => sub { out(get(1)); body(1); out(fr($CONT, $END_HEADERS, 1, hp('a', 'b'))); goaway($PROTOCOL, $CLOSED) };
t '5.1 closed: WINDOW_UPDATE and RST_STREAM just after are allowed' => sub { out(get(1)); body(1); out(fr($WINDOW, 0, 1, pack 'N', 5), fr($RST, 0, 1, pack 'N', $CANCEL)); alive() };
t '5.1.1 even stream' => sub { out(get(2)); goaway($PROTOCOL) };
t '5.1.1 stream below the last' => sub { out(get(5)); body(5); out(get(3)); ignored(3) };
t '5.1.2 more streams than allowed' => sub { out(map { fr($HEADERS, $END | $END_HEADERS, 2 * $_ + 1, hp(base('GET', '/o/grows'))) } 0 .. 160); my $f = wait_for(sub { $_[0][0] == $RST || $_[0][0] == $GOAWAY }); $f && (unpack('N', $f->[3]) == $REFUSED || unpack('N', $f->[3]) == $PROTOCOL) && alive() };
t '5.4.1 what comes after an error is not answered' => sub { out(fr($PING, 0, 0, 'short'), get(1)); goaway($SIZE) && $saw !~ m{ 1/\d+/1} };
t '5.5 unknown frame in a request' => sub { out(put(1), fr(0x42, 0, 1, 'x'), fr($DATA, $END, 1, 'abc')); status(1) };
# ---- 6
t '6.1 DATA on stream 0' => sub { out(fr($DATA, $END, 0, 'x')); goaway($PROTOCOL) };
t '6.1 DATA with padding' => sub { out(put(1, 'content-length', '3'), fr($DATA, $END | $PADDED, 1, "\x05abc\0\0\0\0\0")); status(1) };
t '6.1 padding as long as the frame' => sub { out(put(1), fr($DATA, $END | $PADDED, 1, "\x06abc12")); goaway($PROTOCOL) };
t '6.1 padded and empty' => sub { out(put(1), fr($DATA, $END | $PADDED, 1, '')); goaway($PROTOCOL, $SIZE) };
t '6.2 HEADERS on stream 0' => sub { out(get(0)); goaway($PROTOCOL) };
t '6.2 HEADERS with padding and priority' => sub { out(fr($HEADERS, $END | $END_HEADERS | $PADDED | $PRIO, 1, "\x03\0\0\0\0\x10" . hp(base()) . "\0\0\0")); status(1) == 200 };
t '6.2 padding as long as the HEADERS' => sub { out(fr($HEADERS, $END | $END_HEADERS | $PADDED, 1, "\xff" . hp(base()))); goaway($PROTOCOL) };
t '6.2 HEADERS and many CONTINUATIONs' => sub { my $h = hp(base()); out(fr($HEADERS, $END, 1, substr $h, 0, 10), fr($CONT, 0, 1, substr $h, 10, 10), fr($CONT, 0, 1, ''), fr($CONT, $END_HEADERS, 1, substr $h, 20)); status(1) == 200 };
t '6.3 PRIORITY on stream 0' => sub { out(fr($PRIORITY, 0, 0, "\0\0\0\0\x10")); goaway($PROTOCOL) };
t '6.3 PRIORITY of a wrong length' => sub { out(put(1), fr($PRIORITY, 0, 1, "\0\0\0\0")); rst(1, $SIZE) };
t '6.3 PRIORITY on itself does no harm' => sub { out(fr($PRIORITY, 0, 1, "\0\0\0\x01\x10"), get(3)); status(3) == 200 || $saw =~ m{[37]/0/\d+=1} };
t '6.4 RST_STREAM on stream 0' => sub { out(fr($RST, 0, 0, pack 'N', $CANCEL)); goaway($PROTOCOL) };
t '6.4 RST_STREAM of a wrong length' => sub { out(put(1), fr($RST, 0, 1, "\0\0\0")); goaway($SIZE) };
t '6.5 SETTINGS are acknowledged' => sub { out(fr($SETTINGS, 0, 0, '')); wait_for(sub { $_[0][0] == $SETTINGS && $_[0][1] == $ACK }) };
t '6.5 SETTINGS ACK with a payload' => sub { out(fr($SETTINGS, $ACK, 0, "\0\x03\0\0\0\x01")); goaway($SIZE) };
t '6.5 SETTINGS on a stream' => sub { out(fr($SETTINGS, 0, 1, "\0\x03\0\0\0\x01")); goaway($PROTOCOL) };
t '6.5 SETTINGS of a wrong length' => sub { out(fr($SETTINGS, 0, 0, "\0\x03\0")); goaway($SIZE) };
t '6.5.2 ENABLE_PUSH of 2' => sub { out(fr($SETTINGS, 0, 0, pack 'nN', 2, 2)); goaway($PROTOCOL) };
t '6.5.2 INITIAL_WINDOW_SIZE over 2^31-1' => sub { out(fr($SETTINGS, 0, 0, pack 'nN', 4, 0x80000000)); goaway($FLOW) };
t '6.5.2 MAX_FRAME_SIZE under 16384' => sub { out(fr($SETTINGS, 0, 0, pack 'nN', 5, 16383)); goaway($PROTOCOL) };
t '6.5.2 MAX_FRAME_SIZE over 2^24-1' => sub { out(fr($SETTINGS, 0, 0, pack 'nN', 5, 16777216)); goaway($PROTOCOL) };
t '6.5.2 an unknown setting' => sub { out(fr($SETTINGS, 0, 0, pack 'nN', 0x99, 5)); alive() };
t '6.5.3 settings in a row, each acknowledged' => sub { out(fr($SETTINGS, 0, 0, pack 'nNnN', 4, 100, 4, 1), get(1)); my $n = 0; while (my $f = next_frame()) { return length $f->[3] == 1 if $f->[0] == $DATA } };
t '6.6 PUSH_PROMISE by a client' => sub { out(fr($PUSH, $END_HEADERS, 1, pack('N', 2) . hp(base()))); goaway($PROTOCOL) };
t '6.7 PING is answered with its bytes' => sub { alive() };
t '6.7 PING ACK is not answered' => sub { out(fr($PING, $ACK, 0, 'nonsense'), fr($PING, 0, 0, 'question')); my $f = wait_for(sub { $_[0][0] == $PING }); $f && $f->[3] eq 'question' };
t '6.7 PING on a stream' => sub { out(fr($PING, 0, 1, '12345678')); goaway($PROTOCOL) };
t '6.7 PING of a wrong length' => sub { out(fr($PING, 0, 0, '123456')); goaway($SIZE) };
t '6.8 GOAWAY on a stream' => sub { out(fr($GOAWAY, 0, 1, pack 'NN', 0, 0)); goaway($PROTOCOL) };
t '6.8 GOAWAY, and what is under way is finished' => sub { out(get(1), fr($GOAWAY, 0, 0, pack 'NN', 0, 0)); body(1) == 4096 };
t '6.9 WINDOW_UPDATE of 0 on the connection' => sub { out(fr($WINDOW, 0, 0, pack 'N', 0)); goaway($PROTOCOL) };
t '6.9 WINDOW_UPDATE of 0 on a stream' => sub { out(put(1), fr($WINDOW, 0, 1, pack 'N', 0)); rst(1, $PROTOCOL) };
t '6.9 WINDOW_UPDATE of a wrong length' => sub { out(fr($WINDOW, 0, 0, "\0\0\1")); goaway($SIZE) };
t '6.9.1 the window is not exceeded' => sub { out(fr($SETTINGS, 0, 0, pack 'nN', 4, 1), get(1)); my $f = wait_for(sub { $_[0][0] == $DATA }); return if length $f->[3] != 1; out(fr($WINDOW, 0, 1, pack 'N', 10)); $f = wait_for(sub { $_[0][0] == $DATA }); length $f->[3] == 10 };
t '6.9.1 connection window over 2^31-1' => sub { out(fr($WINDOW, 0, 0, pack 'N', 0x7fffffff)); goaway($FLOW) };
t '6.9.1 stream window over 2^31-1' => sub { out(put(1), fr($WINDOW, 0, 1, pack 'N', 0x7fffffff)); rst(1, $FLOW) };
t '6.9.2 windows grow by a new initial size' => sub { out(fr($SETTINGS, 0, 0, pack 'nN', 4, 0), get(1)); return if !status(1); out(fr($SETTINGS, 0, 0, pack 'nN', 4, 1)); my $f = wait_for(sub { $_[0][0] == $DATA }); length $f->[3] == 1 };
t '6.9.2 windows below 0' => sub { out(fr($SETTINGS, 0, 0, pack 'nN', 4, 3), get(1)); wait_for(sub { $_[0][0] == $DATA }); out(fr($SETTINGS, 0, 0, pack 'nN', 4, 2), fr($WINDOW, 0, 1, pack 'N', 2)); my $f = wait_for(sub { $_[0][0] == $DATA }); length $f->[3] == 1 };
t '6.9.2 an initial size that overflows a window' => sub { out(put(1), fr($WINDOW, 0, 1, pack 'N', 0x7fff0000 - 1), fr($SETTINGS, 0, 0, pack 'nN', 4, 0x7fffffff)); rst(1, $FLOW) };
t '6.9 a body over our window' => sub { out(fr($HEADERS, $END_HEADERS, 1, hp(base('PUT', '/o/grows'), 'if-match', '"x"'))); out(map { fr($DATA, 0, 1, 'a' x 16384) } 1 .. 3); alive() };
t '6.10 CONTINUATION on stream 0' => sub { out(fr($HEADERS, $END, 1, hp(base())), fr($CONT, $END_HEADERS, 0, hp('a', 'b'))); goaway($PROTOCOL) };
t '6.10 CONTINUATION after END_HEADERS' => sub { out(put(1), fr($CONT, $END_HEADERS, 1, hp('a', 'b'))); goaway($PROTOCOL) };
t '6.10 CONTINUATION after CONTINUATION with END_HEADERS' => sub { out(fr($HEADERS, 0, 1, hp(base('PUT'))), fr($CONT, $END_HEADERS, 1, hp('a', 'b')), fr($CONT, $END_HEADERS, 1, hp('a', 'b'))); goaway($PROTOCOL) };
t '6.10 CONTINUATION after DATA' => sub { out(put(1), fr($DATA, 0, 1, 'x'), fr($CONT, $END_HEADERS, 1, hp('a', 'b'))); goaway($PROTOCOL) };
# ---- 8
t '8.1 HEADERS in the middle without END_STREAM' => sub { out(put(1), fr($DATA, 0, 1, 'x'), fr($HEADERS, $END_HEADERS, 1, hp('a', 'b'))); rst(1, $PROTOCOL) };
t '8.1 trailers' => sub { out(put(1), fr($DATA, 0, 1, 'x'), fr($HEADERS, $END | $END_HEADERS, 1, hp('x-sum', '1'))); status(1) };
t '8.1 pseudo-header in trailers' => sub { out(put(1), fr($DATA, 0, 1, 'x'), fr($HEADERS, $END | $END_HEADERS, 1, hp(':method', 'GET'))); only_rst(1, $PROTOCOL) };
t '8.1.1 content-length more than the DATA' => sub { out(put(1, 'content-length', '4'), fr($DATA, $END, 1, 'abc')); only_rst(1, $PROTOCOL) };
t '8.1.1 content-length less than the DATA' => sub { out(put(1, 'content-length', '1'), fr($DATA, 0, 1, 'ab'), fr($DATA, $END, 1, 'c')); only_rst(1, $PROTOCOL) };
t '8.1.1 content-length without DATA' => sub { out(fr($HEADERS, $END | $END_HEADERS, 1, hp(base('PUT', '/o/n'), 'content-length', '4'))); only_rst(1, $PROTOCOL) };
t '8.1.1 two content-lengths' => sub { out(put(1, 'content-length', '3', 'content-length', '3'), fr($DATA, $END, 1, 'abc')); only_rst(1, $PROTOCOL) || $saw =~ /status=400/ };
t '8.1.1 content-length that is none' => sub { out(put(1, 'content-length', '3x'), fr($DATA, $END, 1, 'abc')); only_rst(1, $PROTOCOL) };
t '8.2.1 upper-case name' => sub { out(get(1, 'X-Test', 'ok')); only_rst(1, $PROTOCOL) };
t "8.2.1 $_->[0] in a value" => do { my $c = $_; sub { out(get(1, 'x', "a$c->[1]b")); only_rst(1, $PROTOCOL) } } for ['NUL', "\0"], ['CR', "\r"], ['LF', "\n"];
t "8.2.1 $_->[0] in a name" => do { my $c = $_; sub { out(get(1, "a$c->[1]b", 'x')); only_rst(1, $PROTOCOL) } } for ['space', ' '], ['colon', ':'], ['control character', "\1"], ['byte over 127', "\xe9"];
t '8.2.1 empty name' => sub { out(get(1, '', 'x')); only_rst(1, $PROTOCOL) };
t "8.2.2 $_->[0]" => do { my $c = $_; sub { out(get(1, @$c)); only_rst(1, $PROTOCOL) } } for ['connection', 'keep-alive'], ['transfer-encoding', 'chunked'], ['upgrade', 'h2c'], ['proxy-connection', 'close'], ['keep-alive', '5'], ['te', 'gzip'];
t '8.2.2 te: trailers' => sub { out(get(1, 'te', 'trailers')); status(1) == 200 };
t '8.3 unknown pseudo-header' => sub { out(fr($HEADERS, $END | $END_HEADERS, 1, hp(base(), ':test', 'x'))); only_rst(1, $PROTOCOL) };
t '8.3 pseudo-header of an answer' => sub { out(fr($HEADERS, $END | $END_HEADERS, 1, hp(base(), ':status', '200'))); only_rst(1, $PROTOCOL) };
t '8.3 pseudo-header after a field' => sub { out(fr($HEADERS, $END | $END_HEADERS, 1, hp(':method', 'GET', ':scheme', 'http', 'x', 'y', ':path', '/o/small', ':authority', 'a'))); only_rst(1, $PROTOCOL) };
for my $name (':method', ':scheme', ':path') {
	my %b = base();
	t "8.3.1 without $name" => sub { out(fr($HEADERS, $END | $END_HEADERS, 1, hp(map { ($_, $b{$_}) } grep { $_ ne $name } sort keys %b))); only_rst(1, $PROTOCOL) };
	t "8.3.1 two of $name" => sub { out(fr($HEADERS, $END | $END_HEADERS, 1, hp((map { ($_, $b{$_}) } sort keys %b), $name, $b{$name}))); only_rst(1, $PROTOCOL) };
}
t '8.3.1 empty :path' => sub { out(fr($HEADERS, $END | $END_HEADERS, 1, hp(':method', 'GET', ':scheme', 'http', ':path', '', ':authority', 'a'))); only_rst(1, $PROTOCOL) };
t '8.3.1 :path with a space' => sub { out(fr($HEADERS, $END | $END_HEADERS, 1, hp(base('GET', '/o/small HTTP/1.1')))); only_rst(1, $PROTOCOL) };
t '8.3.1 :path with CR LF' => sub { out(fr($HEADERS, $END | $END_HEADERS, 1, hp(base('GET', "/o/small HTTP/1.1\r\nx: y")))); only_rst(1, $PROTOCOL) };
t '8.3.1 :path without a slash' => sub { out(fr($HEADERS, $END | $END_HEADERS, 1, hp(base('GET', 'o/small')))); my $s = status(1); $s == 400 || $saw =~ m{3/0/1=1} };
t '8.3.1 host beside :authority, the same' => sub { out(get(1, 'host', "127.0.0.1:$port")); status(1) == 200 };
t '8.3.1 host beside :authority, another' => sub { out(get(1, 'host', 'evil')); status(1) == 400 };
t '8.3.1 host alone' => sub { out(fr($HEADERS, $END | $END_HEADERS, 1, hp(':method', 'GET', ':scheme', 'http', ':path', '/o/small', 'host', 'a'))); status(1) == 200 };
t '8.3.1 neither' => sub { out(fr($HEADERS, $END | $END_HEADERS, 1, hp(':method', 'GET', ':scheme', 'http', ':path', '/o/small'))); status(1) == 400 || $saw =~ m{3/0/1=1} };
t '8.3.1 OPTIONS *' => sub { out(fr($HEADERS, $END | $END_HEADERS, 1, hp(base('OPTIONS', '*')))); status(1) };
t '8.5 CONNECT is refused' => sub { out(fr($HEADERS, $END_HEADERS, 1, hp(':method', 'CONNECT', ':authority', 'a:1'))); status(1) == 400 || $saw =~ m{3/0/1} };
t '10.5.1 more fields than are taken' => sub { out(get(1, map { ("x$_", 'y') } 1 .. 70)); status(1) == 1 && alive() };
t '10.5.1 a list that is too long' => sub { out(fr($HEADERS, $END, 1, hp(base(), 'x', 'y' x 9000)), fr($CONT, $END_HEADERS, 1, hp('z', 'y' x 9000))); status(1) == 1 && alive() };
# ---- RFC 7541
t 'HPACK 2.3.3 index that is none' => sub { out(fr($HEADERS, $END | $END_HEADERS, 1, hp(base()) . "\xbe")); goaway($COMPRESSION) };
t 'HPACK 6.1 index 0' => sub { out(fr($HEADERS, $END | $END_HEADERS, 1, "\x80")); goaway($COMPRESSION) };
t 'HPACK 5.1 integer that overflows' => sub { out(fr($HEADERS, $END | $END_HEADERS, 1, "\x7f" . "\xff" x 12 . "\x01")); goaway($COMPRESSION) };
t 'HPACK 5.2 Huffman with EOS' => sub { out(fr($HEADERS, $END | $END_HEADERS, 1, hp(base()) . "\0\x85\xf2\xb2\x4a\x84\xff\x84\xff\xff\xff\xff")); goaway($COMPRESSION) };
t 'HPACK 5.2 Huffman padding over 7 bits' => sub { out(fr($HEADERS, $END | $END_HEADERS, 1, hp(base()) . "\0\x01a\x82\x1f\xff")); goaway($COMPRESSION) };
t 'HPACK 4.2 table size over the limit' => sub { out(fr($HEADERS, $END | $END_HEADERS, 1, "\x3f\xff\xff\x03" . hp(base()))); goaway($COMPRESSION) };
t 'HPACK 4.2 table size after a field' => sub { out(fr($HEADERS, $END | $END_HEADERS, 1, hp(base()) . "\x20")); goaway($COMPRESSION) };
t 'HPACK 3 string longer than its block' => sub { out(fr($HEADERS, $END | $END_HEADERS, 1, hp(base()) . "\0\x20ab")); goaway($COMPRESSION) };
# ---- RFC 9218
t 'RFC 9218 priority as a field and a frame' => sub { out(fr(0x10, 0, 0, pack('N', 3) . 'u=1'), get(1, 'priority', 'u=0, i')); status(1) == 200 && alive() };

for my $c (@case) {
	my ($name, $run, $bare) = @$c;
	next if defined $word && index($name, $word) < 0;
	($in, $saw) = ('', '');
	$sock = IO::Socket::INET->new(PeerAddr => "127.0.0.1:$port") or die "cannot connect: $!";
	binmode $sock;
	$sock->autoflush(1);
	out($MAGIC, fr($SETTINGS, 0, 0, '')) if !$bare;
	my $ok = $run->();
	print $ok ? 'ok' : 'bad', "\t$name\t$saw\n";
	close $sock;
}
