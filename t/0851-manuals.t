#!/bin/sh
# The examples of the manuals work as pasted (but for ports, interfaces and folders).
. "$(dirname "$0")/lib.sh"
. "$top/t/chain.sh"
. "$top/t/paste.sh"

need 'no ffmpeg' ffmpeg -version
need 'no mandoc' mandoc -T ascii "$top/man/mts.7"
film
# No screen and no loudspeaker: a player shows and plays into nothing.
export SDL_VIDEODRIVER=dummy SDL_AUDIODRIVER=dummy
ffmpeg -nostdin -v error -y -ss 5 -i "$film" -t 4 -vf scale=-2:216 -c:a aac \
	-c:v libx264 -preset ultrafast -g 24 -metadata:s:a language=eng film.mp4
mlive-ingest -q film.mp4 | mlive-encode -q -r 216p@400k -r 144p@200k >recording.ts
mlive-ingest -q -t 2s test:?fps=24 >in.ts

# grown FILE BYTES: it has so many at least
grown () {
	test -e "$1" || return 1
	test "$(wc -c <"$1")" -ge "$2"
}

# shows FILE WORD...: the streams in it have all these words in their description
shows () {
	ffprobe -v error -show_entries stream=width,height,codec_name,r_frame_rate \
		-of csv=p=0 "$1" >shown
	shift
	for word in "$@"
	do
		grep -q "$word" shown || { cat shown; return 1; }
	done
}

check 'mlive-ingest: a film as a live source' '
	run example mlive-ingest.1 1
	within 120 grown ladder.ts 100000
	end
	shows ladder.ts h264,384,216 aac
'
check 'mlive-ingest: a test stream in real time' '
	run example mlive-ingest.1 2
	within 120 grown test.ts 1000000
	end
	shows test.ts 1280,720 60000/1001
'
check 'mlive-ingest: a multicast group of one source' '
	send "rtp://232.1.1.1:$udp?localaddr=127.0.0.1" rtp_mpegts
	run example mlive-ingest.1 3
	within 120 grown stream.ts 100000
	end
	kill -9 $sender
	shows stream.ts h264 aac
'
check 'mlive-ingest: the first seconds of a program' '
	run example mlive-ingest.1 4
	finish
	shows cut.ts 256,144
	fails 1 grep 384,216 shown
'
stage origin /dev/null /dev/null mstore-serve -l "127.0.0.1:$port" --root srv/media
check 'mpkg-segment: a recording with captions' '
	"$BUILD/t/helper/decorate" <recording.ts >film.ts
	run example mpkg-segment.1 4
	finish
	grep -e "-->" film/t1/1.vtt
'
check 'mpkg-segment: a recording with teletext' '
	rm -rf film
	printf "1000\t888\t2\t22=HEJ\n" | perl "$top/t/teletext.pl" 4 888=swe >teletext.ts
	ffmpeg -nostdin -v error -i recording.ts -f mpegts -i teletext.ts -map 0:v:0 -map 1 -c copy \
		-f mpegts -y film.ts
	run example mpkg-segment.1 5
	finish
	grep "LANGUAGE=.sv." film/index.m3u8
	cat film/t1/*.vtt | grep HEJ
'
check 'mpkg-segment: a recording' '
	rm -rf film
	cp recording.ts film.ts
	run example mpkg-segment.1 1
	finish
	grep ENDLIST film/v2/index.m3u8
'
check 'mlive-ingest: a channel that somebody else packages' '
	cp -r film srv/media/live/one || { mkdir -p srv/media/live; cp -r film srv/media/live/one; }
	run example mlive-ingest.1 5
	finish
	shows one.ts 384,216 aac
	rm -r srv/media/live/one
'
check 'mlive-ingest: whoever writes into a named pipe' '
	run example mlive-ingest.1 6
	within 60 test -p run/studio.ts
	cat recording.ts >run/studio.ts
	cat recording.ts >run/studio.ts
	within 120 grep DISCONTINUITY srv/live/studio/v1/index.m3u8
	end
'
check 'mlive-ingest: a line, its reserve, and a film when both are silent' '
	rm -f ladder.ts			# of an example before
	run example mlive-ingest.1 7
	within 120 grown ladder.ts 100000
	end
	shows ladder.ts h264,384,216 aac
'
check 'mlive-ingest: what encoders push, each to its channel' '
	run example mlive-ingest.1 8
	within 60 sh -c "ss -Hltn sport = :$rtmp | grep -q ."
	ffmpeg -nostdin -v error -re -stream_loop 6 -i film.mp4 -c copy -f flv \
		"rtmp://127.0.0.1:$rtmp/live/6f1c0a7e2b" >push.log 2>&1 & push=$!
	within 120 grep "EXTINF" srv/live/studio/v1/index.m3u8
	kill $push
	end
'
check 'mlive-ingest: what a sender brings by SRT, encrypted' '
	rm -f stream.ts
	run example mlive-ingest.1 9
	within 60 sh -c "ss -Hlun sport = :$udp | grep -q ."
	mconnect-relay -q -i recording.ts -o "srt://127.0.0.1:$udp?passphrase-file=srt-key"
	within 120 grown stream.ts 100000
	end
	shows stream.ts h264 aac
'
check 'mlive-ingest: what is in a folder, as a channel' '
	rm -f ladder.ts
	mkdir films
	cp film.mp4 recording.ts films
	run example mlive-ingest.1 10
	within 120 grown ladder.ts 400000
	end
	shows ladder.ts h264,384,216 aac
'
check 'mlive-encode: a ladder of three rungs' '
	run example mlive-encode.1 1
	finish
	shows ladder.ts 1920,1080 1280,720 640,360 aac
'
check 'mlive-encode: HEVC, and half the frame rate' '
	run example mlive-encode.1 2
	finish
	shows ladder.ts hevc,1920,1080 h264,1280,720,24/1 h264,640,360,12/1
'
check 'mlive-encode: quality under caps' '
	run example mlive-encode.1 3
	finish
	shows ladder.ts 1280,720 640,360
'
check 'mlive-encode: as the x264 command line codes' '
	run example mlive-encode.1 4
	finish
	shows out.ts h264,1280,720
'
check 'mlive-encode: HDR, and SDR of it' '
	run example mlive-encode.1 5
	finish
	shows out.ts hevc,1920,1080 h264,1280,720
'
check 'mlive-encode: a slate in place of advertisements' '
	ffmpeg -v error -f lavfi -i color=blue:s=64x36 -frames:v 1 slate.png
	run example mlive-encode.1 6
	finish
	shows out.ts h264,1280,720
'
check 'mlive-encode: IDR pictures for chosen cues' '
	run example mlive-encode.1 7
	finish
	shows out.ts h264,1280,720
'
check 'mlive-encode: the source as a rung' '
	run example mlive-encode.1 8
	finish
	shows out.ts h264,1280,720 h264,640,360
'
check 'mlive-encode: a constant rate into the network' '
	run example mlive-encode.1 9
	finish
'
check 'mlive-encode: a logo and the time' '
	ffmpeg -v error -f lavfi -i color=red:s=160x90 -frames:v 1 logo.png
	run example mlive-encode.1 10
	finish
	shows out.ts h264,1280,720
'
check 'mlive-encode: timecode' '
	run example mlive-encode.1 11
	finish
	shows out.ts h264,1280,720
'
check 'mlive-encode: two languages, in two codecs, at one loudness' '
	run example mlive-encode.1 12
	finish
	shows out.ts h264,1280,720 aac eac3
'
check 'mlive-encode: a part of the source, and an upright rung' '
	run example mlive-encode.1 13
	finish
	shows out.ts h264,960,720 h264,360,640
'
send "udp://239.1.1.1:$udp?pkt_size=1316&localaddr=127.0.0.1"
check 'mpkg-segment: a live channel of three minutes' '
	run example mpkg-segment.1 2
	within 120 served live/one/v2/index.m3u8
	end
'
parted () {
	served live/one/v2/index.m3u8
	grep -q '^#EXT-X-PART-INF' served
}
check 'mpkg-segment: the same with low latency' '
	rm -rf srv/media/live/one
	run example mpkg-segment.1 3
	within 120 parted
	end
'
check 'mlive(7): a channel is a line of tools' '
	rm -rf srv/media/live/one
	run example mlive.7 1
	within 120 served live/one/v3/index.m3u8
	end
'
probed () {
	example "$@" | sed "s|30s|3s|; s|errors > 0|errors > 99999|; s|us > 500|us > 9G|"
}
check 'mconnect-probe: a group, in cron, beside a channel, a recording' '
	run example mconnect-probe.1 1
	within 30 grep "\"programs\":1," run.log
	end
	run probed mconnect-probe.1 2
	finish
	run example mconnect-probe.1 3
	within 30 sh -c "ss -Hlun | grep -q :$udp"
	"$BUILD/t/helper/datagrams" -w 1 127.0.0.1 127.0.0.1 "$udp" <in.ts
	within 30 grep "\"what\":\"second\"" health.ndjson
	end
	run example mconnect-probe.1 4
	finish
	grep "loudness_integrated_lufs" run.log
'
check 'mstore-serve: an object written and read' '
	run example mstore-serve.1 4
	finish
	head -c 1000 film.mp4 >want
	tail -c 1000 run.log | cmp - want
'
check 'mstore-serve: a recording read while it is made' '
	run example mstore-serve.1 5
	within 120 grep "Stream.*Video: h264" run.log
	end
'
check 'mstore-serve: a channel by ffmpeg, track by track' '
	run example mstore-serve.1 6
	finish
	ffprobe -v error -show_entries stream=codec_name -of csv=p=0 \
		"http://127.0.0.1:$port/live/one/index.m3u8" >shown
	grep h264 shown
	grep aac shown
'
check 'mstore-ctl: a folder of video on demand' '
	mkdir -p srv/media/vod/film
	cp film.mp4 srv/media/vod/film/one.mp4
	echo two >srv/media/vod/film/two.txt
	run example mstore-ctl.1 1
	finish
	grep "film/two.txt" run.log
	served vod/film/one.mp4
	cmp served film.mp4
'
kill "$sender" "$origin"
wait "$origin"
s3=$(free_port)
mkdir server
stage s3d /dev/null /dev/null perl "$top/t/s3d.pl" "$s3" server
send "udp://127.0.0.1:$udp?pkt_size=1316"
printf '[media]\naws_access_key_id = key\naws_secret_access_key = secret\n' >keys
# bucket N: an example with a bucket, which is here, and not an hour
bucket () {
	echo "export AWS_ENDPOINT_URL=http://127.0.0.1:$s3 AWS_REGION=us-east-1"
	echo "export AWS_ACCESS_KEY_ID=key AWS_SECRET_ACCESS_KEY=secret"
	example mstore-ctl.1 "$1" | sed "s/-t 1h/-t 3s/"
}
check 'mstore-ctl: a recording into a bucket' '
	run bucket 2
	finish
	shows server/www/archive/monday.ts h264 aac
'
check 'mstore-ctl: a link that is good for ten minutes' '
	run bucket 3
	finish
	grep "^http.*/archive/monday.ts?.*&X-Amz-Expires=600&.*X-Amz-Signature=" run.log
'
kill "$sender"
stage origin /dev/null /dev/null mstore-serve -l "127.0.0.1:$port" \
	--admin "127.0.0.1:$admin" --root srv/media
check 'mstore-ctl: a container, and what its rules say' '
	eventually curl -sf -o answer "http://127.0.0.1:$admin/health"
	cat >rules.json <<-END
		{ "rules": [ { "definition": { "path": [ { "wildcard": "*.m4s" } ],
		"seconds_since_create": [ { "numeric": [ ">", 300 ] } ] }, "action": "EXPIRE" } ] }
	END
	run example mstore-ctl.1 4
	finish
	MSTORE_ADMIN=http://127.0.0.1:$admin mstore-ctl policy get live lifecycle | grep m4s
'
kill "$origin" "$s3d"
wait "$origin"
profile () {
	echo "export AWS_ENDPOINT_URL=http://127.0.0.1:$s3 AWS_SHARED_CREDENTIALS_FILE=keys"
	example mstore-serve.1 7
}
check 'mstore-serve: an archive in S3' '
	run profile
	within 10 grep "metrics on" run.log
	curl -sf "http://127.0.0.1:$admin/metrics" | grep "^mstore_archive_pending_count 0"
	end
	rm -r srv/media/.mstore/archive
'
check 'mstore-serve: a folder for this machine' '
	run example mstore-serve.1 1
	within 60 grep "metrics on" run.log
	curl -sf "http://127.0.0.1:$admin/metrics" | grep "^mstore_"
	end
'
check 'mstore-serve: a token for the network' '
	run example mstore-serve.1 2
	within 60 grep "listening" run.log
	curl -s -o answer -w "%{http_code}\n" -T film.mp4 "http://127.0.0.1:$port/a.mp4" |
		grep 401
	curl -sf -H "Authorization: Bearer $(cat token)" -T film.mp4 \
		"http://127.0.0.1:$port/a.mp4"
	served a.mp4
	end
'
# Ports that nothing else uses.
https=$(free_port) one=$(free_port) two=$(free_port)
elsewhere () {
	example "$@" | sed "s|8443|$https|g; s|7001|$one|; s|5000=|$one=|; s|5002=|$two=|
		s|:5100|:$two|; s|:8000|:$two|"
}
check 'mstore-serve: HTTPS' '
	run elsewhere mstore-serve.1 3
	within 120 curl -sf --cacert cert.pem -o time "https://localhost:$https/.time"
	end
	grep Z time
'
check 'mconnect-impair: a line across an ocean, and two ports' '
	run elsewhere mconnect-impair.1 1
	within 60 grep "listening on 127.0.0.1:$one" run.log
	end
	run elsewhere mconnect-impair.1 2
	within 60 grep "listening on 127.0.0.1:$two" run.log
	end
	test -e bad.log
'
check 'mconnect-relay: two ways merged, to a group' '
	run elsewhere mconnect-relay.1 1
	within 10 grep "info: ready" run.log
	end
'
check 'mconnect-relay: a channel by two ways' '
	stage receiver /dev/null /dev/null mconnect-relay -q -i "rtp://127.0.0.1:$two" -o way.ts
	run elsewhere mconnect-relay.1 2
	within 60 grown way.ts 100000
	end
	kill -9 $receiver
'
check 'mconnect-relay: a main and a spare source for a ladder' '
	rm -f ladder.ts			# of an example before
	send "udp://127.0.0.1:$two?pkt_size=1316"
	run elsewhere mconnect-relay.1 3
	within 90 grown ladder.ts 100000
	end
	kill -9 $sender
	grep -q source_selected relay.ndjson
'
check 'mconnect-relay: recorded, and looked at with other options' '
	run elsewhere mconnect-relay.1 8 1
	within 10 grep "info: ready" run.log
	mconnect-relay -q -i in.ts -o "rtp://127.0.0.1:$udp"
	end
	elsewhere mconnect-relay.1 8 2 >second
	sh second
	cmp in.ts out.ts
'
check 'mconnect-relay: one more output, while it runs' '
	run elsewhere mconnect-relay.1 4 1
	within 10 test -S run/relay.sock
	elsewhere mconnect-relay.1 4 2 >second
	within 10 sh -c "sh second | grep ok"
	end
'
check 'mconnect-relay: a subscriber by SRT' '
	rm -f grants.json
	run elsewhere mconnect-relay.1 5 1
	finish
	grep "streamid=studio" run.log
	run elsewhere mconnect-relay.1 5 2
	within 10 grep "info: ready" run.log
	end
'
check 'mconnect-relay: a source that is damaged is left' '
	rm -f relay.ndjson
	send "udp://127.0.0.1:$two?pkt_size=1316"
	run elsewhere mconnect-relay.1 6
	within 60 grep "\"source_unhealthy\":0" relay.ndjson
	end
	kill -9 $sender
'
check 'mconnect-relay: one program of a multiplex' '
	rm -f ladder.ts
	send "udp://127.0.0.1:$udp?pkt_size=1316"
	run elsewhere mconnect-relay.1 7
	within 90 grown ladder.ts 100000
	end
	kill -9 $sender
'
check 'mconnect-relay: a receiver behind a NAT' '
	run elsewhere mconnect-relay.1 9
	within 60 sh -c "grep -c connected run.log | grep -x 2"
	end
'
check 'mconnect-relay: FEC over a line that loses packets' '
	rm -f stream.ts
	run elsewhere mconnect-relay.1 10
	within 60 grown stream.ts 100000
	end
'
check 'mlive(7): a film as a channel' '
	rm -rf srv/media/live/one
	run example mlive.7 2
	within 120 served live/one/v2/index.m3u8
	end
'
check 'mlive(7): a file for video on demand' '
	run example mlive.7 3
	finish
	grep ENDLIST srv/media/vod/film/v2/index.m3u8
'
# Pieces of a second.
fanned () {
	example mlive.7 4 | sed "s/10min/1s/"
}
stage origin /dev/null /dev/null mstore-serve -l "127.0.0.1:$port" --root srv/media
check 'mlive(7): packaged, kept and sent on' '
	rm -rf srv/archive/one srv/media/live/one run/package run/archive
	run fanned
	within 120 served live/one/v2/index.m3u8
	within 120 sh -c "ls srv/archive/one/*.mp4"
	end
	rm -rf srv/archive/one
'
kill "$origin"
check 'mlive(7): whether a command is slow' '
	run example mlive.7 5
	within 120 grep speed_milli run.log
	end
'
check 'mts(7): the clock packets of a stream' '
	run example mts.7 1
	finish
	grep -E "^ 47 .* 45 42 50 30" run.log
'
check 'mts(7): record what arrives' '
	rm recording.ts
	send "udp://127.0.0.1:$udp?pkt_size=1316"
	run example mts.7 2 1
	within 120 grown recording.ts 500000
	end
	kill -9 $sender
	run example mts.7 2 2
	finish
	shows ladder.ts h264,384,216 aac
'
check 'mts(7): a rung of a ladder' '
	run example mts.7 3
	within 120 grep "Stream.*Video: h264" run.log
	end
	fails 1 grep -i error run.log
'
"$BUILD/t/helper/decorate" <recording.ts >film.ts
announced () {
	"$BUILD/t/helper/datagrams" -w 1 127.0.0.1 127.0.0.1 "$udp" <film.ts
	grep "out at 0:00:.*: event 1" run.log
}
pictures () {
	test "$(find "$1" -name '*.jpg' | wc -l)" -ge "$2"
}
check 'mlive-capture: thumbnails, one picture, each second of a recording' '
	mkdir -p srv/thumbs
	send "udp://127.0.0.1:$udp?pkt_size=1316"
	run example mlive-capture.1 1
	within 60 pictures srv/thumbs 1
	end
	mstore-serve -q -l "127.0.0.1:$port" --root srv/media & pid=$!
	run example mlive-capture.1 2
	within 60 served live/now.jpg
	end
	kill $sender $pid
	ffprobe -v error -show_entries stream=codec_name,width -of csv=p=0 served | grep mjpeg,320
	mlive-ingest -q film.mp4 >recording.ts
	run example mlive-capture.1 3
	finish
	pictures stills 3
'
recorded () {
	echo "export AWS_ENDPOINT_URL=http://127.0.0.1:$s3 AWS_REGION=us-east-1"
	echo "export AWS_ACCESS_KEY_ID=key AWS_SECRET_ACCESS_KEY=secret"
	example mlive-archive.1 1 | sed "s/-e 10min/-e 1s --spool run\/spool/"
}
# archived BYTES: so many are in pieces of the directory, or on the way there
archived () {
	cat srv/archive/one/.spool/*.ts srv/archive/one/*.ts 2>/dev/null | wc -c >archived
	test "$(cat archived)" -ge "$1"
}

check 'mlive-archive: into S3, into a directory, and as one film again' '
	setsid perl "$top/t/s3d.pl" "$s3" server & pid=$!
	eventually curl -s -o /dev/null "http://127.0.0.1:$s3/none"
	send "udp://127.0.0.1:$udp?pkt_size=1316"
	run recorded
	within 60 test -s server/www/archive/one/index.json
	end
	find server/www/archive/one -name "*.ts" | grep -E "/20[0-9-]{8}/[0-9]{6}.*[.]ts$"
	kill -s KILL -- "-$pid"
	run example mlive-archive.1 2
	# Long enough for a segment to begin in it.
	within 120 archived 2000000
	end
	kill -9 $sender
	grep "\"event\":\"piece\"" pieces.ndjson
	rm -rf film
	run example mlive-archive.1 3
	finish
	shows "$(ls srv/archive/two/*.mp4 | head -n 1)" h264 aac
	run example mlive-archive.1 4
	finish
	grep ENDLIST film/v1/index.m3u8
'
printf "live/film film\nlive/one one\nlive/two two\n" >push.keys
chmod 600 push.keys
mkdir -p fifos
check 'mlive-push: a film, and a channel with a rung to each of two servers' '
	mlive-ingest -q --listen "rtmp://127.0.0.1:$rtmp" --keys push.keys --fifo-dir fifos & pid=$!
	within 60 test -p fifos/film
	cat fifos/film >pushed.ts &
	run example mlive-push.1 1
	finish
	within 60 grown pushed.ts 50000
	shows pushed.ts h264,384,216 aac
	echo one >one.key
	echo two >two.key
	send "udp://127.0.0.1:$udp?pkt_size=1316"
	cat fifos/one >one.ts & cat fifos/two >two.ts &
	run example mlive-push.1 2
	within 120 grown one.ts 100000
	within 120 grown two.ts 100000
	end
	kill $sender $pid
	wait $pid
	shows one.ts h264 aac
	shows two.ts h264 aac
	grep "\"state\":\"publishing\"" push.ndjson
'
check 'mlive-cue: what a channel announces' '
	run example mlive-cue.1 1
	within 120 announced
	end
'
check 'mlive-cue: a section, all fields, and none of them' '
	run example mlive-cue.1 2
	finish
	mandoc -Tascii "$top/man/mlive-cue.1" | grep -F "$(cat run.log)"
	run example mlive-cue.1 3
	finish
	grep splice_event_id cues.json
	run example mlive-cue.1 4
	finish
	cat clean.ts | fails 1 grep -c CUEI
	shows clean.ts h264 aac
'
operated () {
	"$BUILD/t/helper/datagrams" -w 1 127.0.0.1 127.0.0.1 "$udp" <film.ts
	mlive-cue show -qq <channel.ts | grep "out now for 30.000 s, then back: event 1"
}
check 'mlive-cue: breaks in a film, and in a channel' '
	run example mlive-cue.1 5
	finish
	shows cued.ts h264 aac scte_35
	run example mlive-cue.1 6
	within 120 operated
	end
	run example mlive-cue.1 7
	finish
	shows mapped.ts h264 aac scte_35
'
# medge-conf: the ports of Varnish and of TLS are others, and its folder is.
cached=$(free_port)
front=$(free_port)
secure=$(free_port)
edge () {
	example medge-conf.1 "$1" | sed "s|-a :80|-j none -n $PWD/varnish -a 127.0.0.1:$cached|
		s|127.0.0.1:6086|127.0.0.1:$front|; s|127.0.0.1/|127.0.0.1:$cached/|
		s|--tls haproxy|& -l 127.0.0.1:$secure --proxy 127.0.0.1:$front|"
}
openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days 2 \
	-subj /CN=localhost -keyout key.pem -out cert.pem 2>openssl.log
if command -v varnishd >/dev/null && command -v haproxy >/dev/null
then
	check 'medge-conf: an origin, the cache before it, and a channel taken out' '
		run edge 1
		within 120 curl -sf -o /dev/null "http://127.0.0.1:$cached/.time"
		edge 6 >ban
		sh ban | grep banned
		end
	'
	check 'medge-conf: TLS' '
		run edge 2
		within 120 curl -s -k -o /dev/null "https://127.0.0.1:$secure/"
		end
	'
else
	skip 'medge-conf: an origin, the cache, TLS' 'no varnishd or no haproxy'
	printf "medge-conf.1 %s\n" 1 2 6 >>ran
fi
check 'medge-conf: two origins' '
	run edge 3
	finish
	grep fallback edge.vcl
'
check 'medge-conf: a link, and a token by openssl' '
	run edge 4
	finish
	grep "^http://edge/exp=.*%2Flive%2Fone%2F~hmac=.*/live/one/index.m3u8$" run.log
	run edge 5
	finish
	grep -E "^exp=[0-9]+~acl=/live/one/~hmac=[0-9a-f]{64}$" run.log
'
check 'every example of every manual was run' '
	for page in "$top"/man/*.[17]
	do
		page=${page##*/}
		examples "$page" | sed "s/ .*//; s/^/$page /"
	done | sort -u >want
	sort -u ran | diff want -
'
done_testing
