#!/bin/sh
# mconnect-relay --program, --pid and --drop-pid: one program of several, bit by bit as it
# came, with a PAT that says so; tables that change.
. "$(dirname "$0")/lib.sh"
. "$top/t/relay.sh"

need 'no perl' perl -MJSON::PP -e 1
need 'no ffmpeg' ffmpeg -version

# Two programs, of other sizes and sounds.
ffmpeg -v error -f lavfi -i testsrc=size=192x108:rate=25 -f lavfi -i sine=500 \
	-f lavfi -i testsrc2=size=160x90:rate=25 -f lavfi -i sine=900 -t 2 \
	-map 0:v -map 1:a -map 2:v -map 3:a -c:v libx264 -preset ultrafast -g 25 -b:v 400k \
	-c:a aac -program title=A:program_num=1:st=0:st=1 \
	-program title=B:program_num=7:st=2:st=3 -f mpegts many.ts </dev/null

# pids FILE: those that are in it, and how many packets each
pids () {
	perl -e 'binmode STDIN; my %n;
		while (read(STDIN, my $p, 188) == 188) { $n{(unpack "n", substr $p, 1, 2) & 0x1fff}++ }
		print "$_ $n{$_}\n" for sort { $a <=> $b } keys %n' <"$1"
}
# streams FILE [SPECIFIER]: a checksum of each elementary stream
streams () {
	ffmpeg -v error -i "$1" -map "${2:-0}" -c copy -f streamhash - </dev/null |
		sed 's/^[0-9]*,//' | sort
}
# pats FILE: version and programs of each other PAT, in order
pats () {
	only 0 <"$1" | perl -e 'binmode STDIN; my $last = "";
		while (read(STDIN, my $p, 188) == 188) {
			my $s = substr $p, 5;
			my $len = unpack("n", substr $s, 1, 2) & 0xfff;
			my $text = "version " . (ord(substr $s, 5, 1) >> 1 & 31);
			$text .= sprintf " %d=%d", (unpack "nn", substr $s, $_, 4)[0],
				(unpack "nn", substr $s, $_, 4)[1] & 0x1fff
				for map { 8 + 4 * $_ } 0 .. ($len - 9) / 4 - 1;
			print "$text\n" if $text ne $last;
			$last = $text;
		}'
}

check 'one of two programs, as ffmpeg takes it' '
	mconnect-relay -q --program 7 <many.ts >one.ts
	streams many.ts 0:p:7 >want
	streams one.ts >got
	cat want
	test "$(wc -l <want)" -eq 2
	cmp want got
	ffprobe -v error -show_programs one.ts | grep -c "^program_id=" | grep -x 1
	ffprobe -v error -show_programs one.ts | grep -x program_id=7
'
check 'its PIDs and its PMT are bit by bit as they came, and nothing else is there' '
	pids one.ts
	mine=$(pids one.ts | sed "s/ .*//" | grep -vx 0)
	test "$(echo "$mine" | wc -l)" -eq 3
	only $mine <many.ts >want
	only $mine <one.ts | cmp want -
	test "$(only 0 <one.ts | wc -c)" -eq "$(only 0 <many.ts | wc -c)"
	mconnect-probe -f json -F "p1_errors > 0 || crc_errors > 0 || unreferenced_pids > 0" \
		one.ts >/dev/null
'
check 'datagrams are full, on the network too' '
	port=$(free_port)
	relay r -i "udp://127.0.0.1:$port" --program 7 -o got.ts
	send many.ts -o "udp://127.0.0.1:$port"
	sleep 0.3
	ended r
	cmp one.ts got.ts
	test "$(($(count r total_packets) - $(count r left_out_packets)))" -eq \
		"$(($(wc -c <one.ts) / 188))"
	count r program_missing | grep -x 0
	perl -MIO::Socket::INET -e "
		my \$s = IO::Socket::INET->new(Proto => q(udp), LocalAddr => qq(127.0.0.1:\$ARGV[0])) or die;
		my %n;
		\$SIG{ALRM} = sub { print join(q( ), map { qq(\$_:\$n{\$_}) } sort keys %n), qq(\n); exit };
		alarm 2;
		while (1) { \$s->recv(my \$d, 2000); \$n{length \$d}++ }" "$port" >sizes &
	eventually sh -c "ss -Hlun \"sport = :$port\" | grep -q ."
	head -c 400000 many.ts | mconnect-relay -q --program 7 -o "udp://127.0.0.1:$port"
	wait $!
	cat sizes
	grep -E "^([0-9]+:1 )?1316:[0-9]+( [0-9]+:1)?$" sizes
'
check 'PIDs beside it, and without one of them' '
	mconnect-relay -q --program 7 --pid 17 --pid 256 <many.ts >more.ts
	pids more.ts | sed "s/ .*//" | tr "\n" " " >list
	cat list
	grep -E "^0 17 256 258 259 [0-9]+ $" list
	mconnect-relay -q --program 7 --drop-pid 259 <many.ts >mute.ts
	pids mute.ts | grep -c "^259 " | grep -x 0
	mconnect-relay -q --pid 0258 --pid 0x103 <many.ts >raw.ts
	only 258 259 <many.ts | cmp raw.ts -
	fails 2 mconnect-relay -q --program 0 <many.ts
	fails 2 mconnect-relay -q --program 7x <many.ts
	fails 2 mconnect-relay -q --pid 8192 <many.ts
	fails 2 mconnect-relay -q --program 7 --keep-header <many.ts
'
check 'a program that is not there: nothing comes, and that is said' '
	mconnect-relay --program 9 <many.ts >none.ts 2>err
	grep "there is no program 9" err
	only - 0 <none.ts | cmp - /dev/null
'
check 'a program that comes and goes is followed, by versions' '
	"$top/t/tsmake.pl" 3 program2@1+1 >change.ts
	mconnect-relay -q --program 2 -s s.stats <change.ts >two.ts
	pats two.ts >list
	cat list
	printf "version 1\nversion 2 2=272\nversion 3\n" | cmp list -
	only 272 <change.ts >want
	only 272 <two.ts | cmp want -
	tail -n 1 s.stats | grep "\"program_missing\":1,"
	mconnect-probe -f json -F "cc_errors > 0 || crc_errors > 0" two.ts >/dev/null
'
check 'a PMT that changes is followed' '
	"$top/t/tsmake.pl" 2 new-pmt@1 >change.ts
	mconnect-relay -q --program 1 <change.ts >one.ts
	pids one.ts | sed "s/ .*//" | tr "\n" " " | grep -x "0 256 257 258 "
	# What came before the first PMT was not known to be of it.
	only 256 257 258 <one.ts >got
	only 256 257 258 <change.ts >all
	test "$(($(wc -c <all) - $(wc -c <got)))" -le 1316
	tail -c "$(wc -c <got)" all | cmp got -
	# The PAT said nothing else: it is as it was.
	pats one.ts | grep -x "version 0 1=256"
	only 0 <change.ts >want
	only 0 <one.ts | cmp want -
'
check 'a rung of a ladder of ours' '
	mlive-ingest -q -t 3s "test:?size=320x180&fps=25&rate=1M" |
		mlive-encode -q -r 180p@400k -r 90p@150k -a 64k >ladder.ts
	mconnect-relay -q --program 2 <ladder.ts >rung.ts
	streams ladder.ts 0:p:2 >want
	streams rung.ts >got
	cat want got
	cmp want got
	ffprobe -v error -select_streams v -show_entries stream=height -of csv=p=0 rung.ts |
		grep -v "^$" | sort -u | grep -x 90
	mlive-ingest -q --stats in.stats rung.ts >/dev/null
	tail -n 1 in.stats | grep "\"source_continuity_counter\":0,"
'
done_testing
