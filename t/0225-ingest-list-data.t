#!/bin/sh
# mlive-ingest of lists: what is neither picture nor sound - teletext with and without times,
# DVB subtitles, cues - is all there, on PIDs that stay, and at its time.
. "$(dirname "$0")/lib.sh"

need 'no ffmpeg' ffmpeg -version
printf '1000\t888\t2\t22=HEJ\n2500\t888\t2\t22=DU\n4000\t888\t2\t20=NU\n' |
	perl "$top/t/teletext.pl" 6 888=swe >pages.ts
ffmpeg -nostdin -v error -f lavfi -i testsrc2=size=320x180:rate=25:duration=6 \
	-f lavfi -i sine=frequency=440:sample_rate=48000:duration=6 -txt_page 888 \
	-fix_sub_duration -f mpegts -i pages.ts -map 0 -map 1 -map 2 -c:v libx264 \
	-preset ultrafast -g 25 -c:a aac -c:s dvbsub -s:s 720x576 -f mpegts sub.ts
# join FILE OPTION... - with teletext, and a break of 1 s
join () {
	to=$1
	shift
	ffmpeg -nostdin -v error -f mpegts -i sub.ts -f mpegts -i pages.ts "$@" -c copy \
		-f mpegts - | mlive-cue insert -qq -f cues.txt >"$to"
}
echo '+3s out 1s auto id=7' >cues.txt
join one.ts -map 0:v -map 0:a -map 0:s -map 1
# The same on other PIDs: teletext, pictures, sound, DVB subtitles.
echo '+4s out 1s auto id=8' >cues.txt
join two.ts -map 1 -map 0:v -map 0:a -map 0:s
ffmpeg -nostdin -v error -i sub.ts -map 0:v -map 0:a -c copy plain.mp4

# untimed PID - filter: its PES packets lose their times, as those of teletext may
untimed () {
	perl -e 'binmode STDIN; binmode STDOUT;
		while (read STDIN, my $p, 188) {
			my ($pid, $af, $skip) = unpack "x n C C", $p;
			my $at = $af & 32 ? 5 + $skip : 4;
			if (($pid & 0x1fff) == $ARGV[0] && $pid & 0x4000) {
				my $n = unpack "C", substr $p, $at + 8, 1;
				substr $p, $at + 7, 1, "\0";
				substr $p, $at + 9, $n, "\xff" x $n;
			}
			print $p;
		}' "$1"
}
# data PID [times] - what its PES packets carry, or when
data () {
	perl -e 'binmode STDIN; binmode STDOUT;
		my ($want, $times) = @ARGV;
		while (read STDIN, my $p, 188) {
			my ($pid, $af, $skip) = unpack "x n C C", $p;
			next if ($pid & 0x1fff) != $want;
			my $at = $af & 32 ? 5 + $skip : 4;
			next if !($af & 16);
			$p = substr $p, $at;
			if ($pid & 0x4000) {
				my ($flags, $n) = unpack "x7 C C", $p;
				my @b = unpack "x9 C5", $p;
				print $flags & 128 ? ($b[0] >> 1 & 7) << 30 | $b[1] << 22 | $b[2] >> 1 << 15 |
					$b[3] << 7 | $b[4] >> 1 : "none", "\n" if $times;
				$p = substr $p, 9 + $n;
			}
			print $p if !$times;
		}' "$@"
}
untimed 259 <one.ts >one-untimed.ts
untimed 256 <two.ts >two-untimed.ts

check 'teletext and DVB subtitles of files with other PIDs, and of one with none: all of it' '
	printf "one.ts\nplain.mp4\ntwo.ts\n" >list.txt
	mlive-ingest list.txt >out.ts 2>err
	ffprobe -v error -show_entries stream=id,codec_name -of csv=p=0 out.ts | sort -u >streams
	cat streams
	grep -x dvb_subtitle,0x102 streams
	grep -x dvb_teletext,0x103 streams
	data 259 <one.ts >want
	data 256 <two.ts >>want
	data 259 <out.ts | cmp want -
	data 258 <one.ts >want
	data 259 <two.ts >>want
	test -s want
	data 258 <out.ts | cmp want -
'
# What was between two times in the file is between them in the list.
check 'at its time: as far from the first picture of its file as it was' '
	for pair in "one.ts 256 259" "two.ts 257 256"
	do
		set -- $pair
		first=$(data $2 times <$1 | sort -n | head -n 1)
		data $3 times <$1 | sed "s/\$/ - $first/" | bc
	done >want
	data 256 times <out.ts | sort -n >pictures
	one=$(head -n 1 pictures)
	# 150 pictures before, and as many of MP4.
	two=$(sed -n 301p pictures)
	n=$(data 259 times <one.ts | wc -l)
	data 259 times <out.ts | awk "{ print \$1 - (NR > $n ? $two : $one) }" >got
	diff want got
'
check 'cues: each three times, on one PID, at the same picture' '
	mlive-cue show -q -j <out.ts >json
	test "$(grep -c "\"pid\":260" json)" -eq "$(wc -l <json)"
	test "$(grep -c "splice_event_id\":7[,}]" json)" -eq 3
	test "$(grep -c "splice_event_id\":8[,}]" json)" -eq 3
	mlive-cue show -q -j <two.ts >was
	at () {
		grep "splice_event_id\":8[,}]" "$1" | grep -o "\"splice_time\":[0-9]*" | head -n 1 | cut -d: -f2
	}
	first=$(data 257 times <two.ts | sort -n | head -n 1)
	two=$(data 256 times <out.ts | sort -n | sed -n 301p)
	test $(($(at json) - two)) -eq $(($(at was) - first))
'
check 'teletext without times: all of it, and still without' '
	printf "one-untimed.ts\nplain.mp4\ntwo-untimed.ts\n" >list.txt
	mlive-ingest list.txt >out.ts 2>err
	data 259 <one.ts >want
	data 256 <two.ts >>want
	data 259 <out.ts | cmp want -
	data 259 times <out.ts | sort -u | grep -x none
	test "$(data 259 times <out.ts | sort -u | wc -l)" -eq 1
	mlive-ingest out.ts 2>err | cmp - out.ts
	grep "lost=0 bad=0 sync_losses=0 junk_bytes=0" err
	# In the second file, and not before its pictures begin.
	perl -e "binmode STDIN; my (\$pic, \$bytes, \$at) = (0, 0);
		while (read STDIN, my \$p, 188) {
			my \$pid = unpack q(x n), \$p;
			\$pic++ if (\$pid & 0x5fff) == 0x4100;
			push @at, \$pic if (\$pid & 0x5fff) == 0x4103;
		}
		print qq(@at\n);
		die if \$at[0] > 150 || \$at[-1] < 301" <out.ts
'
check 'and behind a failover' '
	: >out.ts
	mlive-ingest -q --failover one-untimed.ts two.ts >out.ts & tool=$!
	enough () {
		test "$(data 259 <out.ts | wc -c)" -ge 100
	}
	within 120 enough
	kill $tool
	wait $tool
	data 259 <out.ts >got
	# What came before the first picture is not of it.
	perl -e "local \$/; open F, shift; \$w = <F>; open F, shift; \$g = <F>;
		exit(index(\$w, substr \$g, 0, 50) < 0)" want got
'
check 'what comes before the first picture of a file is not lost' '
	# Its pictures and sound begin after all teletext and cues.
	perl -e "binmode STDIN; binmode STDOUT; my \$n = 0;
		while (read STDIN, my \$p, 188) {
			my \$pid = unpack q(x n), \$p;
			my \$start = \$pid & 0x4000;
			\$pid &= 0x1fff;
			\$n++ if \$pid == 256 && \$start;
			print \$p if \$pid < 256 || \$pid > 257 || \$n > 125;
		}" <one.ts >late.ts
	printf "plain.mp4\nlate.ts\n" >list.txt
	mlive-ingest -q list.txt >out.ts 2>err
	# After two places for pictures and sound come those of DVB subtitles and teletext.
	for pid in 258 259
	do
		data $pid <one.ts >want
		data $pid <out.ts | cmp want -
	done
	mlive-cue show -q -j <out.ts >json
	test "$(grep -c "splice_event_id\":7[,}]" json)" -eq 3
'
done_testing
