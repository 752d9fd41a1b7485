#!/bin/sh
# mlive-ingest: ad markers of HLS become SCTE-35, and cues of streams stay.
. "$(dirname "$0")/lib.sh"
need 'no ffmpeg' ffmpeg -version
. "$top/t/hls.sh"
. "$top/t/hlscues.sh"

# Ten segments of 2 s.
ff -f lavfi -i testsrc2=size=160x90:rate=25:duration=20 \
	-f lavfi -i sine=frequency=440:sample_rate=48000:duration=20 \
	-c:v libx264 -preset ultrafast -tune animation -bf 2 -g 50 -pix_fmt yuv420p \
	-c:a aac -b:a 64k film.mp4
vod='-c copy -f hls -hls_time 2 -hls_playlist_type vod'
mkdir ts fmp4 apart
# shellcheck disable=SC2086
{
	ff -i film.mp4 $vod ts/i.m3u8
	ff -i film.mp4 $vod -hls_segment_type fmp4 fmp4/i.m3u8
	ff -i film.mp4 -map 0:v -map 0:a $vod -var_stream_map 'v:0,agroup:a a:0,agroup:a' \
		-hls_segment_filename 'apart/%v-%d.ts' -master_pl_name i.m3u8 apart/%v.m3u8
}
serve .

# mark DIR/FROM DIR/TO N LINE...: a playlist with a line before segment N, from 0;
# more of N LINE may follow.
mark () {
	from=$1 to=$2
	shift 2
	cp "$from" "$to"
	while test $# -gt 0
	do
		N=$1 LINE=$2 perl -ne 'print "$ENV{LINE}\n" if /^#EXTINF/ && $n++ == $ENV{N}; print' \
			"$to" >marked
		mv marked "$to"
		shift 2
	done
}

out=/DAvAAAAAAAA///wFAVIAACPf+/+c2nALv4AUsz1AAAAAAAKAAhDVUVJAAABNWLbowo=
po=/DA0AAAAAAAA///wBQb+cr0AUAAeAhxDVUVJSAAAjn/PAAGlmbAICAAAAAAsoKGKNAIAmsnRfg==
export out po
hex () {
	printf 0x
	echo "$1" | base64 -d | od -An -v -tx1 | tr -d ' \n' | tr a-f A-F
}

for kind in ts fmp4 apart
do
	export kind
	list=i
	test $kind != apart || list=0
	export list
	check "$kind: out and in, exactly at the pictures, 4 s ahead, three times" '
		mark $kind/$list.m3u8 $kind/c.m3u8 3 "#EXT-X-CUE-OUT:6.000" 4 "#EXT-X-CUE-OUT-CONT:2/6" \
			5 "#EXT-X-CUE-OUT-CONT:4/6" 6 "#EXT-X-CUE-IN" 8 "#EXT-X-CUE-OUT"
		test $kind = apart || list=c
		if test $kind = apart
		then
			sed "s/^0.m3u8/c.m3u8/" apart/i.m3u8 >apart/cues.m3u8
			list=cues
		fi
		mlive-ingest -q -s stats "$url/$kind/$list.m3u8" >out.ts
		events out.ts >got
		cat >want <<-END
		out 1 540000 auto 1 @$(first out.ts 3)
		in 1 - - 1 @$(first out.ts 6)
		out 2 - - 2 @$(first out.ts 8)
		END
		diff want got
		test "$(wc -l <messages)" -eq 9
		test "$(ahead)" -ge 4000
		pid=$(ffprobe -v error -show_entries stream=codec_name,id -of csv=p=0 out.ts | sed -n "s/^scte_35,//p" | head -n 1)
		in_time out.ts $((pid))
		tail -n 1 stats | grep "\"hls_breaks\":2,\"hls_cues\":9,\"hls_markers_left_out\":0"
		ff -i out.ts -map 0:v -map 0:a -f null - 2>said
		test ! -s said
		mlive-ingest out.ts 2>&1 >again | grep "lost=0 bad=0 sync_losses=0 junk_bytes=0"
	'
done
check 'a transport stream: all but the PMT and the cues is as it was' '
	mark ts/i.m3u8 ts/c.m3u8 3 "#EXT-X-CUE-OUT:6" 6 "#EXT-X-CUE-IN"
	mlive-ingest -q ts/c.m3u8 >out.ts
	mlive-ingest -q ts/i.m3u8 >plain.ts
	for f in out plain
	do
		perl -e "binmode STDIN; while (read(STDIN, my \$p, 188) == 188) {
			my \$pid = (unpack q(n), substr \$p, 1, 2) & 0x1fff;
			print \$p if \$pid != 500 && \$pid != 0x1000 }" <$f.ts >$f.rest
	done
	cmp plain.rest out.rest
	test "$(events out.ts | wc -l)" -eq 2
	test "$(first out.ts 3)" -eq "$(ffprobe -v error -select_streams v -show_entries packet=pts -of csv=p=0 ts/i3.ts |
		sed -n "1s/,.*//p")"
	mlive-cue strip -q <out.ts >stripped.ts
	mlive-cue show -q <stripped.ts >none
	test ! -s none
'

# form NAME WANT N LINE...: what the markers become; "@N" is the time of segment N.
form () {
	name=$1 want=$2
	shift 2
	mark ts/i.m3u8 ts/form.m3u8 "$@"
	export want
	check "$name" '
		mlive-ingest -q -s stats ts/form.m3u8 >out.ts
		events out.ts >got
		echo "$want" | grep @ | while IFS=@ read -r what n
		do
			echo "$what@$(first out.ts "$n")"
		done >expected
		diff expected got
		in_time out.ts 500
	'
}
nl='
'
form 'CUE-OUT without a value' 'out 1 - - 1 @3' 3 '#EXT-X-CUE-OUT'
form 'CUE-OUT with attributes' 'out 1 2727000 auto 1 @3' \
	3 '#EXT-X-CUE-OUT:DURATION="30.3",BREAKID=240703'
form 'CUE-OUT 0, with a space: an insertion' 'out 1 0 auto 1 @3' 3 '#EXT-X-CUE-OUT 0'
form 'a break at the first segment' "out 1 360000 auto 1 @0${nl}in 1 - - 1 @2" \
	0 '#EXT-X-CUE-OUT:4' 2 '#EXT-X-CUE-IN'
form 'one follows the other' "out 1 360000 auto 1 @2${nl}in 1 - - 1 @4${nl}out 2 180000 auto 2 @4${nl}in 2 - - 2 @5" \
	2 '#EXT-X-CUE-OUT:4' 4 '#EXT-X-CUE-IN' 4 '#EXT-X-CUE-OUT:2' 5 '#EXT-X-CUE-IN'
form 'a CUE-IN alone is nothing' '' 2 '#EXT-X-CUE-IN'
form 'a break that we come into: what is left of it' "out 1 1935000 auto 1 @0${nl}in 1 - - 1 @3" \
	0 '#EXT-X-CUE-OUT-CONT:8.5/30' 1 '#EXT-X-CUE-OUT-CONT:10.5/30' 3 '#EXT-X-CUE-IN'
form 'the same by attributes' 'out 1 1260000 auto 1 @0' \
	0 '#EXT-X-CUE-OUT-CONT:ElapsedTime=7,Duration=21' 1 '#EXT-X-CUE-OUT-CONT:ElapsedTime=9,Duration=21'
form 'OATCLS and CUE-OUT: one message, in binary' \
	"out 1207959695 5426421 auto 0 @3${nl}in 1207959695 - - 0 @5" \
	3 "#EXT-OATCLS-SCTE35:$out" 3 '#EXT-X-CUE-OUT:60.3' \
	4 "#EXT-X-CUE-OUT-CONT:ElapsedTime=2,Duration=60,SCTE35=$out" 5 '#EXT-X-CUE-IN'
form 'OATCLS behind CUE-OUT, without padding' 'out 1207959695 5426421 auto 0 @3' \
	3 '#EXT-X-CUE-OUT:60.3' 3 "#EXT-OATCLS-SCTE35:${out%=}"
form 'SPLICEPOINT: a time_signal, ended in its manner' \
	"0x34 1207959694 27630000 @3${nl}0x35 1207959694 - @5" \
	3 "#EXT-X-SPLICEPOINT-SCTE35:$po" 5 '#EXT-X-CUE-IN'
form 'EXT-X-SCTE35 on each segment' "0x34 1207959694 27630000 @3${nl}0x35 1207959694 - @5" \
	3 "#EXT-X-SCTE35:CUE=\"$po\",CUE-OUT=YES" 4 "#EXT-X-SCTE35:CUE=\"$po\",CUE-OUT=CONT,ELAPSED=2" \
	5 '#EXT-X-SCTE35:CUE-IN=YES'
form 'EXT-X-CUE on each segment' "out 1 2700000 auto 1 @3${nl}in 1 - - 1 @5" \
	3 '#EXT-X-CUE:TYPE="SpliceOut",ID="a",TIME=1,DURATION=30' \
	4 '#EXT-X-CUE:TYPE="SpliceOut",ID="a",TIME=1,DURATION=30,ELAPSED=2' \
	5 '#EXT-X-CUE:TYPE="SpliceIn",ID="a"'
date='#EXT-X-PROGRAM-DATE-TIME:2026-11-22T17:00:00Z'
range='#EXT-X-DATERANGE:ID="7",START-DATE="2026-11-22T17:00:06.001Z"'
form 'DATERANGE by its dates, wherever it stands' \
	"out 1207959695 5426421 auto 0 @3${nl}in 1207959695 - - 0 @6" \
	0 "$date" 0 "$range,END-DATE=\"2026-11-22T17:00:12Z\",SCTE35-OUT=$(hex $out)"
form 'five forms at once: one break' \
	"out 1207959695 5426421 auto 0 @3${nl}in 1207959695 - - 0 @6" \
	0 "$date" 3 "$range,PLANNED-DURATION=60,SCTE35-OUT=$(hex $out)" 3 "#EXT-OATCLS-SCTE35:$out" \
	3 '#EXT-X-CUE-OUT:60' 3 "#EXT-X-SCTE35:CUE=\"$out\",CUE-OUT=YES" \
	3 '#EXT-X-CUE:TYPE="SpliceOut",ID="9",DURATION=60' 4 '#EXT-X-CUE-OUT-CONT:2/60' \
	6 '#EXT-X-CUE-IN' 6 "${range%START*}START-DATE=\"2026-11-22T17:00:06Z\",DURATION=6,SCTE35-OUT=$(hex $out)"
form 'a DATERANGE with SCTE35-CMD, without dates: where it stands' '0x34 1207959694 27630000 @4' \
	4 "#EXT-X-DATERANGE:ID=\"8\",START-DATE=\"2026-11-22T17:00:00Z\",SCTE35-CMD=$(hex $po)"
form 'a DATERANGE of something else is none of ours' '' \
	0 "$date" 3 "$range,DURATION=6,CLASS=\"com.apple.hls.interstitial\",X-ASSET-URI=\"a\""
check 'a DATERANGE within a segment: at its date' '
	mark ts/i.m3u8 ts/c.m3u8 0 "$date" 0 "${range%\"*}\",SCTE35-OUT=$(hex $out)"
	sed "s/17:00:06.001Z/17:00:07Z/" ts/c.m3u8 >ts/within.m3u8
	mlive-ingest -q ts/within.m3u8 >out.ts
	events out.ts >got
	grep -x "out .* @$(($(first out.ts 3) + 90000))" got
	test "$(wc -l <got)" -eq 1
'
check 'a duration that the section lacks is that of CUE-OUT' '
	bare=$(with_crc fc3020000000000000fffff00f05000000497fcffe00000000000100000000)
	mlive-cue show -q 0x$bare
	mark ts/i.m3u8 ts/c.m3u8 3 "#EXT-OATCLS-SCTE35:0x$bare" 3 "#EXT-X-CUE-OUT:12.5"
	mlive-ingest -q ts/c.m3u8 >out.ts
	events out.ts >got
	cat got
	grep -x "out 73 1125000 auto 0 @$(first out.ts 3)" got
'
check 'markers of renditions make no second cue' '
	mark apart/1.m3u8 apart/1c.m3u8 3 "#EXT-X-CUE-OUT:6.000" 6 "#EXT-X-CUE-IN"
	mark apart/0.m3u8 apart/c.m3u8 3 "#EXT-X-CUE-OUT:6.000" 6 "#EXT-X-CUE-IN"
	sed "s/1.m3u8/1c.m3u8/;s/^0.m3u8/c.m3u8/" apart/i.m3u8 >apart/both.m3u8
	grep 1c.m3u8 apart/both.m3u8
	mlive-ingest -q apart/both.m3u8 >out.ts
	test "$(events out.ts | wc -l)" -eq 2
'
check 'at a discontinuity: with the first picture behind it' '
	for kind in ts fmp4
	do
		{ awk "/ENDLIST/ { next } { print }" $kind/i.m3u8
			echo "#EXT-X-DISCONTINUITY"
			echo "#EXT-X-CUE-OUT:4"
			awk "/EXTINF|^i/ { print }" $kind/i.m3u8 | sed "5,5s/^/#EXT-X-CUE-IN\n/"
			echo "#EXT-X-ENDLIST"
		} >$kind/jump.m3u8
		mlive-ingest -q $kind/jump.m3u8 >out.ts
		events out.ts >got
		cat >want <<-END
		out 1 360000 auto 1 @$(first out.ts 10)
		in 1 - - 1 @$(first out.ts 12)
		END
		diff want got
		ahead >ms
		mlive-ingest out.ts 2>&1 >again | grep "lost=0"
	done
'
check 'a break at a segment that is missing begins with the next' '
	rm -rf hole
	cp -r ts hole
	rm hole/i3.ts
	mark ts/i.m3u8 hole/c.m3u8 3 "#EXT-X-CUE-OUT:6.000" 6 "#EXT-X-CUE-IN"
	fails 1 mlive-ingest -q hole/c.m3u8 >out.ts
	events out.ts >got
	cat >want <<-END
	out 1 540000 auto 1 @$(first out.ts 3)
	in 1 - - 1 @$(first out.ts 5)
	END
	diff want got
'
check 'with a program chosen, for a while, in real time' '
	mark ts/i.m3u8 ts/c.m3u8 1 "#EXT-X-CUE-OUT:6.000"
	mlive-ingest -q -P 1 --realtime -t 3s ts/c.m3u8 >out.ts
	events out.ts >got
	grep -x "out 1 540000 auto 1 @$(first out.ts 1)" got
	test "$(wc -l <got)" -eq 1
	in_time out.ts 500
'
check '--loop: again in each turn, and once each' '
	for kind in ts fmp4
	do
		mark $kind/i.m3u8 $kind/c.m3u8 3 "#EXT-X-CUE-OUT:6.000" 6 "#EXT-X-CUE-IN"
		mlive-ingest -q --loop -t 38s $kind/c.m3u8 >out.ts
		events out.ts >got
		cat >want <<-END
		out 1 540000 auto 1 @$(first out.ts 3)
		in 1 - - 1 @$(first out.ts 6)
		out 2 540000 auto 2 @$(first out.ts 13)
		in 2 - - 2 @$(first out.ts 16)
		END
		diff want got
	done
'
check 'what cannot be understood is left out, said once, and all else is there' '
	mark ts/i.m3u8 ts/odd.m3u8 1 "#EXT-OATCLS-SCTE35:!!!!" 2 "#EXT-OATCLS-SCTE35:$(echo "$out" | sed "s/A/B/5")" \
		2 "#EXT-X-CUE-OUT:forever" 3 "#EXT-X-SPLICEPOINT-SCTE35:$(printf %08000d 0)" 3 "#EXT-X-CUE-IN" \
		4 "#EXT-X-CUE-OUT:99999999999999" 5 "#EXT-X-CUE:TYPE=\"Splice"
	mlive-ingest -s stats ts/odd.m3u8 >out.ts 2>err
	events out.ts >got
	cat >want <<-END
	out 1 - - 1 @$(first out.ts 2)
	in 1 - - 1 @$(first out.ts 3)
	out 2 - - 2 @$(first out.ts 4)
	END
	diff want got
	test "$(grep -c "ad markers of .* are left out" err)" -eq 1
	tail -n 1 stats | grep "\"hls_markers_left_out\":[5-9]"
'
check 'a thousand markers: as many as there can be, and no more' '
	mark ts/i.m3u8 ts/many.m3u8 2 "$(for i in $(seq 1000); do echo "#EXT-X-CUE-OUT:$i"; done)" \
		3 "$(for i in $(seq 1000); do
			echo "#EXT-X-DATERANGE:ID=\"$i\",START-DATE=\"2026-11-22T17:00:00Z\",SCTE35-CMD=0xFC$i"; done)"
	mlive-ingest -q -s stats ts/many.m3u8 >out.ts
	events out.ts >got
	grep -x "out 1 90000 auto 1 @$(first out.ts 2)" got
	test "$(wc -l <got)" -eq 1
	tail -n 1 stats >last
	cat last
	grep "\"hls_markers_left_out\":1000" last
'

# ---- cues that are in the stream

"$BUILD/t/helper/decorate" <ts/i0.ts >/dev/null
ff -i film.mp4 -c copy -f mpegts film.ts
"$BUILD/t/helper/decorate" <film.ts >own.ts
# only PID <TS: its packets.
only () {
	PID=$1 perl -e 'binmode STDIN; binmode STDOUT; while (read(STDIN, my $p, 188) == 188) {
		print $p if ((unpack "n", substr $p, 1, 2) & 0x1fff) == $ENV{PID} }'
}
only 500 <own.ts >own.cues
mkdir own
perl -e '
	# Cut before each packet with a PAT that precedes a random access point.
	binmode STDIN;
	my (@p, @cut);
	while (read(STDIN, my $p, 188) == 188) { push @p, $p }
	my $pat = 0;
	for (0 .. $#p) {
		$pat = $_ if ((unpack "n", substr $p[$_], 1, 2) & 0x1fff) == 0;
		push @cut, $pat if ord(substr $p[$_], 3, 1) & 0x20 && ord(substr $p[$_], 4, 1) > 0 &&
			ord(substr $p[$_], 5, 1) & 0x40 && ((unpack "n", substr $p[$_], 1, 2) & 0x1fff) == 256;
	}
	$cut[0] = 0;
	push @cut, scalar @p;
	open my $m, ">", "own/i.m3u8";
	print $m "#EXTM3U\n#EXT-X-TARGETDURATION:2\n#EXT-X-PLAYLIST-TYPE:VOD\n";
	for (0 .. $#cut - 1) {
		open my $o, ">", "own/i$_.ts";
		print $o @p[$cut[$_] .. $cut[$_ + 1] - 1];
		print $m "#EXTINF:2,\ni$_.ts\n";
	}
	print $m "#EXT-X-ENDLIST\n"' <own.ts

check 'a PID with cues keeps its bytes: file, program, pipe, HTTP, playlist' '
	test "$(only 500 <own.ts | wc -c)" -ge 3760
	mlive-ingest -q own.ts | only 500 | cmp - own.cues
	mlive-ingest -q -P 1 own.ts | only 500 | cmp - own.cues
	mlive-ingest -q <own.ts | only 500 | cmp - own.cues
	mlive-ingest -q "$url/own.ts" | only 500 | cmp - own.cues
	mlive-ingest -q own/i.m3u8 | only 500 | cmp - own.cues
	mlive-ingest -q --realtime -t 3s own.ts | only 500 >some
	test -s some
	cmp -n "$(wc -c <some)" some own.cues
'
check 'and over UDP and RTP, when nothing is lost' '
	for rtp in "" "-r 1"
	do
		port=$(free_port)
		mlive-ingest -q "udp://127.0.0.1:$port" >out.ts & pid=$!
		listening () { ss -Hlun "sport = :$port" | grep -q .; }
		eventually listening
		# shellcheck disable=SC2086
		"$BUILD/t/helper/datagrams" $rtp -w 5 127.0.0.1 127.0.0.1 $port <own.ts
		whole () { only 500 <out.ts | cmp -s - own.cues; }
		eventually whole || :
		kill $pid
		wait $pid
		whole
	done
'
check 'those of the stream, where there are some; #cues= takes the others' '
	mark own/i.m3u8 own/c.m3u8 3 "#EXT-X-CUE-OUT:6.000" 6 "#EXT-X-CUE-IN"
	for choice in "" "#cues=stream"
	do
		mlive-ingest -q "$url/own/c.m3u8$choice" >out.ts
		only 500 <out.ts | cmp - own.cues
	done
	mlive-ingest -q "own/c.m3u8#cues=playlist" >out.ts
	events out.ts >got
	cat >want <<-END
	out 1 540000 auto 1 @$(first out.ts 3)
	in 1 - - 1 @$(first out.ts 6)
	END
	diff want got
	for pid in 0 4096
	do
		only $pid <out.ts >tables
		only $pid <own.ts | cmp - tables
	done
	mlive-ingest out.ts 2>&1 >again | grep "lost=0"
	mlive-ingest -q "ts/c.m3u8#cues=stream" | only 500 >none
	test ! -s none
	fails 2 mlive-ingest "ts/c.m3u8#cues=all" 2>err
	grep "wrong value: .cues=all" err
'
check 'multiplexed anew, cues keep their pictures' '
	cat >own/two.m3u8 <<-"END"
	#EXTM3U
	#EXT-X-MEDIA:TYPE=AUDIO,GROUP-ID="a",NAME="one",URI="../apart/1.m3u8"
	#EXT-X-STREAM-INF:BANDWIDTH=1,AUDIO="a"
	i.m3u8
	END
	mlive-ingest -q own/two.m3u8 >out.ts
	shift=$(($(first out.ts 0) - $(first own.ts 0)))
	echo "shifted by $shift"
	test $shift -ne 0
	events own.ts | sed "s/.*@//" | awk -v s=$shift "{ print \$1 + s }" | tail -n +2 >want
	events out.ts | sed "s/.*@//" | tail -n "$(wc -l <want)" >got
	test -s want
	diff want got
	ffprobe -v error -show_entries stream=codec_name -of csv=p=0 out.ts | grep scte_35
'
done_testing
