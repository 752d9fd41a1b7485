#!/bin/sh
# CMAF ingest: what an encoder sends track by track can be played, at once.
. "$(dirname "$0")/lib.sh"
. "$top/t/origin.sh"
. "$top/t/containers.sh"
need 'no ffmpeg' ffmpeg -version

fragments='-movflags +empty_moov+default_base_moof+cmaf+frag_keyframe'
post () {
	perl "$top/t/cmaf.pl" send POST "$@"
}
put () {
	perl "$top/t/cmaf.pl" send PUT "$@"
}
pictures () {
	ffmpeg -v error -i "$1" -map 0:v -f framemd5 - </dev/null | awk -F, '!/^#/ { print $6 }'
}
# All bytes of the media, in order, by a playlist; and of files that were sent.
media () {
	grep '^[^#]' "$1" | sort -n | while read -r name
	do
		cat "root/$2/$name"
	done | cksum
}
chunks () {
	cat "$@" | cksum
}
# So many parts of a segment are in the playlist.
listed () {
	test "$(curl -sf "$url/$1/index.m3u8" | grep -c "PART:.*URI=\"$2\"")" -ge "$3"
}
export fragments
{
	# shellcheck disable=SC2086
	ffmpeg -v error -f lavfi -i testsrc2=s=160x90:r=25:d=6 -f lavfi -i sine=sample_rate=48000:d=6 \
		-map 0 -c:v libx264 -preset ultrafast -g 25 -bf 0 $fragments \
		-frag_duration 200000 -f mp4 v.mp4 \
		-map 1 -c:a aac -metadata:s:a language=deu $fragments -frag_duration 200000 \
		-f mp4 a.mp4 &&
	ffmpeg -v error -f lavfi -i testsrc2=s=128x72:r=25:d=6 -c:v libx264 -preset ultrafast \
		-g 25 -bf 0 $fragments -f mp4 w.mp4 &&
	ffmpeg -v error -i v.mp4 -i a.mp4 -c copy -movflags +empty_moov+default_base_moof \
		-f mp4 both.mp4
} </dev/null || {
	echo '1..0 # SKIP ffmpeg cannot make the tracks'
	exit 0
}
perl "$top/t/cmaf.pl" split v.mp4 v
perl "$top/t/cmaf.pl" split a.mp4 a
perl "$top/t/cmaf.pl" split w.mp4 w
# 2026-01-01 in 12800ths
perl "$top/t/cmaf.pl" split v.mp4 e $((1767225600 * 12800))
serve --cmaf-ingest 'by-put/*'

check 'two tracks from ffmpeg, in real time: parts are listed while segments grow' '
	ffmpeg -v error -re -i v.mp4 -c copy $fragments -frag_duration 200000 -f mp4 \
		-method POST "$url/live/one/Streams(video.cmfv)" &
	ffmpeg -v error -re -i a.mp4 -c copy $fragments -frag_duration 200000 -f mp4 \
		-method PUT "$url/live/one/Streams(audio.cmfa)" &
	open () {
		curl -sf "$url/live/one/video/index.m3u8" >open.m3u8
		tail -n 3 open.m3u8 | grep PRELOAD-HINT | grep -v BYTERANGE-START=0
	}
	eventually open
	name=$(sed -n "s/^#EXT-X-PRELOAD-HINT.*URI=.\([0-9]*.m4s\).*/\1/p" open.m3u8)
	curl -sf -r 0-99 "$url/live/one/video/$name" >some
	test "$(wc -c <some)" -eq 100
	grep CAN-BLOCK-RELOAD=YES open.m3u8
	reported () {
		curl -sf "$url/live/one/video/index.m3u8" >both.m3u8
		grep "RENDITION-REPORT:URI=\"../audio/index.m3u8\"" both.m3u8
	}
	eventually reported
	curl -sf "$url/live/one/manifest.mpd" | grep "availabilityTimeComplete=\"false\""
	wait
'

check 'and is what was sent, picture by picture, by HLS and by DASH' '
	pictures v.mp4 >sent
	test "$(wc -l <sent)" -eq 150
	pictures "$url/live/one/index.m3u8" | cmp - sent
	pictures "$url/live/one/manifest.mpd" | cmp - sent
	curl -s "$url/live/one/index.m3u8" >index
	grep "TYPE=AUDIO.*LANGUAGE=\"deu\".*CHANNELS=\"1\"" index
	grep "CODECS=\"avc1[^\"]*,mp4a.40.2\",RESOLUTION=160x90,FRAME-RATE=25.000" index
'

check 'the end of a track ends its playlist, and makes the manifest static' '
	curl -s "$url/live/one/video/index.m3u8" | grep ENDLIST
	curl -s "$url/live/one/audio/index.m3u8" | grep ENDLIST
	curl -s "$url/live/one/manifest.mpd" | grep "type=\"static\""
'

check 'media before its header: 412, then the header, then it goes on' '
	test "$(post "$url/live/two/v.cmfv" v00)" = 412
	test "$(post "$url/live/two/v.cmfv" vhead)" = 200
	test "$(post "$url/live/two/v.cmfv" v00 v01 v02 v03 v04)" = 200
	test "$(post "$url/live/two/v.cmfv" v05 v06 v07 v08 v09)" = 200
	curl -s "$url/live/two/v/index.m3u8" >two.m3u8
	test "$(grep -c EXTINF:1.000 two.m3u8)" = 2
	test "$(media two.m3u8 live/two/v)" = "$(chunks v0?)"
'

check 'an object for each segment, in the folder of the track' '
	test "$(put "$url/by-put/ch/video/init.cmfv" vhead)" = 200
	test "$(put "$url/by-put/ch/video/1.cmfv" v00 v01 v02 v03 v04)" = 200
	test "$(put "$url/by-put/ch/video/2.cmfv" v05 v06 v07 v08 v09)" = 200
	curl -s "$url/by-put/ch/video/index.m3u8" >put.m3u8
	test "$(media put.m3u8 by-put/ch/video)" = "$(chunks v0?)"
'

check 'times of the epoch: segments are numbered by them' '
	test "$(post "$url/live/epoch/v.cmfv" ehead e00 e01 e02 e03 e04 e05 e06 e07 e08 e09 e10)" = 200
	curl -s "$url/live/epoch/v/index.m3u8" | grep "^#EXT-X-MEDIA-SEQUENCE:1767225600$"
'

check 'a track that breaks off in a chunk, and comes again with what was sent' '
	test "$(post "$url/live/re/v.cmfv" vhead v0? v10 v11 half:v12 cut)" = 0
	test "$(post "$url/live/re/v.cmfv" vhead v1? v2?)" = 200
	curl -s "$url/live/re/v/index.m3u8" >re.m3u8
	test "$(media re.m3u8 live/re/v)" = "$(chunks v[0-9]?)"
	! grep -e DISCONTINUITY$ -e GAP re.m3u8
'

check 'two encoders send the same: each chunk is taken once, and one may go' '
	post "$url/live/red/v.cmfv" vhead v0? touch:go wait:gone v1? v2? >second &
	post "$url/live/red/v.cmfv" vhead wait:go v0? v10 v11 half:v12 touch:gone cut
	wait
	test "$(cat second)" = 200
	curl -s "$url/live/red/v/index.m3u8" >red.m3u8
	test "$(media red.m3u8 live/red/v)" = "$(chunks v[0-9]?)"
	! grep -e DISCONTINUITY$ -e GAP red.m3u8
'

check 'other encoders at once: no segment is of two of them' '
	ffmpeg -v error -i v.mp4 -c:v libx264 -preset ultrafast -crf 40 -g 25 -bf 0 $fragments \
		-frag_duration 200000 -f mp4 x.mp4
	perl "$top/t/cmaf.pl" split x.mp4 x
	{
		post "$url/live/mix/v.cmfv" vhead v0? v10 v11 wait:other cut
		: >first-gone
	} &
	eventually listed live/mix/v 25600.m4s 2
	post "$url/live/mix/v.cmfv" vhead x1? touch:other wait:first-gone x2? >second
	wait
	test "$(cat second)" = 200
	curl -s "$url/live/mix/v/index.m3u8" >mix.m3u8
	test "$(media mix.m3u8 live/mix/v)" = "$(chunks v0? v10 v11 x15 x16 x17 x18 x19 x2?)"
'

check 'a gap is noted, and the numbers go on' '
	test "$(post "$url/live/gap/v.cmfv" vhead v0? v1? v25 v26 v27 v28 v29)" = 200
	curl -s "$url/live/gap/v/index.m3u8" >gap.m3u8
	grep -A1 "^#EXT-X-GAP" gap.m3u8 | grep "EXTINF:1.000"
	test "$(grep -c EXTINF gap.m3u8)" = 6
	curl -s "$url/live/gap/manifest.mpd" | grep "<S t=\"64000\""
'

check 'another header: a new version and Period, after a discontinuity' '
	test "$(post "$url/live/new/v.cmfv" vhead v0?)" = 200
	test "$(post "$url/live/new/v.cmfv" whead w02 w03 w04)" = 200
	curl -s "$url/live/new/v/index.m3u8" >new.m3u8
	grep -A1 "^#EXT-X-DISCONTINUITY$" new.m3u8 | grep init-2.mp4
	test "$(curl -s "$url/live/new/manifest.mpd" | grep -c "<Period")" = 2
	curl -s "$url/live/new/v/init-2.mp4" | cmp - whead
'

check 'an encoder that starts again from 0: a discontinuity, and other names' '
	test "$(post "$url/live/again/v.cmfv" vhead v0? v1? v2?)" = 200
	test "$(post "$url/live/again/v.cmfv" vhead v0? v1?)" = 200
	curl -s "$url/live/again/v/index.m3u8" >again.m3u8
	grep -A4 "^#EXT-X-DISCONTINUITY$" again.m3u8 | grep "^2-0.m4s"
	test "$(grep -c EXTINF again.m3u8)" = 10
'

check 'what is no CMAF track is refused, and what was there stays' '
	head -c 5000 /dev/urandom >junk
	printf "\000\000\000\020ftyp" >short
	test "$(post "$url/live/bad/v.cmfv" junk)" = 400
	test "$(post "$url/live/bad/v.cmfv" short)" = 400
	test "$(post "$url/live/bad/v.cmfv" both.mp4)" = 415
	test "$(post "$url/live/two/v.cmfv" vhead v10 junk)" = 400
	test "$(post "$url/live/bad/Streams(a%20b.cmfv)" vhead)" = 400
	test "$(post "$url/live/bad/Streams()" vhead)" = 400
	test "$(post "$url/Streams(v.cmfv)" vhead)" = 400
	curl -s "$url/live/two/v/index.m3u8" | grep EXTINF
	! curl -sf "$url/live/bad/index.m3u8"
'

check 'a plain PUT of such a file is an object, a POST of others is not for us' '
	test "$(put "$url/vod/film.cmfv" v.mp4)" = 201
	curl -s "$url/vod/film.cmfv" | cmp - v.mp4
	test "$(post "$url/vod/film.mp4" v.mp4)" = 405
	test "$(post "$url/live/one/manifest.mpd" v.mp4)" = 405
	test "$(code -X PATCH -d x "$url/live/two/v.cmfv")" = 405
'

check 'another header while another encoder sends: 409' '
	post "$url/live/duel/v.cmfv" vhead v0? v10 wait:tried v11 v12 v13 v14 >second &
	eventually listed live/duel/v 25600.m4s 1
	test "$(post "$url/live/duel/v.cmfv" whead w00)" = 409
	: >tried
	wait
	test "$(cat second)" = 200
'

check 'a POST to a container has to pass what its policy says of PutObject' '
	control CreateContainer "{\"ContainerName\":\"box\"}"
	test "$(post "$url/box/ch/v.cmfv" vhead)" = 200
	cat >policy.json <<-END
		{"ContainerName":"box","Policy":"{\\"Version\\":\\"2012-10-17\\",\\"Statement\\":[
		{\\"Effect\\":\\"Deny\\",\\"Principal\\":\\"*\\",\\"Action\\":\\"mediastore:PutObject\\",
		\\"Resource\\":\\"arn:aws:mediastore:us-east-1:000000000000:container/box/*\\"}]}"}
	END
	tr -d "\n\t" <policy.json >flat.json
	control PutContainerPolicy @flat.json | grep "^{}$"
	test "$(code -X POST --data-binary @vhead "$url/box/ch/v.cmfv")" = 403
'
# limit JSON: of box
limit () {
	control PutLimitPolicy "{\"ContainerName\":\"box\",\"LimitPolicy\":$1}" | grep "^{}$"
}
# An ingest that is counted while it goes on.
counted () {
	test "$(metric "mstore_container_bytes_uploaded{container=\"box\"}")" -ge "$1"
}
check 'limits of a container hold for segments, and it is counted what comes' '
	control DeleteContainerPolicy "{\"ContainerName\":\"box\"}"
	control PutMetricPolicy "{\"ContainerName\":\"box\",\"MetricPolicy\":{
		\"ContainerLevelMetrics\":\"ENABLED\"}}" | grep "^{}$"
	cat vhead v0? v1? >stream
	post "$url/box/count/v.cmfv" vhead v00 wait:told v01 >count &
	eventually counted "$(cat vhead v00 | wc -c)"
	: >told
	wait
	test "$(cat count)" = 200
	limit "{\"MaxObjectSize\":$(($(cat v00 v01 | wc -c) + 10))}"
	test "$(code -X POST --data-binary @stream "$url/box/small/v.cmfv")" = 413
	test "$(find root/box/small -name "*.m4s" | wc -l)" -eq 0
	objects=$(container box ObjectCount)
	limit "{\"MaxObjects\":$((objects + 2))}"
	test "$(code -X POST --data-binary @stream "$url/box/full/v.cmfv")" = 507
	holds box ObjectCount $((objects + 2))
	test "$(find root/box -type f | wc -l)" -eq $((objects + 2))
	limit "{}"
	test "$(code -X POST --data-binary @stream "$url/box/full/v.cmfv")" = 200
	limit "{\"MaxObjectSize\":$(($(wc -c <stream) - 1))}"
	test "$(code -T stream "$url/box/Streams(v.cmfv)")" = 200
'
stop_serving

echo token-of-the-test-0123456789 >tokens
serve --token-file tokens --cmaf-window 3s --cmaf-ingest 'by-put/*'

# allow PATH...: anyone may put there, in box
allow () {
	perl -MJSON::PP -e 'print encode_json({ ContainerName => "box", Policy => encode_json({
		Version => "2012-10-17", Statement => [{ Effect => "Allow", Principal => "*",
		Action => "mediastore:*", Resource => [map { "arn:aws:mediastore:eu:0:container/box/$_" }
		@ARGV] }] }) })' "$@" >policy.json
	control PutContainerPolicy @policy.json | grep "^{}$"
}
check 'what --cmaf-ingest matches is the path in the root, by Host as well' '
	control CreateContainer "{\"ContainerName\":\"by-put\"}"
	code -H "Authorization: Bearer $(cat tokens)" -T stream -H "Host: by-put.live.example" \
		"$url/host/v.cmfv" | grep 200
	curl -s "$url/by-put/host/v/index.m3u8" | grep "^12800.m4s$"
	test ! -e root/by-put/host/v.cmfv
	code -X POST --data-binary @stream -H "Host: by-put.live.example" "$url/host/v.cmfv" |
		grep 401
'
check 'who may write a track only may not write the playlists of its channel' '
	control DeleteLimitPolicy "{\"ContainerName\":\"box\"}"
	allow "p/video/*" "p/Streams*"
	code -T vhead "$url/box/p/video/other" | grep 201
	code -T vhead "$url/box/p/index.m3u8" | grep 401
	code -X POST --data-binary @stream "$url/box/p/video/1.cmfv" | grep 401
	code -X POST --data-binary @stream "$url/box/p/Streams(video.cmfv)" | grep 401
	test ! -e root/box/p/manifest.mpd
	allow "p/*"
	code -X POST --data-binary @stream "$url/box/p/video/1.cmfv" | grep 200
	test -e root/box/p/manifest.mpd
'
check 'who may not PUT may not ingest' '
	test "$(code -X POST --data-binary @vhead "$url/live/ch/v.cmfv")" = 401
	test "$(code -X POST --data-binary @vhead -H "Authorization: Bearer $(cat tokens)" \
		"$url/live/ch/v.cmfv")" = 200
'

check 'what left the window is deleted' '
	ffmpeg -v error -f lavfi -i testsrc2=s=64x36:r=5:d=60 -c:v libx264 -preset ultrafast \
		-g 5 -bf 0 $fragments -f mp4 l.mp4
	perl "$top/t/cmaf.pl" split l.mp4 l
	cat l[0-9]* >long
	test "$(code -X POST --data-binary @lhead -H "Authorization: Bearer $(cat tokens)" \
		"$url/live/w/v.cmfv")" = 200
	test "$(code -X POST --data-binary @long -H "Authorization: Bearer $(cat tokens)" \
		"$url/live/w/v.cmfv")" = 200
	test "$(curl -s "$url/live/w/v/index.m3u8" | grep -c EXTINF)" = 3
	test "$(find root/live/w/v -name "*.m4s" | wc -l)" -lt 37
'
stop_serving
done_testing
