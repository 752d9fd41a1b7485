#!/bin/sh
# mconnect-probe: how fast it measures, without and with decoding, beside ffprobe; memory.
#
# Without decoding: a gigabyte of a stream of several PIDs from the page cache, CPU-seconds
# for it, and gigabits for each of those; ffprobe, which reads the same packets to count
# them, is the peer.
set -eu
top=$(cd "$(dirname "$0")/../.." && pwd)
BUILD=${BUILD:-$top/build}
PATH=$BUILD:$PATH
dir=$(mktemp -d "${TMPDIR:-/tmp}/bench.XXXXXX")
trap 'rm -rf "$dir"' EXIT
cd "$dir"

mlive-ingest -q -t 20s "test:?size=640x360&rate=20M&gop=1s&tracks=2" >clip.ts
: >long.ts
while test "$(wc -c <long.ts)" -lt 1000000000
do
	cat clip.ts >>long.ts
done

# measure NAME FILE command...: CPU-seconds, Gb per CPU-second, MiB
measure () {
	name=$1 file=$2
	shift 2
	perl -MTime::HiRes=time -e '
		my ($name, $file, @command) = @ARGV;
		my $start = time;
		my $pid = fork // die;
		if ($pid == 0) { open STDOUT, ">", "/dev/null"; open STDERR, ">", "/dev/null"; exec @command; die }
		waitpid $pid, 0;
		die "$name failed\n" if $? != 0;
		my (undef, undef, $u, $s) = times;
		printf "%-24s %6.2f CPU-s, %6.2f Gb for each\n", $name, $u + $s,
			8e-9 * (-s $file) / ($u + $s);' "$name" "$file" "$@"
}
peak () {
	name=$1
	shift
	perl -e '
		my ($name, @command) = @ARGV;
		my $pid = fork // die;
		if ($pid == 0) { open STDOUT, ">", "/dev/null"; exec @command; die }
		my $most = 0;
		while (waitpid($pid, 1) == 0) {
			if (open my $f, "<", "/proc/$pid/status") {
				while (<$f>) { $most = $1 if /^VmHWM:\s+(\d+)/ && $1 > $most }
			}
			select undef, undef, undef, 0.02;
		}
		printf "%-24s %6.1f MiB\n", $name, $most / 1024;' "$name" "$@"
}
for _ in 1 2 3
do
	measure 'mconnect-probe' long.ts mconnect-probe -f json long.ts
	measure 'ffprobe -count_packets' long.ts ffprobe -v quiet -count_packets \
		-show_entries stream=nb_read_packets long.ts
done
measure 'mconnect-probe --decode' clip.ts mconnect-probe -D -f json clip.ts
measure 'ffmpeg, four filters' clip.ts ffmpeg -v quiet -threads 1 -i clip.ts \
	-vf blackdetect,freezedetect -af silencedetect,ebur128 -f null -
peak 'a clip of 50 MB' mconnect-probe -f json clip.ts
peak 'a gigabyte of it' mconnect-probe -f json long.ts
