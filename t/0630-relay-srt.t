#!/bin/sh
# mconnect-relay by SRT: callers, listeners, rendezvous; keys; peers that come again and
# peers that stand still; srt-live-transmit, ffmpeg and GStreamer on the other side.
. "$(dirname "$0")/lib.sh"
. "$top/t/relay.sh"
. "$top/t/srt.sh"

need 'no perl' perl -MJSON::PP -e 1
whole in.ts 3s 3M
size=$(wc -c <in.ts)
feed=$(free_port) one=$(free_port) two=$(free_port) three=$(free_port)
export size feed one two three
printf 'correct horse battery\n' >key
printf 'another one altogether\n' >wrong

check 'mistakes: status 2, and what is wrong' '
	mistake () {
		fails 2 mconnect-relay -i in.ts -o "$1" 2>err
		grep -e "$2" err
	}
	mistake srt://127.0.0.1 "has no port"
	mistake "srt://:$one?mode=caller" "has no host"
	mistake "srt://:$one?mode=both" "mode .both. is not"
	mistake "srt://:$one?latency=soon" "latency .soon. is not a time"
	mistake "srt://:$one?latency=1h" "latency .1h. is not"
	mistake "srt://:$one?pbkeylen=17" "pbkeylen .17. is not"
	mistake "srt://:$one?tlpktdrop=maybe" "tlpktdrop .maybe. is not yes or no"
	mistake "srt://:$one?minversion=1.x" "minversion .1.x. is not a version"
	mistake "srt://:$one?packetfilter=nonsense" "libsrt does not take this packetfilter"
	mistake "srt://:$one?nonsense=1" "what is .nonsense"
	mistake "srt://:$one?passphrase=correcthorse" "say passphrase-file"
	grep "passphrase=\*\*\*" err
	mistake "srt://:$one/path" "what is ./path"
	# It would go out in clear.
	mistake "srt://:$one?pbkeylen=32" "pbkeylen needs a passphrase-file"
	mistake "srt://:$one?enforcedencryption=yes" "needs a passphrase-file"
	echo short >few
	mistake "srt://:$one?passphrase-file=few" "10 to 79"
	fails 1 mconnect-relay -i in.ts -o "srt://:$one?passphrase-file=none" 2>err
	grep "cannot open .none" err
'
relay rx -i "srt://127.0.0.1:$one?mode=listener" -o out.ts
relay tx -i "udp://127.0.0.1:$feed" -o "srt://127.0.0.1:$one?latency=200ms"
check 'a caller to a listener, byte for byte' '
	eventually connected tx o1
	eventually heard rx i1
	through out.ts in.ts
	now rx source_latency i1 | grep -x 200
	now rx source_total_packets i1 | grep -x $((size / 1316 + (size % 1316 > 0)))
	now rx not_recovered_packets | grep -x 0
	test "$(now rx ledger_ok)$(now tx ledger_ok)" = 11
'
check 'another sender is refused while one sends' '
	send in.ts -o "udp://127.0.0.1:$feed" &
	sending=$!
	eventually reads out.ts $((size + 1))
	relay other -i "udp://127.0.0.1:$two" -o "srt://127.0.0.1:$one"
	eventually grep "cannot connect: the peer has another sender" other.log
	wait $sending
	ended other
	eventually reads out.ts $((2 * size))
	test "$(now rx source_refused_callers i1)" -gt 0
'
check 'the sender is killed, and another takes its place at once' '
	kill -9 "$(cat tx.pid)"
	relay tx2 -i "udp://127.0.0.1:$feed" -o "srt://127.0.0.1:$one"
	eventually connected tx2 o1
	grep "is silent and makes room" rx.log
	send in.ts -o "udp://127.0.0.1:$feed"
	eventually reads out.ts $((3 * size))
	tail -c "$size" out.ts | cmp in.ts -
'
check 'the receiver is killed, and comes again: its sender finds it' '
	kill -9 "$(cat rx.pid)"
	relay rx2 -i "srt://127.0.0.1:$one?mode=listener&latency=80" -o again.ts
	eventually heard rx2 i1
	eventually connected tx2 o1
	through again.ts in.ts
	test "$(now tx2 output_disconnections o1)" -ge 1
'
check 'the end: all that was sent has come, and both have ended' '
	ended tx2
	eventually grep "has disconnected" rx2.log
	ended rx2
	count rx2 source_disconnections i1 | grep -x 1
'
relay rx -i "srt://127.0.0.2:$two?mode=rendezvous&bind=127.0.0.1" -o meet.ts
relay tx -i "udp://127.0.0.1:$feed" -o "srt://127.0.0.1:$two?mode=rendezvous&bind=127.0.0.2"
check 'rendezvous' '
	eventually connected tx o1
	through meet.ts in.ts
	ended tx
	ended rx
'
check 'a stream ends just before its sender: the last of it comes too' '
	relay rx -i "srt://127.0.0.1:$one?mode=listener&latency=500" -o last.ts
	mkfifo pipe
	mconnect-relay -o "srt://127.0.0.1:$one" <pipe 2>tx.log &
	sending=$!
	exec 7>pipe
	eventually grep connected tx.log
	send in.ts >&7
	exec 7>&-
	wait $sending
	eventually cmp -s in.ts last.ts
	ended rx
'

# ---- secrets
# refused NAME ID N: so many callers, at least
refused () {
	test "$(now "$1" source_refused_callers "$2")" -ge "$3"
}
check 'AES of all lengths; without the passphrase, or with another, nobody comes in' '
	for bits in 16 24 32
	do
		relay rx -i "srt://127.0.0.1:$one?mode=listener&passphrase-file=key" -o "aes$bits.ts"
		relay tx -i "udp://127.0.0.1:$feed" \
			-o "srt://127.0.0.1:$one?passphrase-file=key&pbkeylen=$bits"
		eventually connected tx o1
		through "aes$bits.ts" in.ts
		ended tx
		now rx source_undecrypted_packets i1 | grep -x 0
		relay tx -i "udp://127.0.0.1:$feed" -o "srt://127.0.0.1:$one?passphrase-file=wrong"
		eventually grep "cannot connect" tx.log
		ended tx
		relay tx -i "udp://127.0.0.1:$feed" -o "srt://127.0.0.1:$one"
		eventually grep "cannot connect" tx.log
		connected tx o1 0
		ended tx
		heard rx i1 && exit 1
		eventually refused rx i1 2
		ended rx
		cmp in.ts "aes$bits.ts"
	done
'

# ---- many callers
relay many -i "udp://127.0.0.1:$feed" -o "srt://127.0.0.1:$three?mode=listener" -o beside.ts
check 'many callers of one output, of which one stands still: the others have every byte' '
	for n in 1 2 3 4 5
	do
		relay "c$n" -i "srt://127.0.0.1:$three" -o "c$n.ts"
	done
	eventually connected many o1 5
	kill -STOP "$(cat c3.pid)"
	through beside.ts in.ts
	for n in 1 2 4 5
	do
		eventually cmp -s in.ts "c$n.ts"
	done
	test "$(now many output_dropped_packets o1)" -eq 0
	test "$(now many output_stalls o2)" -eq 0
	test "$(now many ledger_ok)" -eq 1
	ctl many stats | perl -MJSON::PP -e "my \$o = decode_json(<STDIN>);
		print scalar(@{\$o->{outputs}[0]{peers}}), qq(\n)" | grep -x 5
	eventually connected many o1 4
	kill -CONT "$(cat c3.pid)"
	eventually connected many o1 5
	kill -9 "$(cat c1.pid)"
	ended c2
	eventually grep "has disconnected" many.log
	send in.ts -o "udp://127.0.0.1:$feed"
	eventually reads c4.ts $((2 * size))
	tail -c "$size" c4.ts | cmp in.ts -
'
check 'it ends, and so do those that listen to it, with all of it' '
	ended many
	for n in 3 4 5
	do
		ended "c$n"
	done
'

# ---- under fire
cat >fire.pl <<'END'
use strict;
use warnings;
use IO::Socket::INET;
my $s = IO::Socket::INET->new(Proto => 'udp', PeerAddr => "127.0.0.1:$ARGV[0]") or die;
my $x = 7;
sub chance { $x = ($x * 1103515245 + 12345) % 2147483648; return int($x / 65536) % shift }
sub bytes { return join '', map { chr chance(256) } 1 .. shift }
for (my $n = 0; ; $n++) {
	my $what = chance(5);
	# Handshakes, other control packets, data, of sockets that are not; and rubbish.
	$s->send($what == 0 ? bytes(chance(100)) :
		$what == 1 ? pack('NNNN', 0x80000000, 0, 0, 0) . pack('NnnNNNNN', 4 + chance(2),
			chance(4), chance(65536), chance(1 << 31), 1500, 8192, 1, chance(1 << 31)) .
			bytes(20 + chance(80)) :
		$what == 2 ? pack('NNNN', 0x80000000 + (chance(9) << 16), 0, 0, chance(1 << 30)) .
			bytes(chance(64)) :
		$what == 3 ? pack('NNNN', chance(1 << 31), 0xe0000000, 0, chance(1 << 30)) . bytes(1316) :
		"\x47" x 1316);
	select undef, undef, undef, 0.001 if $n % 8 == 0;
}
END
relay rx -i "srt://127.0.0.1:$one?mode=listener" -o fire.ts
relay tx -i "udp://127.0.0.1:$feed" -o "srt://127.0.0.1:$one"
check 'datagrams of all kinds at its port: the stream goes on' '
	stage fire perl fire.pl "$one"
	eventually connected tx o1
	through fire.ts in.ts
	gone fire
	test "$(now rx ledger_ok)" -eq 1
	ended tx
	ended rx
'

# ---- others
here () {
	command -v "$1" >/dev/null
}
slt=srt://127.0.0.1:$three
export slt
if here srt-live-transmit
then
	check 'srt-live-transmit receives from our listener, and we from its' '
		relay a -i "udp://127.0.0.1:$feed" -o "srt://127.0.0.1:$three?mode=listener&passphrase-file=key"
		relay b -i "udp://127.0.0.1:$one" -o slt.ts
		stage slt srt-live-transmit -q "$slt?passphrase=correct horse battery" \
			"udp://127.0.0.1:$one"
		eventually connected a o1
		through slt.ts in.ts
		gone slt
		ended a
		stage slt srt-live-transmit -q "udp://127.0.0.1:$feed" "$slt?mode=listener"
		relay c -i "$slt" -o slt2.ts
		eventually heard c i1
		through slt2.ts in.ts
		gone slt
		ended c
		ended b
	'
	check 'srt-live-transmit calls our listener, and its listener is called' '
		relay a -i "$slt?mode=listener&passphrase-file=key" -o slt3.ts
		stage slt srt-live-transmit -q "udp://127.0.0.1:$feed" \
			"$slt?passphrase=correct horse battery&pbkeylen=32"
		eventually heard a i1
		through slt3.ts in.ts
		gone slt
		ended a
		stage slt srt-live-transmit -q "$slt?mode=listener" "udp://127.0.0.1:$one"
		relay b -i "udp://127.0.0.1:$one" -o slt4.ts
		relay c -i "udp://127.0.0.1:$feed" -o "$slt"
		eventually connected c o1
		through slt4.ts in.ts
		gone slt
		ended c
		ended b
	'
else
	skip 'srt-live-transmit receives' 'no srt-live-transmit'
	skip 'srt-live-transmit calls' 'no srt-live-transmit'
fi
if here gst-launch-1.0 && gst-inspect-1.0 srtsrc >/dev/null 2>&1 &&
	gst-inspect-1.0 tsparse >/dev/null 2>&1
then
	check 'GStreamer receives from us, every byte' '
		relay a -i "udp://127.0.0.1:$feed" -o "srt://127.0.0.1:$three?mode=listener"
		stage gst gst-launch-1.0 -q srtsrc "uri=$slt" ! filesink buffer-mode=2 location=gst.ts
		eventually connected a o1
		through gst.ts in.ts
		gone gst
		ended a
	'
	check 'and sends to us' '
		relay a -i "srt://127.0.0.1:$three?mode=listener" -o gst2.ts
		gst-launch-1.0 -q filesrc location=in.ts ! tsparse set-timestamps=true alignment=7 ! \
			filesink location=parsed.ts
		stage gst gst-launch-1.0 -q filesrc location=in.ts ! \
			tsparse set-timestamps=true alignment=7 ! srtsink "uri=$slt" sync=true
		eventually reads gst2.ts $(($(wc -c <parsed.ts) / 1316 * 1316))
		ended a
		gone gst
		cmp parsed.ts gst2.ts
	'
else
	skip 'GStreamer receives' 'no GStreamer with bad plugins'
	skip 'GStreamer sends' 'no GStreamer with bad plugins'
fi
if here ffmpeg && ffmpeg -hide_banner -protocols 2>/dev/null | grep -qx ' *srt'
then
	hashes () {
		ffmpeg -nostdin -v error -i "$1" -map 0:v -c copy -f framehash - | grep -v "^#" |
			sed "s/.*,//"
	}
	hashes in.ts >in.hash
	check 'ffmpeg sends to us, all of its pictures' '
		relay a -i "srt://127.0.0.1:$three?mode=listener" -o ff.ts
		ffmpeg -nostdin -v error -re -i in.ts -map 0 -c copy -f mpegts \
			"$slt?pkt_size=1316&linger=1"
		eventually grep "has disconnected" a.log
		ended a
		hashes ff.ts >ff.hash
		test "$(wc -l <in.hash)" -gt 70
		cmp in.hash ff.hash
	'
	check 'and receives ours' '
		relay a -i "udp://127.0.0.1:$feed" -o "srt://127.0.0.1:$three?mode=listener"
		stage ff ffmpeg -nostdin -v error -t 2 -i "$slt" -map 0:v -c copy -f mpegts -y ff2.ts
		eventually connected a o1
		send in.ts -o "udp://127.0.0.1:$feed"
		send in.ts -o "udp://127.0.0.1:$feed"
		ended a
		eventually test -s ff2.ts
		gone ff
		test "$(hashes ff2.ts | wc -l)" -gt 20
	'
else
	skip 'ffmpeg sends' 'no ffmpeg with SRT'
	skip 'ffmpeg receives' 'no ffmpeg with SRT'
fi
done_testing
