#!/bin/sh
# mlive-encode: sources of every kind, changes on the way, damage.
. "$(dirname "$0")/lib.sh"
# shellcheck source=/dev/null
. "${top:-.}/t/encode.sh"

# encode NAME - a small ladder of NAME.ts into NAME.out, counters into NAME.stats.
encode () {
	rm -f "$1.stats"
	mlive-encode -q -s "$1.stats" -r 360p@800k -r 180p@300k -a 128k <"$1.ts" >"$1.out"
}

check 'MPEG-2, interlaced, with MP2: deinterlaced, square pixels' '
	ffmpeg -v error -f lavfi -i testsrc2=s=720x576:r=50:d=3 \
		-f lavfi -i sine=r=48000:d=3 -vf tinterlace=interleave_top,setsar=16/15 \
		-flags +ilme+ildct -top 1 -r 25 -c:v mpeg2video -b:v 8M -c:a mp2 -f mpegts i.ts
	encode i
	test "$(shape i.out v:0)" = "h264,480,360,25/1"
	test "$(counter i.stats deinterlaced)" -eq 75
	test "$(pictures i.out 0)" -eq 75
	clean i.out
'
check 'interlaced although its flags say no; and fields made pictures' '
	ffmpeg -v error -i i.ts -map 0:v -vf setfield=prog -c:v libx264 -preset ultrafast \
		-crf 16 -f mpegts lie.ts
	mlive-encode -q -s lie.stats -r 288p@800k,fps=50 -r 144p@300k <lie.ts >lie.out
	test "$(counter lie.stats deinterlaced)" -eq 75
	test "$(shape lie.out v:0)" = "h264,384,288,50/1"
	test "$(shape lie.out v:1)" = "h264,192,144,25/1"
	near "$(pictures lie.out 0)" 150 2
	test "$(pictures lie.out 1)" -eq 75
'
check 'progressive although its flags say interlaced: left alone' '
	ffmpeg -v error -f lavfi -i testsrc2=s=640x360:r=25:d=3 -c:v mpeg2video -b:v 6M \
		-flags +ilme+ildct -top 1 -vf setfield=tff -f mpegts psf.ts
	encode psf
	test "$(counter psf.stats deinterlaced)" -eq 0
	ffmpeg -v error -f lavfi -i testsrc2=s=360x288:r=25:d=4 -c:v mpeg2video -q:v 4 \
		-flags +ilme+ildct -top 1 -vf scale=720:576,noise=alls=40:allf=t,setfield=tff \
		-f mpegts noisy.ts
	encode noisy
	test "$(counter noisy.stats deinterlaced)" -le 20
	ffmpeg -v error -f lavfi -i testsrc2=s=180x320:r=30:d=3 -c:v libx264 \
		-preset ultrafast -f mpegts small.ts	# patterns, and few lines
	encode small
	test "$(counter small.stats deinterlaced)" -eq 0
'
check 'combing is seen through a still second, and within a few pictures of a switch' '
	lie="tinterlace=interleave_top,setfield=prog"
	ffmpeg -v error -f lavfi -i testsrc2=s=720x576:r=50,loop=50:1:50 -t 4 -vf "$lie" \
		-r 25 -c:v mpeg2video -q:v 4 -f mpegts still.ts
	encode still
	test "$(counter still.stats deinterlaced)" -eq "$(pictures still.ts 0)"
	for f in framestep=2 "$lie"
	do
		ffmpeg -v error -f lavfi -i testsrc2=s=720x576:r=50:d=2 -vf "$f" -r 25 \
			-c:v mpeg2video -q:v 4 -f mpegts -
	done >switch.ts
	encode switch
	near "$(counter switch.stats deinterlaced)" 48 3
'
check '25 and 59.94 pictures a second: as many out as in' '
	source_ts 3 25 >r25.ts
	encode r25
	test "$(pictures r25.out 0)" -eq 75
	test "$(shape r25.out v:1)" = "h264,320,180,25/1"
	source_ts 3 60000/1001 >r60.ts
	encode r60
	test "$(pictures r60.out 0)" -eq 180
	test "$(shape r60.out v:1)" = "h264,320,180,60000/1001"
	clean r60.out
'
check '5.1 AC-3 and a second language' '
	ffmpeg -v error -i r25.ts -f lavfi -i \
		"aevalsrc=sin(440*2*PI*t)|0.1|0.2|0.3|0.1|sin(220*2*PI*t):c=5.1:s=48000:d=3" \
		-map 0:v -map 1 -map 0:a -c:v copy -c:a:0 ac3 -c:a:1 copy \
		-metadata:s:a:0 language=eng -metadata:s:a:1 language=deu -f mpegts ac3.ts
	encode ac3
	test "$(shape ac3.out a:0)" = "aac,48000,6,0/0"
	test "$(shape ac3.out a:1)" = "aac,48000,1,0/0"
	ffprobe -v error -show_entries stream_tags=language -of csv=p=0 ac3.out | sort -u >got
	grep eng got
	grep deu got
	clean ac3.out
'
check 'E-AC-3, Opus, MP2 at 44100 and AAC in LATM' '
	for c in eac3 libopus mp2 latm
	do
		case $c in
		mp2) set -- -c:a mp2 -ar 44100 ;;
		latm) set -- -c:a aac -mpegts_flags latm ;;
		*) set -- -c:a "$c" -ar 48000 ;;
		esac
		ffmpeg -v error -i r25.ts -map 0:v -map 0:a -c:v copy -ac 2 "$@" -f mpegts -y c.ts
		encode c
		test "$(shape c.out a)" = "aac,48000,2,0/0"
		clean c.out
		stamps c.out a:0 | steps 1920
		near "$(stamps c.out a:0 | wc -l)" 142 2
	done
'
check 'HEVC in 10 bits: 8 for AVC, 10 for HEVC' '
	ffmpeg -v error -f lavfi -i testsrc2=s=640x360:r=25:d=2 -pix_fmt yuv420p10le \
		-c:v libx265 -preset ultrafast -x265-params log-level=none -f mpegts ten.ts
	mlive-encode -q -r 360p@800k -r 180p@300k,codec=hevc,preset=ultrafast <ten.ts >ten.out
	ffprobe -v error -show_entries stream=codec_name,pix_fmt -of csv=p=0 ten.out |
		sort -u >got
	grep "h264,yuv420p$" got
	grep "hevc,yuv420p10le" got
	test "$(pictures ten.out 1)" -eq 50
'
check 'timestamps that wrap after 2 s' '
	ffmpeg -v error -i r25.ts -map 0 -c copy -output_ts_offset 95441.7 -f mpegts wrap.ts
	encode wrap
	test "$(pictures wrap.out 0)" -eq 75
	test "$(counter wrap.stats clock_breaks)" -eq 0
	clean wrap.out
'
check 'cut in the middle of a packet, at both ends' '
	tail -c +1000 r25.ts | head -c 300001 >cut.ts
	encode cut
	head -c 300001 r25.ts >cut.ts
	encode cut
	clean cut.out
	test "$(pictures cut.out 0)" -gt 20
'
check 'one packet in a hundred zeroed: goes on, in time, and counts' '
	perl -e "binmode STDIN; binmode STDOUT; srand 7;
		while (read STDIN, \$p, 188) { print rand() < .01 ? qq(\0) x 188 : \$p }" \
		<ac3.ts >zero.ts
	encode zero
	clean zero.out
	near "$(pictures zero.out 0)" 75 3
	test "$(counter zero.stats lost)" -gt 0
	test "$(counter zero.stats corrupt)" -gt 0
	for a in 0 1
	do
		near "$(counter_last offset_samples $a)" 0 480
	done
'
check 'size, codec, frame rate, sample rate change: the output goes on unchanged' '
	ffmpeg -v error -f lavfi -i testsrc2=s=480x480:r=30:d=2 -f lavfi \
		-i sine=r=44100:d=2 -output_ts_offset 3 -c:v mpeg2video -b:v 3M -c:a mp2 \
		-f mpegts b.ts
	cat r25.ts b.ts r25.ts >change.ts
	encode change
	test "$(shape change.out v:0)" = "h264,640,360,25/1"
	near "$(pictures change.out 0)" 200 4
	test "$(shape change.out a)" = "aac,48000,1,0/0"
	clean change.out
	stamps change.out v:0 dts | steps 3600
	ffmpeg -v error -ss 4 -i change.out -map 0:v:0 -frames:v 1 -vf \
		crop=100:360:0:0,signalstats,metadata=print:key=lavfi.signalstats.YMAX:file=- \
		-f null - | grep "YMAX=1[6-9]$"
'
check 'pictures that come 12 s after the sound are in their place' '
	source_ts 14 25 -g 25 >v.ts
	ffmpeg -v error -i v.ts -t 12 -map 0:a -c copy -f mpegts late1.ts
	ffmpeg -v error -ss 10 -i v.ts -map 0 -c copy -output_ts_offset 12 \
		-tables_version 3 -f mpegts late2.ts
	cat late1.ts late2.ts >late.ts
	encode late
	want=$(($(stamps late2.ts v:0 | head -n 1) - $(stamps late1.ts a:0 | head -n 1)))
	got=$(($(stamps late.out v:0 | head -n 1) - $(stamps late.out a:0 | head -n 1)))
	near "$got" $((want + 1920)) 1800
	stamps late.out a:0 | steps 1920
'
# late N - x.ts with its sound as many twentieths of the file later in it.
late () {
	perl -e 'binmode STDIN; binmode STDOUT;
		for (; read STDIN, $p, 188; $n++) {
			push @p, [$n, $p, (unpack("n", substr $p, 1) & 8191) == 257];
		}
		$_->[2] and $_->[0] += $n * $ARGV[0] / 20 for @p;
		print $_->[1] for sort { $a->[0] <=> $b->[0] } @p' "$1" <x.ts
}

check 'sound that comes long after its pictures is silence, and that is said' '
	source_ts 20 25 >x.ts
	late 4 >late.ts
	mlive-encode -q -s late.stats -r 180p@300k <late.ts >late.out 2>words
	test "$(grep -c "warning: the sound of PID 257 comes too long after" words)" -eq 1
	test "$(counter late.stats trimmed_samples)" -le 960000
	stamps late.out a:0 | steps 1920
	late 9 | mlive-encode -q -r 180p@300k >late.out
	stamps late.out a:0 >distinct
	ffprobe -v error -select_streams a:0 -show_entries packet=pts -of csv=p=0 late.out |
		tr -d , | grep . | diff distinct -
'
check 'a clock that jumps is one break, announced or not' '
	source_ts 2 25 >x.ts
	ffmpeg -v error -i x.ts -map 0 -c copy -output_ts_offset 5000 -f mpegts y.ts
	cat x.ts y.ts x.ts >jump.ts
	encode jump
	near "$(pictures jump.out 0)" 150 4
	test "$(counter jump.stats clock_breaks)" -eq 2
	clean jump.out
'
check 'cues and metadata go along, their times moved' '
	ffmpeg -v error -i r25.ts -map 0 -c copy -output_ts_offset 100 -f mpegts cue.ts
	mlive-encode -q -r 180p@300k <cue.ts >cue.out
	clean cue.out
'
check 'a stream joined in the middle of a GOP of 12 s begins with its picture' '
	ffmpeg -v error -f lavfi -i testsrc2=s=320x180:r=25 -f lavfi -i sine -t 14 \
		-c:v libx264 -preset ultrafast -g 300 -c:a aac -f mpegts whole.ts
	tail -c +112801 whole.ts >joined.ts	# from the 601st packet on
	mlive-encode -r 180p@200k -a 64k <joined.ts >out.ts 2>err
	fails 1 grep "no video" err
	ffprobe -v error -show_entries stream=codec_type -of csv=p=0 out.ts | grep video
'
check 'a PTS that is hours after its DTS is damage, and no silence of hours' '
	source_ts 4 25 -bf 2 >in.ts
	perl -e "binmode STDIN; binmode STDOUT; my \$n = 0;
		while (read(STDIN, my \$p, 188) == 188) {
			my \$at = index \$p, \"\\0\\0\\1\\xe0\";
			substr(\$p, \$at + 9, 1) = chr 0x35
				if \$at > 0 && (ord(substr \$p, \$at + 7, 1) & 0xc0) == 0xc0 && ++\$n == 20;
			print \$p }" <in.ts >wild.ts
	cmp -s in.ts wild.ts && exit 1
	mlive-encode -q -s stats -r 90p@100k <wild.ts >out.ts
	test "$(wc -c <out.ts)" -lt 1000000
	test "$(pictures out.ts 0)" -ge 98
'
done_testing
