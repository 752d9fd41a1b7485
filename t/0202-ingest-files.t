#!/bin/sh
# mlive-ingest: containers, loops, programs, clocks that wrap and jump.
. "$(dirname "$0")/lib.sh"

need 'no ffmpeg' command -v ffmpeg
# libx265 keeps some memory; for builds with the address sanitizer
echo leak:libx265 >"$scratch/.lsan"
export LSAN_OPTIONS="suppressions=$scratch/.lsan:print_suppressions=0"

clip="test:?size=320x180&fps=25&gop=1s&rate=300k"
mlive-ingest -q -t 3s "$clip&tracks=2&lang=eng,deu" >clip.ts
# B pictures, and encoder delays in edit lists
ffmpeg -v error -i clip.ts -map 0 -c:v libx264 -preset ultrafast -bf 2 -g 25 -c:a aac \
	-t 3 ref.mkv

deltas () {		# FILE STREAM: the steps of decoding time, each once
	ffprobe -v error -select_streams "$2" -show_entries packet=dts -of csv=p=0 "$1" |
		tr -d , | grep . | awk 'NR > 1 { print $1 - d } { d = $1 }' | sort -un |
		tr '\n' ' '
}
pictures () {		# FILE: a hash of every picture, as decoded
	ffmpeg -v error -xerror -i "$1" -map 0:v -f framemd5 - | grep -v '^#' |
		sed 's/.*, *//'
}
decodes () {
	ffmpeg -v error -xerror -i "$1" -map 0 -f null - 2>errors
	cat errors
	test ! -s errors
}
counters_go_on () {
	mlive-ingest "$1" 2>&1 >/dev/null | grep ' lost=0 bad=0 sync_losses=0 junk_bytes=0'
}
beep () {		# FILE: when it begins, after the first picture
	first=$(ffprobe -v error -select_streams v -show_entries packet=pts_time -of csv=p=0 "$1" |
		tr -d , | grep . | sort -n | head -n 1)
	ffmpeg -v error -copyts -i "$1" -map 0:a:0 -af \
		'highpass=f=900,silencedetect=n=-26dB:d=0.3,ametadata=print:file=-' \
		-f null - | sed -n 's/^lavfi.silence_end=//p' |
		awk -v first="$first" 'NR == 1 { print $1 - first }'
}
stat_is () {		# KEY VALUE
	tail -n 1 stats | grep "\"$1\":$2[,}]" || { tail -n 1 stats; return 1; }
}
strip () {		# without clock packets
	perl -0777 -ne 'while (/(.{188})/gs) { $p = $1; print $p unless
		(unpack("n", substr($p, 1, 2)) & 0x1fff) == 0x1ffe }' "$1"
}
pids () {
	perl -0777 -ne 'while (/(.{188})/gs) { $n{unpack("n", substr($1, 1, 2)) & 0x1fff}++ }
		END { print join(" ", sort { $a <=> $b } keys %n), "\n" }' "$1"
}
# pid FILE PID...: the packets of these
pid () {
	file=$1
	shift
	PIDS="$*" perl -0777 -ne '%w = map { $_ => 1 } split / /, $ENV{PIDS};
		while (/(.{188})/gs) { print $1 if $w{unpack("n", substr($1, 1, 2)) & 0x1fff} }' "$file"
}

for form in mp4 mov mkv flv
do
	export form
	case $form in
	flv) map='-map 0:v -map 0:a:0' ;;
	*) map='-map 0' ;;
	esac
	# shellcheck disable=SC2086
	test "$form" = mkv || ffmpeg -v error -i ref.mkv $map -c copy "ref.$form" -y
	check "$form: every picture, in step, with its sound" '
		mlive-ingest -q ref.$form >ts
		decodes ts
		pictures ref.mkv >want
		pictures ts | cmp - want
		deltas ts v:0
		test "$(deltas ts v:0)" = "3600 "
		counters_go_on ts
		beep ts >got
		beep ref.$form >>got
		cat got
		awk "NR == 1 { b = \$1 } END { d = \$1 - b; exit NR != 2 || d > 0.003 || d < -0.003 }" got
	'
done
check 'languages stay' '
	mlive-ingest -q ref.mp4 >ts
	ffprobe -v error -show_entries stream_tags=language -of csv=p=0 ts |
		grep . | sort -u | tr "\n" " " | grep "^deu eng $"
'
check 'a fragmented MP4, a pipe of one is refused' '
	ffmpeg -v error -i ref.mkv -map 0 -c copy -movflags frag_keyframe+empty_moov frag.mp4
	mlive-ingest -q frag.mp4 >ts
	pictures ts | cmp - want
	mlive-ingest -q <frag.mp4 | cmp - ts
	cat frag.mp4 | fails 3 mlive-ingest -q >none 2>err
	test ! -s none
	grep "what comes from .-. is MP4, which has to be a file" err
	head -c 100000 /dev/urandom | fails 3 mlive-ingest -q >none 2>err
	test ! -s none
	grep "no transport stream on standard input" err
'
check 'HEVC, AC-3, E-AC-3, MP2, MPEG-2 and Opus' '
	mlive-ingest -q -t 1s "$clip&codec=hevc&acodec=ac3&channels=6" >a.ts
	mlive-ingest -q -t 1s "$clip&codec=mpeg2&acodec=mp2" >b.ts
	ffmpeg -v error -i a.ts -c copy a.mp4
	ffmpeg -v error -i a.ts -c:v copy -c:a eac3 e.mkv
	ffmpeg -v error -i b.ts -c copy b.mkv
	ffmpeg -v error -i b.ts -vn -c:a libopus o.webm
	for f in a.mp4 e.mkv b.mkv o.webm
	do
		mlive-ingest -q $f >ts
		decodes ts
		ffprobe -v error -show_entries stream=codec_name,channels -of csv=p=0 ts | sort -u
		counters_go_on ts
	done >codecs
	cat codecs
	tr -s "\n" <codecs | tr "\n" " " >line
	grep "ac3,6.*hevc.*eac3,6.*hevc.*mp2,2.*mpeg2video.*opus,2" line
'
check 'video that a transport stream cannot carry: status 3, codec and file' '
	ffmpeg -v error -i clip.ts -t 0.2 -map 0:v -map 0:a:0 -c:v libvpx -b:v 300k -c:a libopus vp8.webm
	fails 3 mlive-ingest vp8.webm >none 2>err
	test ! -s none
	grep "fatal: .vp8.webm. has vp8 video" err
'
check 'audio that it cannot carry is left out with a warning' '
	ffmpeg -v error -i ref.mkv -map 0:v -map 0:a:0 -c:v copy -c:a flac flac.mkv
	mlive-ingest flac.mkv >ts 2>err
	grep "warning: .flac.mkv. has flac audio.*left out" err
	pictures ts | cmp - want
	ffmpeg -v error -i flac.mkv -vn -c copy only.mkv
	fails 3 mlive-ingest only.mkv >none 2>err
'
check 'a container that was cut in the middle: what is whole comes out' '
	head -c $(($(wc -c <ref.mkv) / 2)) ref.mkv >cut.mkv
	mlive-ingest -q cut.mkv >ts 2>err
	test "$(pictures ts | wc -l)" -gt 25
	grep "warning: .cut.mkv. is cut short" err
	mlive-ingest -q ref.mkv >ts 2>err
	test ! -s err
	ffmpeg -v error -i ref.mkv -map 0:v -map 0:a:0 -c copy whole.flv
	mlive-ingest -q whole.flv >ts 2>err
	test ! -s err
	head -c $(($(wc -c <whole.flv) / 2)) whole.flv >cut.flv
	mlive-ingest -q cut.flv >ts 2>err
	grep "warning: .cut.flv. is cut short" err
	head -c $(($(wc -c <ref.mp4) / 2)) ref.mp4 >cut.mp4
	fails 3 mlive-ingest cut.mp4 >ts 2>err
	grep "fatal: .cut.mp4. is MP4 or MOV without its index" err
	for n in 2000 3000
	do
		head -c -$n ref.mp4 >cut.mp4
		fails 3 mlive-ingest cut.mp4 >ts 2>err
		grep "without its index" err
	done
	ffmpeg -v error -i ref.mp4 -c copy -movflags +faststart early.mp4
	head -c 20000 early.mp4 >cut.mp4
	mlive-ingest -q --loop -t 5s cut.mp4 >ts 2>err
	grep -c "warning: .cut.mp4. is cut short" err | grep "^1$"
	mlive-ingest -q early.mp4 >ts 2>err
	test ! -s err
	head -c 600 early.mp4 >cut.mp4
	fails 3 mlive-ingest - <cut.mp4 >ts 2>err
	grep "fatal: standard input is MP4 or MOV without its index" err
	perl -0777 -pe "s/mvhd|trak/xxxx/g" early.mp4 >cut.mp4
	fails 3 mlive-ingest cut.mp4 >ts 2>err
	fails 1 grep "without its index" err
'
check '--loop of a container joins without a step' '
	mlive-ingest -q --loop -t 8s --stats stats ref.mp4 >ts
	decodes ts
	counters_go_on ts
	test "$(deltas ts v:0)" = "3600 "
	deltas ts a:0 >got
	awk "{ for (i = 1; i <= NF; i++) if (\$i < 1900 || \$i > 1920 + 1920) exit 1 }" got
	stat_is loops 2
	test "$(pictures ts | wc -l)" -eq 200
'
check '--loop of a container that states too high a frame rate joins without a step' '
	ffmpeg -v error -f lavfi -i testsrc2=size=128x72:rate=60:duration=1 \
		-vf "setpts=N/30/TB" -fps_mode passthrough -c:v libx264 \
		-preset ultrafast -g 30 double.mkv
	ffprobe -v error -show_entries stream=avg_frame_rate double.mkv | grep "=60/1"
	mlive-ingest -q --loop -t 5s double.mkv >ts
	test "$(deltas ts v:0)" = "3000 "
'
check '--loop of a transport stream: the first pass as it is, then on' '
	mlive-ingest -q --loop -t 8s --stats stats clip.ts >ts
	strip ts >stripped
	strip clip.ts >bare
	head -c "$(wc -c <bare)" stripped | cmp - bare
	decodes ts
	counters_go_on ts
	test "$(deltas ts v:0)" = "3600 "
	deltas ts a:1 >got
	awk "{ for (i = 1; i <= NF; i++) if (\$i < 1900 || \$i > 1920 + 1920) exit 1 }" got
	stat_is pcr_jumps 0
	stat_is pts_jumps 0
'
check 'PTS that wraps passes, is counted, and loops' '
	ffmpeg -v error -copyts -i clip.ts -map 0 -c copy -output_ts_offset 95432.2 -muxpreload 0 \
		-muxdelay 0 -mpegts_copyts 1 -f mpegts wrap.ts
	mlive-ingest -q --stats stats wrap.ts >ts
	strip ts | cmp - wrap.ts
	stat_is pcr_wraps 1
	stat_is pcr_jumps 0
	stat_is pts_wraps 3
	stat_is pts_jumps 0
	mlive-ingest -q --loop -t 8s --stats stats wrap.ts >ts
	counters_go_on ts
	stat_is pcr_jumps 0
	decodes ts
	test "$(deltas ts v:0)" = "3600 "
'
check 'a clock that jumps, and new tables, pass and are counted' '
	mlive-ingest -q -t 1s "$clip" >other.ts
	cat clip.ts other.ts clip.ts >jump.ts
	mlive-ingest -q --stats stats jump.ts >ts
	strip jump.ts >bare
	strip ts | cmp - bare
	stat_is pcr_jumps 2
	stat_is pmt_changes 2
'
ffmpeg -v error -i clip.ts -i other.ts -map 0 -map 1 -c copy -program st=0:st=1:program_num=7 \
	-program st=3:st=4:program_num=9 -f mpegts mpts.ts 2>/dev/null ||
	ffmpeg -v error -i clip.ts -i clip.ts -map 0:v -map 0:a:0 -map 1:v -map 1:a:0 -c copy \
	-program st=0:st=1:program_num=7 -program st=2:st=3:program_num=9 -f mpegts mpts.ts
check 'several programs pass whole' '
	mlive-ingest -q mpts.ts >ts
	strip ts | cmp - mpts.ts
'
check '--program passes one, with a PAT of its own, every packet of it' '
	mlive-ingest -q --program 9 --stats stats mpts.ts >ts
	ffprobe -v error -show_entries program=program_num -of csv=p=0 ts >got
	fails 1 grep "^7" got
	grep "^9" got
	ours=$(pids ts)
	for p in $ours
	do
		test "$p" -eq 0 || test "$p" -eq 8190 || {
			pid ts "$p" >a
			pid mpts.ts "$p" >b
			cmp a b
		}
	done
	test "$(echo "$ours" | wc -w)" -lt "$(pids mpts.ts | wc -w)"
	decodes ts
	counters_go_on ts
'
check 'a program that is not there: status 3, and which there are' '
	fails 3 mlive-ingest --program 5 mpts.ts >none 2>err
	grep "no program 5 in .mpts.ts.: it has 7, 9" err
	fails 3 mlive-ingest --program 5 ref.mp4 >none 2>err
'
check '--realtime takes its time, and dates what it sends' '
	start=$(date +%s%N)
	mlive-ingest -q --realtime -t 1s ref.mp4 >ts
	end=$(date +%s%N)
	test $((end - start)) -gt 900000000
	head -c 24 ts | od -An -tx1 | tr -d " \n" | grep "^471ffe20b7"
	ffprobe -v error -select_streams v -show_entries packet=dts -of csv=p=0 ts |
		tr -d , | grep . | head -n 1 |
		awk -v s=$((start / 1000000000)) "{
			t = s * 90000
			t -= int(t / 8589934592) * 8589934592
			exit \$1 < t - 90000 || \$1 > t + 900000
		}"
	start=$(date +%s%N)
	mlive-ingest -q --realtime -t 1s clip.ts >ts
	end=$(date +%s%N)
	test $((end - start)) -gt 900000000
	strip ts >got
	strip clip.ts | head -c "$(wc -c <got)" | cmp - got
'
check 'clock packets: one in the second, right before a PCR' '
	mlive-ingest -q --realtime -t 2s clip.ts >ts
	perl -0777 -ne "
		my @p;
		push @p, \$1 while /(.{188})/gs;
		my @at = grep { (unpack(q(n), substr(\$p[\$_], 1, 2)) & 0x1fff) == 0x1ffe } 0 .. \$#p;
		print qq(@at\n);
		shift @at;	# the first of all
		exit 1 if @at < 2 || @at > 4;
		for (@at) {
			my \$n = \$p[\$_ + 1];
			exit 1 unless ord(substr(\$n, 3, 1)) & 0x20 && ord(substr(\$n, 5, 1)) & 0x10;
		}
	" ts
'
done_testing
