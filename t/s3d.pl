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
#   ROOT/cut      a third of an object, and then the connection breaks (once)
use strict;
use warnings;
use Digest::MD5 qw(md5 md5_hex);
use FindBin;
use POSIX qw(strftime);
use Time::Local qw(timegm);
use lib $FindBin::Bin;
use FakeHttp;

my ($port, $root) = @ARGV;

sub now { return time + (-e "$root/clock" ? 3600 : 0) }

sub say_so {
	my ($r, $status, $body, @field) = @_;
	answer($r, $status, $body, @field,
		strftime('Date: %a, %d %b %Y %H:%M:%S GMT', gmtime now()));
}

sub failure {
	my ($code, $more) = @_;
	return "<?xml version=\"1.0\"?><Error><Code>$code</Code><Message>so be it</Message>" .
		($more || '') . '</Error>';
}

# What is there, or a range of it.
sub give {
	my ($r, $data, $etag) = @_;
	my @field = ("ETag: \"$etag\"", 'Accept-Ranges: bytes');
	my ($from, $to) = ($r->{h}{range} || '') =~ /^bytes=(\d+)-(\d*)$/;
	my $all = length $data;
	my $status = 200;
	if (defined $from) {
		return say_so($r, 416, failure('InvalidRange'), "Content-Range: bytes */$all")
			if $from >= $all;
		$to = $all - 1 if $to eq '' || $to >= $all;
		$data = substr $data, $from, $to - $from + 1;
		push @field, "Content-Range: bytes $from-$to/$all";
		$status = 206;
	}
	return say_so($r, $status, $data, @field) unless length $data > 99999 && once('cut');
	open my $log, '>>', "$root/log" or die;
	print $log "$r->{method} $r->{target} $status cut\n";
	my $c = $r->{c};
	print $c join("\r\n", "HTTP/1.1 $status x", @field, 'Content-Length: ' . length $data, '',
		substr $data, 0, length($data) / 3);
	$c->flush;
	return 'close';
}

sub once { return -e "$root/$_[0]" && unlink "$root/$_[0]" }

sub each_request {
	my ($r) = @_;
	my ($method, $query, $body) = @$r{qw(method query body)};
	my ($region) = ($r->{h}{authorization} || '') =~ m{Credential=[^/]+/\d+/([^/]+)/s3};
	my @t = ($r->{h}{'x-amz-date'} || '') =~ /^(\d{4})(\d\d)(\d\d)T(\d\d)(\d\d)(\d\d)Z/;
	my $said = @t ? timegm($t[5], $t[4], $t[3], $t[2], $t[1] - 1, $t[0]) : 0;
	my $file = "$root/www$r->{path}";
	my ($upload) = $query =~ /uploadId=(\w+)/;
	my $gone = defined $upload && !-d "$root/up-$upload";
	if (once('slow')) { say_so($r, 503, failure('SlowDown')) }
	elsif (once('idle')) { say_so($r, 400, failure('RequestTimeout')) }
	elsif (-e "$root/refuse") { say_so($r, 403, failure('AccessDenied')) }
	elsif (abs($said - now()) > 900) { say_so($r, 403, failure('RequestTimeTooSkewed')) }
	elsif (-e "$root/region" && $region ne 'eu-test-1') {
		say_so($r, 400, failure('AuthorizationHeaderMalformed',
			'<Region>eu-test-1</Region>'));
	}
	elsif ($gone) { say_so($r, 404, failure('NoSuchUpload')) }
	elsif ($method eq 'POST' && $query =~ /^uploads/) {
		my $id = 'u' . time . $$;
		mkdir "$root/up-$id";
		say_so($r, 200, "<InitiateMultipartUploadResult><UploadId>$id</UploadId>" .
			'</InitiateMultipartUploadResult>');
	}
	elsif ($method eq 'PUT' && $query =~ /partNumber=(\d+)/) {
		my $n = $1;
		return say_so($r, 500, failure('InternalError')) if $n == 2 && -e "$root/part2";
		# It may be aborted meanwhile.
		my $part = "$root/up-$upload/$n";
		open my $f, '>', "$part.new" or return say_so($r, 404, failure('NoSuchUpload'));
		print $f $body;
		close $f;
		rename "$part.new", $part or return say_so($r, 404, failure('NoSuchUpload'));
		say_so($r, 200, '', 'ETag: "' . md5_hex($body) . '"');
	}
	elsif ($method eq 'POST' && defined $upload) {
		return say_so($r, 200, failure('InternalError')) if once('error');
		my @n = $body =~ /<PartNumber>(\d+)</g;
		my @parts = map { slurp("$root/up-$upload/$_") } @n;
		spill($file, join '', @parts);
		unlink glob "$root/up-$upload/*";
		rmdir "$root/up-$upload";
		spill("$file.etag", md5_hex(join '', map { md5($_) } @parts) . '-' . @n);
		return 'close' if once('lost');
		say_so($r, 200, '<CompleteMultipartUploadResult/>');
	}
	elsif ($method eq 'DELETE' && defined $upload) {
		# At once, also while a part is being written.
		rename "$root/up-$upload", "$root/gone-$upload";
		unlink glob "$root/gone-$upload/*";
		rmdir "$root/gone-$upload";
		say_so($r, 204, '');
	}
	elsif ($method eq 'PUT') {
		spill($file, $body);
		say_so($r, 200, '', 'ETag: "' . md5_hex($body) . '"');
	}
	elsif ($method eq 'DELETE') { unlink $file; say_so($r, 204, '') }
	elsif (!-f $file) { say_so($r, 404, failure('NoSuchKey')) }
	else {
		my $data = slurp($file);
		my $etag = slurp("$file.etag") || md5_hex($data);
		return give($r, $data, $etag) eq 'close' ? 'close' : '';
	}
	return '';
}

serve($port, $root, \&each_request);
