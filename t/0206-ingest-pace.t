#!/bin/sh
# mlive-ingest: clocks of odd streams, headers in two packets, stops, edit lists.
. "$(dirname "$0")/lib.sh"

need 'no ffmpeg' command -v ffmpeg
timeout 60 mlive-ingest -q -t 3s "test:?size=128x72&fps=25&gop=1s&rate=100k" >clip.ts
tail -c +189 clip.ts >bare.ts		# without the clock packet

strip () {		# without clock packets
	perl -0777 -ne 'while (/(.{188})/gs) { $p = $1; print $p unless
		(unpack("n", substr($p, 1, 2)) & 0x1fff) == 0x1ffe }' "$1"
}
deltas () {		# FILE STREAM: the steps of decoding time, each once
	ffprobe -v error -select_streams "$2" -show_entries packet=dts -of csv=p=0 "$1" |
		tr -d , | grep . | awk 'NR > 1 { print $1 - d } { d = $1 }' | sort -un |
		tr '\n' ' '
}
pictures () {
	ffprobe -v error -select_streams v:0 -count_packets -of csv=p=0 \
		-show_entries stream=nb_read_packets "$1" | head -n 1 | tr -d ,
}
in_step () {		# FILE: no step in picture or sound, no counter is off
	ffmpeg -v error -xerror -i "$1" -map 0 -f null - 2>errors
	cat errors
	test ! -s errors
	test "$(deltas "$1" v:0)" = "3600 "
	deltas "$1" a:0 >steps
	awk '{ for (i = 1; i <= NF; i++) if ($i < 1900 || $i > 2 * 1920) exit 1 }' steps
	mlive-ingest "$1" 2>&1 >/dev/null | grep ' lost=0 bad=0 sync_losses=0 junk_bytes=0'
}
# each CODE <TS: perl for every packet in $_, which has a PCR when $pcr is set
each () {
	CODE=$1 perl -0777 -e '$code = eval "sub { $ENV{CODE} }"; $all = <STDIN>;
		while ($all =~ /(.{188})/gs) {
			$_ = $1;
			$pid = unpack("n", substr($_, 1, 2)) & 0x1fff;
			$pcr = ord(substr($_, 3, 1)) & 0x20 && ord(substr($_, 4, 1)) > 6 &&
				ord(substr($_, 5, 1)) & 0x10;
			$code->();
			print;
		}'
}
# split N <TS: of every payload that begins a unit, N bytes go into a packet of their
# own, and the continuity counters are made anew
split_starts () {
	N=$1 perl -0777 -e '
		sub put {	# head, flags and fields, payload
			my ($h, $f, $data) = @_;
			my $room = 184 - length($data);
			my $af = $room == 0 ? "" : $room == 1 ? "\0" :
				chr($room - 1) . (length($f) ? $f : "\0");
			$af .= "\xff" x ($room - length($af));
			my $pid = unpack("n", substr($h, 1, 2)) & 0x1fff;
			substr($h, 3, 1) = chr(($room ? 0x30 : 0x10) | ($cc{$pid}++ & 15));
			print $h, $af, $data;
		}
		$all = <STDIN>;
		while ($all =~ /(.{188})/gs) {
			my ($p, $f) = ($1, "");
			my $control = ord(substr($p, 3, 1)) & 0x30;
			my $pid = unpack("n", substr($p, 1, 2)) & 0x1fff;
			my $at = 4;
			if ($control & 0x20) {
				my $n = ord(substr($p, 4, 1));
				$at += 1 + $n;
				$f = substr($p, 5, ord(substr($p, 5, 1)) & 0x10 ? 7 : 1) if $n > 0;
			}
			if (!($control & 0x10)) {
				substr($p, 3, 1) = chr(0x20 | (($cc{$pid} - 1) & 15));
				print $p;
				next;
			}
			my $data = substr($p, $at);
			if (ord(substr($p, 1, 1)) & 0x40 && length($data) > $ENV{N} && $pid > 0 &&
			    $pid != 0x1000) {
				put(substr($p, 0, 4), $f, substr($data, 0, $ENV{N}));
				substr($p, 1, 1) = chr(ord(substr($p, 1, 1)) & 0xbf);
				($f, $data) = ("", substr($data, $ENV{N}));
			}
			put(substr($p, 0, 4), $f, $data);
		}'
}

check '--realtime: a stop writes all that has been read' '
	mkfifo pipe
	head -c 56400 bare.ts >part
	timeout --foreground 60 mlive-ingest -q --realtime <pipe >out & pid=$!
	exec 9>pipe
	cat part >&9			# all of it fits into the pipe
	eventually test -s out
	kill $pid
	wait $pid
	strip out | cmp - part
'
each 'substr($_, 5, 1) = chr(ord(substr($_, 5, 1)) & 0xef), substr($_, 6, 6) = "\xff" x 6 if $pcr' \
	<bare.ts >no-pcr.ts
check 'a stream without PCR goes by its decoding times' '
	start=$(date +%s%N)
	timeout 60 mlive-ingest --realtime no-pcr.ts >ts 2>err
	cat err
	test $(($(date +%s%N) - start)) -gt 1500000000
	grep -c "warning: no PCR in .no-pcr.ts.: its clock is the decoding times of PID 25[67]$" err |
		grep "^1$"
	strip ts | cmp - no-pcr.ts
	timeout 60 mlive-ingest -q -t 2s no-pcr.ts >ts
	n=$(pictures ts)
	echo "$n pictures"
	test "$n" -ge 49
	test "$n" -le 52
	timeout 60 mlive-ingest -q --loop -t 8s no-pcr.ts >ts
	in_step ts
'
check 'a stream without any times: what goes by them says so' '
	packets 45000 256 >timeless
	fails 3 timeout 60 mlive-ingest -t 5s timeless >ts 2>err
	grep "fatal: .timeless. has neither PCR nor decoding times" err
	timeout 60 mlive-ingest -q timeless >ts
	tail -c +189 ts | cmp - timeless
'
each 'substr($_, 6, 6) = "\0\0\0\x10\x7e\0" if $pcr' <bare.ts >still.ts
check '--loop over a clock that stands still says so' '
	fails 3 timeout 60 mlive-ingest --loop -t 5s still.ts >ts 2>err
	grep "fatal: the clock of .still.ts. stands still" err
	fails 3 timeout 60 mlive-ingest --loop --realtime still.ts >ts 2>err
	timeout 60 mlive-ingest -q -t 60s still.ts >ts
	strip ts | cmp - still.ts
'
for n in 3 6 12
do
	export n
	check "--loop moves times of which $n bytes are in one packet, the rest in the next" '
		"$BUILD/t/helper/splices" put <bare.ts | split_starts $n >split.ts
		mlive-ingest split.ts 2>&1 >ts | grep "lost=0 bad=0"
		timeout 60 mlive-ingest -q --loop -t 8s split.ts >ts
		strip ts >got
		head -c "$(wc -c <split.ts)" got | cmp - split.ts
		in_step ts
		"$BUILD/t/helper/splices" list <ts | head -n 4 >list
		printf "short 0\nlong 0\nshort 270000\nlong 270000\n" | diff - list
	'
done
check '--loop: a header that ends nowhere does not go on in another PID' '
	perl -e "
		binmode STDOUT;
		print qq(G\x41\xf0\x30), chr(171), qq(\0), qq(\xff) x 170,
			qq(\0\0\1\xc0\0\0\x80\x80\5\x21\0\1);
		print qq(G\x01\xf1\x10), qq(\xff) x 184" >end
	test "$(wc -c <end)" -eq 376
	cat bare.ts end >unended.ts
	timeout 60 mlive-ingest -q --loop -t 8s unended.ts >ts
	each "\$_ = \$pid == 0x1f1 ? substr(\$_, 4) eq qq(\xff) x 184 ? qq(same\n) : qq(other\n) : q()" \
		<ts | sort | uniq -c >got
	cat got
	grep "[23] same" got
	fails 1 grep other got
'
check '--loop moves the original clock where there is room for one' '
	each "if (\$pcr) {
		substr(\$_, 5, 1) = chr(ord(substr(\$_, 5, 1)) | 8);
		substr(\$_, 12, 6) = substr(\$_, 6, 6) if ord(substr(\$_, 4, 1)) >= 13;
	}" <bare.ts >opcr.ts
	timeout 60 mlive-ingest -q --loop -t 8s opcr.ts >ts
	each "\$_ = \"\" unless \$pcr && ord(substr(\$_, 4, 1)) >= 13;
		\$_ &&= substr(\$_, 6, 6) eq substr(\$_, 12, 6) ? \"same\\n\" : \"other\\n\"" \
		<ts | sort | uniq -c >got
	cat got
	grep -q same got
	fails 1 grep other got
	ffmpeg -v error -i ts -map 0:v -f framemd5 - | grep -v "^#" | sed "s/.*, *//" >pictures
	ffmpeg -v error -i bare.ts -map 0:v -f framemd5 - | grep -v "^#" | sed "s/.*, *//" >once
	cat once once once | head -n 200 | diff - pictures
'
check '--loop: clocks of other programs say nothing of its length' '
	each "if (\$pcr) {		# two, 0.9 s and 1.8 s ahead
		my (\$first, \$n) = (\$_, 0);
		for my \$pid (0x1f5, 0x1f6) {
			my \$other = substr(\$first, 0, 12);
			substr(\$other, 1, 4) = pack(q(nCC), \$pid, 0x20, 183);
			substr(\$other, 6, 4) = pack(q(N), unpack(q(N), substr(\$other, 6, 4)) +
				(\$n += 40500));
			\$_ .= \$other . chr(255) x 176;
		}
	}" <bare.ts >clocks.ts
	timeout 60 mlive-ingest -q --loop -t 8s clocks.ts >ts
	in_step ts
'
for form in 'of 192' 'of 204'
do
	export form
	check "bytes between packets $form are counted" '
		perl -0777 -ne "
			my (\$before, \$after) = \$ENV{form} =~ /192/ ? (qq(\0) x 4, q()) : (q(), q(x) x 16);
			while (/(.{188})/gs) {
				print qq(\0\0G\0) x 20 if \$n++ == 100;
				print \$before, \$1, \$after;
			}" <bare.ts >junk
		timeout 20 mlive-ingest junk >ts 2>err
		cat err
		strip ts | cmp - bare.ts
		grep "bad=0 sync_losses=1 junk_bytes=80$" err
	'
done

ffmpeg -v error -i clip.ts -map 0:v -map 0:a:0 -c:v libx264 -preset ultrafast -bf 2 -g 25 \
	-c:a aac ref.mp4
shown () {		# as libavformat and libavcodec show it
	ffprobe -v error -select_streams v:0 -count_frames -of csv=p=0 \
		-show_entries stream=nb_read_frames "$1" | tr -d ,
}
check 'an edit list that begins within a GOP: the pictures before show, and it says so' '
	ffmpeg -v error -ss 1.5 -i ref.mp4 -c copy cut.mp4
	timeout 20 mlive-ingest cut.mp4 >ts 2>err
	cat err
	hidden=$(sed -n "s/.*warning: .cut.mp4. hides its first \([0-9]*\) pictures.*/\1/p" err)
	test "$hidden" -gt 5
	test "$(pictures ts)" -eq $((hidden + $(shown cut.mp4)))
	timeout 20 mlive-ingest ref.mp4 2>err >ts
	fails 1 grep warning err
'
check 'an edit list that ends within a GOP: what nobody needs is not sent' '
	ffmpeg -v error -i ref.mp4 -map 0:v -c copy whole.mp4
	perl -0777 -pe "s/(elst....\0\0\0\x01)..../\$1 . pack(q(N), 1500)/se" whole.mp4 >end.mp4
	n=$(shown end.mp4)
	echo "$n of $(shown whole.mp4)"
	test "$n" -lt 45
	timeout 20 mlive-ingest end.mp4 2>err >ts
	fails 1 grep warning err
	test "$(pictures ts)" -ge "$n"
	test "$(pictures ts)" -le $((n + 2))
'
done_testing
