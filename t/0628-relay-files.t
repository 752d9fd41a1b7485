#!/bin/sh
# mconnect-relay: a file is one thing only.  What is read is not begun anew, by whatever
# name, and nothing is written to what something else is written to.
. "$(dirname "$0")/lib.sh"
. "$top/t/relay.sh"

need 'no perl' perl -MJSON::PP -e 1
cbr in.ts 1 2
cbr short.ts 0.2 2
cp in.ts kept.ts
ln -s in.ts link.ts
ln in.ts hard.ts
mkfifo fifo

# refused WHY COMMAND...: it is, and in.ts is what it was
refused () {
	why=$1
	shift
	fails 2 timeout 20 "$@" 2>err >/dev/null || return 1
	grep "$why" err || return 1
	cmp in.ts kept.ts
}
conf () {
	printf '%s\n' "$@" >conf
}

check 'an output onto an input: by links, descriptors, and standard input' '
	refused "it is an input" mconnect-relay -i in.ts -o in.ts
	refused "it is an input" mconnect-relay -i in.ts -o link.ts
	refused "it is an input" mconnect-relay -i link.ts -o ./in.ts
	refused "it is an input" mconnect-relay -i hard.ts -o in.ts
	refused "it is an input" mconnect-relay -i in.ts -o "file://$PWD/in.ts"
	refused "it is an input" sh -c "mconnect-relay -i in.ts -o /proc/self/fd/5 5<in.ts"
	refused "it is an input" sh -c "mconnect-relay -i - -o in.ts <in.ts"
	refused "it is an input" sh -c "mconnect-relay -i /dev/stdin -o in.ts <in.ts"
'
check 'standard output that is appended to an input' '
	fails 2 timeout 20 sh -c "mconnect-relay -i in.ts >>in.ts" 2>err
	grep "it is an input" err
	cmp in.ts kept.ts
'
check 'in a configuration, in any order' '
	conf "output in.ts" "input link.ts"
	refused "line 1.*it is an input" mconnect-relay -c conf
	conf "input in.ts" "output hard.ts"
	refused "line 2.*it is an input" mconnect-relay -c conf
	conf "input in.ts"
	refused "it is an input" mconnect-relay -c conf -o in.ts
	conf "record hard.ts" "input in.ts" "output out.ts"
	refused "record .hard.ts.: it is an input" mconnect-relay -c conf
'
check 'a pipe that would read itself' '
	refused "it is an input" mconnect-relay -i fifo -o fifo
	refused "it is an input" sh -c "mconnect-relay -i - -o fifo <>fifo"
'
check 'the numbers, and a recording' '
	refused "where the numbers go" mconnect-relay -i in.ts -s in.ts -o out.ts
	refused "where the numbers go" mconnect-relay -i in.ts -s out.ts -o out.ts
	refused "the recording" mconnect-relay -i in.ts --record r.pcapng -o r.pcapng
'
check 'two outputs to a file' '
	refused "it is an output" mconnect-relay -i in.ts -o out.ts -o ./out.ts
	refused "it is an output" sh -c "mconnect-relay -i in.ts -o - -o - >out.ts"
	mconnect-relay -i short.ts -o /dev/null -o /dev/null >/dev/null
'
check 'and while it runs' '
	relay r -i fifo -o out.ts
	cat short.ts >fifo
	eventually reads out.ts 40000
	for name in out.ts ./out.ts r.stats fifo
	do ctl r "add $name" | grep error
	done
	for name in out.ts r.stats
	do ctl r "add-input $name" | grep error
	done
	cmp -n 40000 short.ts out.ts
	ctl r "remove o1"
	ctl r "add out.ts" | grep ok
	ended r
'
# took COMMAND...: in ms
took () {
	begun=$(date +%s%N)
	"$@"
	echo $((($(date +%s%N) - begun) / 1000000))
}
check 'a file of a configuration keeps its pace' '
	conf "input in.ts" "output out.ts"
	took mconnect-relay -q -c conf >ms
	test "$(cat ms)" -gt 850
	cmp in.ts out.ts
'
check 'a spare file runs beside the one in use, and takes over' '
	took mconnect-relay -q --failover --hot 200ms -i short.ts -i in.ts -o two.ts >ms
	test "$(cat ms)" -gt 850
	test "$(wc -c <two.ts)" -gt 100000
'
# seldom SECONDS...: a packet with a PCR of each of these times, and some without
seldom () {
	perl -e 'binmode STDOUT;
		for my $pcr (map { $_ * 90000 } @ARGV) {
			print pack("CnCCCNn", 0x47, 256, 0x30, 7, 0x10, $pcr >> 1, ($pcr & 1) << 15 |
				0x7e00), "x" x 176;
			print pack("CnC", 0x47, 256, 0x10), "y" x 184 for 1 .. 20;
		}' "$@"
}
check 'that a file has no pace is said, once' '
	perl -e "binmode STDOUT; print pack(q(CnC), 0x47, 256, 0x10), q(y) x 184 for 1 .. 20" >never.ts
	mconnect-relay -i never.ts -o x.ts 2>err
	grep -c "warning: .never.ts.: there is no PCR: it is sent as fast as it can be" err | grep -x 1
	cmp never.ts x.ts
	seldom 1 7 14 >six.ts
	mconnect-relay -i six.ts -o x.ts 2>err
	grep -c "warning: .six.ts.: there is no PCR for more than 5 s: it is" err | grep -x 1
	cmp six.ts x.ts
	seldom 1 1.1 1.2 >often.ts
	mconnect-relay -i often.ts -o x.ts 2>err
	fails 1 grep warning err
'
check 'a folder is no input' '
	fails 1 mconnect-relay -i . -o out.ts 2>err
	grep -i "is a directory" err
'

port=$(free_port) stays=$(free_port) new=$(free_port)
export new
conf "input udp://127.0.0.1:$port" "output udp://127.0.0.1:$stays?name=stays"
relay c -c conf
reload () {
	kill -HUP "$(cat c.pid)"
}
has () {
	ctl c list | grep "\"id\":\"$1\""
}
check 'a configuration that has become wrong changes nothing' '
	conf "input udp://127.0.0.1:$port" "outptu udp://127.0.0.1:$stays?name=stays" \
		"output udp://127.0.0.1:$new?name=new"
	reload
	eventually says c "line 2.*is no option: nothing is changed"
	has stays
	fails 1 has new
	rm conf
	reload
	eventually says c "cannot read .conf."
	has stays
	conf "input udp://127.0.0.1:$port" "output udp://127.0.0.1:$new?name=new"
	reload
	eventually has new
	fails 1 has stays
	ended c
'
done_testing
