#!/bin/sh
# What is missing of 5 Mb/s behind a bad network (mconnect-impair, both ways), by protocol
# and ends: a column per network, all rows of it at once.  First the datagrams that never
# came, 0 at best, and +N packets twice, out of order or changed, which should not be;
# "at least" is what no receiver could have, by the logs of the networks: none of ours
# should be above that.  Then what was sent, both ways, beyond the stream; then how late
# half of the datagrams were, so that rows which wait as long can be compared.  RTP waits
# as mconnect-relay does when nothing is said, SRT and RIST for 4 round trips, or 120 ms.
#
# QUICK=1 for less; ONLY=SRT for some rows, NETS='5% burst' for some columns, SEED=2 for
# other losses; PORTS=17000 where 640 are free.
set -e

top=$(cd "$(dirname "$0")/../.." && pwd)
BUILD=${BUILD:-$top/build}
PATH=$BUILD:$PATH
dir=$(mktemp -d "${TMPDIR:-/tmp}/bench.XXXXXX")
trap 'kill -9 $(cat "$dir"/*.pid 2>/dev/null) 2>/dev/null || :; rm -rf "$dir"' EXIT
trap 'exit 130' INT TERM
cd "$dir"
seconds=20 nets='0% 1% 5% 10% 20% burst 5%/20ms 5%/100ms 5%/200ms jitter'
test -z "${QUICK-}" || seconds=5 nets='0% 5% burst 5%/100ms'
nets=${NETS-$nets}
seed=${SEED:-1} ports=${PORTS:-17000}
# Before and behind what is counted: for connections to be made, and what is last.
lead=4 tail=3

# network NAME: sets $spec, for both ways, and $wait, for SRT and RIST, in ms
network () {
	rtt=0
	case $1 in
	burst) spec=states=1.053%:20% ;;	# 5 % in runs of 5
	jitter) spec=loss=2%,delay=20ms,jitter=10ms,overtake rtt=40 ;;
	*/*) spec=loss=${1%/*},delay=${1#*/} rtt=${1#*/} rtt=$((${rtt%ms} * 2)) ;;
	*) spec=loss=$1 ;;
	esac
	wait=$((rtt * 4))
	test "$wait" -ge 120 || wait=120
}

# start NAME COMMAND...: until the column is over
start () {
	name=$1
	shift
	"$@" >"$name.log" 2>&1 &
	echo $! >"$name.pid"
}

# lossy NAME SEED PORT...: a network from each port to the tenth above
lossy () {
	name=$1 chance=$2
	shift 2
	for near
	do
		shift
		set -- "$@" "$near=127.0.0.1:$((near + 10))"
	done
	start "$name" mconnect-impair -q -S "$chance" -l "$name.net" -t "$spec" -b "$spec" "$@"
}

# row TITLE [COMMAND]: true if it is asked for, and what COMMAND looks for is there; it
# has 40 ports from $p on, of which $sink is for what comes out
row () {
	p=$((p + 40))
	key=r$p sink=127.0.0.1:$((p + 38))
	echo "$1" | grep -qi -e "${ONLY-}" || return 1
	${2:-:} >/dev/null 2>&1 || {
		printf '%s\t%s: not installed\n' "$key" "$1" >>titles
		return 1
	}
	printf '%s\t%s\n' "$key" "$1" >>titles
	echo "$key=${sink#*:}" >>sinks
}

# theirs COMMAND: that, if $ends are not both ours
theirs () {
	test "$ends" = 'ours to ours' || command -v "$1"
}

# send URL: by the relay that sends all of ours
send () {
	echo "output $1" >>send.conf
}

# bound MATRIX NET...: what no receiver of this row could have
bound () {
	printf '%s-least\t%s\n' "$key" '  at least' >>titles
	echo "$key-least $*" >>bounds
}

fec () {
	lossy "$1" "$2" "$3"
	lossy "$1f" "$(($2 + 100))" "$(($3 + 2))" "$(($3 + 4))"
}

gstreamer () {
	start "$key-to" gst-launch-1.0 -q rtpst2022-1-fecdec name=d size-time=2000000000 ! \
		rtpjitterbuffer latency=200 ! rtpmp2tdepay ! \
		udpsink host=127.0.0.1 port="${sink#*:}" sync=false async=false \
		udpsrc address=127.0.0.1 port="$1" buffer-size=4000000 \
		caps="application/x-rtp,media=video,clock-rate=90000,encoding-name=MP2T,payload=33" ! \
		queue ! d.sink \
		udpsrc address=127.0.0.1 port="$(($1 + 2))" caps=application/x-rtp,payload=96 ! \
		queue ! d.fec_0 \
		udpsrc address=127.0.0.1 port="$(($1 + 4))" caps=application/x-rtp,payload=96 ! \
		queue ! d.fec_1
}

start_rows () {
	p=$ports
	echo "source=$((ports + 38))" >sinks
	echo "output /dev/null" >send.conf
	printf '%s\n' $((ports + 36)) $((ports + 38)) >feeds
	printf 'wait\tSRT and RIST are told to wait\n' >titles
	: >bounds

	if row RTP
	then
		lossy "$key" "$seed" $p
		start "$key-to" mconnect-relay -q -i "rtp://127.0.0.1:$((p + 10))" -o "udp://$sink"
		send "rtp://127.0.0.1:$p"
		bound 0x0 "$key"
	fi
	for matrix in 5x5 10x10
	do
		row "RTP, FEC $matrix" || continue
		fec "$key" "$seed" $p
		start "$key-to" mconnect-relay -q -i "rtp://127.0.0.1:$((p + 10))?fec=auto" \
			-o "udp://$sink"
		send "rtp://127.0.0.1:$p?fec=$matrix"
		bound "$matrix" "$key"
	done
	if row 'RTP, FEC 5x5, ours to GStreamer' 'gst-inspect-1.0 rtpst2022-1-fecdec'
	then
		fec "$key" "$seed" $p
		gstreamer $((p + 10))
		send "rtp://127.0.0.1:$p?fec=5x5"
	fi
	if row 'RTP, two legs'
	then
		lossy "$key-a" "$seed" $p
		lossy "$key-b" $((seed + 200)) $((p + 20))
		start "$key-to" mconnect-relay -q --merge -i "rtp://127.0.0.1:$((p + 10))" \
			-i "rtp://127.0.0.1:$((p + 30))" -o "udp://$sink"
		send "rtp://127.0.0.1:$p"
		send "rtp://127.0.0.1:$((p + 20))"
		bound 0x0 "$key-a" "$key-b"
	fi
	if row 'RTP, two legs, FEC 5x5'
	then
		fec "$key-a" "$seed" $p
		fec "$key-b" $((seed + 200)) $((p + 20))
		start "$key-to" mconnect-relay -q --merge \
			-i "rtp://127.0.0.1:$((p + 10))?fec=auto" \
			-i "rtp://127.0.0.1:$((p + 30))?fec=auto" -o "udp://$sink"
		send "rtp://127.0.0.1:$p?fec=5x5"
		send "rtp://127.0.0.1:$((p + 20))?fec=5x5"
		bound 5x5 "$key-a" "$key-b"
	fi
	for ends in 'ours to ours' 'ours to theirs' 'theirs to ours' 'theirs to theirs'
	do
		row "SRT, $ends" "theirs srt-live-transmit" || continue
		lossy "$key" "$seed" $p
		near="srt://127.0.0.1:$p?latency=$wait"
		far="srt://127.0.0.1:$((p + 10))?mode=listener&latency=$wait"
		case $ends in
		*'to ours') start "$key-to" mconnect-relay -q -i "$far" -o "udp://$sink" ;;
		*) start "$key-to" srt-live-transmit -q "$far" "udp://$sink" ;;
		esac
		case $ends in
		ours*) send "$near" ;;
		*)
			start "$key-from" srt-live-transmit -q "udp://127.0.0.1:$((p + 36))" "$near"
			echo $((p + 36)) >>feeds
			;;
		esac
	done
	for ends in 'ours to ours' 'ours to theirs' 'theirs to ours' 'theirs to theirs'
	do
		row "RIST, $ends" "theirs ristsender" || continue
		lossy "$key" "$seed" $p
		near="rist://127.0.0.1:$p?buffer=$wait"
		far="rist://@127.0.0.1:$((p + 10))?buffer=$wait"
		case $ends in
		*'to ours') start "$key-to" mconnect-relay -q -i "$far" -o "udp://$sink" ;;
		*) start "$key-to" ristreceiver -p 1 -i "$far" -o "udp://$sink" ;;
		esac
		case $ends in
		ours*) send "$near" ;;
		*)
			start "$key-from" ristsender -p 1 -i "udp://@127.0.0.1:$((p + 36))" -o "$near"
			echo $((p + 36)) >>feeds
			;;
		esac
	done
}

cat >cbr.pl <<'END'
# Datagrams of a stream of 5 Mb/s for so many seconds, each packet with a number.
my $rate = 5e6;
binmode STDOUT;
for my $i (0 .. int($ARGV[0] * $rate / 1504 / 7) * 7 - 1) {
	my $pcr = int($i * 1504 * 27e6 / $rate);
	my $with = $i % 70 == 0;
	my $p = pack 'CnC', 0x47, 256, ($with ? 0x30 : 0x10) | $i % 16;
	$p .= pack 'CCNn', 7, 0x10, ($pcr / 300) >> 1,
		(int($pcr / 300) & 1) << 15 | 0x7e00 | $pcr % 300 if $with;
	print $p, substr pack('N', $i) x 46, 0, 188 - length $p;
}
END
cat >sink.pl <<'END'
# sink.pl FILE FROM TO NAME=PORT...: until SIGTERM; then of each NAME the datagrams of
# FILE in that range that have not come, +N for packets that should not have, and the
# median of how many ms behind those of the first NAME they came; of that one the longest
# pause.  Packets may have come in other datagrams.
use strict;
use warnings;
use IO::Select;
use IO::Socket::INET;
use Time::HiRes 'time';

my ($file, $from, $to, @names) = @ARGV;
open my $f, '<:raw', $file or die;
my (%datagram, %packet, %name, %last, %came, %at, %odd);
my $in = 0;
while (read $f, my $d, 1316) {
	$datagram{$d} = $in * 7;
	$packet{substr $d, 188 * $_, 188} = $in * 7 + $_ for 0 .. 6;
	$in++;
}
my $all = IO::Select->new;
for (@names) {
	s/=(\d+)//;
	my $s = IO::Socket::INET->new(Proto => 'udp', LocalAddr => "127.0.0.1:$1") or die "$1: $!\n";
	setsockopt $s, SOL_SOCKET, SO_RCVBUF, 4 << 20;
	$name{$s} = $_;
	$last{$_} = -1;
	$odd{$_} = 0;
	$all->add($s);
}
# here NAME FIRST COUNT: so many packets of that number on
sub here {
	my ($name, $first, $count) = @_;
	return $odd{$name} += $count if !defined $first || $first <= $last{$name};
	$last{$name} = $first + $count - 1;
	$came{$name}[$first / 7] += $count;
	$at{$name}[$first / 7] //= time;
}
my $end;
$SIG{TERM} = sub { $end = 1 };
$| = 1;
print "ready\n";
until ($end) {
	for my $s ($all->can_read(1)) {
		while (defined recv $s, my $d, 2000, MSG_DONTWAIT) {
			if (exists $datagram{$d}) {
				here($name{$s}, $datagram{$d}, 7);
			} else {
				here($name{$s}, $packet{$_}, 1) for unpack '(a188)*', $d;
			}
		}
	}
}
my $source = $at{$names[0]};
my $pause = 0;
for ($from + 1 .. $to - 1) {
	my $gap = ($source->[$_] // 0) - ($source->[$_ - 1] // 0);
	$pause = $gap if $gap > $pause;
}
for my $name (@names) {
	my @n = grep { ($came{$name}[$_] // 0) == 7 } $from .. $to - 1;
	my @late = sort { $a <=> $b } map { 1e3 * ($at{$name}[$_] - $source->[$_]) }
		grep { $source->[$_] } @n;
	printf "%s %s%s %.0f\n", $name, $to - $from - @n, $odd{$name} ? "+$odd{$name}" : '',
		$name eq $names[0] ? 1e3 * $pause : @late ? $late[@late / 2] : 0;
}
END
cat >more.pl <<'END'
# more.pl FILE NET...: the percentage of what the networks got more than FILE is.
my $bytes = 0;
my $size = -s shift;
while (<>) { $bytes += $1 if /"bytes":(\d+)/ }
printf "%.0f%%\n", 100 * ($bytes / $size - 1);
END

# dropped: by sockets at our ports, since there was no room
dropped () {
	perl -ane 'BEGIN { $from = shift } ($port) = $F[1] =~ /:(\w+)/ or next;
		$n += $F[-1] if hex $port >= $from && hex $port < $from + 640;
		END { print $n + 0, "\n" }' "$ports" /proc/net/udp
}

# column NET: ROW.missing.NET, ROW.late.NET and ROW.more.NET of each; fails when this
# machine could not keep up
column () {
	at=$(echo "$1" | tr / _)
	network "$1"
	printf '%s\n' "$wait" >"wait.late.$at"
	start_rows
	# shellcheck disable=SC2046	# words of a list
	start sink perl sink.pl in.ts $from $to $(cat sinks)
	start send mconnect-relay -q -i "udp://127.0.0.1:$((ports + 36))" -c send.conf
	sleep 2
	for name in *.pid
	do
		name=${name%.pid}
		kill -0 "$(cat "$name.pid")" 2>/dev/null || {
			cat "$name.log" >&2
			exit 1
		}
	done
	set --
	while read -r feed
	do
		set -- "$@" -o "udp://127.0.0.1:$feed"
	done <feeds
	mconnect-relay -q -i in.ts "$@"
	sleep $((wait / 1000 + 1))
	drops=$(dropped)
	kill "$(cat sink.pid)"
	wait "$(cat sink.pid)" || :
	rm sink.pid
	for name in *.net
	do
		kill "$(cat "${name%.net}.pid")"
		wait "$(cat "${name%.net}.pid")" || :
	done
	grep -v -e ready -e source sink.log |
	while read -r key missing late
	do
		printf '%s\n' "$missing" >"$key.missing.$at"
		test "$late" -eq 0 || printf '%s\n' "$late" >"$key.late.$at"
		perl more.pl in.ts "$key"*.net >"$key.more.$at"
	done
	# shellcheck disable=SC2046	# words of a list
	set -- $(grep ^source sink.log)
	echo "# $net: of the source $2 missing, its longest pause $3 ms; $drops dropped" >&2
	while read -r key matrix logs
	do
		# shellcheck disable=SC2086	# words of a list
		perl "$top/t/fecbound.pl" -r "$from-$to" "$matrix" "$total" $logs |
			sed 's/.*remain=\([0-9]*\).*/\1/' >"$key.missing.$at"
	done <bounds
	cat ./*.pid | xargs kill -9 2>/dev/null || :
	wait
	rm -f ./*.pid ./*.net
	test "$2" = 0 -a "$3" -lt 100 -a "$drops" -eq 0
}

# table WHAT TITLE
table () {
	printf '%-34s' "$2"
	for net in $nets
	do
		printf '%10s' "$net"
	done
	echo
	while IFS='	' read -r key title
	do
		case $1.$key in
		missing.wait | more.wait | more.*-least | late.*-least) continue ;;
		esac
		printf '%-34s' "  $title"
		for net in $nets
		do
			printf '%10s' "$(cat "$key.$1.$(echo "$net" | tr / _)" 2>/dev/null || echo -)"
		done
		echo
	done <titles
	echo
}

perl cbr.pl $((lead + seconds + tail)) >in.ts
total=$(($(wc -c <in.ts) / 1316))
from=$((total * lead / (lead + seconds + tail)))
to=$((total - total * tail / (lead + seconds + tail)))
for net in $nets
do
	column "$net" || column "$net" || column "$net" || :
done
table missing "missing of $((to - from))"
table more 'sent more than the stream'
table late 'late, in ms, half of them'
