#!/bin/sh
# mlive-encode: DVB subtitles in the pictures, as FFmpeg overlays the same ones; and passed
# on where they are not asked for.
. "$(dirname "$0")/lib.sh"
# shellcheck source=/dev/null
. "${top:-.}/t/encode.sh"
need 'no decoder of teletext' eval 'ffmpeg -v error -h decoder=libzvbi_teletextdec | grep -q txt_page'

# FFmpeg draws teletext, and codes what it has drawn as DVB subtitles; solid blocks where a
# colour is to be measured.
solid=$(printf '%024d' 0 | sed 's/0/\\x7f/g')
tr ' _' '\t ' >pages <<END
1000 888 2 20=\\x03THE_QUICK_BROWN_FOX 22=\\x07JUMPS_OVER_IT
3000 888 2
3520 888 0 20=\\x01SECOND
5520 888 0
END
tr ' _' '\t ' >blocks <<END
1000 888 0 8=\\x0b\\x0b\\x17$solid 9=\\x0b\\x0b\\x17$solid 10=\\x0b\\x0b\\x17$solid 11=\\x0b\\x0b\\x17$solid
3520 888 0
END
perl "$top/t/teletext.pl" 7 888=swe <pages >pages.ts
perl "$top/t/teletext.pl" 4 888=eng <blocks >blocks.ts

# subtitled SECONDS PAGES OPTION... - pictures of the lavfi source in $picture, coded with
# these options, and DVB subtitles of a canvas of 720x576
picture=testsrc2=size=720x576:rate=25
subtitled () {
	seconds=$1 pages=$2
	shift 2
	ffmpeg -nostdin -v error -f lavfi -i "$picture:duration=$seconds" -f lavfi -i \
		"sine=frequency=440:sample_rate=48000:duration=$seconds" -txt_page 888 \
		-fix_sub_duration -f mpegts -i "$pages" -map 0 \
		-map 1 -map 2 "$@" -g 25 -c:a aac -c:s dvbsub -s:s 720x576 -f mpegts -
}
x264="-c:v libx264 -preset ultrafast -crf 8 -bf 2 -pix_fmt yuv420p"
# shellcheck disable=SC2086	# options
subtitled 7 pages.ts $x264 >film.ts

# overlaid FILE [FILTER] - the reference: frames of raw video
overlaid () {
	ffmpeg -nostdin -v error -i "$1" -filter_complex "[0:v][0:s]overlay=eof_action=pass${2:+,$2},format=yuv420p" \
		-f rawvideo -
}

# alike FILE N SIZE RAW - the least PSNR of any picture of its video N, where text is
alike () {
	ffmpeg -nostdin -v error -i "$1" -f rawvideo -pix_fmt yuv420p -s "$3" -framerate 25 -i "$4" \
		-filter_complex "[0:v:$2]settb=1/25,setpts=N,crop=iw/2:ih/8:0:ih*3/10[a];[1:v]settb=1/25,setpts=N,crop=iw/2:ih/8:0:ih*3/10[b];
		[a][b]psnr=stats_file=psnr.log" -f null -
	sed 's/.*psnr_avg:\([0-9.inf]*\).*/\1/' psnr.log | sort -g | head -n 1 | tee least
	wc -l <psnr.log
	test "$(wc -l <psnr.log)" -eq "$(pictures "$1" "$2")"
	awk '{ exit !($1 == "inf" || $1 > 27) }' least
}

mlive-encode -q -r 720x576@12M -r 360x288@4M --burn-subtitles swe <film.ts >burnt.ts
overlaid film.ts >want.raw
overlaid film.ts scale=360x288:flags=bicubic >small.raw
check 'each picture is as FFmpeg overlays it' '
	test "$(pictures burnt.ts 0)" -eq 175
	alike burnt.ts 0 720x576 want.raw
'
check 'scaled for a smaller rung' '
	alike burnt.ts 1 360x288 small.raw
'
check 'and without them it is not: the measure can tell' '
	mlive-encode -q -r 720x576@12M <film.ts >none.ts
	fails 1 alike none.ts 0 720x576 want.raw
'
check 'by PID it is the same; what is burnt in does not pass' '
	pid=$(ffprobe -v error -select_streams s -show_entries stream=id -of csv=p=0 film.ts | sort -u | grep -o "0x[0-9a-f]*" | head -n 1)
	mlive-encode -q -r 720x576@12M -r 360x288@4M --burn-subtitles "$pid" <film.ts >pid.ts
	cmp burnt.ts pid.ts
	ffprobe -v error -show_entries stream=codec_name -of csv=p=0 burnt.ts >streams
	fails 1 grep dvb_subtitle streams
'
check 'what is asked for and not there is told, with what there is' '
	mlive-encode -r 360x288@1M --burn-subtitles FIN <film.ts >told.ts 2>words
	cat words
	grep -x "mlive-encode: warning: no DVB subtitles of .FIN. to burn in yet: the program has .swe. on PID 258" words
	test "$(grep -c warning: words)" -eq 1
	mlive-encode -r 360x288@1M --burn-subtitles 0x999 <film.ts >told.ts 2>words
	grep "warning: no DVB subtitles of PID 2457 to burn in yet: the program has .swe. on PID 258$" words
	ffmpeg -nostdin -v error -i film.ts -map 0:v -map 0:a -c copy -f mpegts bare.ts
	mlive-encode -r 360x288@1M --burn-subtitles swe <bare.ts >told.ts 2>words
	grep "warning: no DVB subtitles of .swe. to burn in yet: the program has none$" words
	ffmpeg -nostdin -v error -i film.ts -f mpegts -i pages.ts -map 0:v -map 0:a -map 1 -c copy -f mpegts ttx.ts
	for which in Swe 258
	do
		mlive-encode -r 360x288@1M --burn-subtitles $which <ttx.ts >told.ts 2>words
		cat words
		grep "warning: no DVB subtitles of .* to burn in: PID 258 is teletext, which cannot be$" words
	done
	mlive-encode -r 360x288@1M --burn-subtitles swe <film.ts >told.ts 2>words
	fails 1 grep warning: words
'
check 'others pass, with their descriptor' '
	mlive-encode -q -r 720x576@12M --burn-subtitles fin <film.ts >passed.ts
	for name in none passed
	do
		ffmpeg -nostdin -v error -i $name.ts -map 0:v -f framemd5 $name.md5
	done
	cmp none.md5 passed.md5
	ffprobe -v error -select_streams s -show_entries stream=codec_name:stream_tags=language -of csv=p=0 none.ts |
		sort -u | grep -x "dvb_subtitle,swe"
	for name in film none
	do
		begins=$(ffprobe -v error -select_streams v -show_entries stream=start_time -of csv=p=0 $name.ts | head -n 1)
		ffprobe -v error -select_streams s -show_entries packet=pts_time,size -of csv=p=0 $name.ts |
			awk -F, -v begins="$begins" "NF > 1 { printf \"%.2f %d\n\", \$1 - begins, \$2 }" >$name.times
	done
	test "$(wc -l <film.times)" -eq 4
	diff film.times none.times
'
check 'in a frame of another size, of 10 bits and 4:2:2' '
	picture=testsrc2=size=1280x720:rate=25 subtitled 4 pages.ts -c:v libx264 -preset ultrafast -crf 8 \
		-bf 0 -pix_fmt yuv422p10 >large.ts
	mlive-encode -q -r 1280x720@20M --burn-subtitles swe <large.ts >large.out.ts
	ffmpeg -nostdin -v error -i large.ts -filter_complex "[0:s]scale=1280x720:flags=bilinear[s];[0:v][s]overlay=eof_action=pass,format=yuv420p" \
		-f rawvideo large.raw
	alike large.out.ts 0 1280x720 large.raw
'
# most FILE N - the brightest code of 10 bits in a picture of its video N
most () {
	ffmpeg -nostdin -v error -i "$1" -map "0:v:$2" -vf \
		"select=eq(n\\,50),scale=720:576:flags=area,crop=200:36:80:88,format=gray16,signalstats,metadata=print:key=lavfi.signalstats.YMAX:file=-" \
		-f null - | sed -n 's/.*YMAX=//p' | awk '{ print $1 / 64 }'
}
if ffmpeg -v error -f lavfi -i color=s=64x64:d=0.1 -c:v libx265 -x265-params log-level=none \
	-pix_fmt yuv420p10 -f null - 2>/dev/null
then
	for light in smpte2084.573 arib-std-b67.721
	do
		export light
		check "white is the reference white of ${light%.*}, and what becomes of that in SDR" '
			picture=color=black:size=720x576:rate=25 subtitled 4 blocks.ts -c:v libx265 \
				-preset ultrafast -pix_fmt yuv420p10 -x265-params \
				"log-level=none:crf=6:keyint=25:range=limited:colorprim=bt2020:transfer=${light%.*}:colormatrix=bt2020nc" >hdr.ts
			mlive-encode -q -r 720x576@6M,codec=hevc -r 720x576@6M --burn-subtitles eng <hdr.ts >light.ts
			most light.ts 0 >got.hdr
			most light.ts 1 >got.sdr
			cat got.hdr got.sdr
			awk -v want="${light#*.}" "{ exit !(\$1 > want - 14 && \$1 < want + 14) }" got.hdr
			awk "{ exit !(\$1 > 645 && \$1 < 700) }" got.sdr
		'
	done
else
	skip 'white in HDR' 'no HEVC of 10 bits'
fi
check 'two encoders, one begun later, make the same pictures' '
	mlive-ingest -q --realtime -t 7s film.ts >in.ts
	tail -c +$(($(wc -c <in.ts) / 5 / 188 * 188 + 1)) in.ts >rest.ts
	mlive-encode -q -g 1s -r 360x288@40M,quality=6 --burn-subtitles swe <in.ts >one.ts
	mlive-encode -q -g 1s -r 360x288@40M,quality=6 --burn-subtitles swe <rest.ts >two.ts
	for who in one two
	do
		ffmpeg -nostdin -v error -copyts -i $who.ts -map 0:v -f framemd5 - | grep -v "^#" |
			awk -F, "{ print \$3, \$6 }" | sort >$who.md5
	done
	join one.md5 two.md5 >both
	wc -l <both
	# The subtitle on the screen when the second began is not in its stream; the next is.
	tail -n 75 both | awk "{ n++; same += \$2 == \$3 } END { print n, same; exit same < 75 }"
'
# visible FILE N RAW - the text of picture N is there
visible () {
	ffmpeg -nostdin -v error -i "$1" -f rawvideo -pix_fmt yuv420p -s 720x576 -framerate 25 -i "$3" \
		-filter_complex "[0:v:0]settb=1/25,setpts=N,crop=iw/2:ih/8:0:ih*3/10[a];[1:v]settb=1/25,setpts=N,crop=iw/2:ih/8:0:ih*3/10[b];
		[a][b]psnr=stats_file=psnr.log" -f null -
	sed -n "$2s/.*psnr_avg:\([0-9.inf]*\).*/\1/p" psnr.log | tee least
	awk '{ exit !($1 == "inf" || $1 > 30) }' least
}
check 'a language in capitals, and tables that say another one of the same stream later' '
	mlive-encode -q -r 720x576@12M -r 360x288@4M --burn-subtitles SWE <film.ts >capital.ts
	cmp burnt.ts capital.ts
	# The PMT from the middle on: eng, another version, and its CRC.
	perl -e "local \$/; binmode STDIN; binmode STDOUT; my \$d = <STDIN>;
		for (my \$at = 0; \$at < length \$d; \$at += 188) {
			next if \$at < length(\$d) * 0.34 || (unpack(q(n), substr \$d, \$at + 1, 2) & 8191) != 4096;
			my \$len = (unpack(q(n), substr \$d, \$at + 6, 2) & 4095) - 1;
			my \$table = substr \$d, \$at + 5, \$len;
			\$table =~ s/swe/eng/ or die;
			substr(\$table, 5, 1) = chr(ord(substr \$table, 5, 1) ^ 2);
			my \$crc = 0xffffffff;
			for my \$b (unpack q(C*), \$table) {
				\$crc ^= \$b << 24;
				\$crc = (\$crc << 1 ^ (\$crc >> 31) * 0x04c11db7) & 0xffffffff for 1 .. 8;
			}
			substr(\$d, \$at + 5, \$len + 4) = \$table . pack q(N), \$crc;
		}
		print \$d" <film.ts >turns.ts
	mlive-encode -q -r 720x576@12M --burn-subtitles swe <turns.ts >first.ts
	ffmpeg -nostdin -v error -i film.ts -pix_fmt yuv420p -f rawvideo without.raw
	visible first.ts 51 want.raw
	fails 1 visible first.ts 121 want.raw
	visible first.ts 121 without.raw
	mlive-encode -q -r 720x576@12M --burn-subtitles Eng <turns.ts >second.ts
	fails 1 visible second.ts 51 want.raw
	visible second.ts 121 want.raw
'
check 'damage does no harm' '
	perl -e "local \$/; binmode STDIN; binmode STDOUT; srand 5; my \$d = <STDIN>;
		my @at = grep { (unpack(q(n), substr \$d, 188 * \$_ + 1, 2) & 8191) == 258 } 0 .. length(\$d) / 188 - 1;
		for (1 .. 60) { my \$at = 188 * \$at[rand @at]; substr(\$d, \$at + 5 + int rand 183, 1) = chr int rand 256 }
		print \$d" <film.ts >damaged.ts
	fails 1 cmp -s film.ts damaged.ts
	mlive-encode -q -r 360x288@2M --burn-subtitles swe <damaged.ts >damaged.out.ts
	test "$(pictures damaged.out.ts 0)" -eq 175
'
check 'what is neither PID nor language is refused' '
	for wrong in "" sw swed sw1 15 8191 0x2000 12x
	do
		fails 2 mlive-encode -r 360p@1M --burn-subtitles "$wrong" <film.ts
	done
'
done_testing
