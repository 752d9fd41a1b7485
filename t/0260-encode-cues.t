#!/bin/sh
# mlive-encode: each cue has the time of an IDR picture of every rung.
. "$(dirname "$0")/lib.sh"
# shellcheck source=/dev/null
. "${top:-.}/t/encode.sh"
need 'no JSON for perl' perl -MJSON::PP -e 1
PATH=$BUILD/t/helper:$PATH

# keys FILE N - the PTS of the IDR pictures of its rung N, in order.
keys () {
	ffprobe -v error -select_streams "v:$2" -show_entries packet=pts,flags -of csv=p=0 \
		"$1" | sed -n 's/,K.*//p' | sort -n -u
}

# splices FILE - what its cues are: PTS (or -), event, out, in or segmentation type,
# duration (or -), and how many milliseconds ahead they are.
splices () {
	mlive-cue show -q -j <"$1" | perl -MJSON::PP -ne '
		my $o = decode_json($_);
		my $s = $o->{splice_info_section};
		my ($i, $d) = ($s->{splice_insert}, $s->{descriptors}[0]);
		next unless $i && !$i->{splice_event_cancel_indicator} || $d &&
			!$d->{segmentation_event_cancel_indicator};
		my $id = $i ? $i->{splice_event_id} : $d->{segmentation_event_id};
		my $what = !$i ? $d->{segmentation_type_id} :
			$i->{out_of_network_indicator} ? "out" : "in";
		my $lasts = $i ? $i->{break_duration}{duration} : $d->{segmentation_duration};
		printf "%s %u %s %s %s\n", $o->{splice_time} // "-", $id, $what, $lasts // "-",
			$o->{ahead_ms} // "-";'
}

# on_keys FILE RUNG... - each cue's time is one of these rungs' IDR pictures, and so is
# its end; they are left in "cuts", once each.
on_keys () {
	splices "$1" >on.cues
	test -s on.cues
	perl -lane 'print $F[0]; print +($F[0] + $F[3]) % 2 ** 33 if $F[3] ne "-"' on.cues |
		sort -n -u >cuts
	file=$1
	shift
	for n in "$@"
	do
		keys "$file" "$n" >on.keys
		# comm wants the order of the letters.
		sort on.keys >on.sorted
		sort cuts | comm -23 - on.sorted >missing
		test ! -s missing || { echo "rung $n: no IDR at"; cat missing; return 1; }
	done
}

# from FILE RUNG PTS - how many pictures of the rung there are from this one on, which
# must decode alone: of all before its packet only the tables are left.
from () {
	pos=$(ffprobe -v error -select_streams "v:$2" -show_entries packet=pts,pos \
		-of csv=p=0 "$1" | sed -n "s/^$3,\([0-9]*\).*/\1/p" | head -n 1)
	perl -e 'my ($pos, $rung) = @ARGV;
		my %want = (0 => 0, 0x1000 + $rung => 0, 0x100 + $rung => $pos);
		binmode STDIN; binmode STDOUT;
		for (my $at = 0; read(STDIN, my $p, 188) == 188; $at += 188) {
			my $from = $want{(unpack "n", substr $p, 1, 2) & 0x1fff};
			print $p if defined $from && $at >= $from;
		}' "$pos" "$2" <"$1" >from.ts
	ffmpeg -v error -i from.ts -map 0:v -fps_mode passthrough -f null - \
		-progress - >from.out 2>&1
	grep -v = from.out || :
	sed -n 's/^frame=//p' from.out | tail -n 1
}

insert () {
	lasts=
	test -z "$3" || lasts=",\"break_duration\":{\"auto_return\":true,\"duration\":$3}"
	echo "{\"splice_insert\":{\"splice_event_id\":$1,\"out_of_network_indicator\":$2,\"splice_time\":{\"pts_time\":0}$lasts}}"
}

now () {
	echo "{\"splice_insert\":{\"splice_event_id\":$1,\"out_of_network_indicator\":$2}}"
}

segment () {
	lasts=
	test -z "$3" || lasts=",\"segmentation_duration\":$3"
	echo "{\"time_signal\":{\"splice_time\":{\"pts_time\":0}},\"descriptors\":[{\"splice_descriptor_tag\":2,\"segmentation_event_id\":$1,\"segmentation_type_id\":\"$2\"$lasts}]}"
}

cancel () {
	echo "{\"splice_insert\":{\"splice_event_id\":$1,\"splice_event_cancel_indicator\":true}}"
}

source_ts 14 30000/1001 >ntsc.ts
cat >ntsc.cues <<-END
	45000 451000 $(insert 7 true 241000)
	225000 451000 $(insert 7 true 241000)
	360000 451000 $(insert 7 true 241000)
	400000 810100 $(segment 21 0x34 180100)
	580000 932000 $(segment 21 0x35)
	600000 - $(now 8 true)
	640000 1100000 $(insert 8 false)
	1000000 1500000000 $(insert 9 true)
END
cuein ntsc.cues <ntsc.ts >in.ts

check 'out, in, ends, signals and what is immediate: an IDR at each in every rung' '
	mlive-encode -q -s cue.stats -r 180p@300k -r 180p@200k,fps=half \
		-r 90p@100k,codec=hevc,preset=ultrafast <in.ts >out.ts
	clean out.ts
	splices out.ts >got
	test "$(wc -l <got)" -eq 8
	test "$(counter cue.stats cues)" -eq 8
	test "$(counter cue.stats cues_late)" -eq 0
	keys out.ts 0 >k0
	keys out.ts 1 | diff k0 -
	keys out.ts 2 | diff k0 -
	# The one of type 0x34 ends before its duration does, and 9 is hours ahead.
	awk "\$2 != 9 { print \$1 }
		\$2 == 7 { print \$1 + \$4 }" got | sort -u >want
	sort k0 | comm -23 want - >missing
	test ! -s missing
'
check 'the pictures are the nearest, also of the end; repeated messages agree' '
	# 900900 is where the output begins; the source said 451000, and so on.
	test "$(awk "\$2 == 7 { print \$1 - 900900, \$4 }" got | sort -u)" = "450450 240240"
	test "$(awk "\$3 == 52 { print \$1 - 900900, \$4 }" got)" = "810810 180180"
	test "$(awk "\$3 == 53 { print \$1 - 900900 }" got)" -eq 930930
'
check 'the segments are where they would be without cues' '
	mlive-encode -q --condition none -r 180p@300k <in.ts >none.ts
	keys none.ts 0 | sort >grid
	sort k0 | comm -13 - grid >moved
	test ! -s moved
	sort k0 | comm -23 - grid | diff want -
	test "$(wc -l <grid)" -eq 7
	ebps <out.ts | grep -c "^256 " >points
	test "$(cat points)" -eq 7
'
check '--condition none: times moved, and nothing else' '
	splices none.ts >got.none
	test "$(awk "\$2 == 7 { print \$1 - 900900, \$4 }" got.none | sort -u)" = "451000 241000"
	grep "^- 8 out" got.none
'
check 'each comes as far ahead of its splice as in the source' '
	splices in.ts >had
	awk "{ print \$5 }" had | paste - got >both
	awk "\$1 != \"-\" && \$6 < \$1 - 100 { print; exit 1 }" both
	# The immediate one: its picture is still to come.
	test "$(awk "\$2 == 8 && \$3 == \"out\" { print (\$5 > 0) }" got)" -eq 1
'
check 'an IDR at a splice begins a closed GOP: it decodes alone, in AVC and HEVC' '
	t=$(awk "\$2 == 7 { print \$1; exit }" got)
	all=$(pictures out.ts 0)
	left=$((all - (t - 900900) / 3003))
	test "$(from out.ts 0 "$t")" = "$left"
	test "$(from out.ts 2 "$t")" = "$left"
	mlive-encode -q -r 180p@300k,preset=medium,x264=open-gop=1:bframes=5 \
		-r 90p@100k,codec=hevc,preset=medium,x265=open-gop=1 <in.ts >gop.ts
	test "$(from gop.ts 0 "$t")" = "$left"
	test "$(from gop.ts 1 "$t")" = "$left"
'
check 'the picture is the one that the source had at the splice' '
	ffmpeg -v error -y -f lavfi -i "color=black:s=320x180:r=25:d=8,drawbox=c=white:t=fill:enable=gte(n\\,101)*lt(n\\,140)" \
		-c:v libx264 -preset ultrafast -bf 2 -f mpegts white.ts
	for t in 363600 362000 365000
	do
		echo "9000 $t $(insert 1 true)" >w.cues
		cuein w.cues <white.ts | mlive-encode -q -c none -r 180p@300k >white.out
		test "$(splices white.out | cut -d" " -f1)" -eq 1263600
		on_keys white.out 0
	done
	test "$(flashes white.out)" = 14.0400
'
check 'complaint 17: what is immediate is so with the picture shown when it came, not earlier' '
	# The one that turns white, 4.04 s from the first; the encoder holds many back.
	echo "363600 - $(now 8 true)" >w.cues
	cuein w.cues <white.ts >w.ts
	mlive-encode -q -c none -r 180p@300k,preset=medium,x264=rc-lookahead=60 <w.ts >w.out
	splices w.out >w.got
	test "$(cut -d" " -f1,2 w.got)" = "1263600 8"
	test "$(flashes w.out)" = 14.0400
	on_keys w.out 0
	# Untouched, it is among the packets as far before that picture as in the source.
	mlive-encode -q -c none --condition none -r 180p@300k,preset=medium,x264=rc-lookahead=60 \
		<w.ts >w.none
	for f in ts none
	do
		mlive-cue show -q -j <w.$f | grep "splice_immediate_flag\":true" |
			sed "s/.*\"stream_time\":\([0-9]*\).*/\1/" >w.at
		first=$(stamps w.$f v:0 | head -n 1)
		echo $((first + 363600 - $(cat w.at)))
	done >w.ahead
	cat w.ahead
	near "$(head -n 1 w.ahead)" "$(tail -n 1 w.ahead)" 18000
'
# said FILE - all that its cues say but for times, lengths in pictures, as JSON
said () {
	mlive-cue show -q -j <"$1" | perl -MJSON::PP -ne '
		my $s = decode_json($_)->{splice_info_section};
		delete $s->{pts_adjustment};
		delete $s->{$_}{splice_time}{pts_time} for grep $s->{$_}, "splice_insert", "time_signal";
		$_ and $_ = int($_ / 3600 + 0.5) for $s->{splice_insert} ?
			$s->{splice_insert}{break_duration}{duration} :
			map $_->{segmentation_duration}, @{$s->{descriptors}};
		print JSON::PP->new->canonical->encode($s), "\n"'
}
check 'complaint 16: cues keep their stream type, and all that they say' '
	# A break with an avail_descriptor, and an opportunity with a UPID and restrictions.
	for cue in "9000 363600 /DAvAAAAAAAA///wFAVIAACPf+/+c2nALv4AUsz1AAAAAAAKAAhDVUVJAAABNWLbowo=" \
		"18000 540000 /DA0AAAAAAAA///wBQb+cr0AUAAeAhxDVUVJSAAAjn/PAAGlmbAICAAAAAAsoKGKNAIAmsnRfg=="
	do
		echo "${cue% *} $(mlive-cue show -q -j "${cue##* }" |
			perl -MJSON::PP -ne "print encode_json(decode_json(\$_)->{splice_info_section})")"
	done >w.cues
	cuein w.cues <white.ts >w.ts
	said w.ts >want
	grep -c "2ca0a18a\|CUEI" want | grep -x 2
	mlive-ingest -q <w.ts | mlive-encode -q -c none -r 180p@300k -r 90p@100k >w.out
	mlive-ingest -q <w.ts | mlive-encode -q -c none --condition none -r 180p@300k >w.none
	for f in out none
	do
		said w.$f | diff want -
		ffprobe -v error -select_streams d -show_entries stream=codec_name -of csv=p=0 w.$f |
			grep . | sort -u | tr "\n" " " | grep -x "scte_35 "
	done
'
check '50 and 25 pictures a second: on those of both' '
	source_ts 8 50 >p50.ts
	for t in 451700 451800 451900
	do
		echo "9000 $t $(insert 1 true 91000)" >p.cues
		cuein p.cues <p50.ts >p.ts
		mlive-encode -q -r 180p@300k -r 90p@100k,fps=half -r 90p@100k,fps=25 <p.ts >p.out
		on_keys p.out 0 1 2
		splices p.out | cut -d" " -f1
	done >got.50
	test "$(tr "\n" " " <got.50)" = "1350000 1350000 1353600 "
'
check '25 and 30: on the picture of the fastest, and the nearest of the other' '
	mlive-encode -q -r 180p@300k -r 90p@100k,fps=30 <white.ts >none.ts
	echo "9000 365000 $(insert 1 true)" >w.cues
	cuein w.cues <white.ts | mlive-encode -q -c none -r 180p@300k -r 90p@100k,fps=30 >odd.out
	on_keys odd.out 1
	for n in 0 1
	do
		keys none.ts $n | sort >a
		keys odd.out $n | sort | comm -13 a -
	done >own
	test "$(tr "\n" " " <own)" = "1267200 1266000 "
'
check 'a splice within gop= and next to a segment: both pictures are there' '
	printf "%s\n" "9000 176400 $(insert 1 true)" "18000 540000 $(insert 2 true)" >e.cues
	cuein e.cues <white.ts | mlive-encode -q -c none -r 180p@300k,gop=500ms >edge.out
	on_keys edge.out 0
	cat cuts
	keys edge.out 0 >edge.keys
	mlive-encode -q -r 180p@300k,gop=500ms <white.ts >edge.none
	keys edge.none 0 | sort >a
	sort edge.keys | comm -13 - a >moved
	test ! -s moved
	test "$(wc -l <edge.keys)" -eq $(($(wc -l <a) + 1))
'
check 'the clock of the source wraps before the splice, and before its end' '
	for at in 95440.5 95438.5
	do
		source_ts 9 25 -output_ts_offset $at >w.ts
		printf "%s\n" "9000 273600 $(insert 1 true 180000)" \
			"200000 273600 $(insert 1 true 180000)" >w.cues
		cuein w.cues <w.ts >w.in
		mlive-encode -q -r 180p@300k -r 90p@100k,fps=half <w.in >w.out
		on_keys w.out 0 1
		test "$(tr "\n" " " <cuts)" = "1173600 1353600 "
	done
'
check 'a clock that breaks before the splice: the time to go is kept' '
	echo "9000 450000 $(insert 1 true 90000)" >w.cues
	source_ts 3 25 >a.ts
	source_ts 5 25 -output_ts_offset 5000 >b.ts
	cuein w.cues <a.ts >break.ts
	cat b.ts >>break.ts
	mlive-encode -q -r 180p@300k -r 90p@100k,fps=half <break.ts >break.out
	on_keys break.out 0 1
'
check 'a cancelled event has no picture; one that comes late has the next, or none' '
	printf "%s\n" "9000 450000 $(insert 1 true 90000)" "180000 - $(cancel 1)" \
		"360000 350000 $(insert 2 true)" "540000 270000 $(insert 3 true 301000)" \
		"600000 270000 $(insert 3 true 301000)" >c.cues
	cuein c.cues <p50.ts >c.ts
	mlive-encode -s late.stats -r 180p@300k <c.ts >c.out 2>words
	grep "warning: a splice_insert comes [23] s after its picture" words
	test "$(grep -c "warning: a splice" words)" -eq 1
	test "$(counter late.stats cues_late)" -eq 1
	splices c.out >got.c
	keys c.out 0 >keys.c
	grep -x "$(awk "\$2 == 2 { print \$1 }" got.c)" keys.c
	test "$(awk "\$2 == 2 { print (\$1 > 1250000 && \$1 < 1340000) }" got.c)" -eq 1
	test "$(awk "\$2 == 3 { print \$1, \$4 }" got.c | sort -u)" = "1170000 300600"
	grep -x 1470600 keys.c
	# Four segments begin, and these two pictures.
	test "$(wc -l <keys.c)" -eq 6
'
check '--condition LIST: these, and no others' '
	printf "%s\n" "9000 221000 $(insert 1 true)" "18000 271000 $(segment 2 0x30 90000)" \
		"27000 451000 $(segment 3 0x36)" >l.cues
	cuein l.cues <p50.ts >l.ts
	mlive-encode -q -r 180p@300k --condition 0x36,48 <l.ts >l.out
	test "$(splices l.out | cut -d" " -f1,4 | tr "\n" " ")" = \
		"1121000 - 1171800 90000 1351800 - "
	test "$(keys l.out 0 | tr "\n" " ")" = \
		"900000 1080000 1171800 1260000 1261800 1351800 1440000 "
	mlive-encode -q -r 180p@300k --condition splice_insert <l.ts >l.out
	test "$(splices l.out | cut -d" " -f1 | tr "\n" " ")" = "1121400 1171000 1351000 "
	test "$(keys l.out 0 | tr "\n" " ")" = "900000 1080000 1121400 1260000 1440000 "
	for wrong in "" some 0x100 0x34,, 256 0x ,
	do
		fails 2 mlive-encode -r 180p@300k --condition "$wrong" <l.ts >none 2>words
		grep -F -e "--condition '\''$wrong'\''" words
	done
'
check 'live: one that begins in mid-break says the same, and has the same pictures' '
	source_ts 12 25 -g 15 >l.ts
	printf "%s\n" "9000 180000 $(insert 1 true 631000)" "400000 180000 $(insert 1 true 631000)" \
		"630000 900500 $(segment 2 0x34 90000)" >l.cues
	cuein l.cues <l.ts | mlive-ingest -q --realtime - >live.ts
	mlive-encode -q -r 180p@300k -r 90p@100k,fps=half <live.ts >one.ts
	size=$(wc -c <live.ts)
	tail -c $((size * 3 / 4 / 188 * 188)) live.ts | mlive-encode -qq -r 180p@300k \
		-r 90p@100k,fps=half >two.ts
	splices one.ts | cut -d" " -f1-4 | tail -n 2 >a
	splices two.ts | cut -d" " -f1-4 >b
	test "$(wc -l <b)" -eq 2
	diff a b
	on_keys one.ts 0 1
	keys one.ts 1 | tail -n 5 >a
	keys two.ts 1 | tail -n 5 | diff a -
'
check 'messages before the first picture are about it, too' '
	printf "%s\n" "-9000 3600 $(insert 1 true)" >f.cues
	cuein f.cues <white.ts >f.ts
	mlive-encode -q -r 180p@300k <f.ts >f.out
	on_keys f.out 0
	test "$(cat cuts)" -eq 903600
'
if test -s "$BUILD/demo/film.mp4"
then
	check 'a film: three rungs, breaks of an hour of television in miniature' '
		ffmpeg -nostdin -v error -ss 5 -i "$BUILD/demo/film.mp4" -t 20 -c:a aac \
			-vf scale=-2:360 -c:v libx264 -preset ultrafast -crf 20 -g 48 -f mpegts film.ts
		for i in 1 2 3 4
		do
			at=$((i * 400000))
			echo "$((at - 360000)) $((at + 777 * i)) $(insert $i true 123457)"
			echo "$((at - 180000)) $((at + 777 * i)) $(insert $i true 123457)"
		done | sort -n >film.cues
		cuein film.cues <film.ts >film.in
		mlive-encode -q -r 360p@800k -r 216p@400k,fps=half -r 144p@200k <film.in >film.out
		on_keys film.out 0 1 2
		test "$(wc -l <cuts)" -eq 8
		clean film.out
	'
else
	skip 'a film' 'no film'
fi
done_testing
