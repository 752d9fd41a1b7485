#!/bin/sh
# mlive-encode -a: which tracks there are, what is in them, and that they stay in step.
. "$(dirname "$0")/lib.sh"
. "$top/t/encode.sh"

# Each second a white picture of 80 ms and, with it, a beep of 40 ms.
# flash FROM SECONDS HZ LAYOUT [OPTION...] - that starts at so many seconds, on stdout
flash () {
	from=$1 seconds=$2 hz=$3 layout=$4
	shift 4
	case $layout in
	mono) each=1 ;; stereo) each=2 ;; 5.1) each=6 ;;
	esac
	beep="0.8*sin(2*PI*1000*t)*lt(mod(t\\,1)\\,0.04)*gte(t\\,0.5)"
	ffmpeg -v error -f lavfi -i "color=black:s=160x90:r=25:d=$seconds,drawbox=t=fill:\
c=white:enable='lt(mod(t\\,1)\\,0.08)*gte(t\\,0.5)'" -f lavfi -i \
		"aevalsrc=exprs=$(yes "$beep" | head -n "$each" | paste -s -d"|"):c=$layout:s=$hz:d=$seconds" \
		-c:v libx264 -preset ultrafast -g 25 -bf 0 -metadata:s:a:0 language=eng \
		-metadata:s:a:1 language=deu -muxdelay 0 -muxpreload 0 -output_ts_offset "$from" \
		"$@" -f mpegts -
}

# onsets FILE N - when the sound of its audio track N sets in
onsets () {
	ffmpeg -v error -copyts -i "$1" -map "0:a:$2" -ac 1 -ar 48000 -f s16le - | perl -e '
		binmode STDIN; local $/; my @s = unpack "s<*", <STDIN>; my $q = -9999;
		for (0 .. $#s) {
			next if abs $s[$_] < 3000;
			printf "%.4f\n", $_ / 48000 + $ARGV[0] if $_ - $q > 4800;
			$q = $_;
		}' "$(ffprobe -v error -select_streams "a:$2" -show_entries stream=start_time \
			-of csv=p=0 "$1" | head -n 1)"
}

# lips FILE N COUNT MS - so many flashes and beeps, and no pair further apart than that
lips () {
	flashes "$1" >f
	onsets "$1" "$2" >b
	awk -v want="$3" -v most="$4" 'NR == FNR { f[n++] = $1; next }
		{ for (i = 0; i < n; i++) {
			d = ($1 - f[i]) * 1000
			if (d > -300 && d < 300) { pairs++; if (d > most || d < -most) { print f[i], $1; bad = 1 } }
		} } END { print pairs + 0, "pairs"; exit bad || pairs < want }' f b
}

# listed FILE N - the last N of: codec, rate, channels and language of its audio, a line each
listed () {
	ffprobe -v error -select_streams a -show_entries \
		stream=codec_name,sample_rate,channels:stream_tags=language -of compact=p=0:nk=1 "$1" |
		grep . | awk '!/^side/' | tail -n "$2" | tr "|" " "
}

# level FILE N CHANNEL HZ - how loud a tone is in a channel, in dB
level () {
	ffmpeg -hide_banner -i "$1" -map "0:a:$2" -af \
		"atrim=start=1,pan=mono|c0=c$3,bandpass=f=$4:width_type=h:w=20,volumedetect" -f null - 2>&1 |
		sed -n 's/.*mean_volume: \(.*\) dB/\1/p'
}

set -- -map 0:v -map 1:a -map 1:a -c:a:0 aac -ac:a:0 2 -c:a:1 ac3 -b:a:1 448k
flash 1 8 48000 5.1 "$@" >two.ts

check 'each -a makes a track, as it asks, in its order' '
	mlive-encode -q -s two.stats -r 90p@100k -a aac@96k,lang=eng \
		-a track=2,codec=eac3,rate=256k,layout=5.1 -a track=2,copy -a lang=deu,opus \
		-a pid=0x101,ac3@128k,layout=mono,lang=fra -a lang=ita/eng,hz=44100 \
		-a aac@64k,lang=spa,hz=32000 <two.ts >out.ts
	clean out.ts
	listed out.ts 7 >got
	cat got
	diff got - <<-END
		aac 48000 2 eng
		eac3 48000 6 deu
		ac3 48000 6 deu
		opus 48000 6 deu
		ac3 48000 1 fra
		aac 44100 2 eng
		aac 32000 2 spa
	END
	for n in 0 1 2 3 4 5
	do
		lips out.ts $n 7 2
	done
	test "$(onsets out.ts 6 | wc -l)" -eq 0
	tail -n 1 two.stats | grep "\"language\":\"spa\",\"codec\":\"AAC\",\"present\":false"
'
check 'without a selection there is a track for each; two such make two of each' '
	mlive-encode -q -r 90p@100k -a 64k -a copy <two.ts >out.ts
	listed out.ts 4 >got
	cat got
	diff got - <<-END
		aac 48000 2 eng
		aac 48000 6 deu
		aac 48000 2 eng
		ac3 48000 6 deu
	END
	mlive-encode -q -r 90p@100k -a none <two.ts >out.ts
	test -z "$(listed out.ts 1)"
'
tone () {
	echo "0.25*sin(2*PI*$1*t)"
}
# A tone in each channel, 400 Hz and so on: -15.05 dB each.
eight=$(for f in 400 700 1000 1300 1600 1900 2200 2500; do tone $f; done | paste -s -d"|")
ffmpeg -v error -f lavfi -i testsrc2=s=160x90:r=25:d=5 -f lavfi -i \
	"aevalsrc=exprs=$eight:c=7.1:s=48000:d=5" -c:v libx264 -preset ultrafast \
	-c:a libopus -b:a 512k -f mpegts eight.ts
six=$(for f in 400 700 1000 1300 1600 1900; do tone $f; done | paste -s -d"|")
ffmpeg -v error -f lavfi -i testsrc2=s=160x90:r=25:d=5 -f lavfi -i \
	"aevalsrc=exprs=$six:c=5.1:s=48000:d=5" -c:v libx264 -preset ultrafast \
	-c:a ac3 -b:a 640k -f mpegts six.ts

check '5.1 to stereo by BS.775: centre and surround with -3 dB, no LFE' '
	mlive-encode -q -r 90p@100k -a track=1,aac@256k,layout=stereo \
		-a track=1,aac@256k,layout=mono,gain=-6dB <six.ts >out.ts
	near "$(level out.ts 0 0 400)" -15.05 0.3
	near "$(level out.ts 0 1 700)" -15.05 0.3
	near "$(level out.ts 0 0 1000)" -18.06 0.3
	near "$(level out.ts 0 1 1000)" -18.06 0.3
	near "$(level out.ts 0 0 1600)" -18.06 0.3
	near "$(level out.ts 0 1 1900)" -18.06 0.3
	near "$(level out.ts 0 0 1300)" -60 20
	near "$(level out.ts 0 0 1900)" -60 20
	near "$(level out.ts 1 0 1000)" -21.05 0.3
'
check 'a mix of one'"'"'s own, by names, by numbers, and picked from many channels' '
	mlive-encode -q -r 90p@100k -a "track=1,aac@256k,mix=FL+0.5*FC|-6dB*FR" <six.ts >out.ts
	near "$(level out.ts 0 0 400)" -15.05 0.3
	near "$(level out.ts 0 0 1000)" -21.07 0.3
	near "$(level out.ts 0 1 700)" -21.05 0.3
	near "$(level out.ts 0 1 1000)" -60 20
	mlive-encode -q -r 90p@100k -a "track=1,aac@256k,mix=7|8" -a track=1,opus@512k \
		-a track=1,aac@192k,mix=4 <eight.ts >out.ts
	listed out.ts 3 >got
	cat got
	diff got - <<-END
		aac 48000 2
		opus 48000 8
		aac 48000 1
	END
	near "$(level out.ts 0 0 2200)" -15.05 0.3
	near "$(level out.ts 0 1 2500)" -15.05 0.3
	near "$(level out.ts 0 0 400)" -60 20
	near "$(level out.ts 1 6 2200)" -15.05 0.5
	near "$(level out.ts 2 0 1300)" -15.05 0.5
'

# A track that comes later, goes again, and comes back.
flash 1 4 48000 stereo -c:a aac >one1.ts
flash 5 4 48000 5.1 "$@" -tables_version 3 >one2.ts
flash 9 4 48000 stereo -c:a aac -tables_version 6 >one3.ts
flash 13 4 48000 5.1 "$@" -tables_version 9 >one4.ts
cat one1.ts one2.ts one3.ts one4.ts >later.ts

check 'a track that is missing, comes, goes and comes back: always there, silent or in step' '
	mlive-encode -q -s later.stats -r 90p@100k -a aac@64k,lang=eng -a aac@96k,lang=deu,layout=5.1 \
		-a aac@64k,lang=deu/eng,layout=mono <later.ts >out.ts
	listed out.ts 3 >got
	cat got
	diff got - <<-END
		aac 48000 2 eng
		aac 48000 6 deu
		aac 48000 1 eng
	END
	for n in 0 1 2
	do
		stamps out.ts a:$n | steps 1920
	done
	lips out.ts 0 12 20
	lips out.ts 1 6 20
	lips out.ts 2 12 20
	onsets out.ts 1 | awk "{ n += (\$1 > 14.3 && \$1 < 17.7) } \$1 < 13.7 || (\$1 > 18.3 && \$1 < 21.7) { bad = 1 }
		END { exit bad || n < 3 }"
	# To the end, too.
	near "$(ffprobe -v error -select_streams a:1 -show_entries packet=pts_time -of csv=p=0 out.ts | tr -d , | grep . | sort -n | tail -n 1)" 26 0.2
'
flash 5 4 44100 mono -c:a mp2 -tables_version 3 >part2.ts
flash 9 4 48000 5.1 -c:a ac3 -tables_version 6 >part3.ts
flash 13 4 32000 stereo -c:a aac -tables_version 9 >part4.ts
cat one1.ts part2.ts part3.ts part4.ts >changes.ts

check 'the codec, sample rate and channels change: what was asked for stays, within 20 ms' '
	for c in aac@128k,layout=stereo ac3@192k,layout=5.1 opus@96k,layout=mono aac@96k,hz=44100
	do
		mlive-encode -q -r 90p@100k -a "track=1,$c" <changes.ts >out.ts
		clean out.ts
		lips out.ts 0 12 20
	done
	mlive-encode -q -r 90p@100k -a 128k <changes.ts >out.ts
	test "$(ffprobe -v error -select_streams a -show_entries stream=index -of csv=p=0 out.ts |
		grep . | sort -u | wc -l)" -eq 1
	lips out.ts 0 12 20
'
flash 1 4 48000 5.1 -c:a ac3 -b:a 448k >wide1.ts
flash 5 4 48000 stereo -c:a ac3 -b:a 192k >wide2.ts
flash 9 4 48000 5.1 -c:a ac3 -b:a 448k >wide3.ts
cat wide1.ts wide2.ts wide3.ts >wide.ts

check 'complaint 24: from 5.1 to stereo and back in mid-stream, which nothing announces' '
	for c in aac@128k,layout=stereo ac3@384k,layout=5.1
	do
		mlive-ingest -q <wide.ts | mlive-encode -q -r 90p@100k -a "track=1,$c" >out.ts
		clean out.ts
		lips out.ts 0 9 20
		ffprobe -v error -select_streams a -show_entries frame=channels -of csv=p=0 out.ts |
			grep . | sort -u | wc -l | grep -x 1
	done
'
check 'copied: an output for each codec, and one that comes back goes on in its own' '
	mlive-encode -q -r 90p@100k -a copy <changes.ts >out.ts
	ffprobe -v error -select_streams a -show_entries stream=index,codec_name -of csv=p=0 out.ts |
		grep . | sort -u | cut -d, -f2 >got
	cat got
	printf "aac\nmp2\nac3\n" | diff - got
	# 4 s at 48000 Hz and 4 s at 32000 Hz
	test "$(stamps out.ts a:0 | wc -l)" -ge 300
'

# hashes FILE N - the time and the bytes of each packet of an audio track
hashes () {
	ffprobe -v error -select_streams "a:$2" -show_entries packet=pts,data_hash \
		-show_data_hash md5 -of compact=p=0 "$1" |
		sed -n "s/^pts=\([0-9]*\)|\$/\1/p; s/^|data_hash=MD5://p" | paste -d" " - - | sort -u
}
ffmpeg -v error -f lavfi -i "testsrc2=s=160x90:r=25:d=16" -f lavfi -i \
	"anoisesrc=c=pink:a=0.3:d=16:r=48000:seed=7,tremolo=f=0.7" -c:v libx264 -preset ultrafast \
	-g 25 -c:a ac3 -b:a 192k -f mpegts noise.ts
mlive-ingest -q --realtime -t 16s noise.ts >stamped.ts

# AC-3, whose decoders make up noise.
check 'two encoders, one begun later: the same bytes of sound from the second period on' '
	set -- -r 90p@50k -a track=1,aac@96k -a track=1,ac3@192k -a track=1,eac3@96k -a track=1,opus@96k
	tail -c +$(($(wc -c <stamped.ts) / 4 / 188 * 188 + 1)) stamped.ts >rest.ts
	mlive-encode -q -c auto "$@" <stamped.ts >a.ts
	mlive-encode -q -c auto "$@" <rest.ts >b.ts
	for n in 0 1 2 3
	do
		hashes a.ts $n >one
		hashes b.ts $n >two
		join one two | awk "{ if (NR == 1) first = \$1
			if (\$1 - first > 4.5 * 90000) { n++; other += \$2 != \$3 } }
			END { print n, other + 0; exit n < 200 || other }"
	done
'
check 'HLS and DASH have AC-3, E-AC-3 and Opus, with their channels' '
	mlive-encode -q -r 90p@100k -a track=2,ac3@384k -a track=2,eac3@256k,lang=deu \
		-a track=2,opus -a lang=eng <two.ts | mpkg-segment -q -o tree
	for c in ac-3 ec-3 opus mp4a.40.2
	do
		grep "CODECS=\"avc1.[0-9a-f]*,$c\"" tree/index.m3u8
		grep "codecs=\"$c\"" tree/index.mpd
	done
	grep -c "CHANNELS=\"6\"" tree/index.m3u8 | grep 3
	for a in a1:dac3:ac3 a2:dec3:eac3 a3:dOps:opus
	do
		t=${a%%:*}
		grep -c "$(echo $a | cut -d: -f2)" tree/$t/init.mp4
		cat tree/$t/init.mp4 tree/$t/[0-9]*.m4s >track.mp4
		ffprobe -v error -show_entries stream=codec_name,channels -of csv=p=0 track.mp4 |
			grep "^${a##*:},6"
		clean track.mp4
	done
'
check 'a rate that the source has too few channels for is another, with a warning' '
	flash 1 3 48000 mono -c:a mp2 >mono.ts
	mlive-encode -r 90p@50k -a opus@500k <mono.ts >out.ts 2>words
	grep "warning: --audio .opus@500k.: no Opus of mono has 500000 bit/s, but 64000" words
	clean out.ts
	lips out.ts 0 2 2
'
check 'what cannot be is said, with status 2' '
	for bad in ac3@47k aac@1k foo pid=3 track=0 lang=english layout=9.1 mix=FL+ "mix=FL|FR,layout=mono" \
		hz=96000 gain=61dB loudness=loud peak=-1dB copy,gain=3dB aac@128k,layout=7.1 \
		opus@96k,hz=44100 pid=0x100,track=1 pid=0x100,lang=eng/deu aac,ac3 aac@64k,rate=96k 64k,rate=96k heaac,loudness=-23,foo= 5k
	do
		fails 2 mlive-encode -r 90p@100k -a "$bad" <two.ts >out.ts 2>words
		grep -F -e "$bad" words
		test "$(wc -l <words)" -eq 1
		test ! -s out.ts
	done
	fails 2 mlive-encode -r 90p@100k -a none -a copy <two.ts >out.ts
	fails 2 mlive-encode -r 90p@100k --blank black -a copy -a 128k <two.ts >out.ts
'
done_testing
