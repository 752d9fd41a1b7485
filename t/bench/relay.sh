#!/bin/sh
# mconnect-relay: CPU of one UDP stream in and out beside srt-live-transmit and
# multicat, of fifty outputs, of SRT and RIST in and out beside srt-live-transmit,
# ristreceiver and ristsender, and of FEC made and used; and what one dead output of fifty
# costs the others.
set -e

BUILD=${BUILD:-$(cd "$(dirname "$0")/../.." && pwd)/build}
PATH=$BUILD:$PATH
dir=$(mktemp -d "${TMPDIR:-/tmp}/bench.XXXXXX")
trap 'kill -9 $(cat "$dir"/*.pid 2>/dev/null) 2>/dev/null; rm -rf "$dir"' EXIT
seconds=${SECONDS_EACH:-10}

mlive-ingest -q -t "$seconds"s 'test:?size=320x180&rate=20M&gop=1s&preset=ultrafast' >"$dir/clip.ts"
# Null packets make 20 Mb/s of it.
perl -e 'binmode STDIN; binmode STDOUT; local $/ = \188; my @p = <STDIN>;
	my $want = $ARGV[0] * 20e6 / 8 / 188; my $ratio = $want / @p; my $due = 0;
	my $null = pack("CnC", 0x47, 0x1fff, 0x10) . "\xff" x 184;
	for my $p (@p) { print $p; $due += $ratio - 1; while ($due >= 1) { print $null; $due-- } }
	' "$seconds" <"$dir/clip.ts" >"$dir/in.ts"
rate=$(($(wc -c <"$dir/in.ts") * 8 / seconds / 1000))

# cpu NAME: CPU-seconds of the process until now
cpu () {
	perl -e 'open my $f, "<", "/proc/$ARGV[0]/stat" or die; my @s = split " ", <$f>;
		printf "%.2f", ($s[13] + $s[14]) / 100' "$(cat "$dir/$1.pid")"
}

# run NAME COMMAND...: CPU-seconds for the clip to udp://127.0.0.1:27501, or to $to
run () {
	name=$1
	shift
	"$@" >"$dir/$name.log" 2>&1 &
	echo $! >"$dir/$name.pid"
	sleep 1
	mconnect-relay -q -i "$dir/in.ts" -o "${to:-udp://127.0.0.1:27501}"
	printf '%-34s %s CPU-seconds for %d s of %d kb/s, %s KiB\n' "$name" "$(cpu "$name")" \
		"$seconds" "$rate" "$(sed -n 's/^VmHWM:[^0-9]*\([0-9]*\).*/\1/p' "/proc/$(cat "$dir/$name.pid")/status")"
	kill -9 "$(cat "$dir/$name.pid")"
	rm "$dir/$name.pid"
}

# run_arq NAME in|out URL COMMAND...: the same, with SRT or RIST on the one side: the
# other end of that, by its address, is ours
run_arq () {
	name=$1 way=$2 end=$3
	shift 3
	"$@" >"$dir/$name.log" 2>&1 &
	echo $! >"$dir/$name.pid"
	sleep 1
	case $way in
	in) mconnect-relay -q -i udp://127.0.0.1:27508 -o "$end" & ;;
	out) mconnect-relay -q -i "$end" -o /dev/null & ;;
	esac
	echo $! >"$dir/peer.pid"
	sleep 1
	if ! before=$(cpu "$name" 2>/dev/null)
	then
		echo "$name has ended: $(tail -n 1 "$dir/$name.log")"
		kill -9 "$(cat "$dir/peer.pid")"
		return
	fi
	case $way in
	in) mconnect-relay -q -i "$dir/in.ts" -o udp://127.0.0.1:27508 ;;
	out) mconnect-relay -q -i "$dir/in.ts" -o udp://127.0.0.1:27501 ;;
	esac
	printf '%-34s %s CPU-seconds for %d s of %d kb/s\n' "$name" \
		"$(awk "BEGIN { printf \"%.2f\", $(cpu "$name") - $before }")" "$seconds" "$rate"
	kill -9 "$(cat "$dir/$name.pid")" "$(cat "$dir/peer.pid")"
	rm "$dir/$name.pid" "$dir/peer.pid"
}

# A reader of the outputs, so that nothing is refused.
perl -e 'use IO::Socket::INET; my $s = IO::Socket::INET->new(Proto => "udp",
	LocalAddr => "127.0.0.1:27502") or die; setsockopt $s, SOL_SOCKET, SO_RCVBUF, 1000; sleep 3600' &
echo $! >"$dir/sink.pid"
for round in 1 2 3
do
	echo "# round $round"
	run mconnect-relay mconnect-relay -i udp://127.0.0.1:27501 -o udp://127.0.0.1:27502
	run mconnect-relay-slack-8ms mconnect-relay --slack 8ms -i udp://127.0.0.1:27501 \
		-o udp://127.0.0.1:27502
	run mconnect-relay-health mconnect-relay --health -i udp://127.0.0.1:27501 \
		-o udp://127.0.0.1:27502
	run mconnect-relay-at-once mconnect-relay --smooth 0s -i udp://127.0.0.1:27501 \
		-o udp://127.0.0.1:27502
	command -v srt-live-transmit >/dev/null && run srt-live-transmit srt-live-transmit -q \
		udp://127.0.0.1:27501 udp://127.0.0.1:27502
	command -v multicat >/dev/null && run multicat multicat -u -U @127.0.0.1:27501 \
		127.0.0.1:27502
	set --
	for _ in $(seq 50)
	do
		set -- "$@" -o udp://127.0.0.1:27502
	done
	run mconnect-relay-50-outputs mconnect-relay -i udp://127.0.0.1:27501 "$@"
	run mconnect-relay-50-slack-8ms mconnect-relay --slack 8ms -i udp://127.0.0.1:27501 "$@"
	srt=srt://127.0.0.1:27503
	run_arq mconnect-relay-srt-in in $srt mconnect-relay -i "$srt?mode=listener" \
		-o udp://127.0.0.1:27502
	command -v srt-live-transmit >/dev/null && run_arq srt-live-transmit-srt-in in $srt \
		srt-live-transmit -q "$srt?mode=listener" udp://127.0.0.1:27502
	run_arq mconnect-relay-srt-in-slack in $srt mconnect-relay --slack 8ms \
		-i "$srt?mode=listener" -o udp://127.0.0.1:27502
	run_arq mconnect-relay-srt-out out $srt mconnect-relay -i udp://127.0.0.1:27501 \
		-o "$srt?mode=listener"
	command -v srt-live-transmit >/dev/null && run_arq srt-live-transmit-srt-out out $srt \
		srt-live-transmit -q udp://127.0.0.1:27501 "$srt?mode=listener"
	calls=rist://127.0.0.1:27504 called=rist://@127.0.0.1:27504
	run_arq mconnect-relay-rist-in in $calls mconnect-relay -i "$called" \
		-o udp://127.0.0.1:27502
	command -v ristreceiver >/dev/null && run_arq ristreceiver in $calls ristreceiver -p 1 \
		-i "$called" -o udp://127.0.0.1:27502
	run_arq mconnect-relay-rist-out out $called mconnect-relay -i udp://127.0.0.1:27501 \
		-o "$calls"
	command -v ristsender >/dev/null && run_arq ristsender out $called ristsender -p 1 \
		-i udp://@127.0.0.1:27501 -o "$calls"
	for matrix in 10x5 5x5
	do
		run "fec=$matrix-made" mconnect-relay -i udp://127.0.0.1:27501 \
			-o "rtp://127.0.0.1:27502?fec=$matrix"
		to="rtp://127.0.0.1:27501?fec=$matrix"
		run "fec=$matrix-nothing-lost" mconnect-relay -i "rtp://127.0.0.1:27501?fec=auto" \
			-o udp://127.0.0.1:27502
		mconnect-impair -q -t loss=5% 27511=127.0.0.1:27501 27513=127.0.0.1:27503 \
			27515=127.0.0.1:27505 &
		echo $! >"$dir/impair.pid"
		sleep 0.5
		to="rtp://127.0.0.1:27511?fec=$matrix"
		run "fec=$matrix-5%-lost" mconnect-relay -i "rtp://127.0.0.1:27501?fec=auto" \
			-o udp://127.0.0.1:27502
		kill "$(cat "$dir/impair.pid")"
		rm "$dir/impair.pid"
		to=
	done
done

# The intervals of arrival at the last of fifty, with and without a FIFO that nobody reads.
mkfifo "$dir/dead"
for round in 1 2 3
do
	for dead in /dev/null "$dir/dead"
	do
		set -- -o "$dead"
		for _ in $(seq 48)
		do
			set -- "$@" -o udp://127.0.0.1:27502
		done
		mconnect-relay -q -i udp://127.0.0.1:27501 "$@" -o udp://127.0.0.1:27503 \
			-s "$dir/dead.stats" &
		echo $! >"$dir/dead.pid"
		mconnect-probe -q -t "$((seconds - 2))s" udp://127.0.0.1:27503 >"$dir/iat" &
		probe=$!
		echo "$probe" >"$dir/probe.pid"
		sleep 1
		# Opened for reading by who never reads.
		(exec 7<"$dir/dead"; sleep "$((seconds + 3))") &
		echo $! >"$dir/reader.pid"
		mconnect-relay -q -i "$dir/in.ts" -o udp://127.0.0.1:27501
		wait "$probe" || :
		kill "$(cat "$dir/dead.pid")" "$(cat "$dir/reader.pid")"
		printf 'a dead output of 50: %s: ' "$(test "$dead" = /dev/null && echo none || echo one)"
		perl -MJSON::PP -ne 'my $o = eval { decode_json($_) } or next; $last = $o if exists $o->{iat_p50_us};
			END { print join(" ", map { "$_=$last->{$_}" } qw(iat_p50_us iat_p99_us iat_max_us)), "\n" }' "$dir/iat"
		rm -f "$dir"/*.pid
	done
done
