#!/bin/sh
# mpkg-segment: what RFC 8216 demands of playlists, when the stream is not as it should be.
. "$(dirname "$0")/lib.sh"
need 'no ffmpeg' command -v ffmpeg

# make_ts FILE SECONDS ffmpeg-options...
make_ts () {
	file=$1 seconds=$2
	shift 2
	ffmpeg -v error -f lavfi -i "testsrc2=size=160x90:rate=25:duration=$seconds" \
		-f lavfi -i "sine=frequency=440:sample_rate=48000:duration=$seconds" \
		-c:v libx264 -preset ultrafast -bf 2 -g 25 -keyint_min 25 -sc_threshold 0 \
		-c:a aac -b:a 64k "$@" -f mpegts "$file" </dev/null
}

# No EXTINF of a playlist is longer than its target duration, rounded.
within_target () {
	awk -F '[:,]' '
		/^#EXT-X-TARGETDURATION/ { target = $2 }
		/^#EXTINF/ && int($2 + .5) > target { print; bad = 1 }
		END { exit bad }' "$1"
}

make_ts a.ts 8

check 'the mean rate is not above the peak, however short the last segment' '
	head -c 100100 a.ts >cut.ts
	mpkg-segment -q --segment 2s --vod -o mean <cut.ts
	awk -F "[=,]" "/BANDWIDTH=/ { print \$2, \$4; n++; bad = bad || \$4 > \$2 + 0 }
		END { exit bad || !n }" mean/index.m3u8
'
# bandwidth FILE FROM TO: of a playlist or manifest, its first one
bandwidth () {
	sed -n 's/.*STREAM-INF:BANDWIDTH=\([0-9]*\).*/\1/p; s/.* bandwidth="\([0-9]*\)".* width=.*/\1/p' "$1" |
		head -n 1 >rate
	cat rate
	test "$(cat rate)" -ge "$2"
	test "$(cat rate)" -le "$3"
}

check 'until the end a rung may need what its source says it may, then what it needed' '
	mlive-encode -q -r 90p@2M -a 64k <a.ts >ladder.ts
	mkfifo slow
	mpkg-segment -q --segment 2s --event -o cap <slow &
	exec 7>slow
	cat ladder.ts >&7
	eventually test -s cap/v1/3.m4s
	bandwidth cap/index.m3u8 2000000 2400000
	bandwidth cap/index.mpd 2000000 2200000
	exec 7>&-
	wait
	bandwidth cap/index.m3u8 10000 1900000
	bandwidth cap/index.mpd 10000 1900000
'
check 'a hole in the sound makes no long segment, and the target stays' '
	make_ts hole.ts 16 -af "aselect=lt(t\,5)+gt(t\,9.3)"
	mpkg-segment --segment 2s --event -o hole <hole.ts 2>err
	fails 1 grep "target duration grows" err
	grep -x "#EXT-X-TARGETDURATION:2" hole/a1/index.m3u8
	within_target hole/a1/index.m3u8
	within_target hole/v1/index.m3u8
	test "$(grep -A 2 -x "#EXT-X-GAP" hole/a1/index.m3u8 | tail -n 1)" = 4.m4s
	grep -x "#EXT-X-DISCONTINUITY" hole/v1/index.m3u8
	test "$(grep -c "<Period" hole/index.mpd)" -eq 3
'
check 'a hole in the sound between two segments of one second' '
	make_ts short.ts 8 -af "aselect=lt(t\,2.8)+gt(t\,4.9)"
	mpkg-segment --segment 1s --vod -o short <short.ts 2>err
	within_target short/a1/index.m3u8
	fails 1 grep "target duration grows" err
'
check 'the type of a playlist does not change at its end' '
	mpkg-segment -q --segment 2s --event -o event <a.ts
	grep -x "#EXT-X-PLAYLIST-TYPE:EVENT" event/v1/index.m3u8
	grep -x "#EXT-X-ENDLIST" event/v1/index.m3u8
'
check 'wrong options are named as they are written, with status 2' '
	fails 2 mpkg-segment --segment 5 -o none <a.ts 2>err
	grep ": --segment .5. is not a duration" err
	fails 2 mpkg-segment --event --vod -o none <a.ts
	fails 2 mpkg-segment --buffer 0 -o none <a.ts
	fails 2 mpkg-segment -o ftp://127.0.0.1/x <a.ts
	fails 2 mpkg-segment -o "http://127.0.0.1/x?y" <a.ts
	test ! -e none
	test ! -e ftp:
'
check 'a rung whose random access points are elsewhere is told of, once' '
	ffmpeg -v error -f lavfi -i testsrc2=size=160x90:rate=25:duration=6 \
		-f lavfi -i testsrc2=size=320x180:rate=30:duration=6 -map 0:v -map 1:v \
		-c:v libx264 -preset ultrafast -g 50 -sc_threshold 0 -f mpegts odd.ts </dev/null
	mpkg-segment --segment 2s --vod -o odd <odd.ts 2>err
	test "$(grep -c "of v2 does not begin with a random access point" err)" -eq 1
	fails 1 grep INDEPENDENT odd/index.m3u8
	grep INDEPENDENT odd/v1/index.m3u8
	fails 1 grep INDEPENDENT odd/v2/index.m3u8
	fails 1 grep "video.*startWithSAP" odd/index.mpd
	mpkg-segment --segment 2s --vod -o even <a.ts 2>err
	fails 1 grep "random access" err
	grep INDEPENDENT even/index.m3u8
	grep INDEPENDENT even/v1/index.m3u8
	grep "video.*startWithSAP=\"1\"" even/index.mpd
'
check 'an open GOP is a start of its own kind, which is not promised to be independent' '
	make_ts open.ts 8 -g 24 -x264-params open-gop=1:bframes=2:b-adapt=0
	mpkg-segment --segment 2s --vod -o open <open.ts
	fails 1 grep INDEPENDENT open/v1/index.m3u8
	grep INDEPENDENT open/a1/index.m3u8
	grep "video.*startWithSAP=\"3\"" open/index.mpd
	# Joined there, it is on the same decoding times: two pictures lead to the first.
	tail -c +"$(($(wc -c <open.ts) / 376 * 188 + 1))" open.ts >half.ts
	mpkg-segment --segment 2s --vod -o half <half.ts
	grep "<S t=\"892800\"" half/index.mpd
'
check 'captions have the languages that the user or the PMT names' '
	mpkg-segment -q --captions CC1=eng,CC3=eng,SERVICE2=spa --vod -o captions <a.ts
	grep "NAME=.English.,LANGUAGE=.en.,DEFAULT=YES,.*INSTREAM-ID=.CC1." captions/index.m3u8
	grep "NAME=.English CC3.,LANGUAGE=.en.,DEFAULT=NO,.*INSTREAM-ID=.CC3." captions/index.m3u8
	grep "NAME=.Spanish.,LANGUAGE=.es.,.*INSTREAM-ID=.SERVICE2." captions/index.m3u8
	grep "STREAM-INF.*CLOSED-CAPTIONS=.cc." captions/index.m3u8
	grep "cea-608:2015. value=.CC1=eng;CC3=eng." captions/index.mpd
	grep "cea-708:2015. value=.2=lang:spa." captions/index.mpd
	for wrong in CC5=eng CC1=english CC1 SERVICE0=eng SERVICE64=eng "CC1=e n" ""
	do
		fails 2 mpkg-segment --captions "$wrong" --vod -o wrong <a.ts
	done
	"$BUILD/t/helper/decorate" <a.ts >shown.ts
	perl -e "
		binmode STDIN; binmode STDOUT;
		local \$/ = \\188;
		while (<STDIN>) {
			if (unpack(q(n), substr(\$_, 1)) == 0x5000) {	# the PMT
				my \$len = unpack(q(n), substr(\$_, 6)) & 0xfff;
				my \$s = substr(\$_, 5, \$len - 1);
				my \$d = pack(q(C*), 0x86, 7, 0xc1) . q(fra) . pack(q(C*), 0x7e, 0x3f, 0xff);
				my \$at = index(\$s, qq(\x1b\xe1)) + 3;
				my \$had = unpack(q(n), substr(\$s, \$at)) & 0xfff;
				substr(\$s, \$at, 2) = pack(q(n), 0xf000 | \$had + 9);
				substr(\$s, \$at + 2, 0) = \$d;
				substr(\$s, 1, 2) = pack(q(n), 0xb000 | \$len + 9);
				my \$crc = 0xffffffff;
				for my \$b (unpack(q(C*), \$s)) {
					\$crc ^= \$b << 24;
					\$crc = (\$crc << 1 ^ (\$crc >> 31 ? 0x04c11db7 : 0)) & 0xffffffff for 1 .. 8;
				}
				\$_ = substr(substr(\$_, 0, 5) . \$s . pack(q(N), \$crc) . qq(\xff) x 188, 0, 188);
			}
			print;
		}" <shown.ts >told.ts
	mpkg-segment -q --vod -o shown <shown.ts
	mpkg-segment -q --vod -o told <told.ts
	mpkg-segment -q --captions CC1=eng --vod -o asked <told.ts
	grep "NAME=.CC1.,LANGUAGE=.und.*CC1" shown/index.m3u8
	grep "NAME=.French.,LANGUAGE=.fr.,.*CC1" told/index.m3u8
	grep "NAME=.English.,LANGUAGE=.en.,.*CC1" asked/index.m3u8
	test "$(grep -c CC1 asked/index.m3u8)" -eq 1
'
done_testing
