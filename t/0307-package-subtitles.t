#!/bin/sh
# mpkg-segment: captions in the pictures become WebVTT tracks.
. "$(dirname "$0")/lib.sh"
need 'no ffmpeg' ffmpeg -version
need 'no xmllint' command -v xmllint
PATH=$BUILD/t/helper:$PATH

# film SECONDS - pictures that are reordered, and a tone.
film () {
	ffmpeg -nostdin -v error -f lavfi -i "testsrc2=size=160x90:rate=30000/1001:duration=$1" \
		-f lavfi -i "sine=frequency=440:sample_rate=48000:duration=$1" -c:v libx264 \
		-preset veryfast -pix_fmt yuv420p -bf 3 -g 30 -keyint_min 30 -sc_threshold 0 \
		-c:a aac -f mpegts -
}

# want CHANNEL [PICTURES] - what is shown, as t/vtt.pl tells it, without its place.
want () {
	perl "$top/t/captions.pl" want "$1" | perl -ne '
		my ($from, $to, $text) = /^(\d+) (\d+) (.*)/;
		if ($text =~ /MORE/) {		# the text that has signs of WebVTT in it
			$text =~ s/ & / &amp; /;
			$text =~ s/<MORE>/&lt;MORE&gt;/;
		}
		printf "%.0f %.0f %s\n", $from * 1001 / 30, $to * 1001 / 30, $text;'
}

# numbered FILES - the segments of them, in the order of their numbers
numbered () {
	printf '%s\n' "$@" | grep -v '/[0-9]*\.[0-9]*\.' | sort -t/ -k3n
}

# cues [base=SECONDS] DIR EXT - of the segments, strictly read
cues () {
	base=base=0
	case $1 in
	base=*)
		base=$1
		shift
		;;
	esac
	# shellcheck disable=SC2046
	perl "$top/t/vtt.pl" "$base" $(test "$2" = vtt || echo "$1/init.mp4") \
		$(numbered "$1"/[0-9]*."$2")
}

# said - cues without their place
said () {
	sed 's/^\([0-9]* [0-9]*\) [^|]*|/\1 /'
}

# same FILE FILE - the same cues, with times within a millisecond
same () {
	paste -d '\n' "$1" "$2" | awk '
		function off(a, b) { return a - b > 1 || b - a > 1 }
		NR % 2 { from = $1; to = $2; $1 = $2 = ""; text = $0; next }
		{ a = $1; b = $2; $1 = $2 = ""
			if (off(a, from) || off(b, to) || $0 != text) {
				print "want", from, to, text, "got", a, b, $0
				wrong = 1
			} }
		END { exit wrong || NR == 0 || NR % 2 }'
}

perl "$top/t/captions.pl" >triplets
film 16 | caption triplets >film.ts
mpkg-segment -q --vod --segment 2s --subtitles CC1=eng,CC3=spa,SERVICE1,SERVICE2=fra \
	-o all <film.ts

n=0
for channel in CC1 CC3 SERVICE1 SERVICE2
do
	n=$((n + 1))
	export channel n
	check "the text of $channel, when it is shown" '
		want $channel >want.$channel
		cues base=10 all/t$n vtt >got
		said <got >said
		same want.$channel said
		cues base=10 all/t$n m4s | diff got -
	'
done
check 'FFmpeg reads the same text on CC1' '
	ffmpeg -nostdin -v error -f lavfi -i "movie=film.ts[out0+subcc]" -map 0:s -f srt - |
		perl -00 -ne "next unless s/^.*\n.*-->.*\n//; s/\{[^}]*\}|\\\\h//g;
			s/<\/?(i|font)[^>]*>//g; s/[\r ]+\n/\n/g; s/\n+\z//; s/\n/\//g; print \"\$_\n\"" >ffmpeg
	perl "$top/t/captions.pl" want CC1 | sed "s/^[0-9]* [0-9]* //; s/<[/ci][^>]*>//g" | diff - ffmpeg
'
check 'where it is shown: rows, columns, in the middle of a window' '
	cues all/t1 vtt >got
	grep "line:74% position:30% align:start|<i>HELLO</i> WORLD/SECOND ROW" got
	grep "line:15.33% position:10% align:start|<c.yellow>" got
	cues all/t3 vtt | grep "line:79.34% position:10% align:start|SERVICE ONE"
'
check 'a rendition of HLS, in segments like the picture' '
	grep "TYPE=SUBTITLES,GROUP-ID=.subs.,NAME=.English.,LANGUAGE=.en.,.*URI=.t1/index.m3u8." \
		all/index.m3u8
	grep "TYPE=SUBTITLES,.*NAME=.Spanish.,LANGUAGE=.es." all/index.m3u8
	grep "TYPE=SUBTITLES,.*NAME=.Service 1.,LANGUAGE=.und." all/index.m3u8
	grep "STREAM-INF.*SUBTITLES=.subs.,CLOSED-CAPTIONS=.cc." all/index.m3u8
	grep "TYPE=CLOSED-CAPTIONS.*INSTREAM-ID=.CC1." all/index.m3u8
	for t in t1 t2 t3 t4
	do
		grep "^#EXTINF\|ENDLIST" all/v1/index.m3u8 >v
		grep "^#EXTINF\|ENDLIST" all/$t/index.m3u8 | diff v -
		sed -n "s/m4s$/vtt/p" all/v1/index.m3u8 >v
		grep "vtt$" all/$t/index.m3u8 | diff v -
		fails 1 grep "EXT-X-MAP" all/$t/index.m3u8
	done
	head -n 2 all/t1/1.vtt | tail -n 1 | grep -x "X-TIMESTAMP-MAP=MPEGTS:900000,LOCAL:00:00:00.000"
	test "$(wc -l <all/t1/1.vtt)" -eq 2
'
check 'an adaptation set of DASH' '
	xmllint --noout all/index.mpd
	grep "contentType=.text. mimeType=.application/mp4. lang=.en. " all/index.mpd
	test "$(grep -c "codecs=.wvtt." all/index.mpd)" -eq 4
	grep "cea-608:2015. value=.CC1=eng;CC3=spa." all/index.mpd
	test "$(grep -c "presentationTimeOffset=.900000.*t[1-4]\|media=" all/index.mpd)" -ge 6
'
check 'auto: what the picture shows; none are made unless asked for' '
	mpkg-segment -q --vod --segment 2s --subtitles auto -o auto <film.ts
	mpkg-segment -q --vod --segment 2s -o none <film.ts
	grep -c "TYPE=SUBTITLES" auto/index.m3u8 | grep -x 2
	cues base=10 auto/t2 vtt | said >got
	same want.CC3 got
	fails 1 grep "SUBTITLES\|wvtt" none/index.m3u8 none/index.mpd
	diff -r none/v1 auto/v1
	test ! -e none/t1
	grep -c "<Period" auto/index.mpd | grep -x 1
'
check 'auto: a channel that comes later has a Period from there on, but no break' '
	{
		yes "$(head -n 1 triplets)" | head -n 180
		cat triplets
	} >late
	film 12 | caption late >late.ts
	mpkg-segment -q --vod --segment 2s --subtitles auto -o after <late.ts
	fails 1 grep "DISCONTINUITY$" after/v1/index.m3u8 after/t1/index.m3u8
	test "$(grep -c "vtt$" after/t1/index.m3u8)" -eq 3
	test ! -e after/t1/3.vtt
	grep -c "<Period" after/index.mpd | grep -x 2
	grep -c "period-continuity" after/index.mpd | grep -x 4
	cues base=16 after/t1 vtt | said | grep -v THIRD | head -n 1 | grep "HELLO"
'
check 'auto: nothing without captions, and no track' '
	film 4 >plain.ts
	mpkg-segment -q --vod --subtitles auto -o plain <plain.ts
	fails 1 grep "SUBTITLES" plain/index.m3u8
	mpkg-segment -q --vod --subtitles CC1 -o empty <plain.ts
	test "$(cat empty/t1/*.vtt | wc -l)" -eq 2
	cues empty/t1 m4s
	grep "TYPE=SUBTITLES" empty/index.m3u8
'
check 'transport stream segments have it, too' '
	mpkg-segment -q --vod --segment 2s --subtitles CC1=eng --hls-ts -o ts <film.ts
	cues base=10 ts/t1 vtt | said >got
	same want.CC1 got
	grep "SUBTITLES=.subs." ts/index.m3u8
	test "$(grep -c "vtt$" ts/t1/index.m3u8)" -eq "$(grep -c "ts$" ts/v1/index.m3u8)"
'
check 'a live window rolls' '
	mpkg-segment -q --segment 1s --window 1s --subtitles CC1 -o window <film.ts
	test "$(grep -c "vtt$" window/t1/index.m3u8)" -eq 3
	test "$(ls window/t1/*.vtt | wc -l)" -eq "$(ls window/v1/[0-9]*.m4s | wc -l)"
	test ! -e window/t1/1.vtt
	test ! -e window/t1/1.m4s
'
check 'a break clears the screen' '
	head -c $(($(wc -c <film.ts) * 13 / 64 / 188 * 188)) film.ts >first.ts
	ffmpeg -nostdin -v error -i plain.ts -c copy -output_ts_offset 500 -f mpegts later.ts
	cat first.ts later.ts >broken.ts
	mpkg-segment -q --vod --segment 2s --subtitles CC1 -o broken <broken.ts
	grep "DISCONTINUITY$" broken/t1/index.m3u8
	cues base=10 broken/t1 vtt >got
	cat got
	grep -c . got | grep -x 1
	grep "HELLO" got
	awk "{ exit \$2 > 3500 }" got
'
check 'low latency: the same segments, and parts of them' '
	mpkg-segment -q --low-latency --segment 2s --window 60s \
		--subtitles CC1=eng,CC3=spa,SERVICE1,SERVICE2=fra -o low <film.ts
	for n in 1 2 3 4
	do
		for i in 1 2 3 4 5 6 7 8
		do
			cmp all/t$n/$i.vtt low/t$n/$i.vtt
		done
	done
	for pair in 1.SERVICE1 2.SERVICE2
	do
		cues base=10 low/t$((${pair%.*} + 2)) m4s | said >got
		same want.${pair#*.} got
	done
	cues base=10 low/t1 m4s | said >got
	grep "PAINTED ON" got
	grep "THE SECOND/AND A THIRD" got
'
check 'low latency: each part is an object of its own, as long as it is listed' '
	grep "^#EXT-X-PART-INF:PART-TARGET=0.200200" low/t1/index.m3u8
	grep -c "^#EXT-X-PART:" low/t1/index.m3u8 >n
	test "$(cat n)" -eq "$(grep -c "^#EXT-X-PART:" low/v1/index.m3u8)"
	sed -n "s/^#EXT-X-PART:DURATION=[0-9.]*,URI=.\(.*vtt\).,INDEPENDENT=YES/\1/p" \
		low/t1/index.m3u8 >parts
	diff n - <<-END
		$(wc -l <parts)
	END
	perl "$top/t/vtt.pl" base=10 $(sed "s|^|low/t1/|" parts) | said >got
	grep "THE SECOND/AND A THIRD" got
	test ! -e low/t1/1.0.vtt
	awk -F "[=,:]" "/^#EXT-X-PART:/ { sum += \$3 }
		/^#EXTINF/ { if (sum > 0 && (sum - \$2 > 0.001 || \$2 - sum > 0.001)) exit 1; sum = 0 }" \
		low/t1/index.m3u8
'
check 'started again it goes on with the same numbers, and the same text' '
	mlive-ingest -q --realtime -t 9s film.ts >clocked.ts
	head -c $(($(wc -c <clocked.ts) / 2 / 188 * 188)) clocked.ts >half.ts
	for how in "" --low-latency
	do
		mpkg-segment -q $how --segment 1s --subtitles CC1,CC3 -o once <clocked.ts
		mpkg-segment -q $how --segment 1s --subtitles CC1,CC3 -o again <half.ts
		ls again/t1/*.m4s | tail -n 1 >last
		mpkg-segment -q $how --segment 1s --subtitles CC1,CC3 -o again <clocked.ts
		ls once/t1 | grep "^[0-9]*.vtt" >want
		ls again/t1 | grep "^[0-9]*.vtt" | diff want -
		rm -f once/t[12]/$(basename "$(cat last)" .m4s).* again/t[12]/$(basename "$(cat last)" .m4s).*
		for t in t1 t2
		do
			cues once/$t vtt >want
			test "$(wc -l <want)" -ge 2
			cues again/$t vtt | diff want -
			cues once/$t m4s >want
			cues again/$t m4s | diff want -
		done
		rm -r once again
	done
'
check 'what makes no track is refused' '
	for wrong in CC1,CC2,CC3,CC4,SERVICE1,SERVICE2,SERVICE3,SERVICE4,SERVICE5 "" CC5 cc1 CC1= CC1=en CC1=english SERVICE0 SERVICE64 CC1, auto,CC1
	do
		fails 2 mpkg-segment --subtitles "$wrong" --vod -o wrong <film.ts
	done
	mpkg-segment --subtitles nothing --vod -o wrong <film.ts 2>&1 | grep "subtitles .nothing."
'
done_testing
