#!/bin/sh
# mconnect-relay with other people's senders and receivers: multicat, GStreamer,
# ffmpeg; multicast of any source and of one.
. "$(dirname "$0")/lib.sh"
. "$top/t/relay.sh"

need 'no perl' perl -MJSON::PP -e 1
clip in.ts 4s 3M
size=$(wc -c <in.ts)
one=$(free_port) two=$(free_port) three=$(free_port) four=$(free_port) five=$(free_port)
export size one two three four five

here () {
	command -v "$1" >/dev/null
}

# all_of FILE BYTES: wait until it has so many
all_of () {
	eventually reads "$1" "$2"
}

pcr_pid () {
	perl -e 'binmode STDIN;
		while (read(STDIN, my $p, 188) == 188) {
			my (undef, $pid, $c, $len, $flags) = unpack "CnCCC", $p;
			next unless $c & 0x20 and $len > 6 and $flags & 0x10;
			print $pid & 0x1fff;
			exit;
		}' <"$1"
}

gone_ff () {
	! kill -0 "$(cat ff.pid)" 2>/dev/null
}

if here multicat
then
	ingests -p "$(pcr_pid in.ts)" in.ts >/dev/null 2>&1
	check 'multicat sends RTP, and what it receives of ours is the same' '
		(exec multicat -u "@127.0.0.1:$two" back.ts >/dev/null 2>&1) & echo $! >multicat.pid
		relay r -i "rtp://127.0.0.1:$one" -o got.ts -o "udp://127.0.0.1:$two"
		multicat in.ts "127.0.0.1:$one" >/dev/null 2>&1
		ended r
		# It fills the last datagram up.
		head -c "$size" got.ts | cmp in.ts -
		sleep 0.3
		kill "$(cat multicat.pid)"
		eventually cmp got.ts back.ts
	'
else
	skip 'multicat' 'no multicat'
fi
if here gst-launch-1.0 && gst-inspect-1.0 rtpmp2tpay >/dev/null 2>&1 &&
	gst-inspect-1.0 tsparse >/dev/null 2>&1
then
	check 'GStreamer receives our RTP, every byte of it' '
		gst-launch-1.0 -q udpsrc address=127.0.0.1 port="$two" \
			caps="application/x-rtp,media=video,clock-rate=90000,encoding-name=MP2T,payload=33" ! \
			rtpjitterbuffer latency=200 ! rtpmp2tdepay ! filesink buffer-mode=2 location=gst.ts &
		echo $! >gst.pid
		eventually test -e gst.ts
		sleep 0.5
		send in.ts -o "rtp://127.0.0.1:$two"
		all_of gst.ts "$size" || :
		kill "$(cat gst.pid)"
		cmp in.ts gst.ts
	'
	check 'and sends it: every packet comes' '
		relay g -i "rtp://127.0.0.1:$three" -o got.ts
		gst-launch-1.0 -q filesrc location=in.ts ! tsparse set-timestamps=true alignment=7 ! \
			rtpmp2tpay mtu=1328 ! udpsink host=127.0.0.1 port="$three" sync=true
		sleep 0.3
		ended g
		count g not_recovered_packets | grep -x 0
		count g source_refused_packets i1 | grep -x 0
		gst-launch-1.0 -q filesrc location=in.ts ! tsparse set-timestamps=true alignment=7 ! \
			filesink location=parsed.ts
		cmp parsed.ts got.ts
	'
else
	skip 'GStreamer receives' 'no GStreamer with good and bad plugins'
	skip 'GStreamer sends' 'no GStreamer with good and bad plugins'
fi
if here ffmpeg
then
	check 'ffmpeg sends RTP, and what comes out has all of its pictures' '
		relay f -i "rtp://127.0.0.1:$four" -o got.ts
		ffmpeg -nostdin -v error -re -i in.ts -map 0 -c copy -f rtp_mpegts \
			"rtp://127.0.0.1:$four?pkt_size=1328"
		sleep 0.5
		ended f
		count f not_recovered_packets | grep -x 0
		count f continuity_counter | grep -x 0
		for f in in got
		do
			ffmpeg -nostdin -v error -i $f.ts -map 0:v -c copy -f framehash - |
				grep -v "^#" | sed "s/.*,//" >$f.hash
		done
		test "$(wc -l <in.hash)" -gt 90
		cmp in.hash got.hash
	'
	check 'ffmpeg receives ours' '
		ffmpeg -nostdin -v error -t 3 -i "rtp://127.0.0.1:$five?localaddr=127.0.0.1" \
			-map 0 -c copy -f mpegts -y ff.ts 2>ff.err & echo $! >ff.pid
		for n in 1 2 3
		do
			send in.ts -o "rtp://127.0.0.1:$five"
			test ! -s ff.ts || break
		done
		kill "$(cat ff.pid)" 2>/dev/null || :
		eventually gone_ff
		test "$(ffprobe -v error -count_packets -select_streams v -show_entries \
			stream=nb_read_packets -of csv=p=0 ff.ts | head -n 1 | tr -d ,)" -gt 40
	'
else
	skip 'ffmpeg sends' 'no ffmpeg'
	skip 'ffmpeg receives' 'no ffmpeg'
fi
check 'a group, and a group of one source' '
	relay m -i "udp://@239.1.1.7:$one?iface=lo" -o any.ts
	relay s -i "rtp://127.0.0.1@232.1.1.7:$two?iface=lo" -o ssm.ts
	relay o -i "rtp://127.0.0.9@232.1.1.7:$two?iface=lo" -o other.ts
	send in.ts -o "udp://@239.1.1.7:$one?iface=lo&ttl=1" \
		-o "rtp://232.1.1.7:$two?iface=lo&from=127.0.0.1"
	sleep 0.3
	ended m
	ended s
	ended o
	cmp in.ts any.ts
	cmp in.ts ssm.ts
	test ! -s other.ts
'
done_testing
