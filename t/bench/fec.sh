#!/bin/sh
# SMPTE 2022-1: million packets of 7 transport packets per CPU-second, made and used, for
# some matrices; and beside it what GStreamer's encoder costs: the CPU time of a pipeline
# with it, less that of one without.
set -e

BUILD=${BUILD:-$(cd "$(dirname "$0")/../.." && pwd)/build}
dir=$(mktemp -d "${TMPDIR:-/tmp}/bench.XXXXXX")
trap 'rm -rf "$dir"' EXIT

for round in 1 2 3
do
	echo "# round $round"
	"$BUILD/t/helper/fecspeed" 10 10 0 10 50 100
	"$BUILD/t/helper/fecspeed" 5 5 0 10 50 100
done
gst-inspect-1.0 rtpst2022-1-fecenc >/dev/null 2>&1 || exit 0

perl -e 'binmode STDOUT; print "G", "\0" x 187 for 1 .. 7 * 200000' >"$dir/in.ts"
cat >"$dir/cpu.pl" <<'PERL'
	my @least;
	for (1 .. 3) {
		for my $fec (0, 1) {
			my @before = times;
			system "gst-launch-1.0 -q filesrc location=$ARGV[0] blocksize=1316 ! " .
				"video/mpegts,systemstream=true,packetsize=188 ! " .
				"rtpmp2tpay ssrc=0 pt=33 mtu=1328 ! " . ($fec ?
				"rtpst2022-1-fecenc name=e columns=10 rows=10 ! fakesink async=false " .
				"e.fec_0 ! fakesink async=false e.fec_1 ! fakesink async=false" :
				"fakesink") . " >/dev/null 2>&1" and die "gst-launch-1.0 failed\n";
			my @after = times;
			my $cpu = $after[2] + $after[3] - $before[2] - $before[3];
			$least[$fec] = $cpu if !defined $least[$fec] || $cpu < $least[$fec];
		}
	}
	printf "GStreamer encode 10 x 10  %6.2f M packets/s  (%.2f s with, %.2f s without)\n",
		0.2 / (($least[1] - $least[0]) || 0.01), @least[1, 0];
PERL
perl "$dir/cpu.pl" "$dir/in.ts"
