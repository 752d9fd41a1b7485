#!/bin/sh
# What mpkg-segment makes of captions is shown by every player at the right second, in a
# real browser: video on demand, live, and with low latency.
# FULL=1: for longer, and a browser that is missing is a failure.
. "$(dirname "$0")/lib.sh"
. "$top/t/chain.sh"
# shellcheck disable=SC2154
. "$top/t/browser.sh"

need 'no ffmpeg' ffmpeg -version
PATH=$BUILD/t/helper:$PATH
browser store/watch
seconds=8
test -z "${FULL-}" || seconds=40
export seconds

# picture SECONDS - small, so that browser and packager have the machine to themselves.
picture () {
	ffmpeg -nostdin -v error -f lavfi -i "testsrc2=size=320x180:rate=30000/1001:duration=$1" \
		-f lavfi -i "sine=frequency=440:sample_rate=48000:duration=$1" -c:v libx264 \
		-preset ultrafast -pix_fmt yuv420p -bf 2 -g 30 -keyint_min 30 -sc_threshold 0 \
		-c:a aac -f mpegts -
}

origin store
perl "$top/t/captions.pl" >triplets
picture 16 | caption triplets >film.ts
perl "$top/t/captions.pl" want CC1 | perl -ne '
	my ($from, $to, $text) = /^(\d+) (\d+) (.*)/;
	$text =~ s/ & / &amp; /;
	$text =~ s/<MORE>/&lt;MORE&gt;/;
	printf "%.0f %.0f %s\n", $from * 1001 / 30, $to * 1001 / 30, $text' >expected
mpkg-segment -q --vod --segment 2s --subtitles CC1=eng,CC3=spa -o "$base/vod/subs/" <film.ts

for pair in 'hlsjs shaka-dash' 'dashjs shaka-hls'
do
	together "$pair" mode=vod channel=/vod/subs/ seconds=16 fps=29 drop=5 text=English texts=expected
	for player in $pair
	do
		export player
		check "$player shows the text of video on demand, in time" 'played $player'
	done
done

picture 240 | decorate >long.ts

# live NAME OPTION... - a channel that goes on until it is killed.
live () {
	name=$1
	shift
	mkfifo "$name.fifo"
	stage segment "$name.fifo" /dev/null mpkg-segment --window 240s --subtitles CC1=eng \
		"$@" -o "$base/live/$name/"
	stage ingest /dev/null "$name.fifo" mlive-ingest --realtime long.ts
	published () {
		curl -sf "$base/live/$name/t1/index.m3u8" | grep -c "vtt$" >n
		test "$(cat n)" -ge "$1"
	}
	within 60 published 4
}

plays () {
	for pair in 'hlsjs shaka-dash' 'dashjs shaka-hls'
	do
		together "$pair" "channel=/live/$name/" "seconds=$seconds" fps=29 rungs=1 drop=5 choose=no \
			text=English texts=t1
		for player in $pair
		do
			export player
			check "$player shows the text of the $name channel, in time" 'played $player'
		done
	done
}
live plain --segment 2s
plays
kill "$ingest" "$segment"
# The clip's pictures come up to 1.4 s before they are due: who catches up is ahead of the
# clock after a while, and of the text.
seconds=8
live low --segment 2s --low-latency
plays
kill "$ingest" "$segment"
done_testing
