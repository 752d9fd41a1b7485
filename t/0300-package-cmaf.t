#!/bin/sh
# mpkg-segment: CMAF, HLS and DASH of a file; what ffmpeg reads back.
. "$(dirname "$0")/lib.sh"
need 'no ffmpeg' command -v ffmpeg

# AVC with B-pictures at 29.97, AAC: 12 s, a random access point every 2.002 s.
ffmpeg -v error -f lavfi -i testsrc2=size=320x180:rate=30000/1001:duration=12 \
	-f lavfi -i sine=frequency=440:sample_rate=48000:duration=12 \
	-c:v libx264 -preset ultrafast -bf 2 -g 60 -keyint_min 60 -sc_threshold 0 \
	-c:a aac -b:a 64k -metadata:s:a:0 language=eng -f mpegts a.ts </dev/null

# What is in a playlist: CODEC FRAMES, a line each.
frames () {
	ffprobe -v error -count_frames -show_entries stream=codec_name,nb_read_frames \
		-of csv=p=0 "$1" | sed '/^$/d;s/,*$//' | sort -u
}

# begins FILE: tfdt of a fragment, when its first picture is shown, and the decoding
# time that is next, as its trun says.
begins () {
	perl -0777 -ne '
		my ($trun, $tfhd) = (index($_, "trun"), index($_, "tfhd"));
		my ($flags, $n) = unpack "NN", substr $_, $trun + 4;
		my $step = unpack "N", substr $_, $tfhd + 12;
		my $fields = 4 * grep { $flags & $_ } 0x100, 0x200, 0x400, 0x800;
		my $at = $trun + 16 + ($flags & 4);
		my $dts = my $tfdt = unpack "Q>", substr $_, index($_, "tfdt") + 8;
		my $first;
		for my $i (1 .. $n) {
			my $cts = unpack "l>", substr $_, $at + $fields - 4;
			die "shown before it is decoded" if $cts < 0;
			$first = $dts + $cts unless defined $first && $first <= $dts + $cts;
			$dts += $flags & 0x100 ? unpack "N", substr $_, $at : $step;
			$at += $fields;
		}
		print "$tfdt $first $dts\n"' "$1"
}

check 'a file becomes a tree that ffmpeg decodes without a word' '
	mpkg-segment -q --vod -o out <a.ts
	ffmpeg -v error -i out/index.m3u8 -f null - 2>err
	test ! -s err
	ffmpeg -v error -i "$PWD/out/index.mpd" -f null - 2>err
	test ! -s err
'
check 'no picture is lost' '
	frames out/index.m3u8
	test "$(ffprobe -v error -select_streams v -count_frames -show_entries \
		stream=nb_read_frames -of csv=p=0 a.ts | head -n 1 | tr -d ,)" -eq \
		"$(frames out/index.m3u8 | sed -n "s/h264,//p")"
'
check 'segments have 120 pictures, and are numbered from 1' '
	grep -c "^#EXTINF:4.004000,$" out/v1/index.m3u8 | grep -x 3
	grep -x 1.m4s out/v1/index.m3u8
	grep -x "#EXT-X-TARGETDURATION:4" out/v1/index.m3u8
	grep -x "#EXT-X-ENDLIST" out/a1/index.m3u8
	grep "<S t=\"900000\" d=\"360360\" r=\"2\"/>" out/index.mpd
'
check 'the presentation lasts until its longest track ends' '
	ffmpeg -v error -f lavfi -i testsrc2=size=320x180:rate=25:duration=4 \
		-f lavfi -i sine=sample_rate=48000:duration=4.1 -c:v libx264 \
		-preset ultrafast -c:a aac -f mpegts long.ts
	mpkg-segment -q --vod -o long <long.ts
	sed "s/[<>]/\n/g" long/index.mpd | awk "
		function number(name, text) {
			if (!match(\$0, name \"=.(PT)?[0-9.]+\"))
				return 0
			text = substr(\$0, RSTART, RLENGTH)
			gsub(/[^0-9.]/, \"\", text)
			return text + 0
		}
		/^MPD/ { all = number(\"mediaPresentationDuration\") }
		/^SegmentTemplate/ {
			scale = number(\" timescale\")
			at = -number(\"presentationTimeOffset\")
		}
		/^S / {
			if (/ t=/) at += number(\" t\")
			at += number(\" d\") * (number(\" r\") + 1)
		}
		/^.SegmentTimeline/ { print all, at / scale; if (all < at / scale) bad = 1; n++ }
		END { exit bad || n != 2 }"
'
check 'what is decoded first begins at the time of its first picture' '
	test "$(begins out/v1/1.m4s)" = "900000 900000 1074174"
	test "$(begins out/v1/2.m4s)" = "1254354 1260360 1434534"
	test "$(ffprobe -v error -select_streams v -show_entries stream=r_frame_rate \
		-of csv=p=0 out/v1/index.m3u8 | head -n 1)" = 30000/1001
'
check 'the multivariant playlist says what there is' '
	grep "RESOLUTION=320x180,FRAME-RATE=29.970,AUDIO=\"aac\"" out/index.m3u8
	grep "CODECS=\"avc1\.[0-9a-f]*,mp4a.40.2\"" out/index.m3u8
	grep "LANGUAGE=\"en\"" out/index.m3u8
'
check 'the same bytes make the same tree, however they come' '
	mpkg-segment -q --vod -o again <a.ts
	diff -r out again
'
check 'no stream, and a stream without anything to play: status 3' '
	echo hello >text
	fails 3 mpkg-segment --vod -o none <text
	packets 100 256 >none.ts
	fails 3 mpkg-segment --vod -o none <none.ts
'
done_testing
