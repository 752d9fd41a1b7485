#!/bin/sh
# mconnect-relay --failover: which source goes out, when one dies, comes back, or has
# another clock; what a receiver sees of it.
. "$(dirname "$0")/lib.sh"
. "$top/t/relay.sh"

need 'no perl' perl -MJSON::PP -e 1
clip one.ts 12s 1M
clip two.ts 13s 1M
main=$(free_port) spare=$(free_port)
export main spare

# play NAME CLIP PORT: a source, until "stop NAME"
play () {
	mconnect-relay -q -i "$2" -o "udp://127.0.0.1:$3" &
	echo $! >"$1.pid"
}

stop () {
	kill -9 "$(cat "$1.pid")"
}

uses () {
	test "$(now r source_selected "$1")" -eq 1
}

lives () {
	test "$(now r source_connected "$1")" -eq 1
}

relay r --failover --prefer --back 1s --hot 300ms -o out.ts \
	-i "udp://127.0.0.1:$main?name=main" -i "udp://127.0.0.1:$spare?name=spare"
check 'one that dies, and comes back' '
	play one one.ts "$main"
	eventually uses main
	play two two.ts "$spare"
	eventually lives spare
	uses main
	stop one
	eventually uses spare
	play one one.ts "$main"
	eventually lives main
	eventually uses main
	stop two
	sleep 0.5
	ended r
	stop one
	test "$(count r failover_switches)" -eq 2
	count r ledger_ok | grep -x 1
	test "$(count r source_standby_packets spare)" -gt 0
	test "$(count r source_standby_packets main)" -gt 0
	grep -c "\"event\":\"failover_switch\"" r.stats | grep -x 2
'
check 'a receiver is told of each switch, and misses nothing else' '
	test "$(($(wc -c <out.ts) % 188))" -eq 0
	mlive-ingest -q --stats in.stats out.ts >/dev/null
	tail -n 1 in.stats | grep "\"source_continuity_counter\":0,"
	perl -e "
		binmode STDIN;
		my (\$marks, \$n) = (0, 0);
		while (read(STDIN, my \$p, 188) == 188) {
			my (\$c, \$len, \$flags) = (unpack \"C6\", \$p)[3 .. 5];
			\$marks++ if (\$c & 0x30) == 0x20 && \$len == 183 && \$flags == 0x80;
			\$n++;
		}
		print \"\$marks marks in \$n packets\n\";
		exit !(\$marks > 3 && \$marks < 20)" <out.ts
'
check 'what goes in is all that comes out, but for those marks' '
	perl -e "
		my (%seen, \$p);
		for (qw(one.ts two.ts)) {
			open my \$f, \"<\", \$_ or die;
			binmode \$f;
			\$seen{\$p}++ while read(\$f, \$p, 188) == 188;
		}
		binmode STDIN;
		my \$other = 0;
		while (read(STDIN, \$p, 188) == 188) { \$other++ unless \$seen{\$p} }
		print \"\$other others\n\";
		exit(\$other > 20 ? 1 : 0)" <out.ts
'
# Nothing was kept of it: it goes out from its first packet on, and now.
relay l --failover --hot 300ms -o late.ts -i "udp://127.0.0.1:$main?name=main" \
	-i "udp://127.0.0.1:$spare?name=spare"
check 'a source that comes only when the other has gone is sent at once' '
	play one one.ts "$main"
	eventually test -s late.ts
	stop one
	sleep 1
	was=$(wc -c <late.ts)
	play two two.ts "$spare"
	within 5 reads late.ts $((was + 100000))
	stop two
	ended l
'
relay m -o more.ts -i "udp://127.0.0.1:$main"
check 'an input that is added when the only one has gone is sent at once' '
	play one one.ts "$main"
	eventually test -s more.ts
	ctl m "remove-input i1" | grep ok
	stop one
	sleep 0.3
	was=$(wc -c <more.ts)
	ctl m "add-input udp://127.0.0.1:$spare" | grep ok
	play two two.ts "$spare"
	within 5 reads more.ts $((was + 100000))
	stop two
	ended m
'

cbr long.ts 3 2
cbr short.ts 1 2
check 'of sources without a place to begin the other goes on at once, too' '
	for warm in 2s 0s
	do
		relay r --failover --hot 200ms --warm $warm -o out.ts \
			-i "udp://127.0.0.1:$main?name=main" -i "udp://127.0.0.1:$spare?name=spare"
		send short.ts -o "udp://127.0.0.1:$main" &
		eventually uses main
		send long.ts -o "udp://127.0.0.1:$spare"
		sleep 0.5
		ended r
		# 1 s of the one and more than 1 s of the other; of 250000 bytes each
		test "$(wc -c <out.ts)" -gt 500000
	done
'
done_testing
