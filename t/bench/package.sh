#!/bin/sh
# Packaging: CPU time and memory of mpkg-segment beside ffmpeg -c copy.
#
# 340 MB of 1080p30 at 8 Mb/s with AAC, in 6 s segments, from and to memory when
# there is a tmpfs.  The two take turns; the best of three counts.
set -eu
top=$(cd "$(dirname "$0")/../.." && pwd)
PATH=${BUILD:-$top/build}:$PATH
where=/dev/shm
test -w "$where" || where=${TMPDIR:-/tmp}
dir=$(mktemp -d "$where/bench.XXXXXX")
trap 'rm -rf "$dir"' EXIT
cd "$dir"

ffmpeg -v error -f lavfi -i testsrc2=size=1920x1080:rate=30:duration=20 \
	-f lavfi -i sine=frequency=440:sample_rate=48000:duration=20 \
	-vf noise=alls=12:allf=t -c:v libx264 -preset ultrafast -b:v 8M -maxrate 8M \
	-bufsize 8M -g 60 -c:a aac -b:a 128k -f mpegts part.ts </dev/null
ffmpeg -v error -stream_loop 15 -i part.ts -c copy -f mpegts in.ts </dev/null
megabytes=$(($(wc -c <in.ts) / 1000000))

# measure NAME command...: a line "NAME cpu-seconds kilobytes"
measure () {
	name=$1
	shift
	rm -rf out
	mkdir out
	perl -e '
		use Time::HiRes;
		my $name = shift;
		my $pid = fork;
		if ($pid == 0) { open STDIN, "<", "in.ts"; exec @ARGV; exit 127 }
		my $peak = 0;
		while (waitpid($pid, 1) == 0) {
			if (open my $f, "<", "/proc/$pid/status") {
				while (<$f>) { $peak = $1 if /^VmHWM:\s+(\d+)/ && $1 > $peak }
			}
			Time::HiRes::sleep(0.01);
		}
		die "$name failed\n" if $? != 0;
		my (undef, undef, $u, $s) = times;
		printf "%s %.2f %d\n", $name, $u + $s, $peak' "$name" "$@"
}

for _ in 1 2 3
do
	measure mpkg-segment mpkg-segment -q --vod --segment 6s -o out
	measure mpkg-low mpkg-segment -q --low-latency --segment 6s -o out
	measure ffmpeg-hls ffmpeg -v error -i - -c copy -bsf:a aac_adtstoasc -f hls \
		-hls_time 6 -hls_segment_type fmp4 -hls_list_size 0 out/i.m3u8
	measure ffmpeg-dash ffmpeg -v error -i - -c copy -tag:v avc1 -tag:a mp4a \
		-bsf:a aac_adtstoasc -seg_duration 6 -f dash out/i.mpd
done >figures
awk -v mb="$megabytes" '
	!($1 in best) || $2 < best[$1] { best[$1] = $2 }
	$3 > memory[$1] { memory[$1] = $3 }
	END {
		for (n in best)
			printf "%-13s %4d MB in %.2f CPU-s: %4d MB/CPU-s, %5.1f MB of memory\n",
			    n, mb, best[n], mb / best[n], memory[n] / 1024
		printf "mpkg-segment (CMAF, HLS and DASH) is %.1f times as fast as ffmpeg HLS, " \
		    "%.1f times as ffmpeg DASH\n", best["ffmpeg-hls"] / best["mpkg-segment"],
		    best["ffmpeg-dash"] / best["mpkg-segment"]
	}' figures
