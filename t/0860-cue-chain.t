#!/bin/sh
# A break is asked for while the channel runs: every rung has its key frame, the segments
# and dates are its own, the players tell of it; and the packager is killed in another.
# FULL=1: a browser that is missing is a failure.
. "$(dirname "$0")/lib.sh"
. "$top/t/chain.sh"
# shellcheck disable=SC2154
. "$top/t/browser.sh"

need 'no ffmpeg' command -v ffmpeg
film
origin store
mkfifo source cued coded ladder ctl

line () {
	stage segment ladder /dev/null mpkg-segment --segment 2s --window 60s \
		--cues daterange,cue-out,event,emsg --utc-timing "$base/watch/index.html" \
		-o "$base/live/one/"
}
line
stage copy coded ladder tee ladder.ts
stage encode cued coded mlive-encode -r 360p@600k -r 216p@300k -r 144p@150k -a 96k
stage insert source cued mlive-cue insert -c ctl
stage ingest /dev/null source mlive-ingest --realtime --loop "$film"

published () {
	curl -sf "$base/live/one/v1/index.m3u8" >index.m3u8
	test "$(numbers index.m3u8 | wc -l)" -ge "$1"
}

# told ID - the break has begun and ended in the playlist.
told () {
	curl -sf "$base/live/one/v1/index.m3u8" >index.m3u8
	test "$(grep -c "^#EXT-X-DATERANGE:ID=\"splice-$1-" index.m3u8)" -ge 2
}

# dates PLAYLIST ID - the dates of the segments at which it begins and ends, and its own.
dates () {
	awk -F '"' -v id="splice-$2-" '
		/PROGRAM-DATE-TIME/ { date = substr($0, index($0, ":") + 1) }
		/DATERANGE/ && index($2, id) == 1 { print date, /END-DATE/ ? $6 : $4 }' "$1"
}

check 'the channel comes up' '
	within 120 published 4
'
check 'a break in it, from its first picture to its last' '
	echo "+9s out 6s id=7 auto" >ctl
	within 120 told 7
	for track in v1 v2 v3
	do
		curl -sf "$base/live/one/$track/index.m3u8" >$track.m3u8
		dates $track.m3u8 7 >$track.dates
		test "$(wc -l <$track.dates)" -eq 2
		awk "\$1 != \$2 { exit 1 }" $track.dates
	done
	cmp v1.dates v2.dates
	cmp v1.dates v3.dates
	sed -n "/CUE-OUT:/,/CUE-IN/p" v1.m3u8 | grep -c "^#EXT-X-CUE-OUT-CONT" >cont
	test "$(cat cont)" -ge 1
'
check 'the message has the time of a key frame in every rung: a difference of 0' '
	mlive-cue show -j <ladder.ts 2>err >cues.json
	sed -n "s/.*\"splice_time\": *\([0-9][0-9]*\),.*/\1/p" cues.json | sort -u >splice
	cat splice
	test "$(wc -l <splice)" -eq 1
	for rung in 0 1 2
	do
		ffprobe -v error -select_streams v:$rung -show_entries packet=pts,flags \
			-of csv=p=0 ladder.ts | sed -n "s/,K.*//p" | grep -x "$(cat splice)"
		ffprobe -v error -select_streams v:$rung -show_entries packet=pts,flags \
			-of csv=p=0 ladder.ts | sed -n "s/,K.*//p" | grep -x "$(($(cat splice) + 540000))"
	done
'
check 'the segment of the break begins with that picture in every rung' '
	begin=$(sed -n "1s/ .*//p" v1.dates)
	for track in v1 v2 v3
	do
		n=$(grep -A 6 "TIME:$begin" $track.m3u8 | sed -n "s/\.m4s//p" | head -n 1)
		curl -sf "$base/live/one/$track/init.mp4" >part.mp4
		curl -sf "$base/live/one/$track/$n.m4s" >>part.mp4
		ffprobe -v error -select_streams v -show_entries packet=pts,flags -of csv=p=0 \
			part.mp4 | head -n 1 | tr -d , | tee -a firsts
	done
	test "$(grep -c K firsts)" -eq 3
	test "$(uniq firsts | wc -l)" -eq 1
	# Media time and PTS differ by turns of 33 bits and tens of seconds (mts(7)): by a
	# multiple of 32, which pictures do not.
	test $((($(sed "1s/K.*//;q" firsts) - $(cat splice)) % 32)) -eq 0
'
browser store/watch
# A cue at the time of its break, by the player's time and by the date of the picture.
tells () {
	told "$id" || return 1
	begin=$(date -u -d "$(dates index.m3u8 "$id" | sed -n '1s/.* //p')" +%s%3N)
	sed -n 's/^cue \(-*[0-9]*\) ms late, of the date \([0-9]*\),.*/\1 \2/p' "$player.log" |
		awk -v begin="$begin" '$1 > -100 && $1 < 600 && $2 - begin > -500 &&
			$2 - begin < 1500 { found = 1 } END { exit !found }'
}

id=20
for pair in 'hlsjs shaka-dash' 'dashjs shaka-hls'
do
	id=$((id + 1))
	export pair id
	watching=
	for player in $pair
	do
		play_instead "$player" mode=cue >"$player.log" 2>&1 &
		watching="$watching $!" started="$started $!"
	done
	check "a break, while these play: $pair" '
		for player in $pair
		do
			within 120 grep playing $player.log
		done
		echo "+9s out 4s id=$id auto" >ctl
	'
	for player in $pair
	do
		export player
		check "$player tells of it when it comes" '
			within 120 tells || { cat $player.log; false; }
			cat $player.log
			echo "begins $begin"
		'
	done
	# shellcheck disable=SC2086	# a word for each
	kill $watching
done
check 'splices close together make no segment longer than two' '
	for i in 0 1 2 3
	do
		echo "+$((9000 + i * 500))ms out 300ms auto id=5$i" >ctl
	done
	within 120 told 53
	awk -F "[:,]" "/^#EXTINF/ { n++; if (\$2 > 4.1) bad = 1 }
		END { exit bad || n < 10 }" index.m3u8
'
check 'killed in the middle of a break, the packager goes on with it' '
	echo "+9s out 12s id=40 auto" >ctl
	begun () {
		curl -sf "$base/live/one/v1/index.m3u8" | grep -q "ID=\"splice-40-"
	}
	within 120 begun
	kill -9 $segment
	rm -f ladder.ts
	wait $segment $copy $encode $insert $ingest 2>/dev/null || :
	echo down >state
'
rm -f source cued coded ladder
mkfifo source cued coded ladder
line
stage copy coded ladder tee ladder.ts
stage encode cued coded mlive-encode -r 360p@600k -r 216p@300k -r 144p@150k -a 96k
stage insert source cued mlive-cue insert -c ctl
stage ingest /dev/null source mlive-ingest --realtime --loop "$film"
check 'and ends it when it should' '
	within 120 told 40
	curl -sf "$base/live/one/v1/index.m3u8" | grep "ID=\"splice-40-.*END-DATE" | head -n 1 |
		grep "DURATION=12.0"
	curl -sf "$base/live/one/v1/index.m3u8" | grep -c "splice-40-.*SCTE35-OUT" |
		grep -x 1
'
done_testing
