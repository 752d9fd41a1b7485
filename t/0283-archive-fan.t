#!/bin/sh
# A fan-out of pipes by mconnect-relay: a branch that stands still for ten seconds costs
# neither the others a byte nor the one that writes any time.
. "$(dirname "$0")/lib.sh"
. "$top/t/chain.sh"
need 'not built' mlive-archive --version
need 'not built' mconnect-relay --version
film
clip 10 in.ts 360
i=0
while test $i -lt 4
do
	cat in.ts
	i=$((i + 1))
done >long.ts

# Some 15 s of it, in writes as an encoder makes them; how long the slowest took, in ms.
cat >feed.pl <<'EOF2'
use strict; use warnings; use Time::HiRes qw(time);
my ($file, $seconds) = @ARGV;
open my $f, '<:raw', $file or die;
my ($size, $begin, $sent, $worst) = (-s $file, time, 0, 0);
while (read $f, my $p, 188 * 50) {
	my $wait = $begin + $seconds * $sent / $size - time;
	select undef, undef, undef, $wait if $wait > 0;
	my $before = time;
	while (length $p) {
		my $n = syswrite STDOUT, $p;
		die "write: $!\n" unless defined $n;
		substr $p, 0, $n, '';
		$sent += $n;
	}
	$worst = time - $before if time - $before > $worst;
}
printf STDERR "%d\n", $worst * 1000;
EOF2

check 'one of three readers stands still: the others have all of it, the writer does not wait' '
	mkfifo source package archive slow
	cat <package >package.ts & package=$!
	mlive-archive -q -c none -e 5s -s archive.stats -o kept <archive & archive=$!
	cat <slow >slow.ts & slow=$!
	mconnect-relay -q -s relay.stats -i - -o package -o archive -o slow <source & relay=$!
	perl feed.pl long.ts 15 >source 2>worst & feed=$!
	started="$package $archive $slow $relay $feed"
	eventually test -s slow.ts
	kill -s STOP $slow
	sleep 10
	wait $feed
	kill -s CONT $slow
	wait $relay
	wait $package $archive $slow
	cmp package.ts long.ts
	cat kept/*.ts | cmp - long.ts
	test "$(wc -c <slow.ts)" -lt "$(wc -c <long.ts)"
	echo "the slowest write took $(cat worst) ms"
	test "$(cat worst)" -lt 5000
'
check 'what the slow one has lost is counted, and nothing of the others' '
	perl -MJSON::PP -ne "\$l = \$_; END { printf qq{%d\n}, \$_->{output_dropped_packets}
		for @{decode_json(\$l)->{outputs}} }" relay.stats >dropped
	test "$(sed -n 1p dropped)" -eq 0
	test "$(sed -n 2p dropped)" -eq 0
	test "$(sed -n 3p dropped)" -gt 0
'
done_testing
