#!/bin/sh
# mlive-cue show and strip: sections, streams, live pipes, and what is none.
. "$(dirname "$0")/lib.sh"
need 'no ffmpeg' command -v ffmpeg

ffmpeg -v error -f lavfi -i "testsrc2=s=160x90:r=24000/1001:d=6" \
	-f lavfi -i sine=frequency=440:d=6 -c:v libx264 -preset ultrafast -bf 2 -g 24 -c:a aac \
	-f mpegts plain.ts
"$BUILD/t/helper/decorate" <plain.ts >in.ts

check 'the published vectors: their fields, and refused where they are none' '
	perl "$top/t/cues.pl" "$top/t/cues.tsv" mlive-cue
'
section=/DAvAAAAAAAA///wFAVIAACPf+/+c2nALv4AUsz1AAAAAAAKAAhDVUVJAAABNWLbowo=
export section
check 'a section in each form' '
	want="out at 5:58:34.559 for 60.293 s, then back: event 1207959695; avail 309"
	test "$(mlive-cue show $section)" = "$want"
	hex=$(echo $section | base64 -d | od -An -v -tx1 | tr -d " \n")
	test "$(mlive-cue show $hex)" = "$want"
	test "$(mlive-cue show 0x$hex)" = "$want"
	test "$(echo $section | mlive-cue show -q)" = "$want"
	test "$(printf "%s\r\n\n0x%s" $section $hex | mlive-cue show -q | sort -u)" = "$want"
	echo $section | base64 -d >section
	test "$(cat section section | mlive-cue show -q | wc -l)" -eq 2
	test "$(mlive-cue show -q <section)" = "$want"
'
check 'a stream: when, how far ahead, and what' '
	mlive-cue show <in.ts >lines 2>err
	test "$(wc -l <lines)" -eq 6
	grep "cues=6 wrong=0" err
	# The first comes before any clock does.
	grep -xe "-  -  500  -  out at 0:00:01\.483: event 1, program 1" lines
	grep -cE "^0:00:0[0-9]\.[0-9]{3}  -  500  \+[0-9]\.[0-9]{3}  out at 0:00:0" lines >n
	test "$(cat n)" -eq 5
	mlive-cue show -q -j <in.ts >json
	perl -MJSON::PP -ne "my \$o = decode_json(\$_);
		die unless \$o->{pid} == 500 && (\$o->{ahead_ms} // 0) >= 0 && !exists \$o->{time};
		die unless \$o->{splice_info_section}{splice_insert}{splice_event_id} == 1;
		die unless \$o->{splice_time} == \
			\$o->{splice_info_section}{splice_insert}{splice_time}{pts_time}" json
	mlive-cue show -q -p 501 <in.ts >none
	test ! -s none
'
check 'a stream of ours says when its cues came; a live pipe is followed' '
	mlive-ingest -q --realtime -t 3s in.ts >stamped.ts
	mlive-cue show -q <stamped.ts >lines
	grep -E "  20[0-9]{2}-.*Z  500  " lines
	mkfifo line
	mlive-cue show -q <line >live & pid=$!
	exec 9>line
	head -c 300000 in.ts >&9
	eventually test -s live
	kill -0 $pid
	kill $pid
	wait $pid
	exec 9>&-
	grep -E "  20[0-9]{2}-.*Z  500  " live
'
check 'a wrong CRC is counted, and shown when asked for' '
	perl -0777 -pe "s/(\xfc\x30.{20})./\$1\x01/s" in.ts >wrong.ts
	mlive-cue show <wrong.ts >lines 2>err
	test "$(wc -l <lines)" -eq 5
	grep "cues=5 wrong=1" err
	mlive-cue show -q --damaged <wrong.ts >lines
	test "$(grep -c "CRC wrong" lines)" -eq 1
	mlive-cue show -q -j --damaged <wrong.ts >json
	test "$(grep -c "\"crc_error\":true" json)" -eq 1
'
check 'strip: no cue is left, and all else is as it was' '
	mlive-cue strip -q <in.ts >out.ts
	only 500 <out.ts >cues
	test ! -s cues
	only - 500 4096 <in.ts >before
	only - 4096 <out.ts | cmp - before
	mlive-cue show <out.ts >lines 2>err
	test ! -s lines
	fails 1 grep -c "CUEI" out.ts
	mlive-ingest -q out.ts >again.ts
	ffprobe -v error -show_entries stream=codec_name -of csv=p=0 again.ts >streams
	grep h264 streams
	grep aac streams
	mlive-ingest out.ts 2>&1 >none | grep "lost=0 bad=0 sync_losses=0 junk_bytes=0"
'
check 'strip: another PID, and none at all' '
	mlive-cue strip -q -p 501 <in.ts >other.ts
	only - 4096 <other.ts >rest
	only - 4096 <in.ts | cmp - rest
	mlive-cue show -q <other.ts >lines
	test "$(wc -l <lines)" -eq 6
'
check 'strip: packets of 192 bytes, damage, and byte by byte' '
	perl -e "binmode STDIN; while (read(STDIN, my \$p, 188) == 188) { print \"abcd\", \$p }" \
		<in.ts >m2ts
	mlive-cue strip -q <m2ts | cmp - out.ts
	perl -e "\$| = 1; binmode STDIN; while (read(STDIN, my \$p, 61)) { print \$p }" <in.ts |
		mlive-cue strip -q | cmp - out.ts
	{ head -c 100000 in.ts; head -c 500 /dev/zero; tail -c +100001 in.ts; } |
		mlive-cue strip -q | only 500 >cues
	test ! -s cues
'
check 'what is none: message and status' '
	fails 2 mlive-cue 2>err
	grep "no command" err
	fails 2 mlive-cue sing 2>err
	grep "unknown command .sing." err
	fails 2 mlive-cue strip -j <in.ts
	fails 2 mlive-cue strip /DAl <in.ts
	fails 2 mlive-cue show -p 9000 <in.ts
	fails 2 mlive-cue show "so what" 2>err
	grep "so what. is neither base64 nor hexadecimal" err
	fails 3 mlive-cue show /DAl 2>err
	grep "no splice information section" err
	fails 3 mlive-cue show </dev/null
	head -c 300000 /dev/zero | fails 3 mlive-cue show
	head -c 300000 /dev/zero | fails 3 mlive-cue strip
	fails 3 mlive-cue strip </dev/null
	fails 1 mlive-cue strip <in.ts >/dev/full
'
done_testing
