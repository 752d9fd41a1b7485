#!/bin/sh
# The examples of the manuals of live work as pasted (but for ports, interfaces and folders);
# those of all others are in 0852.
. "$(dirname "$0")/lib.sh"
. "$top/t/manuals.sh"

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
check 'mlive-encode: beside it an upright rung of a part' '
	run example mlive-encode.1 14
	finish
	shows out.ts h264,1280,720 h264,360,640
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
kill "$sender" "$origin"
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
s3=$(free_port)
mkdir server
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
check 'every example of these manuals was run' '
	all_ran $live_pages
'
done_testing
