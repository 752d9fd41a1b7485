#!/bin/sh
# mlive-ingest on a transport stream: CPU and memory beside ffmpeg -c copy, and the
# time that a packet takes through it.
set -e

BUILD=${BUILD:-$(cd "$(dirname "$0")/../.." && pwd)/build}
PATH=$BUILD:$PATH
dir=$(mktemp -d "${TMPDIR:-/tmp}/bench.XXXXXX")
trap 'rm -rf "$dir"' EXIT

mlive-ingest -q -t 20s "test:?size=640x360&rate=10M&gop=1s" >"$dir/clip.ts"
for _ in 1 2 3 4 5 6 7 8 9 10
do
	cat "$dir/clip.ts"
done >"$dir/long.ts"

# run NAME command...: MB per CPU-second, and the most memory it held
run () {
	BYTES=$(wc -c <"$dir/long.ts") perl -e '
		my $name = shift;
		my $pid = fork // die;
		if ($pid == 0) { open STDOUT, ">", "/dev/null"; exec @ARGV; die }
		my $kb = 0;
		while (waitpid($pid, 1) == 0) {
			if (open my $f, "<", "/proc/$pid/status") {
				/^VmHWM:\s+(\d+)/ and $kb = $1 while <$f>;
			}
			select undef, undef, undef, 0.002;
		}
		my (undef, undef, $u, $s) = times;
		printf "%-22s %7.0f MB per CPU-second %6d KiB\n", $name,
			$ENV{BYTES} / 1e6 / (($u + $s) || 0.01), $kb;
	' "$@"
}
for round in 1 2 3
do
	echo "# round $round"
	run "mlive-ingest" mlive-ingest -q "$dir/long.ts"
	run "ffmpeg -c copy" ffmpeg -nostdin -v quiet -i "$dir/long.ts" -map 0 -c copy -f mpegts -
done

echo "# 7 packets into a pipe until they are out of it"
perl -MIPC::Open2 -MTime::HiRes=time -e '
	my $pid = open2(my $out, my $in, "mlive-ingest", "-q");
	binmode $_ for $in, $out;
	my ($cc, @us, $junk) = (0);
	for my $n (1 .. 3000) {
		my $data = "";
		$data .= pack("CnC", 0x47, 0x100, 0x10 | $cc++ % 16) . "x" x 184 for 1 .. 7;
		my $t = time;
		syswrite $in, $data;
		my $want = 7 * 188 + ($n == 1 ? 188 : 0);
		for (my $got = 0; $got < $want; ) { $got += sysread($out, $junk, $want - $got) }
		push @us, (time - $t) * 1e6;
		select undef, undef, undef, 0.0005;
	}
	close $in;
	waitpid $pid, 0;
	@us = sort { $a <=> $b } @us;
	printf "median %.0f us, 99%% %.0f us, most %.0f us\n", @us[1500, 2970, 2999];
'
