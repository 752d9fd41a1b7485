#!/bin/sh
# The pipelines of the README work as pasted (but for ports, /srv and the clock).
. "$(dirname "$0")/lib.sh"
. "$top/t/chain.sh"
. "$top/t/paste.sh"

need 'no ffmpeg' ffmpeg -version
film
ffmpeg -nostdin -v error -y -ss 5 -i "$film" -t 8 -vf scale=-2:216 -c:a copy \
	-c:v libx264 -preset ultrafast film.mp4
send "udp://127.0.0.1:$udp?pkt_size=1316"

# Paragraph N of the indented ones that begin with a command; as a script.
pasted () {
	awk -v want="$1" '
		/^    (mlive|mstore|mkfifo|0 7)/ && !inside { n++; inside = 1 }
		!/^    / { inside = 0 }
		inside && n == want { print substr($0, 5) }' "$top/README" | adapt |
		sed 's|30min|4s|; s|10s|3s|; s|^0 7 \* \* 1-5  /usr/local/bin/||; s|\\%|%|'
}

listed () {
	grep -q '\.m4s' "$1" 2>/dev/null
}

newer () {
	! cmp -s "$1" "$2"
}

check 'a live channel of a film' '
	run pasted 2
	within 120 served live/one/v1/index.m3u8
	served live/one/index.mpd
	test "$(grep -c "<Representation" served)" -eq 4
	end
'
check 'a break in a channel' '
	run pasted 3
	within 120 grep "^#EXT-X-DATERANGE.*PLANNED-DURATION=30.*SCTE35-OUT" \
		srv/media/live/two/v1/index.m3u8
	end
'
check 'a channel that is a second behind its source' '
	run pasted 4
	within 120 served live/fast/v1/index.m3u8
	grep "^#EXT-X-PART:" served
	served live/fast/index.mpd
	grep "availabilityTimeComplete=.false" served
	end
'
check 'a file made ready for video on demand' '
	run pasted 5
	finish
	grep ENDLIST srv/media/vod/film/v1/index.m3u8
'
check 'a capture from UDP in cron' '
	run pasted 6
	finish
	ffprobe -v error -show_entries stream=codec_name srv/capture/*.ts >probe
	grep h264 probe
'
check 'one source to two outputs, by a named pipe' '
	run pasted 7
	within 120 listed srv/media/live/direct/v1/index.m3u8
	within 120 listed srv/media/live/small/v1/index.m3u8
	pkill -g $running mlive-encode
	cp srv/media/live/direct/v1/index.m3u8 before
	within 120 newer before srv/media/live/direct/v1/index.m3u8
	end
'
check 'a look at a stream' '
	run pasted 8
	finish
	grep "\"tool\": *\"mlive-ingest\"" run.log
'
check 'what encoders push, each into a channel' '
	run pasted 9
	within 60 sh -c "ss -Hltn sport = :$rtmp | grep -q ."
	ffmpeg -nostdin -v error -re -stream_loop 3 -i film.mp4 -c copy -f flv \
		"rtmp://127.0.0.1:$rtmp/live/6f1c0a7e2b" >push.log 2>&1 & push=$!
	within 120 listed srv/media/live/studio/v1/index.m3u8
	kill $push
	end
'
done_testing
