#!/bin/sh
# mconnect-relay at 20 Mb/s: a thousand changes of its outputs while one stays, and fifty
# outputs of which one is dead: the others have every byte; and together for less work.
. "$(dirname "$0")/lib.sh"
. "$top/t/relay.sh"

need 'no perl' perl -MJSON::PP -e 1
cbr in.ts 5 20
one=$(free_port) two=$(free_port)
export one two

relay r -i "udp://127.0.0.1:$one" -o stays.ts
cat >edits.pl <<'END'
# 1000 edits by chance, the same each time, spread over the sending.
use strict;
use warnings;
use IO::Socket::UNIX;
my ($path, $port) = @ARGV;
my $s = IO::Socket::UNIX->new($path) or die "no socket: $!\n";
my $x = 42;
sub chance { $x = ($x * 1103515245 + 12345) % 2147483648; return int($x / 65536) % shift }
my (%there, $done);
mkdir 'edit';
for my $n (1 .. 1000) {
	my @names = sort keys %there;
	my $what = @names < 3 ? 0 : @names > 40 ? 1 : chance(4);
	my $name = @names ? $names[chance(scalar @names)] : '';
	my $line = $what == 0 ? (chance(2) ? "add edit/$n.ts" : "add udp://127.0.0.1:$port?name=n$n") :
		$what == 1 ? "remove $name" : $what == 2 ? "pause $name" : "resume $name";
	print $s "$line\n";
	my $answer = <$s>;
	die "$line: $answer" if $answer !~ /^\{"ok":"([^"]*)"\}$/;
	$there{$1} = 1 if $what == 0;
	delete $there{$name} if $what == 1;
	$done++;
	select undef, undef, undef, 0.003;
}
print "$done edits\n";
END
check 'a thousand edits, and one output that stays has every byte' '
	send in.ts -o "udp://127.0.0.1:$one" &
	eventually test -s stays.ts
	perl edits.pl r.ctl "$two"
	wait %1
	sleep 0.2
	test "$(now r ledger_ok)" -eq 1
	ended r
	cmp in.ts stays.ts
	count r output_dropped_packets o1 | grep -x 0
	fails 0 sh -c "for f in edit/*.ts; do test \$((\$(wc -c <\$f) % 188)) -eq 0 || exit; done"
'
mkfifo dead
set -- -o dead
for _ in $(seq 47)
do
	set -- "$@" -o "udp://127.0.0.1:$two"
done
: >got.ts
relay g -i "udp://127.0.0.1:$one" -o one.ts "$@" -o two.ts
(exec 8<dead; eventually test -e over) &
check 'fifty outputs, of which one is never read: the others have every byte' '
	send in.ts -o "udp://127.0.0.1:$one"
	sleep 0.2
	test "$(now g ledger_ok)" -eq 1
	test "$(now g output_stalls o2)" -gt 0
	: >over
	ended g
	cmp in.ts one.ts
	cmp in.ts two.ts
	for n in 1 3 20 49 50
	do
		count g output_dropped_packets o$n | grep -x 0
		test "$(count g output_longest_stall_us o$n)" -lt 1000
	done
'

# waits: how often the relay has been put to sleep
waits () {
	sed -n 's/^voluntary_ctxt_switches:[^0-9]*//p' "/proc/$(cat "$1.pid")/status"
}

relay s --slack 8ms -i "udp://127.0.0.1:$one" -o slack.ts -o "udp://127.0.0.1:$two"
check 'with --slack, what is due goes together: every byte, for a few wakings' '
	before=$(waits s)
	send in.ts -o "udp://127.0.0.1:$one"
	eventually reads slack.ts "$(($(wc -c <in.ts) / 1316 * 1316))"
	n=$(($(waits s) - before)) sent=$(now s output_total_packets o2)
	echo "$n wakings for $sent packets"
	test "$sent" -gt $((n * 3))
	ended s
	cmp in.ts slack.ts
	fails 2 mconnect-relay --slack 11ms -i in.ts -o out 2>err
	grep -e "--slack is at most half of --smooth" err
'
done_testing
