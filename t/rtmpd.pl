#!/usr/bin/perl
# t/rtmpd.pl - a server of RTMP that takes one publisher after the other, and not as it should.
#
#   rtmpd.pl PORT NAME [name=value...]
#
# What the N-th one sends is NAME.N, a FLV file; NAME.log has a line for each thing that
# happens.  The values:
#
#   fourcc=C      the list of codecs in the answer to connect   mute=1    answers nothing
#   refuse=CODE   to publish, and why=TEXT                      deny=TEXT to connect
#   deaf=N        reads no more after N messages                hangup=N  goes after N
#   go=URL        asks the first to reconnect there, after the message number after=N (10)
#   away=URL      refuses to connect, as it is to be done there
#   ping=1        a ping with each key picture                  ends=N    servers N, then ends
use strict;
use warnings;
use IO::Socket::INET;

my ($port, $name, @rest) = @ARGV;
my %o = (after => 10, why => 'as told');
for (@rest) {
	/^(\w+)=(.*)$/s or die "rtmpd.pl: '$_'";
	$o{$1} = $2;
}
$SIG{PIPE} = 'IGNORE';
$| = 1;
my $l = IO::Socket::INET->new(LocalAddr => '127.0.0.1', LocalPort => $port, Listen => 8,
	ReuseAddr => 1) or die "listen: $!";
open my $log, '>>', "$name.log" or die;
$log->autoflush(1);
sub tell_log { print $log "@_\n" }

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
my ($s, $buf, $in_chunk, %st);
sub fill {
	my $n = shift;
	while (length $buf < $n) {
		my $r = sysread $s, $buf, 65536, length $buf;
		return 0 unless $r;
	}
	return 1;
}
sub out {			# chunk stream 3, chunks of 4096 from the beginning on
	my ($type, $stream, $data) = @_;
	syswrite $s, pack('C', $type < 7 ? 2 : 3) . "\0\0\0" . substr(pack('N', length $data), 1) .
		pack('C V', $type, $stream) . $data;
}
sub status {
	my ($stream, $level, $code, @more) = @_;
	out(20, $stream, str('onStatus') . num(0) . "\5" . obj(level => str($level),
		code => str($code), description => str($o{why}), @more));
}
sub message {			# type, timestamp, data; nothing at the end
	for (;;) {
		return unless fill(1);
		my $b = unpack 'C', $buf;
		my ($fmt, $csid, $at) = ($b >> 6, $b & 63, 1);
		my $c = $st{$csid} ||= { data => '', ts => 0 };
		my $h = (11, 7, 3, 0)[$fmt];
		return unless fill($at + $h);
		my $field = $c->{ext} || 0;
		if ($fmt < 3) {
			$field = unpack 'N', "\0" . substr $buf, $at, 3;
			$c->{ext} = $field == 0xffffff;
		}
		$c->{len} = unpack 'N', "\0" . substr $buf, $at + 3, 3 if $fmt < 2;
		$c->{type} = unpack 'C', substr $buf, $at + 6, 1 if $fmt < 2;
		$at += $h;
		if ($c->{ext}) {
			return unless fill($at + 4);
			$field = unpack 'N', substr $buf, $at, 4;
			$at += 4;
		}
		$c->{ts} = $fmt == 0 ? $field : $c->{ts} + $field if $fmt < 3;
		my $n = $c->{len} - length $c->{data};
		$n = $in_chunk if $n > $in_chunk;
		return unless fill($at + $n);
		$c->{data} .= substr $buf, $at, $n;
		substr($buf, 0, $at + $n) = '';
		next if length $c->{data} < $c->{len};
		my $data = $c->{data};
		$c->{data} = '';
		return ($c->{type}, $c->{ts}, $data);
	}
}
my $served = 0;
for (;;) {
	$s = $l->accept or next;
	$served++;
	($buf, $in_chunk, %st) = ('', 128);
	tell_log('accepted');
	sleep 3600 if $o{mute};
	fill(1537) or next;
	my $c1 = substr $buf, 1, 1536;
	substr($buf, 0, 1537) = '';
	syswrite $s, "\3" . ("\0" x 8) . join('', map { chr int rand 256 } 1 .. 1528) . $c1;
	fill(1536) or next;
	substr($buf, 0, 1536) = '';
	open my $flv, '>:raw', "$name.$served" or die;
	$flv->autoflush(1);
	print $flv "FLV\1\5\0\0\0\x09\0\0\0\0";
	my $media = 0;
	while (my ($type, $ts, $data) = message()) {
		$in_chunk = unpack 'N', $data if $type == 1;
		tell_log('pong ' . unpack 'x2 N', $data) if $type == 4 && unpack('n', $data) == 7;
		if ($type == 20) {
			my ($cmd) = unpack 'x n/a', $data;
			my $id = unpack 'd>', substr $data, 3 + length($cmd) + 1, 8;
			my @text = $data =~ /\x02\0.([\x20-\x7e]+)/g;
			tell_log($cmd, $cmd eq 'publish' ? $text[1] : ());
			if ($cmd eq 'connect') {
				out(1, 0, pack 'N', 4096);
				if ($o{deny}) {
					out(20, 0, str('_error') . num($id) . "\5" . obj(level => str('error'),
						code => str('NetConnection.Connect.Rejected'), description => str($o{deny})));
					next;
				}
				if ($o{away}) {
					out(20, 0, str('_error') . num($id) . "\5" . obj(level => str('error'),
						code => str('NetConnection.Connect.Rejected'),
						description => str('[ Server.Reject ] : (_defaultRoot_, _defaultVHost_) : away'),
						ex => obj(code => num(302), redirect => str($o{away}))));
					next;
				}
				out(20, 0, str('_result') . num($id) . obj(fmsVer => str('FMS/3,0,1,123')) .
					obj(level => str('status'), code => str('NetConnection.Connect.Success'),
						$o{fourcc} ? (fourCcList => "\x0a" . pack('N', 1) . str($o{fourcc})) : ()));
			} elsif ($cmd eq 'createStream') {
				out(20, 0, str('_result') . num($id) . "\5" . num(1));
			} elsif ($cmd eq 'publish') {
				status(1, 'error', $o{refuse}) if $o{refuse};
				status(1, 'status', 'NetStream.Publish.Start') unless $o{refuse};
			} elsif ($cmd eq 'releaseStream') {
				out(20, 0, str('_error') . num($id) . "\5" . obj(code => str('NetConnection.Call.Failed')));
			}
		}
		next if $type != 8 && $type != 9 && $type != 18;
		substr($data, 0, 16) = '' if $type == 18;	# @setDataFrame
		print $flv pack('C', $type), substr(pack('N', length $data), 1),
			substr(pack('N', $ts & 0xffffff), 1), pack('C', $ts >> 24), "\0\0\0", $data,
			pack('N', 11 + length $data);
		$media++;
		out(4, 0, pack 'nN', 6, $media) if $o{ping} && $type == 9 && ord($data) == 0x17;
		if ($o{go} && $served == 1 && $media == $o{after}) {
			status(0, 'status', 'NetConnection.Connect.ReconnectRequest',
				$o{go} eq 'here' ? () : (tcUrl => str($o{go})));
			tell_log('asked to go');
		}
		if ($o{deaf} && $media == $o{deaf}) {
			tell_log('deaf');
			sleep 3600;
		}
		last if $o{hangup} && $media == $o{hangup};
	}
	tell_log('ended');
	close $s;
	exit if $o{ends} && $served == $o{ends};
}
