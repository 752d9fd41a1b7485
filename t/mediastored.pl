#!/usr/bin/perl
# t/mediastored.pl PORT ROOT - as much of MediaStore as its clients see.
#
# PUT, GET, HEAD, DELETE and ListItems of what is under ROOT/www, three items a page
# whatever is asked for; containers and their policies by JSON 1.1, one file of
# ROOT/rule each.  ROOT/log has a line for each request.  One client at a time is
# enough for each of a few processes.
use strict;
use warnings;
use IO::Socket::INET;

my ($port, $root) = @ARGV;
my $listen = IO::Socket::INET->new(LocalAddr => '127.0.0.1', LocalPort => $port,
	Listen => 64, ReuseAddr => 1) or die "cannot listen: $!\n";
$SIG{CHLD} = 'IGNORE';
setpgrp(0, 0);
$SIG{TERM} = sub { kill 'KILL', -$$ if getpgrp() == $$; exit 0 };
mkdir "$root/www";
mkdir "$root/rule";

sub slurp {
	open my $f, '<', $_[0] or return undef;
	local $/;
	return scalar <$f>;
}

sub spill {
	my ($name, $data) = @_;
	open my $f, '>', "$name.$$" or die "$name: $!";
	print $f $data;
	close $f;
	rename "$name.$$", $name;
}

sub answer {
	my ($c, $method, $target, $status, $body, @more) = @_;
	open my $log, '>>', "$root/log" or die;
	syswrite $log, "$method $target $status\n";
	close $log;
	print $c join("\r\n", "HTTP/1.1 $status x", 'Content-Length: ' . length($body), @more, '',
		$method eq 'HEAD' ? '' : $body);
	$c->flush;
}

sub refuse {
	my ($c, $method, $target, $status, $type) = @_;
	answer($c, $method, $target, $status, "{\"Message\":\"so be it\"}", "x-amzn-ErrorType: $type");
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
	my ($operation, $body, @r) = @_;
	my ($name) = $body =~ /"ContainerName":"(\w+)"/;
	if ($operation eq 'ListContainers') {
		my @c = map { m{/(\w+)$} ? "{\"Name\":\"$1\"}" : () } glob "$root/rule/*";
		return answer(@r, 200, '{"Containers":[' . join(',', @c) . ']}');
	}
	if ($operation eq 'CreateContainer') {
		mkdir "$root/rule/$name" or return refuse(@r, 400, 'ContainerInUseException');
	}
	-d "$root/rule/$name" or return refuse(@r, 404, 'ContainerNotFoundException');
	my $kept = "$root/rule/$name/" . $operation =~ s/^(Put|Get|Delete)//r;
	if ($operation =~ /^Put/) { spill($kept, $body) }
	elsif ($operation =~ /^Get/) {
		my $text = slurp($kept);
		return refuse(@r, 404, 'PolicyNotFoundException') if !defined $text;
		return answer(@r, 200, $text);
	}
	elsif ($operation eq 'DeleteContainer') { unlink glob "$root/rule/$name/*"; rmdir "$root/rule/$name" }
	elsif ($operation =~ /^Delete/) { unlink $kept }
	answer(@r, 200, "{\"Container\":{\"Name\":\"$name\",\"Status\":\"ACTIVE\"}}");
}

sub serve {
	my ($c) = @_;
	while (defined(my $line = <$c>)) {
		my ($method, $target) = $line =~ m{^(\w+) (/\S*) HTTP/1} or return;
		my ($path, $query) = split /\?/, $target, 2;
		$path =~ s/%(..)/chr hex $1/ge;
		my (%h, $body);
		while (defined(my $l = <$c>)) {
			last if $l =~ /^\r?\n$/;
			$h{lc $1} = $2 if $l =~ /^([^:]+):\s*(.*?)\r?\n/;
		}
		my $len = $h{'content-length'} || 0;
		$body = '';
		read($c, $body, $len) == $len or return if $len > 0;
		my $file = "$root/www$path";
		my @r = ($c, $method, $target);
		if (($h{'x-amz-target'} || '') =~ /^MediaStore_20170901\.(\w+)$/) { rule($1, $body, @r) }
		elsif ($method eq 'GET' && $path eq '/') {
			my $list = list($query);
			defined $list ? answer(@r, 200, $list) : refuse(@r, 404, 'ObjectNotFoundException');
		}
		elsif ($method eq 'PUT') {
			my $dir = "$root/www";
			for my $part (split m{/}, $path =~ s{/[^/]*$}{}r) {
				$dir .= "/$part" if $part ne '';
				mkdir $dir;
			}
			spill($file, $body);
			answer(@r, 200, '{}');
		}
		elsif (!-f $file) { refuse(@r, 404, 'ObjectNotFoundException') }
		elsif ($method eq 'DELETE') {
			unlink $file;
			# Folders go with what was in them.
			rmdir $file while $file =~ s{/[^/]*$}{} && length $file > length "$root/www";
			answer(@r, 200, '');
		}
		else { answer(@r, 200, slurp($file)) }
	}
}

while (1) {
	my $c = $listen->accept() or next;
	next if fork;
	close $listen;
	serve($c);
	exit 0;
}
