# t/relay.sh - sourced by the tests of mconnect-relay, after lib.sh.
#
#   relay NAME OPTION...   start mconnect-relay; sets $relay; NAME.log is its messages,
#                          NAME.stats its numbers, NAME.ctl its commands
#   ended NAME             ask it to end, and wait: true if its status is 0
#   stage NAME COMMAND...  start a program of somebody else; NAME.pid, NAME.log
#   gone NAME              end it, however it takes that
#   send CLIP OPTION...    send a file at its pace, and wait until it has gone
#   impair NAME OPTION...  start mconnect-impair; its log of decisions is NAME.net
#   count NAME KEY [ID]    a number of the last line, of the source or output ID
#   now NAME KEY [ID]      as count, but of this moment
#   ctl NAME COMMAND       the answer to a command
#   reads FILE BYTES       has it at least so many
#   clip FILE SECONDS RATE a stream that differs from second to second
#   says NAME TEXT         wait until NAME.log has it
#   even_port              as free_port, and the next is free as well
#   a_run_of FILE LEAST    it is a part of in.ts, without a hole, of so many bytes at
#                          least: nobody knows of a datagram that is lost before the
#                          first one that comes, or after the last
#   cbr FILE SECONDS MBPS  numbered packets with a PCR, no programs; quick to make
# shellcheck shell=sh disable=SC2154

# What was killed has its status written yet, while the folder goes.
trap 'kill -9 $(cat ./*.pid 2>/dev/null) 2>/dev/null; rm -rf "$scratch" 2>/dev/null || {
	sleep 0.3; rm -rf "$scratch"; }' EXIT

# mind NAME COMMAND...: run it, and leave its status in NAME.status
mind () {
	minded=$1
	shift
	"$@" 2>"$minded.log" &
	echo $! >"$minded.pid"
	status=0
	wait $! || status=$?
	# One that was killed is not to speak for the next of its name.
	test "$(cat "$minded.pid" 2>/dev/null)" != $! || echo "$status" >"$minded.status"
}

relay () {
	name=$1
	shift
	: >"$name.log"
	rm -f "$name.status" "$name.pid"
	mind "$name" mconnect-relay -s "$name.stats" --control "$name.ctl" "$@" &
	eventually grep -q 'info: ready' "$name.log" || {
		cat "$name.log"
		return 1
	}
}

ended () {
	kill "$(cat "$1.pid")"
	eventually test -s "$1.status"
	grep -qx 0 "$1.status" || {
		cat "$1.status" "$1.log"
		return 1
	}
}

# librist 0.2.7 loses 288 bytes of a user who logs in again: no fault of the relay's.
users_leak () {
	echo leak:librist.so >leaks
	LSAN_OPTIONS=suppressions=$PWD/leaks:print_suppressions=0
	export LSAN_OPTIONS
}

stage () {
	name=$1
	shift
	"$@" >"$name.log" 2>&1 &
	echo $! >"$name.pid"
}

gone () {
	kill -9 "$(cat "$1.pid")" 2>/dev/null || :
	rm -f "$1.pid"
}

send () {
	clip=$1
	shift
	mconnect-relay -q --smooth 20ms -i "$clip" "$@"
}

impair () {
	name=$1
	shift
	: >"$name.log"
	rm -f "$name.status"
	mind "$name" mconnect-impair -l "$name.net" "$@" &
	eventually grep -q 'listening on' "$name.log"
}

count () {
	grep -v '"event"' "$1.stats" | tail -n 1 | perl -MJSON::PP -e '
		my ($key, $id) = @ARGV;
		my $o = decode_json(<STDIN>);
		if ($id) {
			($o) = grep { $_->{id} eq $id } @{$o->{sources}}, @{$o->{outputs}};
		}
		print $o->{$key} // "none", "\n";' "$2" "${3:-}"
}

ctl () {
	perl -MIO::Socket::UNIX -e '
		my $s = IO::Socket::UNIX->new($ARGV[0]) or die "no socket: $!\n";
		print $s "$ARGV[1]\n";
		print scalar <$s>;' "$1.ctl" "$2"
}

now () {
	ctl "$1" stats | perl -MJSON::PP -e '
		my ($key, $id) = @ARGV;
		my $o = decode_json(<STDIN>);
		if ($id) {
			($o) = grep { $_->{id} eq $id } @{$o->{sources}}, @{$o->{outputs}};
		}
		print $o->{$key} // "none", "\n";' "$2" "${3:-}"
}

reads () {
	test "$(wc -c <"$1")" -ge "$2"
}

clip () {
	mlive-ingest -q -t "$2" "test:?size=192x108&fps=25&gop=1s&preset=ultrafast&rate=$3" >"$1"
}

says () {
	eventually grep -q "$2" "$1.log"
}

even_port () {
	p=$(free_ports 3)
	echo $((p + p % 2))
}

a_run_of () {
	perl -e 'local $/; my ($file, $least) = @ARGV;
		my ($part, $all) = map { open my $f, "<", $_ or die; binmode $f; <$f> } $file, "in.ts";
		my $at = index $all, $part;
		printf "%s: %d of %d bytes, from %d on\n", $file, length $part, length $all, $at;
		exit($at < 0 || length $part < $least)' "$1" "$2"
}

cbr () {
	perl -e 'my ($seconds, $rate) = @ARGV;
		binmode STDOUT;
		$rate *= 1e6;
		my $every = int($rate / 1504 / 50) + 1;
		for my $i (0 .. int($seconds * $rate / 1504) - 1) {
			my $pcr = int($i * 1504 * 27e6 / $rate);
			my $p = pack "CnC", 0x47, 256, ($i % $every ? 0x10 : 0x30) | $i % 16;
			$p .= pack "CCNn", 7, 0x10, ($pcr / 300) >> 1, (int($pcr / 300) & 1) << 15 |
				0x7e00 | $pcr % 300 unless $i % $every;
			my $filler = pack "N", $i * 2654435761 % 4294967296;
			print $p, substr $filler x 46, 0, 188 - length $p;
		}' "$2" "$3" >"$1"
}
