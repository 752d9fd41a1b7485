#!/bin/sh
# SMPTE 2022-1 over sockets: what ffmpeg and GStreamer send is recovered, bit by bit, and
# what ours sends by GStreamer; two legs through a bad network.  The helper fec drops
# packets itself, so that it knows what recovered ones must be.
. "$(dirname "$0")/lib.sh"
. "$top/t/gstfec.sh"

need 'no perl' perl -e 1
fec=$BUILD/t/helper/fec
running=
trap 'kill -9 $running 2>/dev/null; rm -rf "$scratch"' EXIT

port=$(free_ports 16)
export fec port

perl -e 'binmode STDOUT; srand 3; print pack("CnC", 0x47, 0x100, 0x10 | $_ % 16),
	pack("N", $_), map { chr int rand 256 } 1 .. 180 for 0 .. 27999' >in.ts

# receive OPTION... PORT...: to out.ts, counts in counts
receive () {
	rm -f counts
	"$fec" recv "$@" >out.ts 2>counts &
	receiver=$!
	running="$running $receiver"
	eventually grep -sq listening counts
}

# received: waits for its end and shows the counts
received () {
	wait "$receiver"
	tail -n 1 counts
}

# count NAME: of the receiver
count () {
	tail -n 1 counts | tr ' ' '\n' | sed -n "s/^$1=//p"
}

for more in '5x5' '10x10 -a' '20x5 -c' '5x20'
do
	export more
	check "from us to us, $more, nothing lost" '
		receive -o sent.ts "$port"
		"$fec" send -m $more "$port" <in.ts
		received
		cmp in.ts sent.ts
		cmp in.ts out.ts
		test "$(count l)x$(count d)" = "${more%% *}"
		test "$(($(count by_row) + $(count by_column) + $(count false)))" -eq 0
	'
done
check '3 % of the media and of the FEC lost: recovered, bit by bit' '
	receive -L 30 -F 30 -o sent.ts "$port"
	"$fec" send "$port" <in.ts
	received
	cmp in.ts sent.ts
	cmp in.ts out.ts
	test "$(($(count by_row) + $(count by_column)))" -eq "$(count dropped)"
	test "$(count dropped)" -gt 50
	test "$(($(count wrong) + $(count false) + $(count bad)))" -eq 0
'
check 'a matrix that changes all the time' '
	receive -L 20 -o sent.ts "$port"
	"$fec" send -m 10x5 -n 250 "$port" <in.ts
	received
	cmp in.ts sent.ts
	cmp in.ts out.ts
	test "$(count changes)" -gt 10
	test "$(($(count wrong) + $(count false) + $(count bad)))" -eq 0
'
check '20 % lost: as many remain as the code cannot give, and no packet is wrong' '
	receive -L 200 "$port"
	"$fec" send "$port" <in.ts
	received
	test "$(count missing)" -gt 20
	test "$(count missing)" -lt 300
	test "$(($(count wrong) + $(count false) + $(count bad)))" -eq 0
'

# Two legs, each through a network of its own.
other=$((port + 6))
for leg in 0 1
do
	links=
	for above in 0 2 4
	do
		links="$links $((port + 6 * leg + above + 200))=127.0.0.1:$((port + 6 * leg + above))"
	done
	: >"impair.$leg"
	# shellcheck disable=SC2086
	mconnect-impair -S "$leg" -t "loss=10%,delay=$((5 + 10 * leg))ms,jitter=3ms,overtake" \
		$links 2>"impair.$leg" &
	running="$running $!"
	eventually sh -c "test \$(grep -c 'listening on' impair.$leg) -eq 3"
done
export other
check 'two legs that lose 10 %, late and out of order: nothing is missing' '
	receive -r 60 "$port" "$other"
	"$fec" send "$((port + 200))" "$((other + 200))" <in.ts
	received
	cmp in.ts out.ts
	test "$(count lost)" -gt 500
	test "$(count by_row)" -gt 5
	test "$(($(count false) + $(count bad)))" -eq 0
'

# ---- peers

if command -v ffmpeg >/dev/null
then
	ffmpeg -v error -f lavfi -i testsrc2=s=320x180:r=25:d=4 -c:v mpeg2video -b:v 6M \
		-maxrate 6M -minrate 6M -bufsize 2M -muxrate 7M -f mpegts clip.ts
	for matrix in 5:5 20:5
	do
		export matrix
		check "from ffmpeg, $matrix, 2 % lost" '
			receive -L 20 -o sent.ts "$port"
			ffmpeg -v error -readrate 4 -i clip.ts -c copy -f rtp_mpegts \
				-fec "prompeg=l=${matrix%:*}:d=${matrix#*:}" \
				"rtp://127.0.0.1:$port?pkt_size=1328"
			received
			test "$(count dropped)" -gt 20
			test "$(count missing)" -eq 0
			test "$(count tail)" -gt 0 || cmp sent.ts out.ts
			test "$(count l):$(count d)" = "$matrix"
			test "$(count reports)" -gt 0
			test "$(($(count wrong) + $(count false) + $(count bad)))" -eq 0
		'
	done
else
	skip 'from ffmpeg' 'no ffmpeg'
fi

if gst-inspect-1.0 rtpst2022-1-fecdec >/dev/null 2>&1
then
	for more in '' '-a -m 10x10'
	do
		export more
		gst_fec_in "$port"
		running="$running $gst"
		check "to GStreamer, 2 % lost${more:+, $more}" '
			"$fec" send -S 2 -L 20 $more "$port" <in.ts
			eventually cmp -s in.ts gst.ts
		'
		kill -INT "$gst"
		wait "$gst" 2>/dev/null
	done
	for matrix in 5x5 10x5
	do
		export matrix
		check "from GStreamer, $matrix, 2 % lost" '
			receive -L 20 -o sent.ts "$port"
			gst_fec_out "$matrix" "$port" 200
			received
			cmp in.ts sent.ts
			test "$(count missing)" -eq 0
			test "$(count tail)" -gt 0 || cmp in.ts out.ts
			test "$(count l)x$(count d)" = "$matrix"
			test "$(count dropped)" -gt 30
			test "$(($(count wrong) + $(count false) + $(count bad)))" -eq 0
		'
	done
else
	skip 'GStreamer' 'no GStreamer with rtpst2022-1-fecdec'
fi
done_testing
