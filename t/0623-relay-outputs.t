#!/bin/sh
# mconnect-relay at 20 Mb/s: a thousand changes of its outputs while one stays, other
# addresses for some, and fifty outputs of which one is dead: the others have every byte;
# and together for less work.
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
	my $what = @names < 3 ? 0 : @names > 40 ? 1 : chance(5);
	my $name = @names ? $names[chance(scalar @names)] : '';
	my $line = $what == 0 ? (chance(2) ? "add edit/$n.ts" : "add udp://127.0.0.1:$port?name=n$n") :
		$what == 1 ? "remove $name" : $what == 2 ? "pause $name" :
		$what == 3 ? "resume $name" :
		"change $name " . (chance(2) ? "edit/$n.ts" : "udp://127.0.0.1:$port?ttl=9");
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

call=$(free_port) meet=$(free_port)
relay c -i "udp://127.0.0.1:$one" -o stays.ts -o before.ts -o "srt://:$call?latency=200" \
	-o "rist://@127.0.0.1:$meet?buffer=300" -o "udp://127.0.0.1:$two?name=a+name"
has_url () {
	ctl c list >listed
	grep -q "\"id\":\"$1\",\"url\":\"$2\"" listed
}
check 'another address for an output: its name, its place and its counts stay' '
	send in.ts -o "udp://127.0.0.1:$one" &
	eventually test -s before.ts
	ctl c "change o2 after.ts" | grep -x "{\"ok\":\"o2\"}"
	wait %1
	eventually reads stays.ts "$(($(wc -c <in.ts) / 1316 * 1316))"
	has_url o2 after.ts
	test "$(now c ledger_ok)" -eq 1
	test "$(now c output_total_packets o2)" -eq "$(now c output_total_packets o1)"
	test "$(now c output_dropped_packets o1)" -eq 0
	test -s after.ts
	cat before.ts after.ts | cmp -n "$(wc -c <stays.ts)" - stays.ts
	ctl c "change a name  udp://127.0.0.1:$one?from=127.0.0.1&ttl=3&name=a+name" | grep "come back"
	ctl c "change a name udp://127.0.0.1:$call?ttl=3&name=a+name" | grep "ok.*a name"
	ctl c "pause a name"
	ctl c "change a name udp://127.0.0.1:$call?ttl=4"
	test "$(now c output_paused "a name")" -eq 1
'
check 'a wrong address leaves an output as it was' '
	for url in "udp://" "udp://127.0.0.1:$two?colour=red" "/nowhere/x.ts" "stays.ts" "after.ts" \
		"udp://127.0.0.1:$two?name=other" "srt://:$call?latency=long" "wss://x"
	do
		ctl c "change o2 $url" | grep error
	done
	ctl c "change nobody x.ts" | grep error
	ctl c "change o2" | grep error
	ctl c "change" | grep error
	has_url o2 after.ts
	test "$(now c ledger_ok)" -eq 1
'
check 'one that listens gives its port to the one that comes after it' '
	for url in "srt://:$call?latency=250" "srt://:$call?latency=251&rcvbuf=1Mi&ipttl=9"
	do
		ctl c "change o3 $url" | grep -x "{\"ok\":\"o3\"}"
		relay d -i "srt://127.0.0.1:$call" -o srt.ts
		within 10 says d connected
		has_url o3 "$url"
		ended d
	done
	ctl c "change o4 rist://@127.0.0.1:$meet?buffer=400" | grep -x "{\"ok\":\"o4\"}"
	relay d -i "rist://127.0.0.1:$meet" -o rist.ts
	within 10 says d connected
	ended d
	fails 1 grep warning c.log
	test "$(now c ledger_ok)" -eq 1
'
port=$(free_port)
relay p -i "udp://127.0.0.2:$port" -o none.ts
check 'if the new one cannot be had in the end, the one before is there again' '
	ctl c "add rist://@127.0.0.1:$port?buffer=300&name=back" | grep ok
	ctl c "change back rist://@:$port" | grep ok
	within 15 says c "warning: .*rist://@:$port.*in use"
	within 15 says c "info: .*buffer=300.*as before"
	has_url back "rist://@127.0.0.1:$port?buffer=300&name=back"
	relay d -i "rist://127.0.0.1:$port" -o rist.ts
	within 10 says d connected
	ended d
	ended p
	ended c
'
cat >conf <<END
input udp://127.0.0.1:$one
output hup.ts
output udp://127.0.0.1:$two?name=a
output srt://:$call?latency=200
END
relay h -c conf
has_both () {
	ctl h list | grep "ttl=9.*=201"
}
check 'in the configuration, by its name or its port: a wrong one leaves it as it was' '
	send in.ts -o "udp://127.0.0.1:$one" &
	eventually test -s hup.ts
	sed -i "s/?name=a/?name=a\&ttl=9/; s/=200/=201/" conf
	kill -HUP "$(cat h.pid)"
	wait %1
	eventually has_both
	ctl h list | grep "\"id\":\"o2\",\"url\":\"srt"
	test "$(now h output_total_packets a)" -eq "$(now h output_total_packets o1)"
	sed -i "s/ttl=9/ttl=x/; s/=201/=long/" conf
	kill -HUP "$(cat h.pid)"
	says h "line 3: .*ttl=x"
	says h "line 4: .*latency=long"
	has_both
	grep -c warning h.log | grep -x 2
	ended h
	cmp in.ts hup.ts
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
