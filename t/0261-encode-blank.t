#!/bin/sh
# mlive-encode --blank: a slate and silence in place of breaks, frame by frame.
. "$(dirname "$0")/lib.sh"
# shellcheck source=/dev/null
. "${top:-.}/t/encode.sh"
PATH=$BUILD/t/helper:$PATH

# shades FILE N [FILTER] - when the brightness of video N changes, and to what.
shades () {
	ffmpeg -v error -copyts -i "$1" -map "0:v:$2" -enc_time_base 1/90000 -vf \
		"settb=1/90000,${3:-null},signalstats,metadata=print:file=-" -f null - | perl -ne '
		$t = $1 if /pts:(\d+)/;
		next unless /YAVG=(\d+)/;
		print "$t:$1 " if !defined $last || abs($last - $1) > 2;
		$last = $1;'
}

# silences FILE - the stretches of more than 50 ms without sound: from, to, in
# milliseconds of the output.
silences () {
	ffmpeg -v error -i "$1" -map 0:a:0 -ac 1 -ar 48000 -f s16le - | perl -e '
		binmode STDIN; local $/; my @s = unpack "s<*", <STDIN>; my $n = 0;
		for (0 .. @s) {
			if ($_ < @s && abs $s[$_] < 300) { $n++; next }
			printf "%d %d\n", ($_ - $n) / 48 + $ARGV[0] * 1000, $_ / 48 + $ARGV[0] * 1000
				if $n > 2400;
			$n = 0;
		}' "$(ffprobe -v error -select_streams a:0 -show_entries stream=start_time \
			-of csv=p=0 "$1" | head -n 1)"
}

insert () {
	echo "{\"splice_insert\":{\"splice_event_id\":$1,\"out_of_network_indicator\":$2,\"splice_time\":{\"pts_time\":0}${3:+,\"break_duration\":$3}}}"
}

segment () {
	echo "{\"time_signal\":{\"splice_time\":{\"pts_time\":0}},\"descriptors\":[{\"splice_descriptor_tag\":2,\"segmentation_event_id\":$1,\"segmentation_type_id\":\"$2\"$3}]}"
}

ffmpeg -v error -f lavfi -i color=gray:s=320x180:r=25:d=10 \
	-f lavfi -i "sine=f=440:r=48000:d=10,volume=4" -map 0 -map 1 -c:v libx264 \
	-preset ultrafast -bf 2 -c:a aac -f mpegts gray.ts
ffmpeg -v error -f lavfi -i color=white:s=90x90 -frames:v 1 white.png
ffmpeg -v error -f lavfi -i color=white:s=640x360 -frames:v 1 white.jpg

auto='{"auto_return":true,"duration":180000}'
printf '%s\n' "9000 270000 $(insert 1 true "$auto")" >auto.cues
cuein auto.cues <gray.ts >auto.ts

check 'black and silence from the splice to the return, in every rung' '
	mlive-encode -q -s blank.stats -r 180p@300k -r 90p@100k,fps=30 \
		-r 90p@100k,codec=hevc,preset=ultrafast --blank black <auto.ts >out.ts
	# 30 pictures a second: 1170000 and 1350000 are on this grid, too.
	for n in 0 1 2
	do
		test "$(shades out.ts $n)" = "900000:126 1170000:16 1350000:126 "
	done
	test "$(counter blank.stats blanked)" -eq 60
	silences out.ts | tail -n 1 >s
	read -r from to <s
	near "$from" 13000 8
	near "$to" 15000 8
	clean out.ts
'
check 'without the option, and without cues, nothing is blank' '
	mlive-encode -q -r 180p@300k <auto.ts >plain.ts
	test "$(shades plain.ts 0)" = "900000:126 "
	mlive-encode -q -r 180p@300k --blank black <gray.ts >plain.ts
	test "$(shades plain.ts 0)" = "900000:126 "
'
check 'a slate keeps its aspect; what is left free is black, all of it' '
	mlive-encode -q -r 180p@1000k,rc=abr -r 90p@400k,profile=high10 --blank white.png <auto.ts >out.ts
	test "$(shades out.ts 0 crop=176:180:72:0)" = "900000:126 1170000:235 1350000:126 "
	test "$(shades out.ts 0 crop=68:180:0:0)" = "900000:126 1170000:16 1350000:126 "
	# The first columns of the bar on the right.
	test "$(shades out.ts 0 crop=4:170:250:0)" = "900000:126 1170000:16 1350000:126 "
	mlive-encode -q -r 180p@300k --blank white.jpg <auto.ts >out.ts
	test "$(shades out.ts 0)" = "900000:126 1170000:235 1350000:126 "
'
check 'nested and overlapping: blank while one is open' '
	printf "%s\n" "9000 180000 $(insert 1 true "$auto")" \
		"18000 270000 $(segment 2 0x30 ",\"segmentation_duration\":270000")" \
		"27000 288000 $(segment 3 0x32 ",\"segmentation_duration\":45000")" \
		"36000 720000 $(segment 4 0x34)" "360000 810000 $(segment 4 0x35)" >nest.cues
	cuein nest.cues <gray.ts >nest.ts
	mlive-encode -q -r 180p@300k --blank black <nest.ts >out.ts
	test "$(shades out.ts 0)" = "900000:126 1080000:16 1440000:126 1620000:16 1710000:126 "
	test "$(silences out.ts | wc -l)" -ge 2
'
check 'returned early; a break that only a message ends; other types are not blank' '
	printf "%s\n" "9000 180000 $(insert 1 true "$auto")" "99000 270000 $(insert 1 false)" \
		"180000 450000 $(insert 2 true)" "400000 630000 $(insert 2 false)" \
		"450000 720000 $(segment 3 0x20)" "450000 756000 $(segment 4 0x10)" >early.cues
	cuein early.cues <gray.ts >early.ts
	mlive-encode -q -r 180p@300k --blank black <early.ts >out.ts
	test "$(shades out.ts 0)" = "900000:126 1080000:16 1170000:126 1350000:16 1530000:126 "
'
check 'at once: from its picture on; one that begins in the break is blank from its start' '
	printf "%s\n" "180000 - {\"splice_insert\":{\"splice_event_id\":1,\"out_of_network_indicator\":true}}" \
		"450000 630000 $(insert 1 false)" >now.cues
	cuein now.cues <gray.ts >now.ts
	mlive-encode -q -r 180p@300k --blank black <now.ts >out.ts
	t=$(mlive-cue show -q -j <out.ts | sed -n "1s/.*\"splice_time\":\([0-9][0-9]*\).*/\1/p")
	test "$(shades out.ts 0)" = "900000:126 $t:16 1530000:126 "
	printf "%s\n" "9000 -90000 $(insert 1 true "$auto")" >mid.cues
	cuein mid.cues <gray.ts >mid.ts
	mlive-encode -q -r 180p@300k --blank black <mid.ts >out.ts
	test "$(shades out.ts 0)" = "900000:16 990000:126 "
'
check 'captions of a break are left out' '
	source_ts 6 25 | decorate >cc.ts
	printf "%s\n" "9000 90000 $(insert 1 true "{\"auto_return\":true,\"duration\":270000}")" >cc.cues
	cuein cc.cues <cc.ts >cc.in
	mlive-encode -q -r 180p@300k <cc.in >cc.all
	mlive-encode -q -r 180p@300k --blank black <cc.in >cc.out
	for f in all out
	do
		triplets 256 <cc.$f | sed "/ 8080$/d" >cc.$f.t
	done
	# Around the break as without it; in it they are erased, and that is all.
	awk "\$1 < 990000 || \$1 >= 1260000" cc.all.t >want
	awk "\$1 < 990000 || \$1 >= 1260000" cc.out.t | diff want -
	test "$(awk "\$1 >= 990000 && \$1 < 1260000 { print \$3 \$4 }" cc.out.t | tr "\n" " ")" = \
		"0942c 1152c 0942c 1152c 01c2c 19d2c 01c2c 19d2c "
'
check 'bad slates and copied audio' '
	fails 2 mlive-encode -r 180p@300k --blank none.png <auto.ts 2>words
	grep "cannot open .none.png.: No such file" words
	for f in gray.ts auto.cues /dev/null
	do
		fails 2 mlive-encode -r 180p@300k --blank $f <auto.ts 2>words
		grep "$f. is no picture in PNG or JPEG" words
	done
	for n in 9 60 200 240
	do
		head -c $n white.png >cut.png
		fails 2 mlive-encode -r 180p@300k --blank cut.png <auto.ts
	done
	fails 2 mlive-encode -r 180p@300k --blank black -a copy <auto.ts 2>words
	grep "copied audio" words
	mlive-encode -q -r 180p@300k --blank black -a none <auto.ts >out.ts
	test "$(shades out.ts 0)" = "900000:126 1170000:16 1350000:126 "
'
done_testing
