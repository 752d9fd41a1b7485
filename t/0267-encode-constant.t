#!/bin/sh
# mlive-encode --mux-rate: a constant rate, exact PCRs, buffers that hold; over the networks.
. "$(dirname "$0")/lib.sh"
# shellcheck source=/dev/null
. "${top:-.}/t/encode.sh"
. "$top/t/relay.sh"
. "$top/t/probe.sh"
need 'no perl with JSON' perl -MJSON::PP -e 1

# model RATE PID:LEAK:SIZE...: of out.ts; what it says is in "model"
model () {
	"$top/t/tstd.pl" "$@" <out.ts >model || { cat model; return 1; }
	cat model
}

# Easy and too hard by turns, so that buffers are full and empty.
ffmpeg -v error -f lavfi -i "mandelbrot=s=320x180:r=30000/1001" -f lavfi -i "sine=r=48000" -t 12 \
	-vf "noise=alls=40:allf=t:enable=lt(mod(t\,5)\,2)" -c:v libx264 -preset ultrafast -qp 20 -g 60 \
	-pix_fmt yuv420p -c:a aac -b:a 128k -f mpegts in.ts

check 'two rungs and sound: exact PCRs, and no buffer runs over or empty' '
	mlive-encode -q -r 180p@800k -r 90p@200k --mux-rate 1703k -s stats <in.ts >out.ts
	model 1703000 256:960000:200000 257:240000:50000 513:2000000:3584
	test "$(counter stats late_packets)" -eq 0
	test "$(counter stats late_units_dropped)" -eq 0
	test "$(sed -n "s/.*; \([0-9]*\) of .*/\1/p" model)" -eq "$(counter stats null_packets)"
	test "$(pictures out.ts 0)" -eq "$(pictures in.ts 0)"
	clean out.ts
'
check 'the oracle finds each fault' '
	fails 1 "$top/t/tstd.pl" 1703000 256:960000:20000 <out.ts >model
	grep "bad: 256: overflow" model
	fails 1 "$top/t/tstd.pl" 1703000 513:200000:3584 <out.ts >model
	grep "bad: 513: transport buffer" model
	perl -pe "BEGIN { \$/ = \\188; binmode STDIN; binmode STDOUT }
		\$_ .= \$_ if \$. == 3000" <out.ts >twice.ts
	fails 1 "$top/t/tstd.pl" 1703000 256:960000:200000 <twice.ts >model
	grep "bad: pcr accuracy" model
	grep "bad: counter" model
'
for keys in 180p@600k,rc=cbr '180p@600k --latency low' 180p@600k,rc=abr,vbv=700ms \
	180p@400k,codec=hevc
do
	export keys
	check "$keys" '
		mlive-encode -q -r $keys --mux-rate 1100k -s stats <in.ts >out.ts
		model 1100000 256:720000:150000 513:2000000:3584
		test "$(counter stats late_packets)" -eq 0
		test "$(pictures out.ts 0)" -eq "$(pictures in.ts 0)"
	'
done
check 'the probe agrees: a constant rate, nothing wrong with tables, counters and PCRs' '
	mlive-encode -q -r 180p@800k,vbv=500ms --mux-rate 1500k <in.ts >out.ts
	mconnect-probe -q -r constant out.ts >json
	rules json
	for rule in source_pcr_accuracy_error source_pcr_repetition_error source_continuity_counter \
		source_pat_error source_pmt_error source_pid_error \
		source_pcr_discontinuity_indicator_error source_pts_error
	do
		test "$(number json $rule)" -eq 0
	done
	test "$(number json pcr_accuracy_ns)" -le 500
	near "$(number json source_bit_rate)" 1500000 2000
'
check 'the packager takes it as any other' '
	mpkg-segment -q --vod --segment 2s -o vod <out.ts
	test "$(grep -c "EXTINF" vod/v1/index.m3u8)" -eq 6
'
check 'a rate that is too small is said, in numbers' '
	fails 2 mlive-encode -r 180p@800k --mux-rate 900k <in.ts 2>err >/dev/null
	grep "mux-rate .900k. is less than rungs and audio may need, .*: 1[0-9]*k" err
	fails 2 mlive-encode -r 180p@800k --mux-rate 5 <in.ts 2>err >/dev/null
	mlive-encode -r copy -a none --mux-rate 200k -s stats <in.ts 2>err >out.ts
	grep "warning: the streams need more than --mux-rate .200k." err
	test "$(counter stats late_units_dropped)" -gt 0
	"$top/t/tstd.pl" 200000 256:400000:900000 <out.ts >model && exit 1
	grep "^pcr off by up to [0-9]* ns, each 3[0-9]" model
	grep -c "bad: pcr" model && exit 1
	true
'
check 'time jumps: the next PCR says so, and is right again' '
	ffmpeg -v error -i in.ts -t 4 -c copy -f mpegts one.ts
	ffmpeg -v error -i in.ts -t 4 -c copy -output_ts_offset 60 -f mpegts two.ts
	cat one.ts two.ts | mlive-encode -q -r 180p@800k --mux-rate 1500k >out.ts
	mconnect-probe -q -r constant out.ts >json
	test "$(number json source_pcr_accuracy_error)" -eq 0
	test "$(number json source_pcr_discontinuity_indicator_error)" -eq 0
	test "$(number json source_continuity_counter)" -eq 0
'

# Over a network: live, and what arrives is what the encoder has made.
check 'live, through a relay to UDP, RTP, SRT and RIST' '
	udp=$(free_port) rtp=$(even_port) srt=$(free_port) rist=$(even_port)
	for to in "udp://127.0.0.1:$udp" "rtp://127.0.0.1:$rtp" "srt://:$srt" "rist://@127.0.0.1:$rist"
	do
		kind=${to%%:*}
		relay "in-$kind" -i "$to" -o "$kind.ts"
	done
	stage send sh -c "mlive-ingest -q --realtime -t 10s in.ts | tee source.ts |
		mlive-encode -q -r 180p@600k,vbv=500ms --mux-rate 1200k | tee in.cbr |
		mconnect-relay -q -o udp://127.0.0.1:$udp -o rtp://127.0.0.1:$rtp \
			-o srt://127.0.0.1:$srt -o rist://127.0.0.1:$rist"
	for kind in udp rtp srt rist
	do
		eventually reads $kind.ts 700000
	done
	eventually reads in.cbr 1100000
	for kind in udp rtp srt rist
	do
		ended "in-$kind"
	done
	cp in.cbr out.ts
	model 1200000 256:720000:37500 513:2000000:3584
	for kind in udp rtp srt rist
	do
		cp $kind.ts out.ts
		mconnect-probe -q -r constant out.ts >json
		test "$(number json source_pcr_accuracy_error)" -eq 0
		test "$(number json pcr_accuracy_ns)" -le 500
		test "$(number json source_total_packets)" -ge 3500
	done
'
done_testing
