#!/bin/sh
# mpkg-segment: subtitles in teletext become WebVTT tracks.  What libzvbi reads of the same
# pages, through FFmpeg, is what we have to read.
. "$(dirname "$0")/lib.sh"
need 'no ffmpeg' ffmpeg -version
need 'no xmllint' command -v xmllint
need 'no decoder of teletext' eval 'ffmpeg -v error -h decoder=libzvbi_teletextdec | grep -q txt_page'

# film SECONDS TELETEXT... - pictures and a tone, and these streams.
film () {
	seconds=$1
	shift
	inputs='' maps='-map 0 -map 1' n=1
	for stream
	do
		n=$((n + 1))
		inputs="$inputs -f mpegts -i $stream"
		maps="$maps -map $n"
	done
	# shellcheck disable=SC2086	# words
	ffmpeg -nostdin -v error -f lavfi -i "testsrc2=size=160x90:rate=25:duration=$seconds" \
		-f lavfi -i "sine=frequency=440:sample_rate=48000:duration=$seconds" $inputs $maps \
		-c:v libx264 -preset ultrafast -pix_fmt yuv420p -g 25 -c:a aac -c:s copy -f mpegts -
}

# teletext SECONDS ARGUMENT... - t/teletext.pl, of lines where blanks stand for tabs and _
# for a blank.
teletext () {
	tr ' _' '\t ' | perl "$top/t/teletext.pl" "$@"
}

# cues DIR EXT - of the segments, strictly read; said: without their place
cues () {
	# shellcheck disable=SC2046
	perl "$top/t/vtt.pl" base=10 $(test "$2" = vtt || echo "$1/init.mp4") \
		$(printf '%s\n' "$1"/[0-9]*."$2" | grep -v '/[0-9]*\.[0-9]*\.' | sort -t/ -k3n)
}
said () {
	sed 's/^\([0-9]* [0-9]*\) [^|]*|/\1 /'
}

# zvbi FILE PAGE - the text of each screen, rows divided by "/", without colours; nothing
# where it is empty
zvbi () {
	ffmpeg -nostdin -v error -txt_page "$2" -txt_format ass -i "$1" -map 0:s -f srt - |
		perl -00 -CS -Mutf8 -Mopen=:std,:utf8 -ne 's/^.*\n.*-->.*\n//;
			s/\{[^}]*\}|<[^>]*>//g; s/\\h/ /g; s/[ \r]+$//mg; s/^ +//mg; s/\n+\z//;
			s/^\n+//; s/\n+/\//g; print "$_\n" if /\S/'
}

# plain - the text of cues, as zvbi tells it
plain () {
	said | sed 's/^[0-9]* [0-9]* //; s/<[/c][^>]*>//g; s/&amp;/\&/g; s/&lt;/</g; s/&gt;/>/g' |
		sed 's/ *\/ */\//g'
}

teletext 13 888=swe 889=eng,impaired >main.ts <<'END'
1000 888 2 20=HEJ_V{RLDEN 22=\x03RAD_TV]_&_<b>
3000 888 2
3000 889 0 22=[MUSIC]
3520 888 0 22=HELLO_cafe_\x01RED 12,22=12,e
4520 888 0k 20=MORE
5520 889 0 22=SECOND
6000 888 0
6520 889 0
7000 888 0 22=\x0d\x0b\x0b\x06LOW\x07AND\x02WIDE\x0a\x0a__NOT_BOXED
9000 888 0
9480 888 0 3=\x0b\x0bTOP\x0a\x0a 4=\x0b\x0bLEFT\x0a\x0a
10000 888 i 22=INHIBITED
10520 888 0
END
cat >want.888 <<'END'
1000 3000 HEJ VäRLDEN/<c.yellow>RAD TVÅ &amp; &lt;b&gt;</c>
3520 4520 HELLO café  <c.red>RED</c>
4520 6000 MORE/HELLO café  <c.red>RED</c>
7000 9000 <c.cyan>LOW </c>AND <c.lime>WIDE</c>
9480 10000 TOP/LEFT
END
cat >want.889 <<'END'
3000 5520 ←MUSIC→
5520 6520 SECOND
END
film 13 main.ts >film.ts
mpkg-segment -q --vod --segment 2s --subtitles ttx888,ttx889 -o all <film.ts

for pair in t1.888 t2.889
do
	t=${pair%.*} page=${pair#*.}
	export t page
	check "the text of page $page, when it is shown" '
		cues all/$t vtt >got
		said <got | diff want.$page -
		cues all/$t m4s | diff got -
	'
done
check 'libzvbi reads the same text' '
	cues all/t1 vtt | plain | sed "s/ <b>//" >got
	zvbi film.ts 888 >want
	grep "LOW AND" want
	diff want got
'
check 'where it is shown: in the middle, at its column, at the top' '
	cues all/t1 vtt >got
	grep "^1000 .* line:79.34% position:16% align:start|HEJ" got
	grep "line:12.82% position:14% align:start|TOP/LEFT" got
	teletext 4 888=swe >middle.ts <<-END
		1000 888 2 20=\x0d_________\x0b\x0bIN_THE_MIDDLE_OF_IT\x0a\x0a 22=\x0d_____________\x0b\x0bAND_SO_ON\x0a\x0a
	END
	film 4 middle.ts >middle
	mpkg-segment -q --vod --subtitles ttx888 -o middle.out <middle
	cues middle.out/t1 vtt >got
	cat got
	grep "line:79.34%|IN THE MIDDLE OF IT/AND SO ON" got
'
check 'every national option, and the sets that X/28 designates, as libzvbi has them' '
	{
		ms=1000
		for set in 0 1 2 3 4 5 6 8 16 22 29 31 32 34 35 36 37 55
		do
			echo "$ms 888 $((set % 8)) sets=$set 18=#\$@AZ 20=[]^_az 22={|}~"
			ms=$((ms + 400))
			echo "$ms 888 0"
			ms=$((ms + 200))
		done
	} | sed "s/\[\]/[\\\\\\\\]/" | teletext 13 888=und >sets.ts
	film 13 sets.ts >sets
	mpkg-segment -q --vod --subtitles ttx888 -o sets.out <sets
	cues sets.out/t1 vtt | plain >got
	zvbi sets 888 >want
	test "$(wc -l <got)" -eq 18
	# libzvbi has no lira, and other letters that look like these.
	perl -CSD -Mutf8 -pe "s/^ğ/₺ğ/; tr/ȩǍÍǎÐð/ęĂÎăĐđ/" want >want.now
	diff want.now got
'
check 'accented characters of X/26, as libzvbi composes them' '
	teletext 4 888=und >marks.ts <<-END
		1000 888 0 22=abcdefghijklmnop 3,22=11,a 4,22=12,E 5,22=13,o 6,22=14,n 7,22=15,u 8,22=16,g 9,22=17,Z 10,22=18,U 11,22=1a,a 12,22=1b,c 13,22=1d,O 14,22=1e,A 15,22=1f,s 16,22=10,* 17,22=0f,q
	END
	film 4 marks.ts >marks
	mpkg-segment -q --vod --subtitles ttx888 -o marks.out <marks
	cues marks.out/t1 vtt | plain >got
	zvbi marks 888 | diff - got
	grep "àÉôñūğŻÜåçŐĄš@æp" got
'
check 'a page that comes again without being erased keeps its accented characters' '
	teletext 4 888=und >repeat.ts <<-END
		1000 888 0 22=abcd 5,22=12,e
		1600 888 0k 22=abcd 5,22=12,e
		2800 888 0
	END
	film 4 repeat.ts >repeat
	mpkg-segment -q --vod --subtitles ttx888 -o repeat.out <repeat
	cues repeat.out/t1 vtt | plain >got
	echo abéd | diff - got
'
check 'auto: what the descriptor names; a language; nothing unless asked for' '
	mpkg-segment -q --vod --segment 2s --subtitles auto -o auto <film.ts
	diff -r all auto
	mpkg-segment -q --vod --segment 2s --subtitles ttx=eng -o eng <film.ts
	test "$(ls -d eng/t*)" = eng/t1
	cues eng/t1 vtt | said | diff want.889 -
	mpkg-segment -q --vod --segment 2s -o none <film.ts
	fails 1 grep "SUBTITLES\|wvtt" none/index.m3u8 none/index.mpd
	mpkg-segment -q --vod --subtitles ttx=fin,ttx100 -o absent <film.ts
	test "$(cat absent/t1/*.vtt | wc -l)" -eq $((2 * $(ls absent/t1/*.vtt | wc -l)))
'
check 'what is asked for and not there is told, with what there is' '
	mpkg-segment --vod --subtitles ttx=fra,ttx100,ttx=swe,CC1 -o told <film.ts 2>words
	cat words
	grep -x "mpkg-segment: warning: no teletext subtitles in .fra. yet: there is page 888 .swe., page 889 .eng." words
	test "$(grep -c warning: words)" -eq 1
	film 3 >plain.ts
	mpkg-segment --vod --subtitles ttx888,ttx=fra -o told <plain.ts 2>words
	cat words
	grep -x "mpkg-segment: warning: no teletext for page 888 yet" words
	grep -x "mpkg-segment: warning: no teletext subtitles in .fra. yet: there is no teletext" words
	test "$(grep -c warning: words)" -eq 2
	mpkg-segment --vod --subtitles auto -o told <plain.ts 2>words
	fails 1 grep warning: words
'
check 'how HLS and DASH name it: language, and for the hearing impaired' '
	grep "TYPE=SUBTITLES.*NAME=.Swedish.,LANGUAGE=.sv.,.*FORCED=NO,URI=.t1/" all/index.m3u8
	grep "TYPE=SUBTITLES.*NAME=.English.,LANGUAGE=.en.,.*describes-music-and-sound.*URI=.t2/" all/index.m3u8
	xmllint --noout all/index.mpd
	grep -A4 "contentType=.text.*lang=.sv." all/index.mpd | grep "value=.subtitle."
	grep -A4 "contentType=.text.*lang=.en." all/index.mpd | grep "value=.caption."
	mpkg-segment -q --vod --subtitles ttx888=fin,ttx101 -o named <film.ts
	grep "NAME=.Finnish.,LANGUAGE=.fi." named/index.m3u8
	grep "NAME=.Teletext 101.,LANGUAGE=.und." named/index.m3u8
'
check 'a page whose rows come one by one, whose end does not, and one that is repeated' '
	teletext 8 888=swe >odd.ts <<-END
		1000 888 0w 18=ONE 20=TWO 22=THREE
		2000 888 0 18=ONE 20=TWO 22=THREE
		2520 888 0w 18=ONE 20=TWO 22=THREE
		3520 888 0s
		4000 888 0s 22=NO_END
		5000 888 0s
		5520 101 0 22=ANOTHER
		6000 888 0s 22=LAST
	END
	film 8 odd.ts >odd
	mpkg-segment -q --vod --segment 2s --subtitles ttx888 -o odd.out <odd
	cues odd.out/t1 vtt | said >got
	diff - got <<-END
		1000 3520 ONE/TWO/THREE
		4000 5000 NO END
		6000 8000 LAST
	END
'
check 'wrong bits are put right; without time stamps it is shown when it comes' '
	teletext 6 ERRORS 888=swe >errors.ts <<-END
		1000 888 2 20=HEJ_V{RLDEN 5,20=12,E
		3000 888 2
	END
	film 6 errors.ts >errors
	mpkg-segment -q --vod --subtitles ttx888 -o errors.out <errors
	cues errors.out/t1 vtt | said | grep -x "1000 3000 HEÉ VäRLDEN"
	# The flag of each PTS on the PID that FFmpeg has given it.
	perl -e "binmode STDIN; binmode STDOUT; while (read(STDIN, my \$p, 188) == 188) {
		my (\$b1, \$b2, \$b3, \$len) = unpack q(x C4), \$p;
		my \$at = \$b3 & 32 ? 5 + \$len : 4;
		substr(\$p, \$at + 7, 1) = chr(ord(substr \$p, \$at + 7, 1) & 63)
			if (\$b1 & 31) == 1 && \$b2 == 2 && \$b1 & 64;
		print \$p }" <errors >timeless
	fails 1 cmp -s errors timeless
	mpkg-segment -q --vod --subtitles ttx888 -o timeless.out <timeless
	cues timeless.out/t1 vtt | said >got
	cat got
	awk "{ exit !(\$1 > 200 && \$1 < 2000 && \$2 - \$1 > 1000 && \$2 - \$1 < 3000) }" got
'
check 'through mlive-ingest and mlive-encode it is the same' '
	mlive-ingest -q film.ts >ingested.ts
	mpkg-segment -q --vod --segment 2s --subtitles auto -o ingested <ingested.ts
	cues ingested/t1 vtt | said | diff want.888 -
	mlive-encode -q -r 160x90@200k -r 80x44@100k --segment 2s <ingested.ts >ladder.ts
	mpkg-segment -q --vod --segment 2s --subtitles auto -o ladder <ladder.ts
	cues ladder/t1 vtt | said | diff want.888 -
	cues ladder/t2 m4s | said | diff want.889 -
	grep "LANGUAGE=.sv." ladder/index.m3u8
'
check 'low latency: the same segments, and parts of them' '
	mpkg-segment -q --low-latency --segment 2s --window 60s --subtitles auto -o low <film.ts
	for i in 1 2 3 4 5 6
	do
		cmp all/t1/$i.vtt low/t1/$i.vtt
		cmp all/t2/$i.vtt low/t2/$i.vtt
	done
	cues low/t1 m4s | said | diff want.888 -
	sed -n "s/^#EXT-X-PART:.*URI=.\(.*vtt\).,INDEPENDENT=YES/\1/p" low/t1/index.m3u8 >parts
	perl "$top/t/vtt.pl" base=10 $(sed "s|^|low/t1/|" parts) | said >got
	grep -x "9480 10000 TOP/LEFT" got
'
check 'started again it goes on with the same text' '
	mlive-ingest -q --realtime -t 9s film.ts >clocked.ts
	head -c $(($(wc -c <clocked.ts) / 2 / 188 * 188)) clocked.ts >half.ts
	mpkg-segment -q --segment 1s --subtitles auto -o once <clocked.ts
	mpkg-segment -q --segment 1s --subtitles auto -o again <half.ts
	last=$(basename "$(ls again/t1/*.m4s | tail -n 1)" .m4s)
	mpkg-segment -q --segment 1s --subtitles auto -o again <clocked.ts
	rm "once/t1/$last.vtt" "again/t1/$last.vtt"
	cues once/t1 vtt >want
	grep HELLO want
	cues again/t1 vtt | diff want -
'
check 'what is damaged, or no teletext, does no harm' '
	perl -e "local \$/; binmode STDIN; binmode STDOUT; srand 4; my \$d = <STDIN>;
		for (1 .. 400) { my \$at = 188 * int rand length(\$d) / 188;
			substr(\$d, \$at + 4 + int rand 184, 1) = chr int rand 256 } print \$d" \
		<film.ts >damaged.ts
	mpkg-segment -q --vod --segment 2s --subtitles auto -o damaged <damaged.ts
	cues damaged/t1 vtt
	film 3 >plain.ts
	mpkg-segment -q --vod --subtitles ttx888 -o plain <plain.ts
	cues plain/t1 m4s
'
check 'what is no page is refused' '
	for wrong in ttx ttx88 ttx8888 ttx088 ttx900 ttx888= ttx888=sv ttx888=swedish ttx= ttx888, ttx8a8 auto,ttx888
	do
		fails 2 mpkg-segment --subtitles "$wrong" --vod -o wrong <film.ts
	done
	fails 2 mpkg-segment --subtitles "$(seq -s, -f ttx%.0f 101 109)" --vod -o wrong <film.ts
'
done_testing
