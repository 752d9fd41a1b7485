#!/bin/sh
# mconnect-relay with the tools of librist and with GStreamer, both ways: simple and main
# profile, keys, who calls whom, logins; every byte arrives.
. "$(dirname "$0")/lib.sh"
. "$top/t/relay.sh"

need 'no perl' perl -MJSON::PP -e 1
need 'no ristsender' sh -c 'command -v ristsender'
clip clip.ts 3s 2M
# Whole datagrams: the relay waits for the rest of the last one.
size=$(($(wc -c <clip.ts) / 1316 * 1316))
head -c "$size" clip.ts >in.ts
clip other.ts 3s 1500k
echo 'not to be known' >key
echo 'not that one' >wrong
export size
export buffer=buffer=200ms

# sends NAME ID: its output has sent something within a second
sends () {
	now "$1" output_connected "$2" | grep -qx 1
}

# all_of NAME: the output of that relay is what was sent
all_of () {
	eventually reads "$1.ts" "$size"
	cmp in.ts "$1.ts"
}

# but_one NAME: or all but the first datagram, which librist needs to know the sender when
# it is of the simple profile
but_one () {
	eventually reads "$1.ts" $((size - 1316))
	tail -c $((size - 1316)) "$1.ts" >rest.ts
	tail -c $((size - 1316)) in.ts | cmp rest.ts -
}

check 'mistakes: status 2, and what is wrong' '
	while read -r way url what
	do
		if test "$way" = in
		then set -- -i "$url" -o out
		else set -- -i in.ts -o "$url"
		fi
		fails 2 mconnect-relay "$@" 2>err
		grep -- "$what" err
	done <<-END
		in	rist://@127.0.0.1	has no port
		in	rist://@127.0.0.1:5000?bufer=5	what is .bufer
		in	rist://@127.0.0.1:5000?buffer=5h	buffer .5h. is not from 10 to 60000 ms
		in	rist://@127.0.0.1:5000?buffer=61s	buffer
		in	rist://@127.0.0.1:5000?bandwidth=fast	kbit/s
		in	rist://@127.0.0.1:5000?rtt-min=100&rtt-max=50	more than the max
		in	rist://@127.0.0.1:5000?profile=best	what is profile
		in	rist://@127.0.0.1:5001?profile=simple	even port
		in	rist://127.0.0.1:5000?profile=simple	the receiver is called
		out	rist://@127.0.0.1:5000?profile=simple	the sender calls
		in	rist://@127.0.0.1:5000?profile=simple&secret-file=key	has no secrets
		in	rist://@127.0.0.1:5000?aes-type=256	needs secret-file
		in	rist://@127.0.0.1:5000?aes-type=192&secret-file=key	what is aes-type
		in	rist://@127.0.0.1:5000?secret-file=/dev/null	nothing in
		in	rist://@127.0.0.1:5000?secret=x	what is .secret
		in	rist://@127.0.0.1:5000?login-file=key	user:password
		in	rist://127.0.0.1:5000?users-file=key	who is called
		in	rist://@127.0.0.1:5000?virt-dst-port=0	no port
		in	rist://@127.0.0.1:5000/path	what is ./path
	END
	fails 1 mconnect-relay -i "rist://@127.0.0.1:5000?secret-file=none" -o out 2>err
	grep "cannot open .none" err
	fails 1 mconnect-relay -i "rist://@127.0.0.1:5000?users-file=none" -o out 2>err
	grep "cannot open .none" err
	fails 1 mconnect-relay -i "rist://no..such:5000" -o out 2>err
	grep "no..such.*no address\|no..such.*not known" err
	fails 1 mconnect-relay -i "rist://@192.0.2.1:5000" -o out 2>err
	grep "192.0.2.1.*annot" err
'

s=$(even_port) m=$(free_port) k=$(free_port) l=$(free_port)
s2=$(free_port) m2=$(free_port) k2=$(free_port) l2=$(free_port)
in=$(free_port)
export s m k l s2 m2 k2 l2 in
check 'ristsender: simple, main, AES-128 and AES-256' '
	relay s -i "rist://@127.0.0.1:$s?profile=simple&$buffer" -o s.ts
	relay m -i "rist://@127.0.0.1:$m?$buffer" -o m.ts
	relay k -i "rist://@127.0.0.1:$k?$buffer&secret-file=key" -o k.ts
	relay l -i "rist://@127.0.0.1:$l?$buffer&secret-file=key&aes-type=256" -o l.ts
	stage ts ristsender -p 0 -i "udp://@127.0.0.1:$s2" -o "rist://127.0.0.1:$s?buffer=200"
	stage tm ristsender -p 1 -i "udp://@127.0.0.1:$m2" -o "rist://127.0.0.1:$m?buffer=200"
	stage tk ristsender -p 1 -i "udp://@127.0.0.1:$k2" -s "$(cat key)" -e 128 \
		-o "rist://127.0.0.1:$k?buffer=200"
	stage tl ristsender -p 1 -i "udp://@127.0.0.1:$l2" -s "$(cat key)" -e 256 \
		-o "rist://127.0.0.1:$l?buffer=200"
	for name in s m k l
	do
		says $name ": connected"
	done
	sleep 0.5
	send in.ts -o "udp://127.0.0.1:$s2" -o "udp://127.0.0.1:$m2" \
		-o "udp://127.0.0.1:$k2" -o "udp://127.0.0.1:$l2"
	for name in s m k l
	do
		test $name = s || all_of $name
		test $name != s || but_one s
		test "$(now $name source_peers i1)" -ge 1
		ended $name
		kill "$(cat t$name.pid)"
		count $name ledger_ok | grep -x 1
		test "$(count $name source_total_packets i1)" -ge $((size / 1316 - 1))
		count $name not_recovered_packets | grep -x 0
	done
'
check 'ristreceiver: simple, main, AES-128 and AES-256' '
	for name in s m k l
	do
		eval "port=\$${name}2"
		relay $name -i "udp://127.0.0.1:$port" -o $name.ts
	done
	stage ts ristreceiver -p 0 -i "rist://@127.0.0.1:$s?buffer=200" -o "udp://127.0.0.1:$s2"
	stage tm ristreceiver -p 1 -i "rist://@127.0.0.1:$m?buffer=200" -o "udp://127.0.0.1:$m2"
	stage tk ristreceiver -p 1 -i "rist://@127.0.0.1:$k?buffer=200" -s "$(cat key)" -e 128 \
		-o "udp://127.0.0.1:$k2"
	stage tl ristreceiver -p 1 -i "rist://@127.0.0.1:$l?buffer=200" -s "$(cat key)" -e 256 \
		-o "udp://127.0.0.1:$l2"
	for name in s m k l
	do
		says t$name "Starting"
	done
	relay a -i "udp://127.0.0.1:$in" -o "rist://127.0.0.1:$s?profile=simple&$buffer" \
		-o "rist://127.0.0.1:$m?$buffer" -o "rist://127.0.0.1:$k?$buffer&secret-file=key" \
		-o "rist://127.0.0.1:$l?$buffer&secret-file=key&aes-type=256"
	eventually sh -c "grep \": connected\" a.log | sort -u | wc -l | grep -x 4"
	send in.ts -o "udp://127.0.0.1:$in" &
	sender=$!
	eventually sends a o2
	now a output_peers o2 | grep -x 1
	wait $sender
	for name in s m k l
	do
		test $name = s || all_of $name
		test $name != s || but_one s
		ended $name
		kill "$(cat t$name.pid)"
	done
	ended a
	count a ledger_ok | grep -x 1
'
check 'the receiver calls: through a NAT on its side' '
	relay a -i "udp://127.0.0.1:$in" -o "rist://@127.0.0.1:$m?$buffer&secret-file=key"
	relay m -i "udp://127.0.0.1:$m2" -o m.ts
	relay k -i "rist://127.0.0.1:$m?$buffer&secret-file=key" -o k.ts
	stage tm ristreceiver -p 1 -s "$(cat key)" -e 128 -i "rist://127.0.0.1:$m?buffer=200" \
		-o "udp://127.0.0.1:$m2"
	says k ": connected"
	eventually sh -c "grep -c \": connected\" a.log | grep -x 2"
	sleep 0.5
	send in.ts -o "udp://127.0.0.1:$in"
	all_of k
	all_of m
	now a output_peers o1 | grep -x 2
	ended k
	ended m
	ended a
	kill "$(cat tm.pid)"
	relay l -i "rist://127.0.0.1:$l?$buffer" -o l.ts
	stage tl ristsender -p 1 -i "udp://@127.0.0.1:$l2" -o "rist://@127.0.0.1:$l?buffer=200"
	says tl "status is 0"
	send in.ts -o "udp://127.0.0.1:$l2"
	all_of l
	ended l
	kill "$(cat tl.pid)"
'
check 'with a wrong key nothing comes, and the right one is not hindered' '
	relay k -i "rist://@127.0.0.1:$k?$buffer&secret-file=key" -o k.ts
	relay w -i other.ts -o "rist://127.0.0.1:$k?$buffer&secret-file=wrong"
	relay c -i other.ts -o "rist://127.0.0.1:$k?$buffer"
	relay a -i "udp://127.0.0.1:$in" -o "rist://127.0.0.1:$k?$buffer&secret-file=key"
	says a ": connected"
	send in.ts -o "udp://127.0.0.1:$in"
	all_of k
	ended a
	ended k
	count k ledger_ok | grep -x 1
	fails 1 grep ".: connected" w.log
	fails 1 grep ".: connected" c.log
	# They had all the time, and went by themselves.
	eventually grep -x 0 w.status
	eventually grep -x 0 c.status
'
check 'that the keys are not the same is said, and counted' '
	relay k -i "rist://@127.0.0.1:$k?$buffer&secret-file=key" -o k.ts
	relay w -i other.ts -o "rist://127.0.0.1:$k?$buffer&secret-file=wrong"
	says k "warning: .*secret-file=key.: what comes is encrypted with another key"
	test "$(now k source_key_errors i1)" -gt 0
	ended w
	relay c -i other.ts -o "rist://127.0.0.1:$k?$buffer"
	says k "warning: .*datagrams are dropped: they are malformed or not encrypted"
	test "$(now k source_screened_packets i1)" -gt 0
	fails 1 grep ": connected" k.log
	ended c
	ended k
	relay k -i "rist://@127.0.0.1:$k?$buffer" -o k.ts
	relay a -i other.ts -o "rist://127.0.0.1:$k?$buffer&secret-file=key"
	says k "warning: .*: what comes is encrypted, and there is no secret-file"
	test "$(now k source_key_errors i1)" -gt 0
	ended a
	ended k
	relay k -i "udp://127.0.0.1:$in" -o "rist://@127.0.0.1:$k?$buffer&secret-file=key"
	stage r ristreceiver -p 1 -i "rist://127.0.0.1:$k" -s other -e 128 -o "udp://127.0.0.1:$k2"
	says k "warning: .*: what comes is encrypted with another key"
	test "$(now k output_key_errors o1)" -gt 0
	ended k
	gone r
'
check 'what came by it is recorded, and comes again' '
	relay k -i "rist://@127.0.0.1:$k?$buffer&secret-file=key" --record k.pcapng -o k.ts
	relay a -i "udp://127.0.0.1:$in" -o "rist://127.0.0.1:$k?$buffer&secret-file=key"
	says a ": connected"
	send in.ts -o "udp://127.0.0.1:$in"
	all_of k
	ended a
	ended k
	mconnect-relay -q --replay k.pcapng -o again.ts
	cmp k.ts again.ts
'
check 'a user with a password is let in, and no other' '
	users_leak
	ristsrppasswd someone secret >users
	echo someone:secret >login
	echo someone:guess >guess
	relay m -i "rist://@127.0.0.1:$m?$buffer&users-file=users" -o m.ts
	relay w -i other.ts -o "rist://127.0.0.1:$m?$buffer&login-file=guess"
	relay a -i "udp://127.0.0.1:$in" -o "rist://127.0.0.1:$m?$buffer&login-file=login"
	says a ": connected"
	sleep 1
	send in.ts -o "udp://127.0.0.1:$in"
	all_of m
	now m source_peers i1 | grep -x 1
	ended a
	ended m
	fails 1 grep ".: connected" w.log
'
if command -v gst-launch-1.0 >/dev/null && gst-inspect-1.0 ristsrc >/dev/null 2>&1 &&
	gst-inspect-1.0 tsparse >/dev/null 2>&1
then
	# librist reports with the number of the sender, which GStreamer then changes: one
	# datagram more is lost to ristreceiver, too.
	check 'GStreamer sends it, and it comes, but for a beginning' '
		g=$(even_port)
		relay g -i "rist://@127.0.0.1:$g?profile=simple&buffer=1s" -o g.ts
		gst-launch-1.0 -q filesrc location=in.ts blocksize=1316 ! \
			video/mpegts,systemstream=true,packetsize=188 ! \
			identity sleep-time=12000 ! rtpmp2tpay mtu=1328 ! \
			ristsink address=127.0.0.1 port="$g" &
		echo $! >gst.pid
		# A mark for the new numbers moves the end of datagrams: the last one may wait.
		eventually perl -e "local \$/; my (\$got, \$in) = map { open my \$f, q(<), \$_; <\$f> } @ARGV;
			my \$n = length(\$in) / 1316;
			exit(index(\$got, substr \$in, int(\$n / 2) * 1316, int(\$n / 3) * 1316) < 0)" \
			g.ts in.ts
		gone gst		# by itself it would wait for ever
		ended g
	'
	check 'GStreamer receives it, but for a beginning' '
		gst-launch-1.0 -q ristsrc address=127.0.0.1 port="$s" receiver-buffer=2000 ! \
			rtpmp2tdepay ! filesink buffer-mode=2 location=gst.ts &
		echo $! >gst.pid
		eventually test -e gst.ts
		relay a -i "udp://127.0.0.1:$in" -o "rist://127.0.0.1:$s?profile=simple&$buffer"
		says a ": connected"
		send in.ts -o "udp://127.0.0.1:$in"
		tail -c $((size - 150 * 1316)) in.ts >want.ts
		eventually sh -c "tail -c $((size - 150 * 1316)) gst.ts | cmp -s want.ts -"
		kill "$(cat gst.pid)"
		ended a
	'
else
	skip 'GStreamer sends' 'no GStreamer with good and bad plugins'
	skip 'GStreamer receives' 'no GStreamer with good and bad plugins'
fi
done_testing
