#!/bin/sh
# Lip-sync of mlive-ingest | mlive-encode for a long time: sound whose clock is off by 100
# millionths, one way and then the other, whose codec, sample rate and channels change, and
# whose timestamps wrap in the middle.
#
#   day.sh [DURATION]   as 24h or 16min, as fast as it goes [24h]
#
# The sound has a beep every 9.6 s.  Each has to come out where its timestamp says, within
# 20 ms; pictures are where theirs say, since none is repeated or dropped.  Memory of the
# encoder: now and then, and how far it grew after the first eighth.
set -e

BUILD=${BUILD:-$(cd "$(dirname "$0")/../.." && pwd)/build}
PATH=$BUILD:$BUILD/t/helper:$PATH
case ${1:-24h} in
*h) seconds=$((${1%h} * 3600)) ;;
*min) seconds=$((${1%min} * 60)) ;;
*) echo "usage: day.sh [24h | 16min]" >&2; exit 2 ;;
esac
dir=$(mktemp -d "${TMPDIR:-/tmp}/day.XXXXXX")
trap 'kill $(cat "$dir"/*.pid 2>/dev/null) 2>/dev/null || :; rm -rf "$dir"' EXIT
cd "$dir"

# clip NAME HZ LAYOUT CODEC [OPTION...]
clip () {
	name=$1 hz=$2 layout=$3 codec=$4
	shift 4
	case $layout in
	mono) each=1 ;; stereo) each=2 ;; 5.1) each=6 ;;
	esac
	beep='0.8*sin(2*PI*1000*t)*between(t\,1\,1.04)'
	ffmpeg -nostdin -v error -f lavfi -i testsrc2=s=64x64:r=5:d=9.6 -f lavfi -i \
		"aevalsrc=exprs=$(yes "$beep" | head -n "$each" | paste -s -d"|"):c=$layout:s=$hz:d=9.6" \
		-c:v libx264 -preset ultrafast -g 1 -c:a "$codec" "$@" -pes_payload_size 0 \
		-f mpegts "$name.ts"
	# After how many ticks the beep is, and after how many the sound begins anew.
	at=$(ffmpeg -nostdin -v error -i "$name.ts" -map 0:a -ac 1 -ar 48000 -f s16le - |
		drift find | head -n 1)
	ffprobe -v error -select_streams a -show_entries packet=pts -of csv=p=0 "$name.ts" |
		tr -d , | grep . | awk -v at="$at" 'NR == 1 { a = $1 } NR == 2 { step = $1 - a }
			END { print at * 90 / 48, NR * step }' >"$name.beep"
}
clip 0 48000 mono mp2 -b:a 64k
clip 1 32000 stereo ac3 -b:a 128k
clip 2 48000 5.1 ac3 -b:a 256k
clip 3 24000 stereo mp2 -b:a 64k
clip 4 32000 mono ac3 -b:a 64k
clip 5 48000 stereo eac3 -b:a 192k

part=$((seconds / 8))
start=$(((1 << 33) - part * 315000))
for i in 0 1 2 3 4 5 6 7
do
	echo "$i $((i % 6)) $((i % 2 == 0 ? 100 : -100)) $((i * part)) $(cat $((i % 6)).beep)"
done >parts
pieces () {
	while read -r i name ppm from rest
	do
		drift put "$1" "$ppm" $(((start + from * 90000) % (1 << 33))) "$i" <"$name.ts"
	done <parts
}
encode="mlive-encode -q -c none -r 16x16@10k -a track=1,aac@32k,layout=mono"
# Where the output begins.
drift put 10 100 "$start" <0.ts | mlive-ingest -q - | $encode >head.ts
begin=$(ffprobe -v error -select_streams a -show_entries packet=pts -of csv=p=0 head.ts |
	tr -d , | grep . | head -n 1)

mkfifo stats out in
pieces "$part" | mlive-ingest -q - >in &
echo $! >source.pid
perl -MJSON::PP -e '
	my ($every, $next, $first, $most, $last) = ($ARGV[0] / 8, 0, 0, 0, {});
	my $pid;
	while (<STDIN>) {
		my $v = eval { decode_json($_) } or next;
		next unless exists $v->{frames};
		$last = $v;
		my $t = $v->{frames} / 5;
		next if $t < $next;
		$next += $every;
		chomp($pid ||= do { open my $f, "<", "encode.pid" or next; <$f> });
		open my $f, "<", "/proc/$pid/status" or next;
		my ($rss) = join("", <$f>) =~ /VmRSS:\s*(\d+)/ or next;
		printf "%6d s: VmRSS %d KiB\n", $t, $rss;
		$first = $rss if $t > $every / 2 && !$first;
		$most = $rss if $rss > $most;
	}
	printf "memory KiB: %d after an eighth, %d at most\n", $first, $most;
	my $a = $last->{audio}[0];
	printf "pictures %d, repeated %d, dropped %d; sound padded %d, trimmed %d, compensated %d\n",
		$last->{frames}, $last->{duplicated}, $last->{dropped}, $a->{padded_samples},
		$a->{trimmed_samples}, $a->{compensated_samples};
	exit($last->{duplicated} + $last->{dropped} > 8 || $most > $first + 4096)' \
	"$seconds" <stats >memory &
memory=$!
ffmpeg -nostdin -v error -i out -map 0:a -f s16le - | drift find >found &
finder=$!
$encode -s stats <in >out &
encoder=$!
echo $encoder >encode.pid
wait $encoder || failed=1
wait $memory || failed=1
wait $finder || failed=1
cat memory
perl -e '
	my ($begin, $part) = splice @ARGV, 0, 2;
	open my $f, "<", "found";
	my @found = map { $begin + $_ * 90 / 48 } <$f>;
	open my $p, "<", "parts";
	my ($n, $missing, $worst, $at) = (0, 0, 0, 0);
	while (<$p>) {
		my (undef, undef, $ppm, $from, $beep, $period) = split;
		# What is cut by a change may be missing.
		for (my $t = $beep; $t < $part * 90000 - 90000; $t += $period) {
			my $want = 900000 + $from * 90000 + $t * (1 + $ppm / 1e6);
			last if $want > 900000 + ($from + $part) * 90000 - 90000;
			$n++;
			$at++ while $at < $#found && $found[$at] < $want - 45000;
			my $off = abs($found[$at] - $want) / 90;
			if ($off > 400) { $missing++; next }
			$worst = $off if $off > $worst;
		}
	}
	printf "%d beeps, %d missing, %.2f ms off at most\n", $n, $missing, $worst;
	exit($n < $part * 8 / 9.7 - 24 || $missing > 0 || $worst > 20)' "$begin" "$part" || failed=1
exit "${failed:-0}"
