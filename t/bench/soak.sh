#!/bin/sh
# mconnect-relay for a long time: two legs with losses, late packets and outages, a
# sender whose clock drifts and whose counters wrap (t/helper/soak.c), merged.
#
#   soak.sh [HOURS]         by replay, as fast as it goes [24]
#   soak.sh real [DURATION] over UDP, as long as that takes [1h], to two ports from PORT on
#
# Now and then, each hour of 24: memory of the relay, the lines of
# numbers so far, those in which a packet was not in just one count (there are none),
# and what neither leg brought.  At the end: is what came out all that there was?
set -e

BUILD=${BUILD:-$(cd "$(dirname "$0")/../.." && pwd)/build}
PATH=$BUILD:$PATH
rate=${RATE:-2000}
one=${PORT:-27601} two=$((${PORT:-27601} + 1))
dir=$(mktemp -d "${TMPDIR:-/tmp}/soak.XXXXXX")
trap 'kill -9 $(cat "$dir"/*.pid 2>/dev/null) 2>/dev/null || :; rm -rf "$dir"' EXIT
# What is freed shall be gone, where a sanitizer would keep it.
ASAN_OPTIONS=${ASAN_OPTIONS:+$ASAN_OPTIONS:}quarantine_size_mb=1
export ASAN_OPTIONS
mkfifo "$dir/stats" "$dir/out" "$dir/in"
sent=$dir/sent

case ${1:-24} in
real)
	case ${2:-1h} in
	*h) seconds=$((${2%h} * 3600)) ;;
	*m) seconds=$((${2%m} * 60)) ;;
	*) seconds=${2%s} ;;
	esac
	every=60
	set -- -i "rtp://127.0.0.1:$one" -i "rtp://127.0.0.1:$two"
	;;
*)
	seconds=$((${1:-24} * 3600))
	every=3600
	test "${1:-24}" -gt 2 || every=600
	set -- --replay "$dir/in" -i rtp://:5000 -i rtp://:5010
	"$BUILD/t/helper/soak" -d "$seconds" -r "$rate" >"$dir/in" 2>"$sent" &
	;;
esac
"$BUILD/t/helper/soak" -c <"$dir/out" >"$dir/checked" &
checker=$!
start=$(date +%s)
mconnect-relay -q --merge --window 200ms -s "$dir/stats" -o "$dir/out" "$@" &
relay=$!
echo "$relay" >"$dir/relay.pid"
# Without it nothing else would come to an end: each waits for it to open a FIFO.
(
	while grep -q "^State:.[^XZ]" "/proc/$relay/status" 2>/dev/null
	do
		sleep 0.5
	done
	for fifo in stats out in
	do
		: <>"$dir/$fifo"
	done
) 2>/dev/null &
if test "$every" -eq 60
then
	(
		sleep 1
		"$BUILD/t/helper/soak" -d "$seconds" -r "$rate" -u "$one,$two" 2>"$sent"
		sleep 1
		kill "$relay"
	) &
fi
perl -e '
	my ($relay, $every) = @ARGV;
	my ($lines, $bad, $next, $first, $most, $last) = (0, 0, $every * 1000, 0, 0, "");
	while (<STDIN>) {
		next if /"event"/;
		$lines++;
		$bad++ unless /"ledger_ok":1\b/;
		$last = $_;
		my ($ms) = /"uptime_ms":(\d+)/ or die $_;
		next if $ms < $next;
		$next += $every * 1000;
		open my $f, "<", "/proc/$relay/status" or next;
		my ($rss) = join("", <$f>) =~ /VmRSS:\s*(\d+)/;
		next unless $rss;
		my ($lost) = /"not_recovered_packets":(\d+)/;
		$first ||= $rss;
		$most = $rss if $rss > $most;
		printf "%5d min: VmRSS %d KiB, %d lines, %d with a ledger that is not exact, %d lost\n",
			$ms / 60000, $rss, $lines, $bad, $lost;
	}
	my ($lost) = $last =~ /"not_recovered_packets":(\d+)/;
	my ($resets) = $last =~ /"pacer_resets":(\d+)/;
	my ($cc) = $last =~ /"continuity_counter":(\d+)/;
	my ($late) = $last =~ /"pacer_late_packets":(\d+)/;
	print "memory KiB: $first at first, $most at most; bad lines $bad of $lines; lost $lost; ",
		"gaps of counters $cc; late $late; clock laid anew $resets times\n";
	exit($bad > 0 || $most > $first + 2048 + $first / 20)' "$relay" "$every" <"$dir/stats" ||
	failed=1
wait "$relay" || failed=1
wait "$checker" || failed=1
echo "$((seconds / 3600)) h $((seconds / 60 % 60)) min of $rate kbit/s in $(($(date +%s) - start)) s"
cat "$sent" "$dir/checked"
perl -e '
	my ($s, $c) = map { { /(\w+) (\d+)/g } } @ARGV;
	exit !($c->{packets} == 7 * ($s->{datagrams} - $s->{lost}) and
		$c->{missing} == 7 * $s->{lost} and $c->{disorder} == 0)' \
	"$(cat "$sent")" "$(cat "$dir/checked")" || {
	echo "what came out is not what there was" >&2
	failed=1
}
exit "${failed:-0}"
