#!/bin/sh
# mconnect-relay, every port of every kind, and what no sender of good will sends there:
# it is counted, what it costs is bounded, and the service goes on.
. "$(dirname "$0")/lib.sh"
. "$top/t/relay.sh"
. "$top/t/srt.sh"

need 'no perl' perl -MJSON::PP -e 1
cbr clip.ts 4 4
size=$(($(wc -c <clip.ts) / 1316 * 1316))
head -c "$size" clip.ts >in.ts
echo 'not to be known' >key
echo 'not that one' >wrong
echo 'a passphrase of ours' >pass
echo 'a passphrase of theirs' >theirs
export size

# What the check before has left, when it failed.
fresh () {
	# shellcheck disable=SC2046	# words of a list
	kill -9 $(cat ./*.pid 2>/dev/null) 2>/dev/null || :
	rm -f ./*.pid ./*.ctl ./*.said ./?.ts old.ts
}

# hostile NAME ARGUMENT...: one who does so, until rest NAME
hostile () {
	name=$1
	shift
	perl "$top/t/hostile.pl" "$@" >"$name.said" 2>"$name.err" &
	echo $! >"$name.pid"
}

# rest NAME [LEAST]: and it has sent so much
rest () {
	kill "$(cat "$1.pid")"
	eventually test -s "$1.said"
	rm "$1.pid"
	cat "$1.said" "$1.err"
	test "$(tail -n 1 "$1.said")" -gt "${2:-200}"
}

memory () {
	sed -n 's/^VmRSS:[^0-9]*\([0-9]*\) kB/\1/p' "/proc/$(cat "$1.pid")/status"
}

# measure NAME, and bounded NAME [MiB]: it has not grown by more since, 48 if not said
measure () {
	memory "$1" >"$1.before"
}

bounded () {
	now=$(memory "$1")
	echo "$1 had $(cat "$1.before") kB, has $now"
	most=${2:-48}
	case $BUILD in
	*-address*) most=$((most * 8)) ;;	# what was freed is kept there
	esac
	test "$((now - $(cat "$1.before")))" -lt $((most * 1024))
}

# has FILE [LESS]: in it is in.ts, in one piece, but for so many datagrams at its beginning;
# and the last one, which waits for the rest when others came before that were not whole
has () {
	perl -e 'local $/; my ($name, $less) = @ARGV;
		my ($all, $part) = map { open my $f, "<", $_ or die; binmode $f; <$f> } $name, "in.ts";
		exit(index($all, substr $part, $less * 1316, -1316) < 0)' "$1" "${2:-0}"
}

check 'udp and rtp: no transport packets, halves of them, headers of all bits' '
	fresh
	u=$(free_port) r=$(free_port)
	relay u -i "udp://127.0.0.1:$u" -o u.ts
	relay r -i "rtp://127.0.0.1:$r" -o r.ts
	measure u
	measure r
	hostile no udp "$u" "$r"
	send in.ts -o "udp://127.0.0.1:$u" -o "rtp://127.0.0.1:$r"
	rest no
	sleep 0.3
	for name in u r
	do
		bounded $name
		test "$(now $name source_refused_packets i1)" -gt 100
		ended $name
		cmp in.ts $name.ts
		count $name ledger_ok | grep -x 1
	done
'
check 'rtp: other SSRC, jumps of the sequence; of a source that is named nothing else counts' '
	fresh
	r=$(free_port) s=$(free_port)
	relay r -i "rtp://127.0.0.1:$r" -o r.ts
	relay s -i "rtp://127.0.0.2@127.0.0.1:$s" -o s.ts
	measure r
	hostile no rtp "$r" "$s"
	send in.ts -o "rtp://127.0.0.1:$r" -o "rtp://127.0.0.1:$s?from=127.0.0.2"
	rest no
	sleep 0.3
	bounded r
	test "$(now r source_restarts i1)" -gt 0
	now r ledger_ok | grep -x 1
	send in.ts -o "rtp://127.0.0.1:$r"
	sleep 0.3
	ended r
	ended s
	has r.ts
	cmp in.ts s.ts
	count s ledger_ok | grep -x 1
'
check 'rtp, merged: one leg is theirs, with the same' '
	fresh
	r=$(free_port) s=$(free_port)
	relay r --merge --window 100ms -i "rtp://127.0.0.1:$r" -i "rtp://127.0.0.1:$s" -o r.ts
	measure r
	send in.ts -o "rtp://127.0.0.1:$r" &
	sending=$!
	eventually test -s r.ts
	hostile no rtp "$s"
	wait $sending
	rest no
	sleep 0.3
	bounded r
	test "$(now r source_astray_packets i2)" -gt 20
	ended r
	head -c "$size" r.ts | cmp in.ts -
	count r ledger_ok | grep -x 1
'
check 'fec=auto: media, columns and rows, of any matrix, from far away, of any length' '
	fresh
	a=$(even_port)
	relay r -i "rtp://127.0.0.2@127.0.0.1:$a?fec=auto" -o r.ts
	measure r
	hostile no fec "$a" $((a + 2)) $((a + 4))
	send in.ts -o "rtp://127.0.0.1:$a?fec=5x5&from=127.0.0.2"
	rest no
	relay s -i "rtp://127.0.0.1:$((a + 6))?fec=auto" -o s.ts
	measure s
	hostile no fec $((a + 8)) $((a + 10))
	send in.ts -o "rtp://127.0.0.1:$((a + 6))?fec=5x5"
	rest no
	sleep 0.5
	for name in r s
	do
		bounded $name
		now $name ledger_ok | grep -x 1
		ended $name
		cmp in.ts $name.ts
	done
	test "$(count s source_fec_refused_packets i1)" -gt 100
'

# ---- SRT

# called URL: in.ts is sent there, once it is connected
called () {
	p=$(free_port)
	relay called -i "udp://127.0.0.1:$p" -o "$1"
	eventually connected called o1
	send in.ts -o "udp://127.0.0.1:$p"
}

check 'srt listener: garbage, handshakes without end, a wrong passphrase' '
	fresh
	feed=$(free_port) one=$(free_port) two=$(free_port)
	relay r -i "srt://127.0.0.1:$one?mode=listener&passphrase-file=pass&latency=1s" -o r.ts
	relay s -i "udp://127.0.0.1:$feed" -o "srt://127.0.0.1:$two?mode=listener&passphrase-file=pass&latency=1s"
	relay a -i "srt://127.0.0.1:$two?passphrase-file=pass&latency=1s" -o a.ts
	eventually connected s o1
	measure r
	measure s
	hostile no srt "$one"
	hostile no2 srt "$two"
	relay w -i "srt://127.0.0.1:$two?passphrase-file=theirs&latency=1s" -o w.ts
	says w "passphrase is not"
	send in.ts -o "udp://127.0.0.1:$feed" &
	sending=$!
	called "srt://127.0.0.1:$one?passphrase-file=pass&latency=1s"
	wait $sending
	eventually reads a.ts "$size"
	eventually reads r.ts "$size"
	ended called
	rest no
	rest no2
	bounded r
	bounded s
	now s connected_outputs o1 | grep -x 1
	for name in w a r s
	do
		ended $name
	done
	cmp in.ts a.ts
	cmp in.ts r.ts
	test ! -s w.ts
'
check 'srt: a session is noted and replayed, before and beside another' '
	fresh
	one=$(free_port) tee=$(free_port)
	relay r -i "srt://127.0.0.1:$one?mode=listener&passphrase-file=pass&latency=1s" -o old.ts
	hostile tee tee "$tee" "$one" noted
	eventually grep -q ready tee.said
	called "srt://127.0.0.1:$tee?passphrase-file=pass&latency=1s"
	eventually reads old.ts "$size"
	ended called
	kill "$(cat tee.pid)"
	ended r
	for key in pass theirs
	do
		relay r -i "srt://127.0.0.1:$one?mode=listener&passphrase-file=$key&latency=1s" -o r.ts
		measure r
		perl "$top/t/hostile.pl" replay noted "$one"
		test ! -s r.ts
		perl "$top/t/hostile.pl" replay noted "$one" &
		replaying=$!
		called "srt://127.0.0.1:$one?passphrase-file=$key&latency=1s"
		wait $replaying
		eventually reads r.ts "$size"
		ended called
		bounded r
		ended r
		cmp in.ts r.ts
	done
'

# ---- RIST

# good OUT URL [LESS]: in.ts is sent there by RIST, and has come into OUT, see has; half of
# it, if LESS is not said
good () {
	p=$(free_port)
	relay good -i "udp://127.0.0.1:$p" -o "$2"
	says good ": connected"
	sleep 0.5
	send in.ts -o "udp://127.0.0.1:$p"
	if test -n "${3:-}"
	then eventually has "$1" "$3"
	else eventually reads "$1" $((size / 2))
	fi
	ended good
}

if command -v ristsrppasswd >/dev/null
then ristsrppasswd someone secret >users
fi
echo someone:secret >login
for kind in simple main key output users
do
	test $kind != users || test -s users || continue
	export kind
	check "rist, $kind: each malformed datagram by itself" '
		fresh
		p=$(even_port) out=$(free_port) how=main more=
		test $kind != simple || how=simple more="&profile=simple"
		test $kind != key || more="&secret-file=key"
		test $kind != users || more="&users-file=users"
		test $kind != users || users_leak
		url="rist://@127.0.0.1:$p?buffer=100ms$more"
		case $kind in
		output) relay r -i "udp://127.0.0.1:$out" -o "$url" ;;
		*) relay r -i "$url" -o r.ts ;;
		esac
		measure r
		perl "$top/t/hostile.pl" list >names
		test "$(wc -l <names)" -gt 25
		while read -r name
		do
			perl "$top/t/hostile.pl" one $how "$p" "$name"
			kill -0 "$(cat r.pid)" || {
				echo "$name ended it"
				exit 1
			}
		done <names
		bounded r
		case $kind in
		output)
			test "$(now r output_screened_packets o1)" -gt 100
			relay x -i "rist://127.0.0.1:$p?buffer=300ms" -o x.ts
			says x ": connected"
			sleep 0.5
			send in.ts -o "udp://127.0.0.1:$out"
			eventually has x.ts
			ended x ;;
		*)
			test "$(now r source_screened_packets i1)" -gt 100
			test $kind != users || more="&login-file=login"
			test $kind = simple || good r.ts "rist://127.0.0.1:$p?buffer=100ms$more" 0
			test $kind != simple || good r.ts "rist://127.0.0.1:$p?buffer=100ms$more" 1 ;;
		esac
		ended r
	'
done
check 'rist in clear: reports, media and requests at random, and the stream after it' '
	fresh
	for how in simple main
	do
		p=$(even_port)
		rm -f r.ts
		relay r -i "rist://@127.0.0.1:$p?buffer=300ms&profile=$how" -o r.ts
		measure r
		hostile no rist "$how" "$p"
		sleep 4
		rest no 1000
		bounded r
		test "$(now r source_screened_packets i1)" -gt 100
		now r ledger_ok | grep -x 1
		good r.ts "rist://127.0.0.1:$p?buffer=300ms&profile=$how" 1
		ended r
	done
'
check 'rist, simple: senders to both ports from one port each, beside others and alone' '
	fresh
	for n in 1 4 9
	do
		p=$(even_port)
		relay r -i "rist://@127.0.0.1:$p?buffer=100ms&profile=simple" -o r.ts
		perl "$top/t/hostile.pl" both "$p" "$n"
		kill -0 "$(cat r.pid)"
		test "$n" -gt 1 || eventually reads r.ts $((90 * 188))
		now r ledger_ok | grep -x 1
		ended r
		rm -f r.ts
	done
	p=$(even_port)
	relay r -i "rist://@127.0.0.1:$p?buffer=300ms&profile=simple" -o r.ts
	perl "$top/t/hostile.pl" both "$p" 4
	good r.ts "rist://127.0.0.1:$p?buffer=300ms&profile=simple"
	now r ledger_ok | grep -x 1
	ended r
'
check 'rist with a key: the same, and others with another key, beside the stream' '
	fresh
	p=$(free_port) q=$(free_port) tee=$(free_port)
	relay w -i "rist://@127.0.0.1:$q?buffer=100ms&secret-file=wrong" -o w.ts
	hostile tee tee "$tee" "$q" noted
	eventually grep -q ready tee.said
	good w.ts "rist://127.0.0.1:$tee?buffer=100ms&secret-file=wrong" 0
	kill "$(cat tee.pid)"
	ended w
	relay r -i "rist://@127.0.0.1:$p?buffer=300ms&secret-file=key" -o r.ts
	measure r
	perl "$top/t/hostile.pl" replay noted "$p"
	hostile no rist main "$p"
	perl "$top/t/hostile.pl" replay noted "$p" &
	replaying=$!
	good r.ts "rist://127.0.0.1:$p?buffer=300ms&secret-file=key" 0
	wait $replaying
	rest no 1000
	bounded r
	test "$(now r source_screened_packets i1)" -gt 100
	ended r
	cmp in.ts r.ts
'
check 'rist with a key: reports without end, and others, of one who has it' '
	fresh
	p=$(free_port)
	relay r -i "rist://@127.0.0.1:$p?buffer=300ms&secret-file=key" -o r.ts
	z=00000000000000000000000000000000
	"$BUILD/t/helper/ristkeyed" "$p" "$(cat key)" 80c900011122334480ca000311223344010161000000 \
		80c93fff$z 80c97fff$z 80c9bfff$z 80c9ffff$z 80c900010000000080cd3fff$z \
		80c9000100000000800000$z 80ca0001$z 80cd00010000000080ca0002000000000180$z \
		80cf000300000000ffffffff$z 900000000000000000000000524900010000$z
	good r.ts "rist://127.0.0.1:$p?buffer=300ms&secret-file=key" 0
	test "$(now r source_screened_packets i1)" -ge 9
	ended r
	cmp in.ts r.ts
'
check 'rist, output: 65536 datagrams are asked for at once, and by bitmask' '
	fresh
	feed=$(free_port)
	for more in "" "&secret-file=key"
	do
		p=$(free_port)
		relay r -i "udp://127.0.0.1:$feed" -o "rist://@127.0.0.1:$p?buffer=300ms$more" -o file.ts
		relay x -i "rist://127.0.0.1:$p?buffer=300ms$more" -o x.ts
		says r ": connected"
		sleep 0.5
		measure r
		hostile no nack main "$p"
		send in.ts -o "udp://127.0.0.1:$feed"
		eventually has x.ts
		rest no
		bounded r
		test -n "$more" || test "$(now r output_arq_requests o1)" -gt 1000
		ended x
		ended r
		cmp in.ts x.ts
		cmp in.ts file.ts
		rm -f x.ts
	done
'
# ---- commands and metrics

cat >talk.pl <<'END'
# Long lines, binary, connections without end, to a socket of either kind.
use strict;
use warnings;
use IO::Socket::INET;
use IO::Socket::UNIX;
$SIG{PIPE} = 'IGNORE';
my $to = shift;
sub talk {
	return $to =~ /^\d+$/ ? IO::Socket::INET->new("127.0.0.1:$to") : IO::Socket::UNIX->new($to);
}
my $x = 7;
sub chance { $x = ($x * 1103515245 + 12345) % 2147483648; return int($x / 65536) % shift }
my @all;
for my $n (1 .. 600) {
	my $s = talk() or next;
	$s->blocking(0);
	my $kind = $n % 6;
	syswrite $s, $kind == 0 ? "x" x 100000 : $kind == 1 ? join '', map { chr chance(256) } 1 .. 3000 :
	    $kind == 2 ? "GET /metrics HTTP/1.1\r\n" . "A: b\r\n" x 5000 :
	    $kind == 3 ? "GET /" . "m" x 20000 . " HTTP/1.1\r\n\r\n" :
	    $kind == 4 ? "stats\n" x 500 : "GET /metrics HTTP/1.1\r\nHost: x\r\n\r\n" x 200;
	push @all, $s if $n % 3;	# and never read
}
print scalar(@all), "\n";
select undef, undef, undef, 1;
END
check 'commands and metrics: long lines, binary, many who never read' '
	fresh
	u=$(free_port) m=$(free_port)
	relay r --metrics "127.0.0.1:$m" -i "udp://127.0.0.1:$u" -o r.ts
	measure r
	send in.ts -o "udp://127.0.0.1:$u" &
	sending=$!
	perl talk.pl "$m"
	perl talk.pl r.ctl
	wait $sending
	bounded r
	now r ledger_ok | grep -x 1
	perl -MIO::Socket::INET -e "my \$s = IO::Socket::INET->new(q(127.0.0.1:$m)) or die;
		print \$s qq(GET /metrics HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n);
		print <\$s>" | grep "^mconnect_total_packets"
	ended r
	cmp in.ts r.ts
'
done_testing
