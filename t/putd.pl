#!/usr/bin/perl
# t/putd.pl PORT ROOT - a small HTTP server to PUT to, that fails when asked to.
#
# It stores under ROOT/www, appends "METHOD PATH STATUS" to ROOT/log, and looks at
# each PUT and DELETE for ROOT/fail (answer 503), ROOT/refuse (403) and ROOT/hang (never
# answer).  ROOT/token, if it is there, holds the token that a PUT must carry.
use strict;
use warnings;
use IO::Socket::INET;

my ($port, $root) = @ARGV;
my $listen = IO::Socket::INET->new(LocalAddr => '127.0.0.1', LocalPort => $port,
	Listen => 64, ReuseAddr => 1) or die "cannot listen: $!\n";
$SIG{CHLD} = 'IGNORE';
$SIG{TERM} = sub { kill 'KILL', -$$ if getpgrp() == $$; exit 0 };
setpgrp(0, 0);
mkdir "$root/www";

sub answer {
	my ($c, $method, $path, $status, $body) = @_;
	open my $log, '>>', "$root/log" or die;
	syswrite $log, "$method $path $status\n";
	close $log;
	printf $c "HTTP/1.1 %d x\r\nContent-Length: %d\r\n\r\n%s", $status, length $body, $body;
	$c->flush;
}

sub serve {
	my ($c) = @_;
	while (defined(my $line = <$c>)) {
		my ($method, $path) = $line =~ m{^(\w+) (/\S*) HTTP/1} or return;
		my (%h, $body);
		while (defined(my $l = <$c>)) {
			last if $l =~ /^\r?\n$/;
			$h{lc $1} = $2 if $l =~ /^([^:]+):\s*(.*?)\r?\n/;
		}
		my $len = $h{'content-length'} || 0;
		read($c, $body, $len) == $len or return if $len > 0;
		$body = '' if !defined $body;
		sleep 1000 if -e "$root/hang";
		my $want = '';
		if (open my $t, '<', "$root/token") { chomp($want = <$t>); $want = "Bearer $want" }
		my $file = "$root/www$path";
		if ($method ne q(GET) && -e "$root/fail") { answer($c, $method, $path, 503, 'later') }
		elsif ($method ne q(GET) && -e "$root/refuse") { answer($c, $method, $path, 403, 'no') }
		elsif ($method eq 'PUT') {
			if ($want ne '' && ($h{authorization} || '') ne $want) {
				answer($c, $method, $path, 401, '');
				next;
			}
			my $dir = $root . '/www';
			for my $part (split m{/}, $path =~ s{/[^/]*$}{}r) {
				$dir .= "/$part" if $part ne '';
				mkdir $dir;
			}
			open my $f, '>', "$file.$$" or die;
			print $f $body;
			close $f;
			rename "$file.$$", $file;
			answer($c, $method, $path, 201, '');
		} elsif ($method eq 'DELETE') {
			answer($c, $method, $path, unlink($file) ? 204 : 404, '');
		} elsif (open my $f, '<', $file) {
			local $/;
			answer($c, $method, $path, 200, <$f>);
		} else { answer($c, $method, $path, 404, '') }
	}
}

while (1) {
	my $c = $listen->accept or next;
	my $pid = fork;
	if (defined $pid && $pid == 0) {
		close $listen;
		$c->autoflush(0);
		serve($c);
		exit 0;
	}
	close $c;
}
