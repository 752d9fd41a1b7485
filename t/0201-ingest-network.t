#!/bin/sh
# mlive-ingest udp:// and rtp://: order, loss, groups, and real senders.
. "$(dirname "$0")/lib.sh"

send=$BUILD/t/helper/datagrams
export send
packets 2100 256 >clean			# 300 datagrams

listening () {
	ss -Hlun "sport = :${port:?}" | grep -q .
}
size_is () {
	test "$(wc -c <"$1")" -eq "$2"
}
# receive URL: run the tool on it until all packets are there, then stop it.  A
# check that fails leaves it running, so its time is bounded.
receive () {
	timeout --foreground 180 mlive-ingest -q --stats stats "$1" >with-clock 2>err &
	pid=$!
	eventually listening
}
finish () {		# PACKETS
	within 15 size_is with-clock $((188 * ($1 + 1))) || ls -l with-clock
	kill "$pid"
	wait "$pid"
	tail -c +189 with-clock >out
	tail -n 1 stats >last
}
counts () {		# KEY VALUE...
	while test $# -gt 0
	do
		grep "\"$1\":$2[,}]" last || { cat last; return 1; }
		shift 2
	done
}

check 'mistakes in the address: status 2, and what is wrong' '
	fails 2 timeout 20 mlive-ingest udp://127.0.0.1 2>err
	grep "has no port" err
	fails 2 timeout 20 mlive-ingest "udp://127.0.0.1:5000?ifcae=lo" 2>err
	grep "no key .ifcae." err
	fails 2 timeout 20 mlive-ingest "udp://127.0.0.1:5000?rcvbuf=big" 2>err
	grep rcvbuf err
	fails 2 timeout 20 mlive-ingest "udp://@239.1.1.1:5000?iface=none0" 2>err
	grep "no interface .none0." err
	fails 2 timeout 20 mlive-ingest --realtime udp://127.0.0.1:5000 2>err
	grep "realtime is for files" err
	fails 2 timeout 20 mlive-ingest --loop udp://127.0.0.1:5000 2>err
'
check 'an address that is not ours: status 1' '
	fails 1 timeout 20 mlive-ingest udp://192.0.2.1:5000 2>err
	grep "cannot bind" err
'
check 'unicast, byte for byte, with a clock packet first' '
	port=$(free_port)
	receive udp://127.0.0.1:$port
	"$send" 127.0.0.1 127.0.0.1 $port <clean
	finish 2100
	cmp clean out
	counts datagrams 300 source_continuity_counter 0 source_dropped_packets 0
	head -c 24 with-clock | od -An -tx1 | tr -d " \n" | grep "^471ffe20b7"
'
check 'RTP on udp:// is found out; contributors, extension and padding go' '
	port=$(free_port)
	receive udp://127.0.0.1:$port
	"$send" -c -r 65500 127.0.0.1 127.0.0.1 $port <clean
	finish 2100
	cmp clean out
	counts rtp_packets 300 source_not_recovered_packets 0
'
check 'what is out of order or twice is put right' '
	port=$(free_port)
	receive rtp://127.0.0.1:$port
	"$send" -r 65400 -o 0,3,1,2,2,3,4,0,5 127.0.0.1 127.0.0.1 $port <clean
	finish 2100
	cmp clean out
	counts rtp_packets 450 rtp_duplicates 150 source_not_recovered_packets 0 \
		source_continuity_counter 0
'
check 'what is lost is counted, and the rest comes in order' '
	port=$(free_port)
	receive rtp://127.0.0.1:$port?reorder=20ms
	"$send" -r 1 -o 0,1,2,4,3,6,7,8,9 127.0.0.1 127.0.0.1 $port <clean
	finish 1890
	counts source_not_recovered_packets 30 source_continuity_counter 30
'
check 'another source begins anew, announced as a discontinuity' '
	port=$(free_port)
	receive udp://127.0.0.1:$port
	"$send" -r 100 127.0.0.1 127.0.0.1 $port <clean
	"$send" -r 9000 -s 2 127.0.0.1 127.0.0.1 $port <clean
	finish 4201
	counts rtp_restarts 1 source_not_recovered_packets 0 source_continuity_counter 0
	head -c $((188 * 2100)) out | cmp - clean
	tail -c $((188 * 2100)) out | cmp - clean
	tail -c +$((188 * 2100 + 1)) out | head -c 6 | od -An -tx1 | grep "47 01 00 2f b7 80"
'
check 'RTP of another payload type is refused, with a warning' '
	port=$(free_port)
	receive rtp://127.0.0.1:$port
	"$send" -r 1 -t 96 127.0.0.1 127.0.0.1 $port <clean
	"$send" -r 1 127.0.0.1 127.0.0.1 $port <clean
	finish 2100
	cmp clean out
	counts rtp_bad_type 300
	grep -c "payload type 96" err | grep "^1$"
'
check 'datagrams without RTP are none of rtp://, and it says so' '
	port=$(free_port)
	receive rtp://127.0.0.1:$port
	"$send" 127.0.0.1 127.0.0.1 $port <clean
	"$send" -r 1 127.0.0.1 127.0.0.1 $port <clean
	finish 2100
	cmp clean out
	counts datagrams_junk 300
	grep -c "datagrams without RTP, which udp:// is for: dropped" err | grep "^1$"
'
check 'datagrams that are neither are counted' '
	port=$(free_port)
	receive udp://127.0.0.1:$port
	"$send" -r 1 -t 33 -n 7 127.0.0.1 127.0.0.1 $port <clean
	yes junk | head -c 18800 | "$send" 127.0.0.1 127.0.0.1 $port
	eventually grep "\"datagrams_junk\":1[45]," stats
	grep -c "datagrams that are no transport stream: dropped" err | grep "^1$"
	finish 2100
'
check 'datagrams from another source than the one named are left out' '
	port=$(free_port)
	receive udp://127.0.0.2@127.0.0.1:$port
	"$send" 127.0.0.3 127.0.0.1 $port <clean
	"$send" 127.0.0.2 127.0.0.1 $port <clean
	finish 2100
	cmp clean out
	counts datagrams_foreign 300
'
check 'unicast on an interface that is named by its address' '
	port=$(free_port)
	receive "udp://127.0.0.1:$port?iface=127.0.0.1"
	"$send" 127.0.0.1 127.0.0.1 $port <clean
	finish 2100
	cmp clean out
'
check 'a multicast group on an interface' '
	port=$(free_port)
	receive "udp://@239.255.77.1:$port?iface=lo"
	"$send" 127.0.0.1 239.255.77.1 $port <clean
	finish 2100
	cmp clean out
'
check 'a multicast group of one source, the interface by its address' '
	port=$(free_port)
	receive "udp://127.0.0.2@232.7.7.1:$port?iface=127.0.0.1"
	"$send" 127.0.0.3 232.7.7.1 $port <clean
	"$send" 127.0.0.2 232.7.7.1 $port <clean
	finish 2100
	cmp clean out
'
check 'silence is one warning, and the return is told' '
	port=$(free_port)
	timeout --foreground 180 mlive-ingest udp://127.0.0.1:$port >out 2>err & pid=$!
	eventually listening
	"$send" 127.0.0.1 127.0.0.1 $port <clean
	eventually grep "warning: no data from .udp" err
	"$send" 127.0.0.1 127.0.0.1 $port <clean
	eventually grep "goes on after" err
	kill $pid
	wait $pid
	grep -c warning: err | grep "^1$"
'
check 'what the kernel had to drop is counted' '
	port=$(free_port)
	rm -f out
	mlive-ingest -q --stats stats "udp://127.0.0.1:$port?rcvbuf=4Ki" >out 2>err & pid=$!
	eventually listening
	kill -STOP $pid
	"$send" -w 0 127.0.0.1 127.0.0.1 $port <clean
	kill -CONT $pid
	eventually test -s out
	"$send" 127.0.0.1 127.0.0.1 $port <clean
	eventually grep "\"source_dropped_packets\":[1-9]" stats
	kill $pid
	wait $pid
'
if command -v ffmpeg >/dev/null
then
	check 'ffmpeg sends RTP: every packet comes, and the stream decodes' '
		port=$(free_port)
		mlive-ingest -q -t 2s "test:?size=320x180" >test.ts
		receive rtp://127.0.0.1:$port
		ffmpeg -v error -re -i test.ts -c copy -f rtp_mpegts "rtp://127.0.0.1:$port?pkt_size=1328"
		sleep 1
		kill $pid
		wait $pid
		tail -n 1 stats >last
		counts source_continuity_counter 0 source_not_recovered_packets 0
		# its last datagram is not always sent
		ffmpeg -v error -xerror -t 1.5 -i with-clock -f null - 2>errors
		cat errors
		test ! -s errors
	'
else
	skip 'ffmpeg sends RTP' 'no ffmpeg'
fi
done_testing
