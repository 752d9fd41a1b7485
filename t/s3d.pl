#!/usr/bin/perl
# t/s3d.pl PORT ROOT - as much of S3 as shows how a client takes its failures.
#
# It keeps objects under ROOT/www, appends "METHOD TARGET STATUS" to ROOT/log, and
# looks for files that ask for trouble; "once" is a file that goes when it has
# worked.
#
#   ROOT/slow     503 SlowDown (once)          ROOT/clock   its clock is an hour ahead
#   ROOT/region   the bucket is in eu-test-1   ROOT/error   200 with an error for a
#   ROOT/lost     completes an upload, and                  completed upload (once)
#                 then says nothing (once)     ROOT/part2   500 for each part 2
#   ROOT/refuse   403 for all                  ROOT/idle    400 RequestTimeout (once)
use strict;
use warnings;
use Digest::MD5 qw(md5 md5_hex);
use IO::Socket::INET;
use POSIX qw(strftime);
use Time::Local qw(timegm);

my ($port, $root) = @ARGV;
my $listen = IO::Socket::INET->new(LocalAddr => '127.0.0.1', LocalPort => $port,
	Listen => 64, ReuseAddr => 1) or die "cannot listen: $!\n";
$SIG{CHLD} = 'IGNORE';
setpgrp(0, 0);
$SIG{TERM} = sub { kill 'KILL', -$$ if getpgrp() == $$; exit 0 };
mkdir "$root/www";

sub now { return time + (-e "$root/clock" ? 3600 : 0) }

sub answer {
	my ($c, $method, $target, $status, $body, @more) = @_;
	open my $log, '>>', "$root/log" or die;
	syswrite $log, "$method $target $status\n";
	close $log;
	my $date = strftime('%a, %d %b %Y %H:%M:%S GMT', gmtime now());
	my $length = grep(/^Content-Length/, @more) ? '' : "Content-Length: " . length($body) . "\r\n";
	print $c join("\r\n", "HTTP/1.1 $status x", "Date: $date", @more, ''), $length, "\r\n",
		$method eq 'HEAD' ? '' : $body;
	$c->flush;
}

sub failure {
	my ($code, $more) = @_;
	return "<?xml version=\"1.0\"?><Error><Code>$code</Code><Message>so be it</Message>" .
		($more || '') . '</Error>';
}

sub once { return -e "$root/$_[0]" && unlink "$root/$_[0]" }

sub slurp {
	open my $f, '<', $_[0] or return undef;
	local $/;
	return scalar <$f>;
}

sub spill {
	my ($name, $data) = @_;
	my $at = "$root/www";
	for my $part (split m{/}, ($name =~ s{^\Q$root\E/www}{}r) =~ s{/[^/]*$}{}r) {
		$at .= "/$part" if $part ne '';
		mkdir $at;
	}
	open my $f, '>', "$name.$$" or die "$name: $!";
	print $f $data;
	close $f;
	rename "$name.$$", $name;
}

sub serve {
	my ($c) = @_;
	while (defined(my $line = <$c>)) {
		my ($method, $target) = $line =~ m{^(\w+) (/\S*) HTTP/1} or return;
		my ($path, $query) = split /\?/, $target, 2;
		$query = '' if !defined $query;
		my (%h, $body);
		while (defined(my $l = <$c>)) {
			last if $l =~ /^\r?\n$/;
			$h{lc $1} = $2 if $l =~ /^([^:]+):\s*(.*?)\r?\n/;
		}
		my $len = $h{'content-length'} || 0;
		$body = '';
		read($c, $body, $len) == $len or return if $len > 0;
		my ($region) = ($h{authorization} || '') =~ m{Credential=[^/]+/\d+/([^/]+)/s3};
		my @t = ($h{'x-amz-date'} || '') =~ /^(\d{4})(\d\d)(\d\d)T(\d\d)(\d\d)(\d\d)Z/;
		my $said = @t ? timegm($t[5], $t[4], $t[3], $t[2], $t[1] - 1, $t[0]) : 0;
		my $file = "$root/www$path";
		my @r = ($c, $method, $target);
		my ($upload) = $query =~ /uploadId=(\w+)/;
		my $gone = defined $upload && !-d "$root/up-$upload";
		if (once('slow')) { answer(@r, 503, failure('SlowDown')) }
		elsif (once('idle')) { answer(@r, 400, failure('RequestTimeout')) }
		elsif (-e "$root/refuse") { answer(@r, 403, failure('AccessDenied')) }
		elsif (abs($said - now()) > 900) { answer(@r, 403, failure('RequestTimeTooSkewed')) }
		elsif (-e "$root/region" && $region ne 'eu-test-1') {
			answer(@r, 400, failure('AuthorizationHeaderMalformed',
				'<Region>eu-test-1</Region>'));
		}
		elsif ($gone) { answer(@r, 404, failure('NoSuchUpload')) }
		elsif ($method eq 'POST' && $query =~ /^uploads/) {
			my $id = 'u' . time . $$;
			mkdir "$root/up-$id";
			answer(@r, 200, "<InitiateMultipartUploadResult><UploadId>$id</UploadId>" .
				'</InitiateMultipartUploadResult>');
		}
		elsif ($method eq 'PUT' && $query =~ /partNumber=(\d+)/) {
			my $n = $1;
			if ($n == 2 && -e "$root/part2") { answer(@r, 500, failure('InternalError')); next }
			open my $f, '>', "$root/up-$upload/$n" or die;
			print $f $body;
			close $f;
			answer(@r, 200, '', 'ETag: "' . md5_hex($body) . '"');
		}
		elsif ($method eq 'POST' && defined $upload) {
			if (once('error')) { answer(@r, 200, failure('InternalError')); next }
			my @n = $body =~ /<PartNumber>(\d+)</g;
			my @parts = map { slurp("$root/up-$upload/$_") } @n;
			spill($file, join '', @parts);
			unlink glob "$root/up-$upload/*";
			rmdir "$root/up-$upload";
			open my $f, '>', "$file.etag" or die;
			print $f md5_hex(join '', map { md5($_) } @parts) . '-' . @n;
			close $f;
			return if once('lost');
			answer(@r, 200, '<CompleteMultipartUploadResult/>');
		}
		elsif ($method eq 'DELETE' && defined $upload) {
			unlink glob "$root/up-$upload/*";
			rmdir "$root/up-$upload";
			answer(@r, 204, '');
		}
		elsif ($method eq 'PUT') {
			spill($file, $body);
			answer(@r, 200, '', 'ETag: "' . md5_hex($body) . '"');
		}
		elsif ($method eq 'DELETE') { unlink $file; answer(@r, 204, '') }
		elsif (!-f $file) { answer(@r, 404, failure('NoSuchKey')) }
		else {
			my $data = slurp($file);
			my $etag = slurp("$file.etag") || md5_hex($data);
			answer(@r, 200, $data, "ETag: \"$etag\"", 'Content-Length: ' . length $data);
		}
	}
}

while (1) {
	my $c = $listen->accept() or next;
	next if fork;
	close $listen;
	serve($c);
	exit 0;
}
