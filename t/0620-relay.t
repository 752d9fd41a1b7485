#!/bin/sh
# mconnect-relay: what goes in comes out, byte for byte, by pipes, files, UDP and RTP;
# the command line; numbers; outputs that come, go, pause and die.
. "$(dirname "$0")/lib.sh"
. "$top/t/relay.sh"

need 'no perl' perl -MJSON::PP -e 1
clip in.ts 4s 3M
size=$(wc -c <in.ts)
export size

check 'from a pipe to a pipe' '
	cat in.ts | mconnect-relay -q | cmp in.ts -
'
check 'a file at its own pace, to a file and a pipe' '
	start=$(date +%s%N)
	mconnect-relay -q -i in.ts -o out.ts -o - | cmp in.ts -
	cmp in.ts out.ts
	test $(($(date +%s%N) - start)) -gt 3000000000
'
check 'packets of 192 and 204 bytes are cut to 188' '
	for extra in 4 16
	do
		perl -e "local \$/ = \\188; binmode STDIN; binmode STDOUT;
			print \$_, chr(7) x $extra while <STDIN>" <in.ts |
			mconnect-relay -q | cmp in.ts -
	done
'
check 'a PID is left out, and the rest is as it was' '
	pid=$(perl -e "binmode STDIN; read STDIN, my \$p, 188 * 50;
		my %n; \$n{unpack(q(n), substr \$p, 188 * \$_ + 1, 2) & 0x1fff}++ for 20 .. 49;
		print +(sort { \$n{\$b} <=> \$n{\$a} } keys %n)[0]" <in.ts)
	only - "$pid" <in.ts >want.ts
	test "$(wc -c <want.ts)" -lt "$size"
	mconnect-relay -q --drop-pid "$pid" <in.ts | cmp want.ts -
	fails 2 mconnect-relay -q --drop-pid 9000 <in.ts
	fails 2 mconnect-relay -q --drop-pid 1 --keep-header <in.ts
'
check 'mistakes: status 2, and what is wrong' '
	fails 2 mconnect-relay -i udp://127.0.0.1 -o out 2>err
	grep "has no port" err
	fails 2 mconnect-relay -i in.ts -o udp://:5000 2>err
	grep "has no host" err
	fails 2 mconnect-relay -i "udp://127.0.0.1:1?what=3" -o out 2>err
	grep "what is .what" err
	fails 2 mconnect-relay -i gopher://127.0.0.1:1 -o out 2>err
	grep "no input of the kind gopher" err
	fails 2 mconnect-relay -i in.ts -i in.ts -o out 2>err
	grep -e "--merge or --failover" err
	fails 2 mconnect-relay --window 5 -i in.ts -o out
	fails 2 mconnect-relay --merge --failover -i in.ts -o out
	fails 2 mconnect-relay --prefer -i in.ts -o out 2>err
	grep -- "--prefer is for --failover" err
	echo "output gopher://x:1" >wrong.conf
	fails 2 mconnect-relay -i in.ts -c wrong.conf 2>err
	grep "wrong.conf., line 1: .gopher://x:1.: there is no output" err
	fails 2 mconnect-relay -i in.ts?name=a out
	fails 1 mconnect-relay -i no-such-file -o out 2>err
	grep "no-such-file" err
	fails 1 mconnect-relay -i in.ts -o /no/such/folder
'

metrics_say () {
	curl -sf "$(sed -n "s/.*metrics on //p" a.log)" | grep -Fx "$1"
}

# got NAME ID N: it has received so many datagrams
got () {
	test "$(now "$1" source_total_packets "$2")" -ge "$3"
}

one=$(free_port) two=$(free_port) three=$(free_port)
export one two three
relay a -i "udp://127.0.0.1:$one" -o udp.ts -o "rtp://127.0.0.1:$two" --metrics 127.0.0.1:0
relay b -i "rtp://127.0.0.1:$two" -o rtp.ts
check 'by UDP, and on by RTP' '
	send in.ts -o "udp://127.0.0.1:$one"
	eventually reads rtp.ts "$(($(wc -c <in.ts) / 1316 * 1316))"
'
check '/metrics has the numbers' '
	curl -sf "$(sed -n "s/.*metrics on //p" a.log)" >metrics
	eventually metrics_say "mconnect_source_total_packets{source=\"i1\"} $((size / 1316 + (size % 1316 > 0)))"
	grep "^# TYPE mconnect_output_bytes counter" metrics
	grep "^mconnect_ledger_ok 1" metrics
'
check 'a signal ends them, with all that came' '
	ended a
	eventually got b i1 $((size / 1316 + (size % 1316 > 0)))
	ended b
	cmp in.ts udp.ts
	cmp in.ts rtp.ts
'
check 'the numbers: all of it, and every packet in one count' '
	count a ledger_ok | grep -x 1
	count b ledger_ok | grep -x 1
	test "$(count a total_packets)" -eq $((size / 188))
	test "$(count b source_total_packets i1)" -eq "$(count a output_total_packets o2)"
	count b not_recovered_packets | grep -x 0
	count b continuity_counter | grep -x 0
'

# ---- outputs that come and go
: >gone.ts
mkfifo fifo slow
relay c -i "udp://127.0.0.1:$one" -o stays.ts -o fifo -o slow --hold 300ms
(exec 8<slow; eventually test -e over) &
check 'outputs are added, paused, resumed and removed while it runs' '
	send in.ts -o "udp://127.0.0.1:$one" &
	eventually test -s stays.ts
	ctl c "add udp://127.0.0.1:$three?name=late" | grep "\"ok\":\"late\""
	ctl c "add udp://127.0.0.1:$three?name=late" | grep error
	ctl c "add nonsense://" | grep error
	ctl c list | grep "\"id\":\"late\""
	ctl c "pause late" | grep ok
	ctl c list | grep "\"id\":\"late\",.*\"state\":\"paused\""
	ctl c "resume late" | grep ok
	timeout 10 head -c 20000 fifo >head.ts
	test "$(wc -c <head.ts)" -eq 20000
	ctl c "remove late" | grep ok
	ctl c "remove late" | grep error
	wait %1
	eventually reads stays.ts $((size / 1316 * 1316))
	test "$(now c output_dropped_packets o1)" -eq 0
'
check 'a reader that does not read loses its own packets only' '
	test "$(now c output_dropped_packets o3)" -gt 0
	test "$(now c ledger_ok)" -eq 1
	: >over
	ended c
	cmp in.ts stays.ts
'
check 'when standard output breaks and was all there is, it ends' '
	mkfifo p
	(mconnect-relay -q -i "udp://127.0.0.1:$one" >p || echo $? >status) &
	head -c 0 <p
	send in.ts -o "udp://127.0.0.1:$one"
	eventually grep -x 1 status
'

has_new () {
	ctl d list | grep '"id":"new"'
}

# ---- configuration
cat >conf <<END
# one
input udp://127.0.0.1:$one
output conf.ts
output udp://127.0.0.1:$three?name=old
hold 1s
END
relay d -c conf
check 'a configuration, changed while it runs' '
	send in.ts -o "udp://127.0.0.1:$one" &
	eventually test -s conf.ts
	sed -i "s/name=old/name=new/" conf
	kill -HUP "$(cat d.pid)"
	eventually has_new
	ctl d list | grep -c "\"id\":\"old\"" | grep -x 0
	wait %1
	eventually reads conf.ts $((size / 1316 * 1316))
	ended d
	cmp in.ts conf.ts
	count d output_dropped_packets o1 | grep -x 0
'
has_changed () {
	ctl e list >listed
	for key in rcvbuf=3Mi latency=201 buffer=301
	do
		grep -q "$key" listed || return
	done
}
call=$(free_port)
cat >changed <<END
input udp://127.0.0.1:$one?rcvbuf=2Mi
output srt://:$call?latency=200
output rist://@127.0.0.1:$three?buffer=300
output changed.ts
END
relay e -c changed
check 'an address with another key has the port of the one before' '
	head -c $((size / 1316 * 1316)) in.ts >whole.ts
	sed -i "s/rcvbuf=2/rcvbuf=3/; s/=200/=201/; s/=300/=301/" changed
	kill -HUP "$(cat e.pid)"
	eventually has_changed
	fails 1 grep warning e.log
	send whole.ts -o "udp://127.0.0.1:$one"
	eventually reads changed.ts $((size / 1316 * 1316))
	ended e
	cmp whole.ts changed.ts
'
check 'a line that is no option is said to be wrong' '
	echo "outputs x" >bad
	fails 2 mconnect-relay -c bad 2>err
	grep "line 1" err
	fails 1 mconnect-relay -c none
'
done_testing
