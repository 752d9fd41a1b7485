#!/usr/bin/perl
# t/putd.pl PORT ROOT - a small HTTP server to PUT to, that fails when asked to.
#
# It stores under ROOT/www, appends "METHOD PATH STATUS" to ROOT/log, and looks at
# each PUT and DELETE for ROOT/fail (answer 503), ROOT/refuse (403) and ROOT/hang (never
# answer).  ROOT/token, if it is there, holds the token that a PUT must carry.
use strict;
use warnings;
use FindBin;
use lib $FindBin::Bin;
use FakeHttp;

my ($port, $root) = @ARGV;

sub each_request {
	my ($r) = @_;
	my ($get, $file) = ($r->{method} eq 'GET', "$root/www$r->{path}");
	sleep 1000 if -e "$root/hang";
	my $want = slurp("$root/token");
	chomp $want if defined $want;
	if (!$get && -e "$root/fail") { answer($r, 503, 'later') }
	elsif (!$get && -e "$root/refuse") { answer($r, 403, 'no') }
	elsif ($r->{method} eq 'PUT') {
		if (defined $want && ($r->{h}{authorization} || '') ne "Bearer $want") {
			answer($r, 401, '');
			return '';
		}
		spill($file, $r->{body});
		answer($r, 201, '');
	}
	elsif ($r->{method} eq 'DELETE') { answer($r, unlink($file) ? 204 : 404, '') }
	elsif (-f $file) { answer($r, 200, slurp($file)) }
	else { answer($r, 404, '') }
	return '';
}

serve($port, $root, \&each_request);
