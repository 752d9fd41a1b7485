#!/usr/bin/perl
# t/mediastored.pl PORT ROOT - as much of MediaStore as its clients see.
#
# PUT, GET, HEAD, DELETE and ListItems of what is under ROOT/www, three items a page
# whatever is asked for; containers and their policies by JSON 1.1, one file of
# ROOT/rule each.  ROOT/log has a line for each request.  One client at a time is
# enough for each of a few processes.
use strict;
use warnings;
use FindBin;
use lib $FindBin::Bin;
use FakeHttp;

my ($port, $root) = @ARGV;
mkdir "$root/rule";

sub refuse {
	my ($r, $status, $type) = @_;
	answer($r, $status, '{"Message":"so be it"}', "x-amzn-ErrorType: $type");
}

sub list {
	my ($query) = @_;
	my %q = map { my ($k, $v) = split /=/, $_, 2; $v =~ s/%(..)/chr hex $1/ge; ($k, $v) }
		split /&/, $query;
	my $dir = "$root/www/" . ($q{Path} // '');
	opendir my $d, $dir or return undef;
	my @names = sort grep { !/^\.\.?$/ && $_ gt ($q{NextToken} // '') } readdir $d;
	my $more = @names > 3;
	$#names = 2 if $more;
	my @items = map {
		-d "$dir/$_" ? "{\"Name\":\"$_\",\"Type\":\"FOLDER\"}" :
		sprintf '{"Name":"%s","Type":"OBJECT","ETag":"e","LastModified":1.79E9,' .
			'"ContentType":"text/plain","ContentLength":%d}', $_, -s "$dir/$_";
	} @names;
	return '{"Items":[' . join(',', @items) . ']' . ($more ? ",\"NextToken\":\"$names[2]\"" : '') . '}';
}

sub rule {
	my ($r, $operation) = @_;
	my ($name) = $r->{body} =~ /"ContainerName":"(\w+)"/;
	if ($operation eq 'ListContainers') {
		my @c = map { m{/(\w+)$} ? "{\"Name\":\"$1\"}" : () } glob "$root/rule/*";
		return answer($r, 200, '{"Containers":[' . join(',', @c) . ']}');
	}
	if ($operation eq 'CreateContainer') {
		mkdir "$root/rule/$name" or return refuse($r, 400, 'ContainerInUseException');
	}
	-d "$root/rule/$name" or return refuse($r, 404, 'ContainerNotFoundException');
	my $kept = "$root/rule/$name/" . $operation =~ s/^(Put|Get|Delete)//r;
	if ($operation =~ /^Put/) { spill($kept, $r->{body}) }
	elsif ($operation =~ /^Get/) {
		my $text = slurp($kept);
		return refuse($r, 404, 'PolicyNotFoundException') if !defined $text;
		return answer($r, 200, $text);
	}
	elsif ($operation eq 'DeleteContainer') {
		unlink glob "$root/rule/$name/*";
		rmdir "$root/rule/$name";
	}
	elsif ($operation =~ /^Delete/) { unlink $kept }
	answer($r, 200, "{\"Container\":{\"Name\":\"$name\",\"Status\":\"ACTIVE\"}}");
}

sub each_request {
	my ($r) = @_;
	my $path = $r->{path} =~ s/%(..)/chr hex $1/ger;
	my $file = "$root/www$path";
	if (($r->{h}{'x-amz-target'} || '') =~ /^MediaStore_20170901\.(\w+)$/) { rule($r, $1) }
	elsif ($r->{method} eq 'GET' && $path eq '/') {
		my $list = list($r->{query});
		defined $list ? answer($r, 200, $list) : refuse($r, 404, 'ObjectNotFoundException');
	}
	elsif ($r->{method} eq 'PUT') { spill($file, $r->{body}); answer($r, 200, '{}') }
	elsif (!-f $file) { refuse($r, 404, 'ObjectNotFoundException') }
	elsif ($r->{method} eq 'DELETE') {
		unlink $file;
		# Folders go with what was in them.
		rmdir $file while $file =~ s{/[^/]*$}{} && length $file > length "$root/www";
		answer($r, 200, '');
	}
	else { answer($r, 200, slurp($file)) }
	return '';
}

serve($port, $root, \&each_request);
