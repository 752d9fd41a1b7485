#!/bin/sh
# The pipelines of the README work as pasted (but for ports, /srv and the clock).
. "$(dirname "$0")/lib.sh"
. "$top/t/chain.sh"

need 'no ffmpeg' ffmpeg -version
film
ffmpeg -nostdin -v error -y -ss 5 -i "$film" -t 8 -vf scale=-2:216 -c:a copy \
	-c:v libx264 -preset ultrafast film.mp4
port=$(free_port)
udp=$(free_port)
mkdir -p srv/media srv/capture
stage sender /dev/null sender.out ffmpeg -nostdin -v error -re -stream_loop -1 \
	-i film.mp4 -map 0 -c copy -f mpegts "udp://127.0.0.1:$udp?pkt_size=1316"

# Paragraph N of the indented ones that follow a line that ends with a colon, after
# the two pictures; as a script.
pasted () {
	awk -v want="$1" '
		/^    (mlive|mstore|mkfifo|0 7)/ && !inside { n++; inside = 1 }
		!/^    / { inside = 0 }
		inside && n == want { print substr($0, 5) }' "$top/README" |
		sed "s|8080|$port|g; s|5000|$udp|g; s|/srv/|srv/|g; s|30min|4s|
			s|^0 7 \* \* 1-5  ||; s|\\\\%|%|"
}

# What a failed test leaves running.
trap "sed s/^/-/ groups | xargs -r kill -9 -- 2>/dev/null
	kill -9 \$started; rm -rf \"\$scratch\"" EXIT

# run N: in a session of its own, so that all of it can be ended
run () {
	pasted "$1" >script
	cat script
	setsid sh script >run.log 2>&1 & running=$!
	echo "$running" >>groups
}

end () {
	cat run.log
	kill -- "-$running" 2>/dev/null || :
	wait "$running" || :
}

listed () {
	grep -q '\.m4s' "$1" 2>/dev/null
}

served () {
	curl -sf "http://127.0.0.1:$port/$1" >served
	test -s served
}

check 'a live channel of a film' '
	run 2
	within 40 served live/one/v1/index.m3u8
	served live/one/index.mpd
	test "$(grep -c "<Representation" served)" -eq 4
	end
'
check 'a file made ready for video on demand' '
	pasted 3 >script
	sh script
	grep ENDLIST srv/media/vod/film/v1/index.m3u8
'
check 'a capture from UDP in cron' '
	pasted 4 >script
	cat script
	sh script
	ffprobe -v error -show_entries stream=codec_name srv/capture/*.ts >probe
	grep h264 probe
'
check 'one source to two outputs, by a named pipe' '
	run 5
	within 40 listed srv/media/live/direct/v1/index.m3u8
	within 40 listed srv/media/live/small/v1/index.m3u8
	end
'
check 'a look at a stream' '
	pasted 6 | sed s/10s/3s/ >script
	cat script
	sh script >look
	grep "\"tool\": *\"mlive-ingest\"" look
'
done_testing
