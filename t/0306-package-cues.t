#!/bin/sh
# mpkg-segment: cues become segments, date ranges, events and event messages.
. "$(dirname "$0")/lib.sh"
need 'no ffmpeg' command -v ffmpeg
need 'no xmllint' command -v xmllint

# film FILE SECONDS PICTURES... - with key frames every two seconds and at these pictures.
film () {
	file=$1 seconds=$2
	shift 2
	keys="eq(mod(n,50),0)"
	for n
	do
		keys="$keys+eq(n,$n)"
	done
	ffmpeg -nostdin -v error -y -f lavfi -i "testsrc2=size=320x180:rate=25:duration=$seconds" \
		-f lavfi -i "sine=frequency=440:sample_rate=48000:duration=$seconds" \
		-c:v libx264 -preset ultrafast -bf 2 -g 50 -keyint_min 1 -sc_threshold 0 \
		-force_key_frames "expr:$keys" -c:a aac -b:a 64k -f mpegts "$file"
}

# cued IN OUT - with the cues on standard input.
cued () {
	cat >cues.txt
	mlive-cue insert -q -f cues.txt <"$1" >"$2"
}

# ranges PLAYLIST - its date ranges, without the sections, in order of the text.
ranges () {
	sed -n 's/^#EXT-X-DATERANGE:ID="\([^"]*\)-[0-9]*"/\1/p' "$1" |
		sed 's/1970-01-01T00:00://g; s/\(SCTE35-[A-Z]*\)=0x[0-9A-F]*/\1/'
}

# segments PLAYLIST - the durations of its segments.
segments () {
	sed -n 's/^#EXTINF:\([0-9.]*\),/\1/p' "$1" | sed 's/\.*0*$//' | tr '\n' ' '
}

# boxes FILE - scheme, presentation time, duration and id of its event messages.
boxes () {
	perl -0777 -ne '
		while (/emsg\x01\0\0\0(.{4})(.{8})(.{4})(.{4})([^\0]*)\0/gs) {
			printf "%s %d %d %d/%d\n", $5, unpack("N", $4), unpack("Q>", $2),
			    unpack("N", $3), unpack("N", $1);
		}' "$1"
}

film plain.ts 40 125 225 625 730
cued plain.ts a.ts <<END
+5s out 4s id=7 auto
+25s time_signal type=0x34 id=9 duration=4200ms web=no
+29.2s time_signal type=0x35 id=9 web=no
END
mpkg-segment -q --vod -o without <plain.ts
mpkg-segment -q --vod --cues daterange,cue-out,event,event-xml,emsg -o all <a.ts

check 'a segment begins with each splice, and there are no more of them' '
	segments without/v1/index.m3u8 | grep -x "4 4 4 4 4 4 4 4 4 4 "
	segments all/v1/index.m3u8 | grep -x "5 4 3 4 4 5 4.2 2.8 4 4 "
	grep -x "#EXT-X-TARGETDURATION:4" without/v1/index.m3u8
	grep -x "#EXT-X-TARGETDURATION:6" all/v1/index.m3u8
'
check 'which begins with the very picture' '
	cat all/v1/init.mp4 all/v1/2.m4s >two.mp4
	ffprobe -v error -select_streams v -show_entries packet=pts_time,flags -of csv=p=0 \
		-read_intervals "%+#1" two.mp4 | head -n 1 | grep "^15.000000,K"
'
check 'date ranges begin and end with their segments, to the millisecond' '
	ranges all/v1/index.m3u8 >got
	cat >want <<END
splice-7,START-DATE="15.000Z",PLANNED-DURATION=4.000,SCTE35-OUT
splice-7,START-DATE="15.000Z",END-DATE="19.000Z",DURATION=4.000
0x34-9,START-DATE="35.000Z",PLANNED-DURATION=4.200,SCTE35-OUT
0x34-9,START-DATE="35.000Z",END-DATE="39.200Z",DURATION=4.200,SCTE35-IN
END
	diff want got
	awk -F "\"" "/PROGRAM-DATE-TIME/ { sub(/.*TIME:/, \"\"); date = \$0 }
		/DATERANGE/ { if (date != (/END-DATE/ ? \$6 : \$4)) bad = 1; n++ }
		END { exit bad || n != 4 }" all/v1/index.m3u8
'
check 'and have the sections of the stream' '
	mlive-cue show -j <a.ts >cues.json
	sed -n "s/.*SCTE35-OUT=0x\([0-9A-F]*\)/\1/p; s/.*SCTE35-IN=0x\([0-9A-F]*\)/\1/p" \
		all/v1/index.m3u8 | mlive-cue show -q >got
	mlive-cue show -q <a.ts | sed "s/^.*  //" | sort -u >want
	sort -u got | diff want -
'
check 'out, continued and in' '
	sed -n "s/^#EXT-X-CUE/CUE/p; s/^#EXT-OATCLS.*/OATCLS/p; s/^\([0-9]*\).m4s/\1/p" \
		all/v1/index.m3u8 | sed "s/,SCTE35=.*//" >got
	cat >want <<END
1
OATCLS
CUE-OUT:4.000
2
CUE-IN
3
4
5
6
OATCLS
CUE-OUT:4.200
7
CUE-IN
8
9
10
END
	diff want got
'
check 'a long break is continued, from its own start' '
	film long.ts 24 150 350
	cued long.ts b.ts <<END
+6s out 14s auto
END
	mpkg-segment -q --vod --segment 2s --cues cue-out -o long <b.ts
	sed -n "s/^#EXT-X-CUE-OUT-CONT:\(.*\),SCTE35=.*/\1/p" long/v1/index.m3u8 >got
	for t in 2 4 6 8 10 12
	do
		echo "ElapsedTime=$t.000,Duration=14.000"
	done | diff - got
'
check 'events in the manifest, in both forms' '
	xmllint --noout all/index.mpd
	perl "$top/t/mpd.pl" <all/index.mpd
	for scheme in 2014:xml+bin 2013:xml
	do
		xmllint --xpath "//*[local-name()=\"EventStream\"][contains(@schemeIdUri,
			\"$scheme\")]/*/@*" all/index.mpd | tr -d "\n" | tr -s " " >got
		echo " presentationTime=\"450000\" duration=\"360000\" id=\"16\"" \
			"presentationTime=\"2250000\" duration=\"378000\" id=\"32\"" \
			"presentationTime=\"2628000\" id=\"33\"" | tr -d "\n" | diff - got
	done
	xmllint --xpath "//*[local-name()=\"Binary\"]/text()" all/index.mpd |
		mlive-cue show -q | sort -u >got
	mlive-cue show -q <a.ts | sed "s/^.*  //" | sort -u | diff - got
	xmllint --xpath "//*[local-name()=\"SegmentationDescriptor\"]/@segmentationTypeId" \
		all/index.mpd | grep -c "" | grep -x 2
'
check 'event messages are in each segment from announcement to end' '
	for n in 1 2 3
	do
		boxes all/v1/$n.m4s
	done >got
	printf "urn:scte:scte35:2013:bin 16 1350000 360000/90000\n%.0s" 1 2 | diff - got
	boxes all/v1/8.m4s >got
	printf "urn:scte:scte35:2013:bin 33 3528000 0/90000\n" | diff - got
	grep -c "InbandEventStream schemeIdUri=\"urn:scte:scte35:2013:bin\"" all/index.mpd |
		grep -x 1
'
check 'a Period for each break, that goes on without a seam' '
	mpkg-segment -q --vod --cues event,period -o periods <a.ts
	xmllint --xpath "//*[local-name()=\"Period\"]/@start" periods/index.mpd | tr -d "\n" |
		grep -x " start=\"PT0.000000S\" start=\"PT5.000000S\" start=\"PT9.000000S\"\
 start=\"PT25.000000S\" start=\"PT29.200000S\""
	perl "$top/t/mpd.pl" <periods/index.mpd
	grep -c "period-continuity:2015\" value=\"0\"" periods/index.mpd | grep -x 2
	ffmpeg -v error -i "$PWD/periods/index.mpd" -f null - 2>err
	test ! -s err
'
check 'ID3 tags are event messages, and date ranges on request' '
	cat >tags <<END
180000 360000 ID3 hello
1080000 1260000 ID3 there
END
	"$BUILD/t/helper/cuein" tags <plain.ts >tags.ts
	mpkg-segment -q --vod -o tags1 <tags.ts
	for n in 1 2 3 4
	do
		boxes tags1/v1/$n.m4s
	done >got
	grep -x "https://aomedia.org/emsg/ID3 16 1260000 0/90000" got
	grep -x "https://aomedia.org/emsg/ID3 32 2160000 0/90000" got
	cat tags1/v1/*.m4s | grep -ac hello
	grep "InbandEventStream schemeIdUri=\"https://aomedia.org/emsg/ID3\"" tags1/index.mpd
	ffmpeg -v error -i tags1/v1/index.m3u8 -f null - 2>err
	test ! -s err
	mpkg-segment -q --vod --cues id3-daterange -o tags2 <tags.ts
	test -z "$(boxes tags2/v1/1.m4s)"
	sed -n "s/^#EXT-X-DATERANGE:ID=.*,CLASS=.org.id3.,START-DATE=.\([^\"]*\).,DURATION=0,X-ID3=.\([^\"]*\)./\1 \2/p" \
		tags2/v1/index.m3u8 | while read -r date tag
	do
		echo "$date $(echo "$tag" | base64 -d | tail -c 6 | tr -d "\0")"
	done >got
	printf "1970-01-01T00:00:14.000Z hello\n1970-01-01T00:00:24.000Z there\n" | diff - got
'
check 'what opens a break is asked for; all else is a command' '
	mpkg-segment -q --vod --breaks 0x34 --restrictions unrestricted -o policy <a.ts
	ranges policy/v1/index.m3u8 | grep -c "SCTE35-CMD$" | grep -x 2
	mpkg-segment -q --vod --breaks 0x34 --restrictions restricted -o policy <a.ts
	ranges policy/v1/index.m3u8 | grep "SCTE35-OUT$" | grep -c "^0x34" | grep -x 1
	ranges policy/v1/index.m3u8 | grep "SCTE35-CMD$" | grep -c "^splice" | grep -x 1
	mpkg-segment -q --vod --cues none -o none <a.ts
	diff -r without none
'
check 'arguments that are not like that' '
	fails 2 mpkg-segment --cues daterange, -o x <a.ts 2>err
	grep "cues .daterange,. is not" err
	fails 2 mpkg-segment --breaks 0x35 -o x <a.ts 2>err
	grep "breaks .0x35. is not" err
	fails 2 mpkg-segment --restrictions some -o x <a.ts 2>err
	grep "restrictions .some. is none" err
	fails 2 mpkg-segment --break-limit 0 -o x <a.ts
'
check 'early return, extension, cancelling, nesting, and no end' '
	film many.ts 60 100 150 200 300 450 500 600 700 800 900 1000 1200 1400
	cued many.ts early.ts <<END
+4s out 10s id=1
+6s in id=1
+8s out 4s id=2
+16s out 2s id=3 auto
+12s cancel id=3
+18s time_signal type=provider-po-start id=4 duration=14s
+20s time_signal type=distributor-po-start id=5 duration=4s
+24s time_signal type=distributor-po-end id=5
+32s time_signal type=provider-po-end id=4
+34s time_signal type=program-start id=8
+36s out id=6
+48s out 2s id=9
END
	echo "+10s out 4s id=2" >later.txt
	mlive-cue insert -q --preroll 1s -f later.txt <early.ts >c.ts
	mpkg-segment -q --vod --break-limit 8s -o many <c.ts
	ranges many/v1/index.m3u8 | sed "s/,SCTE35.*//" >got
	cat >want <<END
splice-1,START-DATE="14.000Z",PLANNED-DURATION=10.000
splice-1,START-DATE="14.000Z",END-DATE="16.000Z",DURATION=2.000
splice-2,START-DATE="18.000Z",PLANNED-DURATION=4.000
splice-2,START-DATE="18.000Z",END-DATE="24.000Z",DURATION=6.000
0x34-4,START-DATE="28.000Z",PLANNED-DURATION=14.000
0x36-5,START-DATE="30.000Z",PLANNED-DURATION=4.000
0x36-5,START-DATE="30.000Z",END-DATE="34.000Z",DURATION=4.000
0x34-4,START-DATE="28.000Z",END-DATE="42.000Z",DURATION=14.000
0x10-8,START-DATE="44.000Z"
splice-6,START-DATE="46.000Z"
splice-6,START-DATE="46.000Z",END-DATE="54.000Z",DURATION=8.000
splice-9,START-DATE="58.000Z",PLANNED-DURATION=2.000
splice-9,START-DATE="58.000Z",END-DATE="1970-01-01T00:01:00.000Z",DURATION=2.000
END
	diff want got
'
check 'hostile sections are counted, and break nothing' '
	perl -e "
		srand 1;
		sub crc {
			my \$c = 0xffffffff;
			for (unpack \"C*\", shift) {
				\$c ^= \$_ << 24;
				\$c = (\$c << 1 ^ (\$c & 0x80000000 ? 0x04c11db7 : 0)) & 0xffffffff for 1 .. 8;
			}
			return pack \"N\", \$c;
		}
		binmode STDOUT;
		my (\$n, \$cc) = (0, 0);
		while (read STDIN, my \$p, 188) {
			next if (unpack(\"n\", substr \$p, 1, 2) & 0x1fff) == 500;
			print \$p;
			next if ++\$n % 40;
			my \$len = \$n % 400 ? 11 + int rand 160 : 4093;
			my \$s = pack(\"Cn\", 0xfc, 0x3000 | \$len) .
				join \"\", map { chr int rand 256 } 1 .. \$len - 4;
			substr(\$s, 3, 2) = \"\\0\\0\" if \$n % 80;
			substr(\$s, 13, 1) = chr((5, 6, 4, 0xff)[\$n / 40 % 4]) if \$len > 20;
			\$s = \"\\0\$s\" . crc(\$s);
			for (my \$at = 0; \$at < length \$s; \$at += 184) {
				print pack(\"CnC\", 0x47, (\$at ? 0 : 0x4000) | 500, 0x10 | \$cc++ & 15),
					substr(\$s . \"\\xff\" x 184, \$at, 184);
			}
		}" <a.ts >hostile.ts
	mpkg-segment -q --vod --cues daterange,cue-out,event,event-xml,emsg -s stats \
		-o hostile <hostile.ts 2>err
	tail -n 1 stats
	test "$(tail -n 1 stats | sed "s/.*\"bad_cues\": *\([0-9]*\).*/\1/")" -ge 20
	xmllint --noout hostile/index.mpd
	ffmpeg -v error -i hostile/index.m3u8 -f null - 2>err
	test ! -s err
'
done_testing
