# t/lib.sh - sourced by every shell test.  POSIX sh.
#
#   check 'name' 'commands'     one test: it passes when every command does
#   twice 'name' 'commands'     the same, with a second try: where a library of others
#                               or a busy machine may spoil one
#   skip 'name' 'reason'        one test that cannot run here, and why
#   need 'reason' command       skip the whole file unless command succeeds
#   free_ports N                the first of N such in a row
#   free_port                   print a TCP and UDP port that nothing uses now
#   fails STATUS command...     passes when command exits with just that status
#   eventually command...       passes once command does, within 30 seconds
#   packets COUNT PID [FIRST]   transport packets with a running counter
#   cut_short N                 filter: up to the third packet of a large picture behind the
#                               first N of PID 0x100, its number on standard error
#   only PID...                 filter: the packets of these, or after - of all but these
#   done_testing                the last line of a test file
#
# A test runs under set -e in a scratch directory, with the built tools first in
# PATH: one command a line, no &&, and the tool under test last in a pipe.  What
# it prints is shown, as TAP comments, when it fails.
# shellcheck shell=sh

top=$(cd "$(dirname "$0")/.." && pwd)
BUILD=${BUILD:-$top/build}
PATH=$BUILD:$PATH
export PATH BUILD top
scratch=$(mktemp -d "${TMPDIR:-/tmp}/t.XXXXXX") || exit
trap 'rm -rf "$scratch"' EXIT
trap 'exit 130' INT TERM

# What a test has started: all of that is in the scratch directory.
ours () {
	for process in /proc/[0-9]*
	do
		test "${process#/proc/}" != $$ || continue
		case $(readlink "$process/cwd") in
		"$scratch" | "$scratch"/*) echo "${process#/proc/}" ;;
		esac
	done
}

# A test that hangs is ended, and what it hung in is said.
guard=
case $0 in
*.t) (
	trap 'kill $!; exit' TERM
	left=180
	until test $((left = left - 1)) -eq 0
	do
		sleep 5 >/dev/null 2>&1 &
		wait $!
		kill -0 $$ 2>/dev/null || exit 0
	done
	echo "# $0: still not at its end after 15 minutes, with these running:"
	left=$(ours)
	# shellcheck disable=SC2086	# words of a list
	ps -ww -o pid,ppid,stat,etimes,args --forest -p $$ $left
	kill $$
	# shellcheck disable=SC2086
	kill -9 $left
) >&2 </dev/null & guard=$! ;;
esac

cd "$scratch" || exit
count=0 failed=0

# Where tests run side by side, those that have to keep up with a clock go first, and of
# these transport, which needs little.
case ${0##*/} in
06*) renice -n -5 -p $$ >/dev/null 2>&1 ;;		# root may
08[1-467]* | 020[78]* | 021* | 024[137]* | 0255* | 0265* | 0311*) ;;
*) renice -n 15 -p $$ >/dev/null 2>&1 ;;
esac

try () {
	(set -e; eval "$1") >.log 2>&1 </dev/null
	outcome=$?
}

tell_log () {
	{
		echo "$0: $1"
		cat .log
	} | sed 's/^/# /' >&2		# prove shows it
}

judge () {
	count=$((count + 1))
	case $outcome in
	0)
		echo "ok $count - $1"
		;;
	*)
		echo "not ok $count - $1"
		tell_log "not ok $count - $1"
		failed=$((failed + 1))
		;;
	esac
}

check () {
	try "$2"
	judge "$1"
}

twice () {
	try "$2"
	if test $outcome -ne 0
	then
		tell_log "once more: $1"
		# shellcheck disable=SC2046	# numbers
		kill -9 $(cat ./*.pid 2>/dev/null) 2>/dev/null
		try "$2"
	fi
	judge "$1"
}

skip () {
	count=$((count + 1))
	echo "ok $count - $1 # SKIP $2"
}

need () {
	reason=$1
	shift
	"$@" >/dev/null 2>&1 || {
		echo "1..0 # SKIP $reason"
		exit 0
	}
}

# Each file starts at a place of its own, so that parallel files do not meet.
free_port () {
	port=$(cat "$scratch/.port" 2>/dev/null || echo $((20000 + $$ * 37 % 12000)))
	while
		port=$((port + 1))
		ss -Hltun "sport = :$port" 2>/dev/null | grep -q .
	do
		:
	done
	echo "$port" >"$scratch/.port"
	echo "$port"
}

free_ports () {
	while
		first=$(free_port) last=$first
		while test "$last" -lt $((first + $1 - 1)) && test "$(free_port)" -eq $((last + 1))
		do
			last=$((last + 1))
		done
		test "$last" -lt $((first + $1 - 1))
	do
		:
	done
	echo "$first"
}

fails () {
	want=$1
	shift
	got=0
	case $1 in
	m*-*) timeout 60 "$@" || got=$? ;;	# a server that starts would stay: 124
	*) "$@" || got=$? ;;
	esac
	test "$got" -eq "$want" || {
		echo "status $got, want $want: $*"
		return 1
	}
}

eventually () {
	within 30 "$@"
}

within () {
	tries=$(($1 * 20))
	shift
	until "$@"
	do
		tries=$((tries - 1))
		test "$tries" -gt 0 || {
			echo "# waited in vain: $*" >&2
			return 1
		}
		sleep 0.05
	done
}

packets () {
	LC_ALL=C awk -v n="$1" -v pid="$2" -v first="${3:-0}" 'BEGIN {
		for (i = first; i < first + n; i++) {
			printf "G%c%c%c", int(pid / 256), pid % 256, 16 + i % 16
			for (j = 4; j < 188; j++)
				printf "%c", 1 + i % 100
		}
	}'
}

cut_short () {
	perl -e 'my $least = shift; local $/; binmode STDIN; binmode STDOUT; my ($d, @at) = <STDIN>;
		for (my $i = 0; $i < length $d; $i += 188) {
			push @at, $i if unpack("n", substr $d, $i + 1, 2) == 0x4100;
		}
		my ($n) = grep { $_ > $least && $at[$_ + 1] - $at[$_] > 188 * 6 } 0 .. $#at - 1;
		print substr $d, 0, $at[$n] + 188 * 3;
		print STDERR $n' "$1"
}

only () {
	perl -e 'my $not = $ARGV[0] eq "-" && shift; my %want = map { $_ => 1 } @ARGV;
		binmode STDIN; binmode STDOUT;
		while (read(STDIN, my $p, 188) == 188) {
			my $pid = (unpack "n", substr $p, 1, 2) & 0x1fff;
			print $p if $not ? !$want{$pid} : $want{$pid};
		}' -- "$@"
}

done_testing () {
	test -z "$guard" || kill "$guard"
	# A check that failed half way has left running what it had started.
	# shellcheck disable=SC2046	# words of a list
	test "$failed" -eq 0 || kill -9 $(ours) 2>/dev/null
	echo "1..$count"
	test "$failed" -eq 0
	exit
}
