#!/bin/sh
# mlive-capture: which pictures, how they look, their names, delivery and endings.
. "$(dirname "$0")/lib.sh"
# shellcheck source=/dev/null
. "${top:-.}/t/encode.sh"
need 'not built' mlive-capture --version

# bars SIZE LAVFI... - two seconds of colour bars as a stream; what follows are options.
coloured () {
	size=$1
	shift
	ffmpeg -nostdin -v error -f lavfi -i "smptehdbars=s=$size:r=25:d=2" -g 25 "$@" -f mpegts -
}

# size FILE - as it is shown: width,height and the aspect of its pixels
size () {
	ffprobe -v error -show_entries stream=width,height,sample_aspect_ratio -of csv=p=0 "$1" |
		head -n 1
}

# alike MATRIX TS JPEG LIMIT - the mean difference of red, green and blue, in 1/256.
alike () {
	wh=$(size "$3" | cut -d, -f1,2 | tr , :)
	ffmpeg -nostdin -v error -y -i "$2" -frames:v 1 -pix_fmt rgb24 -f rawvideo -vf \
		"scale=$wh:in_color_matrix=$1:in_range=${in_range:-tv}:flags=bicubic+accurate_rnd+full_chroma_int" \
		want.rgb
	ffmpeg -nostdin -v error -y -i "$3" -pix_fmt rgb24 -f rawvideo -vf \
		"scale=in_color_matrix=bt601:in_range=pc:flags=bicubic+accurate_rnd+full_chroma_int" \
		got.rgb
	perl -e 'local $/; my @p = map { open my $f, "<:raw", $_ or die; [unpack "C*", <$f>] }
		qw(want.rgb got.rgb);
		my $sum = 0;
		$sum += abs $p[0][$_] - $p[1][$_] for 0 .. $#{$p[0]};
		my $mean = $sum / @{$p[0]};
		print "mean difference $mean\n";
		exit !(@{$p[0]} == @{$p[1]} && $mean < $ARGV[0])' "$4"
}

names () {
	find "$1" -mindepth 1 -printf '%f\n' | LC_ALL=C sort | tr '\n' ' '
}

# One second is a colour: what is where can be told by its mean.
ffmpeg -nostdin -v error -f lavfi -i "color=black:s=320x180:r=25:d=10,geq=lum='16+20*floor(T)':cb=128:cr=128" \
	-c:v libx264 -preset ultrafast -g 50 -x264-params scenecut=0 -pix_fmt yuv420p -f mpegts steps.ts
second () {
	ffmpeg -nostdin -v error -i "$1" -vf scale=1:1 -pix_fmt rgb24 -f rawvideo - | od -An -tu1 |
		awk '{ printf "%d\n", $1 * 219 / 255 / 20 + 0.5 }'
}

check 'a picture of each interval of a recording, by counter' '
	mlive-capture -q -s stats -e 2s -o "key/t-%05d.jpg" <steps.ts
	test "$(names key)" = "t-00001.jpg t-00002.jpg t-00003.jpg t-00004.jpg t-00005.jpg "
	for i in 1 2 3 4 5; do second key/t-0000$i.jpg; done >got
	printf "%s\n" 0 2 4 6 8 | diff - got
	test "$(counter stats captured)" -eq 5
	test "$(counter stats delivered)" -eq 5
	grep "\"key_only\":true" stats
'
check 'only key pictures are decoded when they come often enough' '
	test "$(counter stats decoded)" -le 60
	mlive-capture -q -s exact -e 2s --exact -o "all/t-%05d.jpg" <steps.ts
	test "$(counter exact decoded)" -eq 250
	diff -r key all
'
check 'else all are, and every interval has its picture' '
	mlive-capture -s dense.stats -e 1s -o "dense/%03d.jpg" <steps.ts 2>words
	grep "further apart than --every" words
	for i in dense/*; do second $i; done | tr "\n" " " >got
	test "$(cat got)" = "0 1 2 3 4 5 6 7 8 9 "
'
check 'an interval that no key picture begins has the next one, or with --exact its first' '
	mlive-capture -q -e 3s -o "three/%01d.jpg" <steps.ts
	for i in three/*; do second $i; done | tr "\n" " " >got
	test "$(cat got)" = "0 4 6 "
	mlive-capture -q --exact -e 3s -o "exact3/%01d.jpg" <steps.ts
	for i in exact3/*; do second $i; done | tr "\n" " " >got
	test "$(cat got)" = "0 3 6 9 "
'
check 'colours: BT.709, BT.601, 10 bits, full range' '
	coloured 1280x720 -c:v libx264 -preset ultrafast -colorspace bt709 -pix_fmt yuv420p >a.ts
	mlive-capture -q -o a.jpg <a.ts
	alike bt709 a.ts a.jpg 2
	fails 1 alike bt601 a.ts a.jpg 2
	coloured 720x576 -c:v mpeg2video -q:v 3 >b.ts
	mlive-capture -q -o b.jpg <b.ts
	alike bt601 b.ts b.jpg 2
	fails 1 alike bt709 b.ts b.jpg 2
	coloured 1280x720 -c:v libx265 -preset ultrafast -x265-params log-level=none \
		-pix_fmt yuv420p10le >c.ts
	mlive-capture -q -o c.jpg <c.ts
	alike bt709 c.ts c.jpg 2
	ffprobe -v error -show_entries stream=pix_fmt,codec_name -of csv=p=0 c.jpg | grep mjpeg,yuvj420p
	coloured 1280x720 -vf scale=out_range=pc -c:v libx264 -preset ultrafast -color_range pc \
		-pix_fmt yuvj420p >d.ts
	mlive-capture -q -o d.jpg <d.ts
	in_range=pc alike bt709 d.ts d.jpg 2
	fails 1 alike bt709 d.ts d.jpg 2
'
check 'HDR: its reference white is that of SDR for it, grey is grey' '
	for kind in "smpte2084 573" "arib-std-b67 721"
	do
		ffmpeg -nostdin -v error -f lavfi -i "color=black:s=320x180:r=25:d=1,format=yuv420p10,
			geq=lum=${kind#* }:cb=512:cr=512" -c:v libx265 -preset ultrafast -x265-params \
			"log-level=none:colorprim=bt2020:transfer=${kind% *}:colormatrix=bt2020nc" -f mpegts -y h.ts
		mlive-capture -q -o h.jpg <h.ts
		ffmpeg -nostdin -v error -i h.jpg -f rawvideo - | od -An -v -tu1 -w1 | sort -n |
			awk "{ n[\$1]++ } END { for (v in n) if (n[v] > 9999) print v }" | sort -n >levels
		tr "\n" " " <levels
		test "$(head -n 1 levels)" -eq 128
		test "$(tail -n 1 levels)" -ge 173
		test "$(tail -n 1 levels)" -le 177
	done
'
check 'HDR that comes in RGB has the colours that it has in YCbCr' '
	for way in "gbr ,format=gbrp10" "bt2020nc ,scale=out_color_matrix=bt2020:out_range=tv,format=yuv420p10"
	do
		ffmpeg -nostdin -v error -f lavfi -i "color=black:s=320x180:r=25:d=1,format=gbrp10,
			geq=r=560:g=300:b=200${way#* }" -c:v libx265 -preset ultrafast -x265-params \
			"log-level=none:colorprim=bt2020:transfer=smpte2084:colormatrix=${way%% *}" \
			-f mpegts -y rgb.ts
		mlive-capture -q -o rgb.jpg <rgb.ts
		ffmpeg -nostdin -v error -i rgb.jpg -vf scale=1:1:flags=area,format=rgb24 -f rawvideo - |
			od -An -v -tu1
	done >colours
	cat colours
	awk "NR == 1 { r = \$1; g = \$2; b = \$3 }
		END { exit !(NR == 2 && r > g + 40 && (r - \$1) ^ 2 < 17 && (g - \$2) ^ 2 < 17 && (b - \$3) ^ 2 < 17) }" colours
'
check 'sizes: square pixels, nothing is stretched, fit, lines, upright' '
	coloured 720x576 -vf setsar=64/45 -c:v mpeg2video -q:v 3 >sd.ts
	mlive-capture -q -o s1.jpg <sd.ts
	test "$(size s1.jpg)" = 1024,576,1:1
	mlive-capture -q --size 640x640 -o s2.jpg <sd.ts
	test "$(size s2.jpg)" = 640,360,1:1
	mlive-capture -q --size 288p -o s3.jpg <sd.ts
	test "$(size s3.jpg)" = 512,288,1:1
	mlive-capture -q --size 1080p -o s4.jpg <sd.ts
	test "$(size s4.jpg)" = 1024,576,1:1
	coloured 406x722 -c:v libx264 -preset ultrafast -pix_fmt yuv420p >up.ts
	mlive-capture -q --size 200p -o s5.jpg <up.ts
	test "$(size s5.jpg)" = 200,356,1:1
	mlive-capture -q --quality 20 --size 288p -o s6.jpg <sd.ts
	test "$(wc -c <s6.jpg)" -lt "$(wc -c <s3.jpg)"
'
# A grey field of a moving bar in each line: interlaced pictures comb.
check 'interlaced pictures do not comb, and progressive ones are left alone' '
	for codec in "mpeg2video -q:v 2 -flags +ilme+ildct" \
		"libx264 -preset ultrafast -x264-params tff=1 -flags +ilme+ildct"
	do
		ffmpeg -nostdin -v error -y -f lavfi -i "testsrc=s=720x576:r=50:d=3,scroll=h=0.02" \
			-vf interlace,format=yuv420p -g 12 -c:v $codec -f mpegts i.ts
		rm -rf i
		mlive-capture -q -s i.stats -e 1s -o "i/%01d.jpg" <i.ts
		test "$(counter i.stats deinterlaced)" -ge 2
		ffmpeg -v info -y -i i/2.jpg -vf idet -f null - 2>idet
		grep "Single frame.*TFF: *0 BFF: *0" idet
	done
	test "$(counter stats deinterlaced)" -eq 0
'
check 'of a ladder the cheapest rung that is large enough, or the one named' '
	source_ts 4 25 | mlive-encode -q -r 360p@800k -r 270p@500k -r 180p@300k >ladder.ts
	mlive-capture -c none -q -s l1 --size 200p -o l1.jpg <ladder.ts
	test "$(size l1.jpg)" = 356,200,1:1
	test "$(counter l1 program)" -eq 2
	mlive-capture -c none -q -s l2 -o l2.jpg <ladder.ts
	test "$(size l2.jpg)" = 640,360,1:1
	mlive-capture -c none -q -s l3 -P 3 -o l3.jpg <ladder.ts
	test "$(size l3.jpg)" = 320,180,1:1
	fails 3 mlive-capture -q -P 9 -o l4.jpg <ladder.ts 2>err
	grep "no video in program 9" err
'
check 'size and codec may change on the way' '
	source_ts 3 25 >one.ts
	ffmpeg -nostdin -v error -f lavfi -i testsrc2=s=480x270:r=25:d=3 -c:v libx265 -preset ultrafast \
		-x265-params log-level=none:keyint=25 -f mpegts two.ts
	ffmpeg -nostdin -v error -f lavfi -i testsrc2=s=320x180:r=25:d=3 -c:v mpeg2video -g 12 -f mpegts three.ts
	cat one.ts two.ts three.ts | mlive-capture -q -c none -e 1s -o "change/%02d.jpg"
	for i in change/*; do size $i; done | uniq >got
	printf "%s\n" 640,360,1:1 480,270,1:1 320,180,1:1 | diff - got
	test "$(ls change | wc -l)" -ge 8
'
check 'two machines take the same pictures and name them alike, however they were started' '
	source_ts 8 25 -g 25 | mlive-ingest -q --realtime - >live.ts
	mlive-capture -q -e 2s -o "m1/%Y%m%d-%H%M%S-%i.jpg" <live.ts
	tail -c +$((188 * 1500 + 1)) live.ts | mlive-capture -q -e 2s -o "m2/%Y%m%d-%H%M%S-%i.jpg"
	names m1
	names m2
	test "$(ls m2 | wc -l)" -ge 2
	for i in m2/*; do cmp "$i" "m1/${i#m2/}"; done
	for i in m1/*
	do
		n=${i##*-}
		test "$(date -u -d "@$((${n%.jpg} * 2))" "+m1/%Y%m%d-%H%M%S-$n")" = "$i"
	done
'
check 'one object is replaced at once, and a reader never sees a part of one' '
	mkdir one
	mkfifo pipe
	mlive-capture -q -c none -e 100ms --exact -o one/now.jpg <pipe & pid=$!
	exec 9>pipe
	cat live.ts >&9 & cat=$!
	eventually test -e one/now.jpg
	while kill -0 $cat 2>/dev/null
	do
		cp one/now.jpg seen.jpg
		ffmpeg -nostdin -v error -xerror -i seen.jpg -f null -
		test "$(tail -c 2 seen.jpg | od -An -tx1)" = " ff d9"
	done
	exec 9>&-
	wait $pid
	test "$(names one)" = "now.jpg "
'
check 'names by themselves in a directory, and no others are left behind' '
	mkdir dir
	mlive-capture -q -e 5s -o dir <steps.ts
	test "$(names dir)" = "19700101-000000.jpg 19700101-000005.jpg "
	mlive-capture -q -e 2500ms -o dir2/ <steps.ts
	test "$(names dir2)" = "19700101-000000.000.jpg 19700101-000002.500.jpg 19700101-000005.000.jpg 19700101-000007.500.jpg "
	test -z "$(find dir dir2 -name ".*part*")"
'
check '--keep: the newest stay, also over a restart; others are not touched' '
	mkdir keep
	touch keep/other.jpg keep/0000.jpg
	mlive-capture -q -s k -e 1s --keep 3 -o "keep/%05d.jpg" <steps.ts
	test "$(names keep)" = "0000.jpg 00008.jpg 00009.jpg 00010.jpg other.jpg "
	test "$(counter k deleted)" -eq 7
	mlive-capture -q -e 1s --keep 4 -n 2 --start 11 -o "keep/%05d.jpg" <steps.ts
	test "$(names keep)" = "0000.jpg 00009.jpg 00010.jpg 00011.jpg 00012.jpg other.jpg "
	mlive-capture -q -e 1s --keep 4 -n 3 --start 10 -o "keep/%05d.jpg" <steps.ts
	test "$(names keep)" = "0000.jpg 00009.jpg 00010.jpg 00011.jpg 00012.jpg other.jpg "
'
check 'damage is lived with' '
	perl -e "binmode STDIN; binmode STDOUT; srand 7; while (read STDIN, my \$p, 188) {
		print \$p unless rand() < 0.02 }" <live.ts >lossy.ts
	mlive-capture -q -c none -e 1s -o "lossy/%02d.jpg" <lossy.ts
	test "$(ls lossy | wc -l)" -ge 3
	for i in lossy/*; do ffmpeg -nostdin -v error -xerror -i $i -f null -; done
	head -c 300000 /dev/urandom | cat - live.ts | mlive-capture -q -c none -e 1s -o "junk/%02d.jpg"
	test "$(ls junk | wc -l)" -ge 7
'
check 'no stream, no video, nothing that decodes: 3, and why' '
	head -c 100000 /dev/zero | fails 3 mlive-capture -o no.jpg 2>err
	grep "no transport stream on standard input" err
	ffmpeg -v error -i one.ts -map 0:a -c copy -f mpegts sound.ts
	fails 3 mlive-capture -o no.jpg <sound.ts 2>err
	grep "there is no video in the input" err
	test ! -e no.jpg
'
check 'SIGTERM in the middle of a picture: no picture is made of what came of it' '
	source_ts 4 25 >moving.ts
	cut_short 60 <moving.ts >cut.ts 2>whole
	stopped_after cut.ts mlive-capture -c none -e 100ms --exact -o "cut/%05d.jpg" 2>words
	grep " decoded=$(cat whole) damaged=0 " words
'
check 'usage: each mistake has its message, and 2' '
	said () {
		shift=$1
		fails 2 mlive-capture "$2" "$3" "$4" "$5" <one.ts 2>err
		grep -e "$shift" err
	}
	said "not in 100ms..24h" -e 10ms -o x.jpg
	said "not like 360p" --size 12 -o x.jpg
	said "no such template" -q -q -o "x-%q.jpg"
	said "day of the month" -q -q -o "x-%d.jpg"
	said "dots only" -q -q -o "%05d/../x.jpg"
	said "is no place" -q -q -o s3://bucket
	said "neither a directory" -q -q -o ftp://host/x.jpg
	test ! -e ftp:
	said "names of their own" --keep 3 -o x.jpg
	said "URL cannot have here" -q -q -o "http://127.0.0.1/a b-%05d.jpg"
	fails 2 mlive-capture <one.ts 2>err
	grep "where to" err
'

port=$(free_port)
mkdir server
perl "$top/t/putd.pl" "$port" server & server=$!
trap 'kill $server; rm -rf "$scratch"' EXIT
eventually curl -s -o /dev/null "http://127.0.0.1:$port/none"

check 'by PUT: what arrives is what a directory gets; old ones are deleted' '
	mlive-capture -q -e 2s -o "http://127.0.0.1:$port/a/%05d.jpg" <steps.ts
	mlive-capture -q -e 2s -o "b/%05d.jpg" <steps.ts
	diff -r b server/www/a
	mlive-capture -q -e 2s --keep 2 -o "http://127.0.0.1:$port/c/%05d.jpg" <steps.ts
	test "$(names server/www/c)" = "00004.jpg 00005.jpg "
	mlive-capture -q -e 2s -o "HTTP://127.0.0.1:$port/one.jpg" <steps.ts
	cmp server/www/one.jpg b/00005.jpg
'
check 'a server that hangs delays nothing: reading goes on, the oldest are dropped' '
	touch server/hang
	mkfifo in
	mlive-capture -s hang -c none -e 100ms --exact --buffer 20k \
		-o "http://127.0.0.1:$port/h/%05d.jpg" <in 2>err & pid=$!
	exec 9>in
	timeout 20 cat live.ts >&9
	dropped () {
		test "$(counter hang dropped)" -ge 20
	}
	eventually dropped
	kill $pid
	exec 9>&-
	kill -9 $pid
	wait $pid || :
	grep "could not be delivered and are dropped" err
	rm server/hang
'
# A file that is opened and that nobody reads holds whoever writes, as a disk does that hangs.
check 'a disk that hangs delays nothing either: the oldest are dropped, each with an event' '
	mkdir disk
	mkfifo disk/.mlive-part
	rm -f in
	mkfifo in
	mlive-capture -s disk.stats -c none -e 100ms --exact --buffer 20k -o "disk/%05d.jpg" \
		<in 2>err & pid=$!
	exec 9>in
	timeout 20 cat live.ts >&9
	dropped () {
		test "$(counter disk.stats dropped)" -ge 20
	}
	eventually dropped
	test "$(names disk)" = ".mlive-part "
	eventually grep "cannot deliver to .disk.*it does not answer" err
	grep "\"event\":\"picture_dropped\",\"name\":\"00002.jpg\"" disk.stats
	# It goes on, and what is left is delivered.
	mv disk/.mlive-part held
	cat held >/dev/null
	exec 9>&-
	fails 1 wait $pid
	names disk
	test -e disk/00001.jpg
	captured=$(counter disk.stats captured)
	test -e "$(printf disk/%05d.jpg "$captured")"
	test $(($(counter disk.stats delivered) + $(counter disk.stats dropped))) -eq "$captured"
	grep "takes pictures again" err
	grep "pictures were never delivered" err
'
kill $server
wait $server 2>/dev/null
perl "$top/t/putd.pl" "$port" server & server=$!
check 'a server that fails for a while gets all of it in the end' '
	eventually curl -s -o /dev/null "http://127.0.0.1:$port/none"
	touch server/fail
	mlive-capture -e 1s -o "http://127.0.0.1:$port/late/%05d.jpg" <steps.ts 2>err & pid=$!
	eventually grep "cannot deliver" err
	rm server/fail
	wait $pid
	test "$(ls server/www/late | wc -l)" -eq 10
'
check 'one that refuses is told of at once: 1' '
	touch server/refuse
	fails 1 mlive-capture -e 1s -o "http://127.0.0.1:$port/no/%05d.jpg" <steps.ts 2>err
	grep "refuses pictures: .*403" err
	rm server/refuse
'
s3=$(free_port)
mkdir bucket
perl "$top/t/s3d.pl" "$s3" bucket & s3d=$!
check 'S3: pictures, the old ones deleted, one object' '
	export AWS_ENDPOINT_URL=http://127.0.0.1:$s3 AWS_REGION=us-east-1
	export AWS_ACCESS_KEY_ID=key AWS_SECRET_ACCESS_KEY=secret
	eventually curl -s -o /dev/null "$AWS_ENDPOINT_URL/none"
	mlive-capture -q -e 2s --keep 3 -o "s3://live/thumbs/t-%05d.jpg" <steps.ts
	cat bucket/log
	test "$(names bucket/www/live/thumbs)" = "t-00003.jpg t-00004.jpg t-00005.jpg "
	cmp bucket/www/live/thumbs/t-00005.jpg b/00005.jpg
	mlive-capture -q -e 2s -o "s3://live/now.jpg?endpoint=http://127.0.0.1:$s3" <steps.ts
	cmp bucket/www/live/now.jpg b/00005.jpg
'
kill "$s3d"
done_testing
