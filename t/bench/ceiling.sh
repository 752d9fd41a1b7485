#!/bin/sh
# mconnect-relay: how much goes through, UDP to UDP, and what it costs, beside
# srt-live-transmit and multicat; and fifty outputs of 20 Mb/s.
#
# In a network namespace of its own: over the loopback, and out through a pair of veth
# into another one.  The sender sends 40 datagrams a call (UDP_SEGMENT) or one, and the
# receiver takes them so or one by one.  Gb per second of the relay's processor is what
# one core would do.
set -e

test -n "$CEILING" || {
	exec unshare -n env CEILING=1 sh "$0" "$@" || exit
}
BUILD=${BUILD:-$(cd "$(dirname "$0")/../.." && pwd)/build}
PATH=$BUILD:$PATH
blast=$BUILD/t/helper/blast
seconds=${SECONDS_EACH:-5}
dir=$(mktemp -d "${TMPDIR:-/tmp}/bench.XXXXXX")
trap 'kill -9 $(cat "$dir"/*.pid 2>/dev/null) 2>/dev/null || :; rm -rf "$dir"' EXIT
ip link set lo up
unshare -n sleep 3600 &
other=$!
echo "$other" >"$dir/other.pid"
sleep 0.2
ip link add v0 type veth peer name v1 netns "$other"
ip addr add 10.9.0.1/24 dev v0
ip link set v0 up
nsenter -t "$other" -n sh -c 'ip addr add 10.9.0.2/24 dev v1; ip link set v1 up; ip link set lo up'

# cpu PID: seconds of the processor until now
cpu () {
	perl -e 'open my $f, "<", "/proc/$ARGV[0]/stat" or die; my @s = split " ", <$f>;
		printf "%.2f", ($s[13] + $s[14]) / 100' "$1"
}

# run NAME TO SEGMENTS RATE SINK COMMAND...: from port 27701 to 27702
run () {
	name=$1 to=$2 segments=$3 rate=$4 sink=$5
	shift 5
	case $to in
	127.*) set -- "" "$@" ;;
	*) set -- "nsenter -t $other -n" "$@" ;;
	esac
	# The words of it.
	# shellcheck disable=SC2086
	$1 "$blast" -l $sink 27702 >"$dir/took" &
	took=$!
	shift
	"$@" >"$dir/log" 2>&1 &
	pid=$!
	echo "$pid" >"$dir/$name.pid"
	sleep 1
	before=$(cpu "$pid")
	sent=$("$blast" -g "$segments" -r "$rate" -t "$seconds" 127.0.0.1 27701)
	wait "$took"
	# shellcheck disable=SC2046	# words of a list
	perl -e 'my ($name, $before, $after, $sent, $n, $mbit, $s) = @ARGV;
		my $cpu = $after - $before;
		printf "%-26s %6.2f Gb/s out, %5.1f%% of what was sent, %5.2f CPU-s, %7.3f per Gb, %6.2f Gb/s a core\n",
			$name, $mbit / 1000 / ($s || 1), 100 * $n / ($sent || 1), $cpu,
			$cpu * 1000 / ($mbit || 1), $mbit / 1000 / ($cpu || 0.01)' \
		"$name" "$before" "$(cpu "$pid")" "$sent" $(cat "$dir/took")
	kill -9 "$pid"
	wait "$pid" 2>/dev/null || :
	rm "$dir/$name.pid"
}

# all TO SEGMENTS RATE SINK: ours and the peers
all () {
	run relay-at-once "$@" mconnect-relay --smooth 0s -i udp://127.0.0.1:27701 \
		-o "udp://$1:27702"
	command -v multicat >/dev/null && run multicat "$@" multicat -u -U @127.0.0.1:27701 \
		"$1:27702"
	command -v srt-live-transmit >/dev/null && run srt-live-transmit "$@" \
		srt-live-transmit -q udp://127.0.0.1:27701 "udp://$1:27702"
}

echo "# as fast as it can, 40 a call, to loopback; the receiver takes as many"
all 127.0.0.1 40 0 ''
echo "# the same, the receiver takes one by one"
all 127.0.0.1 40 0 -n
echo "# 1 Gb/s, one a call, one by one"
all 127.0.0.1 1 1000 -n
echo "# as fast as it can, through veth"
all 10.9.0.2 40 0 ''
echo "# the same, the receiver takes one by one"
all 10.9.0.2 40 0 -n

echo "# fifty outputs of 20 Mb/s, which nobody reads"
mlive-ingest -q -t "$((2 * seconds))s" 'test:?size=320x180&rate=20M&gop=1s&preset=ultrafast' >"$dir/clip.ts"
perl -e 'binmode STDIN; binmode STDOUT; local $/ = \188; my @p = <STDIN>;
	my $ratio = $ARGV[0] * 20e6 / 8 / 188 / @p; my $due = 0;
	my $null = pack("CnC", 0x47, 0x1fff, 0x10) . "\xff" x 184;
	for my $p (@p) { print $p; $due += $ratio - 1; while ($due >= 1) { print $null; $due-- } }
	' "$((2 * seconds))" <"$dir/clip.ts" >"$dir/in.ts"
perl -e 'use IO::Socket::INET; my $s = IO::Socket::INET->new(Proto => "udp",
	LocalAddr => "127.0.0.1:27702") or die; setsockopt $s, SOL_SOCKET, SO_RCVBUF, 1000; sleep 3600' &
echo $! >"$dir/sink.pid"
for smooth in 20ms 0s
do
	set --
	for _ in $(seq 50)
	do
		set -- "$@" -o udp://127.0.0.1:27702
	done
	mconnect-relay -q --smooth "$smooth" -i udp://127.0.0.1:27701 "$@" &
	pid=$!
	echo "$pid" >"$dir/fifty.pid"
	sleep 1
	before=$(cpu "$pid")
	start=$(date +%s%N)
	mconnect-relay -q -i "$dir/in.ts" -o udp://127.0.0.1:27701
	perl -e 'printf "fifty outputs, --smooth %s: %.3f of a core\n", $ARGV[0],
		($ARGV[2] - $ARGV[1]) / $ARGV[3] * 1e9' "$smooth" "$before" "$(cpu "$pid")" \
		"$(($(date +%s%N) - start))"
	kill -9 "$pid"
	wait "$pid" 2>/dev/null || :
done
