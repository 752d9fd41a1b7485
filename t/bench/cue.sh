#!/bin/sh
# mlive-cue: what insert, map and strip cost above a plain copy, from pipe to pipe.
#
# First as fast as it goes, in pieces of a pipe; then a stream of 100 Mb/s as it comes
# from a network, in pieces of 7 packets.  CPU-seconds are those of the tool alone, for
# each second of 100 Mb/s, as a part of one core; cat is the copy.
set -eu
top=$(cd "$(dirname "$0")/../.." && pwd)
BUILD=${BUILD:-$top/build}
PATH=$BUILD:$PATH
dir=$(mktemp -d "${TMPDIR:-/tmp}/bench.XXXXXX")
trap 'rm -rf "$dir"' EXIT
cd "$dir"

mlive-ingest -q -t 20s "test:?size=640x360&rate=20M&gop=1s" >clip.ts
for _ in 1 2 3 4 5 6 7 8 9 10
do
	cat clip.ts
done >long.ts
i=1
while test $i -lt 20
do
	echo "+${i}s out 500ms auto"
	i=$((i + 1))
done >cues.txt

# feed.pl fast|paced: a gigabyte into a pipe, or for 5 seconds 100 Mb/s
cat >feed.pl <<'END'
use Time::HiRes qw(time sleep);
open my $f, '<', 'long.ts' or die;
binmode $f;
my ($slow, $sent, $start) = ($ARGV[0] eq 'paced', 0, time);
while ($sent < 1e9) {
	my $n = sysread $f, my $b, $slow ? 1316 : 65536;
	sysseek $f, 0, 0 if $n == 0;
	syswrite STDOUT, $b;
	$sent += $n;
	next unless $slow;
	last if $sent > 62.5e6;
	my $ahead = $sent * 8 / 100e6 - (time - $start);
	sleep $ahead if $ahead > 0.001;
}
END

# measure fast|paced NAME command...: "name cpu-seconds bytes"
measure () {
	kind=$1 name=$2
	shift 2
	perl feed.pl "$kind" | perl -e '
		my $name = shift;
		pipe my $r, my $w;
		my $sink = fork // die;
		if ($sink == 0) { close $w; my $n = 0; while (my $g = sysread $r, my $b, 1 << 20) { $n += $g }
			open my $f, ">", "bytes"; print $f $n; exit 0 }
		close $r;
		my $pid = fork // die;
		if ($pid == 0) { open STDOUT, ">&", $w; close $w; exec @ARGV; die }
		close $w;
		waitpid $pid, 0;
		die "$name failed\n" if $? != 0;
		my (undef, undef, $u, $s) = times;
		waitpid $sink, 0;
		open my $f, "<", "bytes";
		printf "%s %.3f %d\n", $name, $u + $s, <$f>;' "$name" "$@"
}
table () {
	awk '!($1 in best) || $2 < best[$1] { best[$1] = $2 }
	!($1 in seen) { seen[$1] = 1; order[++n] = $1 }
	{ bytes[$1] = $3 }
	END {
		for (i = 1; i <= n; i++) {
			k = order[i]
			part = best[k] / (bytes[k] / 12.5e6) * 100
			if (i == 1) first = part
			printf "%-8s %6.2f CPU-s, %5.2f %% of a core at 100 Mb/s, %+.2f points\n",
			    k, best[k], part, part - first
		}
	}'
}
for kind in fast paced
do
	echo "# $kind, best of three"
	for _ in 1 2 3
	do
		measure "$kind" copy cat
		measure "$kind" ingest mlive-ingest -q
		measure "$kind" insert mlive-cue insert -qq -f cues.txt --null 1s
		measure "$kind" map mlive-cue map -qq -e 'any -> time_signal'
		measure "$kind" strip mlive-cue strip -qq
	done >figures
	table <figures
done
