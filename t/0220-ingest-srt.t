#!/bin/sh
# mlive-ingest by SRT, RIST, and RTP with FEC: callers and listeners, secrets, peers that go
# and come, ports that nobody answers at; the tools of others on the other side; every byte.
. "$(dirname "$0")/lib.sh"
. "$top/t/relay.sh"
. "$top/t/srt.sh"

need 'no perl' perl -MJSON::PP -e 1
whole in.ts 3s 2M
size=$(wc -c <in.ts)
one=$(free_port) two=$(free_port)
export size one two
printf 'correct horse battery\n' >key
printf 'another one altogether\n' >wrong

# ingest NAME ARG...: NAME.ts is what it gives, NAME.stats its numbers, NAME.log its messages
ingest () {
	name=$1
	shift
	: >"$name.log"
	: >"$name.ts"
	rm -f "$name.stats" "$name.status"
	into "$name" "$@" &
	eventually test -s "$name.stats"
}
into () {
	to=$1
	shift
	mind "$to" mlive-ingest -s "$to.stats" "$@" >"$to.ts"
}
# last NAME KEY: of its last line
last () {
	tail -n 1 "$1.stats" | perl -MJSON::PP -e \
		'print decode_json(<STDIN>)->{$ARGV[0]} // "none", "\n"' "$2"
}
# counts NAME KEY LEAST: that is in its last line, at least
counts () {
	test "$(last "$1" "$2")" -ge "$3"
}
# all NAME: what was sent has come, byte for byte
all () {
	eventually reads "$1.ts" "$size"
	cmp in.ts "$1.ts"
}

check 'mistakes: status 2, and what is wrong' '
	while read -r url what
	do
		fails 2 mlive-ingest "$url" 2>err
		grep -- "$what" err
	done <<-END
		srt://127.0.0.1	has no port
		srt://:5000?mode=caller	has no host
		srt://:5000?mode=listener&latency=soon	latency .soon. is not a time
		srt://:5000?mode=listener&nonsense=1	no key .nonsense.
		srt://:5000?mode=listener&passphrase=correcthorse	say passphrase-file
		srt://:5000?mode=listener&fec=auto	no key .fec.
		rist://@127.0.0.1	has no port
		rist://@127.0.0.1:5000?bufer=5	no key .bufer.
		rist://@127.0.0.1:5000?secret=x	no key .secret.
		rtp://127.0.0.1:5000?fec=yes	fec .yes. is neither auto nor no
		rtp://127.0.0.1:65533?fec=auto	no ports for FEC
		rtp://127.0.0.1:5000?fec=auto&reorder=long	reorder .long. is not a time
		udp://127.0.0.1:5000?fec=auto	that is for rtp://
	END
	fails 2 mlive-ingest --realtime srt://127.0.0.1:5000 2>err
	grep "realtime is for files" err
	fails 2 mlive-ingest --loop srt://127.0.0.1:5000 2>err
	grep "loop is for files" err
	fails 1 mlive-ingest "srt://:5000?mode=listener&passphrase-file=none" 2>err
	grep "cannot open .none" err
'
twice 'srt-live-transmit calls us, encrypted' '
	ingest rx "srt://:$one?mode=listener&passphrase-file=key&latency=300"
	stage slt srt-live-transmit -q "udp://127.0.0.1:$two" \
		"srt://127.0.0.1:$one?passphrase=correct horse battery&pbkeylen=32"
	eventually grep connected rx.log
	send in.ts -o "udp://127.0.0.1:$two"
	all rx
	gone slt
	eventually counts rx source_disconnections 1
	counts rx source_latency 0
	ended rx
	last rx source_not_recovered_packets | grep -x 0
'
check 'we call, and the relay listens; its passphrase is another: said once, never a byte' '
	relay tx -i "udp://127.0.0.1:$two" \
		-o "srt://127.0.0.1:$one?mode=listener&passphrase-file=wrong"
	ingest rx "srt://127.0.0.1:$one?passphrase-file=key"
	eventually counts rx connection_attempts 3
	test "$(grep -c "cannot connect" rx.log)" -eq 1
	ended rx
	test ! -s rx.ts
	ended tx
'
check 'complaint 13: who calls first still finds the listener that begins later' '
	ingest rx "srt://127.0.0.1:$one?streamid=studio"
	eventually counts rx connection_attempts 2
	relay tx -i "udp://127.0.0.1:$two" -o "srt://127.0.0.1:$one?mode=listener"
	eventually connected tx o1
	send in.ts -o "udp://127.0.0.1:$two"
	all rx
	ended rx
	ended tx
'
check 'complaint 22: a port that does not answer is said to be so, and not for ever' '
	# Datagrams go there and nothing comes back, as from behind a firewall.
	perl -MSocket -e "socket S, PF_INET, SOCK_DGRAM, 0;
		bind S, sockaddr_in($one, INADDR_LOOPBACK) or die; sleep 600" &
	echo $! >wall.pid
	ingest rx "srt://127.0.0.1:$one?conntimeo=500ms"
	says rx "cannot connect: "
	eventually counts rx connection_attempts 3
	last rx source_connected | grep -x 0
	test "$(grep -c "cannot connect" rx.log)" -eq 1
	says rx "no data from .srt://.*: waiting"
	gone wall
	relay tx -i "udp://127.0.0.1:$two" -o "srt://127.0.0.1:$one?mode=listener"
	eventually connected tx o1
	send in.ts -o "udp://127.0.0.1:$two"
	all rx
	eventually counts rx source_connected 1
	ended rx
	ended tx
'
check 'another sender comes in the place of one that was killed: a discontinuity' '
	ingest rx "srt://:$one?mode=listener"
	relay tx -i "udp://127.0.0.1:$two" -o "srt://127.0.0.1:$one"
	eventually connected tx o1
	send in.ts -o "udp://127.0.0.1:$two"
	all rx
	kill -9 "$(cat tx.pid)"
	relay tx2 -i "udp://127.0.0.1:$two" -o "srt://127.0.0.1:$one"
	eventually connected tx2 o1
	send in.ts -o "udp://127.0.0.1:$two"
	eventually reads rx.ts $((2 * size))
	eventually counts rx source_breaks 1
	says rx "has started anew"
	# Each PID says so in its first packet, or the packet before that.
	tail -c +$((size + 1)) rx.ts | perl -e "binmode STDIN; while (read STDIN, my \$p, 188) {
		my (\$a, \$n, \$f) = unpack q(x3 C3), \$p;
		print unpack(q(x n), \$p) & 8191, qq(\n) if \$a & 32 && \$n && \$f & 128; }" >flagged
	sort -u flagged | wc -l
	test "$(sort -u flagged | wc -l)" -ge 2
	ended rx
	ended tx2
'
check 'a network that loses: SRT and RIST bring all of it again' '
	net=$(free_port)
	ingest rx "srt://:$one?mode=listener&latency=1s"
	impair net -S 7 -t loss=5% "$net=127.0.0.1:$one"
	relay tx -i "udp://127.0.0.1:$two" -o "srt://127.0.0.1:$net?latency=1s"
	eventually connected tx o1
	send in.ts -o "udp://127.0.0.1:$two"
	all rx
	eventually counts rx source_arq_recovered 1
	ended tx
	ended rx
	ended net
'
# What is sent again comes later than the latency allows, so what is lost stays lost.
twice 'complaint 1: B pictures, by a network that loses for good: the connection stays' '
	net=$(free_port)
	ffmpeg -nostdin -v error -y -i in.ts -c:v libx264 -preset veryfast -bf 3 -g 25 -b:v 2M \
		-x264-params b-pyramid=normal:b-adapt=0 -c:a copy -f mpegts bf.ts
	ingest rx "srt://:$one?mode=listener&latency=60ms"
	impair net -S 11 -t loss=5%,delay=200ms -b delay=200ms "$net=127.0.0.1:$one"
	relay tx -i "udp://127.0.0.1:$two" -o "srt://127.0.0.1:$net"
	eventually connected tx o1
	send bf.ts -o "udp://127.0.0.1:$two"
	eventually counts rx media_ms 2000
	eventually counts rx source_not_recovered_packets 1
	last rx source_disconnections | grep -x 0
	ended tx
	ended rx
	ended net
	mlive-encode -q -s coded.stats -r 90p@100k <rx.ts >coded.ts
	ffmpeg -nostdin -v error -i coded.ts -map 0:v -f null - 2>broken
	test ! -s broken
	frames=$(tail -n 1 coded.stats | grep -o "\"frames\":[0-9]*" | head -n 1)
	echo "$frames"
	test "${frames#*:}" -ge 50
'
if command -v ristsender >/dev/null
then
	twice 'ristsender, main profile, with a secret, to us; lost packets come again' '
		port=$(free_port)
		net=$(free_port)
		feed=$(free_port)
		ingest rx "rist://@127.0.0.1:$port?buffer=1s&secret-file=key"
		impair net -S 3 -t loss=5% "$net=127.0.0.1:$port"
		stage rs ristsender -p 1 -i "udp://@127.0.0.1:$feed" \
			-o "rist://127.0.0.1:$net?buffer=1000&aes-type=128&secret=$(cat key)"
		eventually counts rx source_peers 1
		send in.ts -o "udp://127.0.0.1:$feed"
		all rx
		eventually counts rx source_arq_recovered 1
		gone rs
		ended rx
		last rx source_not_recovered_packets | grep -x 0
		ended net
	'
else
	skip 'ristsender' 'no ristsender'
fi
# All but the first datagram, which librist needs to know the sender; with it the stream's
# first clock packet may have gone, for which there is another then.
but_one () {
	only - 8190 <in.ts >want
	only - 8190 <rx.ts >got
	test "$(wc -c <got)" -ge $(($(wc -c <want) - 1316))
	tail -c "$(wc -c <got)" want | cmp -s - got
}
check 'RIST, simple profile, of the relay' '
	port=$(even_port)
	ingest rx "rist://@127.0.0.1:$port?profile=simple&buffer=500ms"
	relay tx -i "udp://127.0.0.1:$two" \
		-o "rist://127.0.0.1:$port?profile=simple&buffer=500ms"
	send in.ts -o "udp://127.0.0.1:$two"
	eventually but_one
	ended tx
	ended rx
'

# ---- FEC
# fec_rx NAME PORT: listens there, and at the two ports of its FEC
fec_rx () {
	ingest "$1" "rtp://127.0.0.1:$2?fec=auto"
	test "$(ss -Hlun | grep -c "127.0.0.1:\($2\|$(($2 + 2))\|$(($2 + 4))\) ")" -eq 3
}
check 'FEC recovers what the network loses; with none of it packets are missing' '
	a=$(free_ports 6)
	b=$(free_ports 6)
	fec_rx rx "$b"
	impair net -S 11 -t loss=2% "$a=127.0.0.1:$b"
	impair netf -S 12 -t loss=0% "$((a + 2))=127.0.0.1:$((b + 2))" \
		"$((a + 4))=127.0.0.1:$((b + 4))"
	send in.ts -o "rtp://127.0.0.1:$a?fec=5x5"
	all rx
	eventually counts rx source_fec_recovered 2
	ended rx
	last rx source_fec_columns | grep -x 5
	last rx source_not_recovered_packets | grep -x 0
	last rx source_continuity_counter | grep -x 0
	ingest plain "rtp://127.0.0.1:$b"
	send in.ts -o "rtp://127.0.0.1:$a"
	eventually counts plain source_not_recovered_packets 1
	ended plain
	ended net
	ended netf
'
check 'FEC of ffmpeg (prompeg), with packets lost on the way' '
	a=$(free_ports 6)
	b=$(free_ports 6)
	fec_rx rx "$b"
	impair net -S 5 -t loss=2% "$a=127.0.0.1:$b"
	impair netf -S 6 -t loss=0% "$((a + 2))=127.0.0.1:$((b + 2))" \
		"$((a + 4))=127.0.0.1:$((b + 4))"
	ffmpeg -nostdin -v error -re -i in.ts -map 0:v -map 0:a -c copy -f rtp_mpegts \
		-fec prompeg=l=5:d=5 "rtp://127.0.0.1:$a?pkt_size=1316"
	eventually counts rx source_fec_recovered 2
	sleep 1
	ended rx
	last rx source_continuity_counter | grep -x 0
	# The last matrix may not be whole, so the last pictures may be missing.
	for f in in rx
	do
		ffmpeg -nostdin -v error -i $f.ts -map 0:v -c copy -f framehash - |
			sed "/^#/d; s/.* //" | head -n 60 >$f.hash
	done
	test "$(wc -l <in.hash)" -eq 60
	cmp in.hash rx.hash
'

# grant NAME... - the file that lets these in, put in place at once; NAME.key to come with
grant () {
	rm -f next.json
	for name
	do
		mconnect-relay grant -f next.json "$name" | sed -n "s/^passphrase  //p" >"$name.new"
		test -s "$name.key" || mv "$name.new" "$name.key"
		perl -0777 -pi -e "s/$(cat "$name.new" 2>/dev/null || echo -)/$(cat "$name.key")/" next.json
	done
	mv next.json grants.json
}
check 'grants that change while it runs: who is not in them any more goes, who is new comes' '
	grant ann
	ingest rx "srt://:$one?mode=listener&latency=1s&grants-file=grants.json"
	relay ann -i "udp://127.0.0.1:$two" \
		-o "srt://127.0.0.1:$one?streamid=ann&passphrase-file=ann.key"
	eventually connected ann o1
	send in.ts -o "udp://127.0.0.1:$two"
	all rx
	# With a mistake it is not used, and she stays.
	cp grants.json good.json
	echo "{" >grants.json
	eventually grep "grants.json. is not used, and what it said before holds" rx.log
	connected ann o1
	grant ben
	eventually grep "grants.json. is read again" rx.log
	eventually counts rx source_disconnections 1
	eventually grep "cannot connect: the peer does not know this stream id" ann.log
	ended ann
	relay ben -i "udp://127.0.0.1:$two" \
		-o "srt://127.0.0.1:$one?streamid=ben&passphrase-file=ben.key"
	eventually connected ben o1
	send in.ts -o "udp://127.0.0.1:$two"
	eventually reads rx.ts $((2 * size))
	tail -c "$size" rx.ts >second
	# The break is announced in its first packets.
	tail -c +188001 in.ts >want
	tail -c +188001 second | cmp want -
	# The file away for a while is no change.
	mv grants.json away.json
	ended ben
	mv away.json grants.json
	ended rx
'

# ---- with others
check 'an input of --failover: SRT is killed, RIST is used from then on' '
	srt=$(free_port)
	port=$(free_port)
	udp=$(free_port)
	ingest fo --failover "srt://127.0.0.1:$srt" "rist://@127.0.0.1:$port?buffer=1s"
	relay a -i "udp://127.0.0.1:$two" -o "srt://127.0.0.1:$srt?mode=listener"
	relay b -i "udp://127.0.0.1:$udp" -o "rist://127.0.0.1:$port?buffer=1s"
	mlive-ingest -q -R "test:?size=192x108&fps=25&gop=1s&preset=ultrafast&rate=1M" |
		mconnect-relay -q -o "udp://127.0.0.1:$two" -o "udp://127.0.0.1:$udp" &
	echo $! >live.pid
	eventually counts fo active_input 1
	kill -9 "$(cat a.pid)"
	eventually counts fo active_input 2
	kill "$(cat live.pid)"
	ended b
	ended fo
	ffmpeg -nostdin -v error -i fo.ts -map 0:v -f null - 2>broken
	test ! -s broken
'
done_testing
