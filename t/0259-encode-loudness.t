#!/bin/sh
# mlive-encode -a ...,loudness=: as ffmpeg's ebur128 measures, before and behind it.
. "$(dirname "$0")/lib.sh"
. "$top/t/encode.sh"
. "$top/t/chain.sh"

film

# ebur128 FILE N - integrated loudness, range and true peak of its audio track N
ebur128 () {
	ffmpeg -nostdin -hide_banner -i "$1" -map "0:a:$2" -af ebur128=peak=true -f null - 2>&1 |
		tr '\r' '\n' | sed -n '/Summary/,$p' | awk '
		$1 == "I:" { i = $2 } $1 == "LRA:" { r = $2 } $1 == "Peak:" { p = $2 }
		END { print i, r, p }'
}

# told FILE N FIELD - what the last statistics say of track N, from 0, in units and not thousandths
told () {
	tail -n 1 "$1" | perl -MJSON::PP -e '
		my $v = decode_json(<STDIN>)->{audio}[$ARGV[0]]{$ARGV[1]};
		print $v / 1000, "\n" if defined $v' "$2" "$3"
}

# agrees FILE N STATS TRACK - they say the same of it: within 0.1 LU, 0.2 LU and 0.3 dB
agrees () {
	ebur128 "$1" "$2" >oracle
	cat oracle
	read -r i r p <oracle
	near "$(told "$3" "$4" integrated_mlufs)" "$i" 0.1
	near "$(told "$3" "$4" range_mlu)" "$r" 0.2
	near "$(told "$3" "$4" true_peak_mdb)" "$p" 0.3
}

# Real sound, and a track of 5.1 whose channels differ; AC-3 leaves the levels as they are.
ffmpeg -nostdin -v error -ss 5 -i "$film" -t 40 -filter_complex "[0:a]asplit=3[x][y][z];\
[x]aformat=sample_rates=48000:channel_layouts=stereo[o0];\
[y]aformat=sample_rates=48000:channel_layouts=stereo,pan=5.1|FL=FL|FR=FR|FC=0.5*FL+0.5*FR|LFE=0.9*FL|BL=0.4*FL|BR=-0.5*FR[o1];\
[z]aformat=sample_rates=44100:channel_layouts=mono[o2]" -map 0:v -map "[o0]" -map "[o1]" -map "[o2]" \
	-vf scale=160:90 -c:v libx264 -preset ultrafast -g 48 -c:a ac3 -b:a:0 448k -b:a:1 640k \
	-b:a:2 256k -f mpegts in.ts

check 'measured: as ffmpeg does, in stereo, 5.1 and at 44100 Hz' '
	mlive-encode -q -s measured.stats -r 90p@50k -a track=1,ac3@448k,loudness=measure \
		-a track=2,ac3@640k,loudness=measure \
		-a track=3,ac3@256k,hz=44100,loudness=measure <in.ts >out.ts
	for n in 0 1 2
	do
		agrees in.ts $n measured.stats $n
		test -z "$(told measured.stats $n gain_mdb)"
		test -n "$(told measured.stats $n momentary_mlufs)"
		test -n "$(told measured.stats $n short_term_mlufs)"
	done
'
# 70 s that change by 20 dB in the middle, each half steady: noise like a voice.
ffmpeg -nostdin -v error -f lavfi -i testsrc2=s=160x90:r=25:d=100 -f lavfi -i \
	"anoisesrc=c=pink:d=100:r=48000:seed=3,volume='if(lt(t,50),0.05,0.5)':eval=frame" \
	-c:v libx264 -preset ultrafast -g 50 -c:a ac3 -b:a 256k -f mpegts steps.ts

# piece FILE FROM TO - the integrated loudness of a stretch of its first track
piece () {
	ffmpeg -nostdin -hide_banner -i "$1" -map 0:a:0 -af "atrim=$2:$3,ebur128" -f null - 2>&1 |
		tr '\r' '\n' | sed -n '/Summary/,$p' | awk '$1 == "I:" { print $2 }'
}

check 'corrected: both halves come to -23 LUFS, and what is told is what is in the output' '
	mlive-encode -q -s steps.stats -r 90p@50k -a track=1,ac3@256k,loudness=-23 <steps.ts >out.ts
	piece steps.ts 35 50
	piece steps.ts 85 100
	near "$(piece out.ts 35 50)" -23 0.3
	near "$(piece out.ts 85 100)" -23 0.3
	agrees out.ts 0 steps.stats 0
	near "$(told steps.stats 0 gain_mdb)" "$(awk "BEGIN { print -23 - ($(piece steps.ts 85 100)) }")" 0.3
'
check 'peaks: none above the ceiling, however loud it is made, and speech stays in step' '
	ffmpeg -nostdin -v error -f lavfi -i "color=black:s=160x90:r=25:d=20,drawbox=t=fill:c=white:enable=lt(mod(t\\,1)\\,0.08)" \
		-f lavfi -i "aevalsrc=0.02*sin(2*PI*400*t)+0.9*sin(2*PI*1000*t)*lt(mod(t\\,1)\\,0.04):s=48000:d=20" \
		-c:v libx264 -preset ultrafast -g 50 -bf 0 -c:a mp2 -b:a 192k -f mpegts beeps.ts
	mlive-encode -q -s beeps.stats -r 90p@50k -a track=1,ac3@320k,loudness=-10,peak=-3dB <beeps.ts >out.ts
	told beeps.stats 0 gain_mdb
	near "$(told beeps.stats 0 true_peak_mdb)" -3 0.2
	flashes out.ts | tail -n 18 >f
	beeps out.ts | tail -n 18 >b
	test "$(wc -l <b)" -eq 18
	paste f b | while read -r flash beep
	do
		near "$flash" "$beep" 0.002
	done
'
check 'silence has no loudness, and is not made louder' '
	ffmpeg -nostdin -v error -f lavfi -i testsrc2=s=160x90:r=25:d=5 -f lavfi -i anullsrc=r=48000:d=5 \
		-t 5 -c:v libx264 -preset ultrafast -c:a aac -f mpegts silent.ts
	mlive-encode -q -s silent.stats -r 90p@50k -a track=1,aac@64k,loudness=-23 <silent.ts >out.ts
	test -z "$(told silent.stats 0 integrated_mlufs)"
	test "$(told silent.stats 0 gain_mdb)" = 0
'
done_testing
