# t/FakeHttp.pm - what the small servers of the tests share: putd.pl, s3d.pl and
# mediastored.pl.
#
#   serve PORT, ROOT, sub { my ($r) = @_; ... }
#       Listen on 127.0.0.1:PORT, with a process for each connection, and call it with
#       each request: $r has method, target, path (as it came, before any "?"), query,
#       h (fields, by their names in small letters) and body.  When it returns
#       'close', so does the connection.  SIGTERM ends all.
#   answer $r, STATUS, BODY, FIELD...
#       Write "METHOD TARGET STATUS" to ROOT/log, and the answer, with its length.
#   slurp FILE           what is in it; undef when there is none
#   spill FILE, DATA     so that nobody finds it half-written; folders are made
package FakeHttp;
use strict;
use warnings;
use Exporter 'import';
use File::Path 'make_path';
use IO::Socket::INET;

our @EXPORT = qw(answer serve slurp spill);

sub slurp {
	open my $f, '<', $_[0] or return undef;
	local $/;
	return scalar <$f>;
}

sub spill {
	my ($file, $data) = @_;
	make_path($file =~ s{/[^/]*$}{}r, { error => \my $ignored });
	open my $f, '>', "$file.$$" or die "$file: $!";
	print $f $data;
	close $f;
	rename "$file.$$", $file;
}

sub answer {
	my ($r, $status, $body, @field) = @_;
	open my $log, '>>', "$r->{root}/log" or die;
	syswrite $log, "$r->{method} $r->{target} $status\n";
	close $log;
	my $c = $r->{c};
	print $c join("\r\n", "HTTP/1.1 $status x", @field, 'Content-Length: ' . length $body,
		'', $r->{method} eq 'HEAD' ? '' : $body);
	$c->flush;
}

# The next request of a connection; undef at its end.
sub request {
	my ($c, $root) = @_;
	my $line = <$c>;
	defined $line && $line =~ m{^(\w+) ((/[^\s?]*)(?:\?(\S*))?) HTTP/1} or return undef;
	my %r = (c => $c, root => $root, method => $1, target => $2, path => $3,
		query => $4 // '', body => '');
	while (defined(my $l = <$c>)) {
		last if $l =~ /^\r?\n$/;
		$r{h}{lc $1} = $2 if $l =~ /^([^:]+):\s*(.*?)\r?\n/;
	}
	my $len = $r{h}{'content-length'} || 0;
	return undef if $len > 0 && read($c, $r{body}, $len) != $len;
	return \%r;
}

sub serve {
	my ($port, $root, $each) = @_;
	my $listen = IO::Socket::INET->new(LocalAddr => '127.0.0.1', LocalPort => $port,
		Listen => 64, ReuseAddr => 1) or die "cannot listen: $!\n";
	$SIG{CHLD} = 'IGNORE';
	setpgrp(0, 0);
	$SIG{TERM} = sub { kill 'KILL', -$$ if getpgrp() == $$; exit 0 };
	mkdir "$root/www";
	while (1) {
		my $c = $listen->accept() or next;
		next if fork;
		close $listen;
		while (my $r = request($c, $root)) {
			last if $each->($r) eq 'close';
		}
		exit 0;
	}
}

1;
