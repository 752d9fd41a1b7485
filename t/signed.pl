#!/usr/bin/perl
# t/signed.pl KIND HOST:PORT PATH [BREAK] - a signed request, made from the specification.
#
# KIND: chunks, trailer, unsigned (aws-chunked bodies of 3 pieces), presigned (prints
# an address), put (a hash in the head).  BREAK: chunk, last, trailer, sum, length, cut,
# hash.  Prints the status and the body of the answer.
use strict;
use warnings;
use Digest::SHA qw(sha256_hex hmac_sha256 hmac_sha256_hex sha256_base64);
use IO::Socket::INET;
use POSIX qw(strftime);

my ($kind, $host, $path, $break) = (@ARGV, '', '');
my ($id, $secret, $region) = ('AKTEST', 'testsecret', 'eu-central-1');
my $date = strftime('%Y%m%dT%H%M%SZ', gmtime(time - ($break eq 'late' ? 400 : 0)));
my $scope = substr($date, 0, 8) . "/$region/mediastore/aws4_request";
my $key = 'AWS4' . $secret;
$key = hmac_sha256($_, $key) for split m{/}, $scope;

sub sign {
	my ($what, @rest) = @_;
	return hmac_sha256_hex(join("\n", "AWS4-HMAC-SHA256$what", $date, $scope, @rest), $key);
}

sub canonical {
	my ($method, $query, $head, $payload) = @_;
	my @names = sort keys %$head;
	return sha256_hex(join("\n", $method, $path, $query,
		(map { "$_:$head->{$_}" } @names), '', join(';', @names), $payload));
}

if ($kind eq 'presigned') {
	my $q = "X-Amz-Algorithm=AWS4-HMAC-SHA256&X-Amz-Credential=" . "$id/$scope" =~ s{/}{%2F}gr .
		"&X-Amz-Date=$date&X-Amz-Expires=300&X-Amz-SignedHeaders=host";
	my $sig = sign('', canonical('GET', $q, { host => $host }, 'UNSIGNED-PAYLOAD'));
	$sig =~ tr/0-9a-f/1-9a-f0/ if $break eq 'hash';
	print "http://$host$path?$q&X-Amz-Signature=$sig\n";
	exit;
}

my @piece = ('first ' x 2000, 'second ' x 3000, 'third');
my $whole = join '', @piece;
my %payload = (chunks => 'STREAMING-AWS4-HMAC-SHA256-PAYLOAD',
	trailer => 'STREAMING-AWS4-HMAC-SHA256-PAYLOAD-TRAILER',
	unsigned => 'STREAMING-UNSIGNED-PAYLOAD-TRAILER', put => sha256_hex($whole));
my %head = (host => $host, 'x-amz-date' => $date, 'x-amz-content-sha256' => $payload{$kind});
$head{'x-amz-content-sha256'} = sha256_hex('other') if $kind eq 'put' && $break eq 'hash';
if ($kind ne 'put') {
	$head{'content-encoding'} = 'aws-chunked';
	$head{'x-amz-decoded-content-length'} = length($whole) + ($break eq 'length' ? 1 : 0);
	$head{'x-amz-trailer'} = 'x-amz-checksum-sha256' if $kind ne 'chunks';
}
my $sig = sign('', canonical('PUT', '', \%head, $head{'x-amz-content-sha256'}));
my $body = $whole;
if ($kind ne 'put') {
	my $last = $sig;
	my $n = 0;
	$body = '';
	for my $p (@piece, '') {
		$last = sign('-PAYLOAD', $last, sha256_hex(''), sha256_hex($p));
		my $s = $last;
		$s =~ tr/0-9a-f/1-9a-f0/ if $break eq 'chunk' && ++$n == 2 ||
			$break eq 'last' && $p eq '';
		$body .= sprintf('%x', length $p) .
			($kind eq 'unsigned' ? '' : ";chunk-signature=$s") . "\r\n";
		$body .= "$p\r\n" if $p ne '';
	}
	if ($kind ne 'chunks') {
		my $t = 'x-amz-checksum-sha256:' . sha256_base64($whole) . '=';
		$t =~ tr/A-Y/B-Z/ if $break eq 'sum';
		$body .= "$t\r\n";
		my $s = sign('-TRAILER', $last, sha256_hex("$t\n"));
		$s =~ tr/0-9a-f/1-9a-f0/ if $break eq 'trailer';
		$body .= "x-amz-trailer-signature:$s\r\n" if $kind eq 'trailer';
	}
	$body .= "\r\n" if $break ne 'cut';
}
my $c = IO::Socket::INET->new(PeerAddr => $host) or die "cannot connect: $!\n";
print $c "PUT $path HTTP/1.1\r\nConnection: close\r\nContent-Length: " . length($body) . "\r\n" .
	"Authorization: AWS4-HMAC-SHA256 Credential=$id/$scope, SignedHeaders=" .
	join(';', sort keys %head) . ", Signature=$sig\r\n" .
	join('', map { "$_: $head{$_}\r\n" } keys %head) . "\r\n$body";
my $answer = do { local $/; <$c> };
print $answer =~ m{^HTTP/1.1 (\d+)}, ' ', $answer =~ m{\r\n\r\n(.*)}s, "\n";
