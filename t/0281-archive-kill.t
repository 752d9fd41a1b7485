#!/bin/sh
# mlive-archive: killed at random, every byte that was said to be safe is in the archive;
# an S3 that goes away and comes back, and one that is slow.
. "$(dirname "$0")/lib.sh"
. "$top/t/chain.sh"
need 'not built' mlive-archive --version
film
clip 10 in.ts 360

# last FILE KEY - its largest number so far.
last () {
	grep -o "\"$2\":[0-9]*" "$1" 2>/dev/null | cut -d : -f 2 | sort -n | tail -n 1
}

# The runs are told apart by the gap before their first piece.
cat >account.pl <<'EOF2'
use strict; use warnings; use JSON::PP; use Digest::SHA qw(sha256_hex);
my ($dir, $runs) = @ARGV;
my $slurp = sub { local (@ARGV, $/) = @_; binmode ARGV; <> };
my $m = decode_json($slurp->("$dir/index.json"));
my (@run, $before);
for my $p (@{$m->{pieces}}) {
	push @run, '' if !@run || $p->{gap};
	die "number $p->{number} after $before\n" if defined $before && $p->{number} <= $before;
	$before = $p->{number};
	my $bytes = $slurp->("$dir/$p->{path}");
	die "$p->{path}: size\n" if length $bytes != $p->{bytes};
	die "$p->{path}: checksum\n" if sha256_hex($bytes) ne $p->{sha256};
	$run[-1] .= substr $bytes, $p->{copied} // 0;
}
die scalar(@run) . " runs in the archive, not $runs\n" if @run != $runs;
for my $i (1 .. $runs) {
	my ($in, $safe) = ($slurp->("chunk$i.ts"), $slurp->("safe$i") + 0);
	my $got = $run[$i - 1];
	die "run $i: what is there is not what came\n" if $got ne substr $in, 0, length $got;
	die "run $i: $safe bytes were safe, ", length $got, " are there\n" if length $got < $safe;
	print "run $i: ", length $in, " came, $safe were safe, ", length $got, " are there\n";
}
EOF2

safe () {
	test "$(last "$1" synced_bytes || echo 0)" -gt 0
}

# run N WAIT OPTION... - one run over its part of the stream, killed so long after the
# first bytes were safe.
run () {
	n=$1 wait=$2
	shift 2
	rm -f pipe
	mkfifo pipe
	mlive-archive -qq -c none -e 1s --sync 50ms -s "stats$n" "$@" <pipe & pid=$!
	exec 9>pipe
	perl -e 'open my $f, "<:raw", $ARGV[0] or die; binmode STDOUT; $| = 1;
		while (read $f, my $p, 188 * 50) { print $p; select undef, undef, undef, .004 }' \
		"chunk$n.ts" >&9 2>/dev/null & feeder=$!
	eventually safe "stats$n"
	sleep "$wait"
	kill -9 $pid
	kill $feeder 2>/dev/null || :
	wait $pid $feeder 2>/dev/null || :
	exec 9>&-
	last "stats$n" synced_bytes >"safe$n"
}

# A seed makes the same times on all machines.
kills=${FULL:+20}
kills=${kills:-8}
size=$(($(wc -c <in.ts) / (188 * (kills + 1))))
size=$((size * 188))
i=0
while test $i -le "$kills"
do
	tail -c +$((i * size + 1)) in.ts | head -c $size >chunk$((i + 1)).ts
	i=$((i + 1))
done
export waits
waits=$(perl -e 'srand 4711; printf "%.3f ", rand() * 1.2 for 1 .. $ARGV[0]' "$kills")

check "killed $kills times: every byte that was said to be safe is in a piece" '
	i=0
	for wait in $waits
	do
		i=$((i + 1))
		run $i "$wait" --spool spool -o out
	done
	i=$((i + 1))
	mlive-archive -q -c none -e 1s -s stats$i --spool spool -o out <chunk$i.ts
	last stats$i synced_bytes >safe$i
	perl account.pl out $i
	test -z "$(find spool -name "*.ts")"
	test "$(grep -c "\"recovered\":true" out/index.json)" -ge 1
'
check 'a journal that is damaged or gone loses no piece' '
	mv chunk1.ts short.ts
	cp in.ts chunk1.ts
	run 1 0.4 -o out2
	mv short.ts chunk1.ts
	cp -r out2 out3
	cat out2/.spool/*.ts >left
	test -s left
	printf "{\"number\":1,\"sta" >>out2/.spool/journal
	mlive-archive -q -c none -e 1s -o out2 <chunk2.ts
	test "$(grep -c gap out2/index.json)" -eq 1
	cat $(find out3 -maxdepth 1 -name "*.ts" | sort) left >left2
	mv left2 left
	rm out3/.spool/journal
	sed s/out2/out3/ out3/.spool/lock >lock
	mv lock out3/.spool/lock
	mlive-archive -q -c none -e 1s -o out3 <chunk2.ts
	perl -0777 -MJSON::PP -ne "print \$_->{path}, qq{\n} for @{decode_json(\$_)->{pieces}}" \
		out3/index.json >paths
	(cd out3; xargs cat <../paths) >got
	cat left chunk2.ts | cmp - got
'
check 'the manifest keeps a piece whose last line in the journal was lost' '
	mlive-archive -q -c none -e 1s -o out4 <chunk2.ts
	before=$(grep -c "\"number\":" out4/index.json)
	test "$before" -ge 1
	sed -i "s/\"state\":\"done\"/\"state\":\"sending\"/" out4/.spool/journal
	grep "\"sending\"" out4/.spool/journal
	mlive-archive -q -c none -e 1s -s stats4 -o out4 <chunk3.ts
	test "$(grep -c "\"number\":" out4/index.json)" -gt "$before"
	grep "\"number\":1," out4/index.json
	perl -0777 -MJSON::PP -ne "print \$_->{path}, qq{\n} for @{decode_json(\$_)->{pieces}}" \
		out4/index.json >paths
	(cd out4; xargs cat <../paths) >got
	cat chunk2.ts chunk3.ts | cmp - got
	mlive-archive -q -c none -e 1s -o out4 <chunk4.ts
	grep "\"number\":1," out4/index.json
'
s3=$(free_port)
mkdir bucket
trap 'kill -9 $started 2>/dev/null; down 2>/dev/null; rm -rf "$scratch"' EXIT
up () {
	setsid perl "$top/t/s3d.pl" "$s3" bucket 9>&- & echo $! >s3d.pid
	eventually curl -s -o /dev/null "http://127.0.0.1:$s3/none"
}
# With its connections, which are processes of their own.
down () {
	kill -s KILL -- "-$(cat s3d.pid)"
}
export AWS_ENDPOINT_URL="http://127.0.0.1:$s3" AWS_REGION=us-east-1
export AWS_ACCESS_KEY_ID=key AWS_SECRET_ACCESS_KEY=secret
up
check 'S3 goes away while it is recorded to, comes back, and has all of it' '
	rm -f pipe
	mkfifo pipe
	mlive-archive -c none -e 2s -s s3.stats --spool s3.spool -o s3://rec/one/ <pipe 2>err & pid=$!
	exec 9>pipe
	{ head -c 1504000 in.ts; sleep 1; } >&9
	first () {
		grep "\"event\":\"piece\"" s3.stats
	}
	eventually first
	down
	tail -c +1504001 in.ts >&9 & feeder=$!
	eventually grep "cannot deliver" err
	wait $feeder
	up
	exec 9>&-
	wait $pid
	grep "takes pieces again" err
	cat bucket/www/rec/one/*.ts | cmp - in.ts
	grep "\"ended\":true" bucket/www/rec/one/index.json
	test -z "$(find s3.spool -name "*.ts")"
'
check 'an S3 that asks to slow down, and one that loses its answer' '
	touch bucket/slow
	mlive-archive -q -c none -e 2s --spool slow.spool -o s3://rec/slow/ <in.ts
	cat bucket/www/rec/slow/*.ts | cmp - in.ts
	for i in 1 2 3 4 5; do cat in.ts; done >large.ts
	touch bucket/lost
	mlive-archive -q -c none -e 1h --spool lost.spool -o s3://rec/lost/ <large.ts
	cat bucket/www/rec/lost/*.ts | cmp - large.ts
	test "$(find bucket/www/rec/lost -name "*.ts" | wc -l)" -eq 1
'
down
check 'an end without a server: 1, it is said where the pieces are, the next run has them' '
	up
	rm -f pipe
	mkfifo pipe
	mlive-archive -c none -e 2s --spool spool6 -o s3://rec/end/ <pipe 2>err & pid=$!
	exec 9>pipe
	head -c 376000 in.ts >&9
	eventually test -s spool6/0000000001.ts
	down
	exec 9>&-
	fails 1 wait $pid
	grep "could not be delivered to .*s3://rec/end/.* wait in .spool6. for the next run" err
	up
	tail -c +376001 in.ts >rest.ts
	mlive-archive -q -c none -e 2s --spool spool6 -o s3://rec/end/ <rest.ts
	perl -0777 -MJSON::PP -ne "print \$_->{path}, qq{\n} for @{decode_json(\$_)->{pieces}}" \
		bucket/www/rec/end/index.json >paths
	(cd bucket/www/rec/end; xargs cat <../../../../paths) | cmp - in.ts
'
down
done_testing
