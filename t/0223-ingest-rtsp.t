#!/bin/sh
# mlive-ingest of rtsp://, from GStreamer as a camera: over TCP and UDP, with a password, its
# clock, and when it goes and comes again.
. "$(dirname "$0")/lib.sh"

need 'no ffmpeg' ffmpeg -version
need 'no perl' perl -MJSON::PP -e 1
need 'no RTSP server of GStreamer' /usr/bin/python3 -c "import gi
gi.require_version('GstRtspServer', '1.0')
from gi.repository import GstRtspServer"
need 'no parser of GStreamer' gst-inspect-1.0 h264parse
trap 'kill -9 $(cat ./*.pid 2>/dev/null) 2>/dev/null; rm -rf "$scratch"' EXIT
port=$(free_port)
export port
mlive-ingest -q -t 60s 'test:?size=192x108&fps=25&gop=1s&preset=ultrafast&rate=500k' >in.ts
ffmpeg -nostdin -v error -i in.ts -map 0 -c copy in.mp4
printf 'me:it is:@a/secret\r\n' >login
printf 'me:another\n' >wrong

camera () {
	: >camera.log
	/usr/bin/python3 "$top/t/rtspd.py" "$port" in.mp4 "$@" >camera.log 2>&1 &
	echo $! >camera.pid
	eventually grep serving camera.log
}
# pull NAME ARG...: NAME.ts is what it gives
pull () {
	name=$1
	shift
	mlive-ingest --stats "$name.stats" "$@" >"$name.ts" 2>"$name.log" &
	tool=$!
	echo $tool >"$name.pid"
}
last () {
	tail -n 1 "$1.stats" | perl -MJSON::PP -e \
		'print decode_json(<STDIN>)->{$ARGV[0]} // "none", "\n"' "$2"
}
counts () {
	test "$(last "$1" "$2")" -ge "$3"
}
# whole NAME: it decodes without a fault, from its first picture on, with sound
whole () {
	ffmpeg -nostdin -v error -i "$1.ts" -map 0:v -map 0:a -f null - 2>broken
	cat broken
	test ! -s broken
}

check 'mistakes: status 2, and what is wrong' '
	while read -r url what
	do
		fails 2 mlive-ingest "$url" 2>err
		grep -- "$what" err
	done <<-END
		rtsp://me:secret@127.0.0.1/cam	who we are stands in a file
		rtsp://127.0.0.1/cam#transport=pigeon	transport is not tcp, udp
		rtsp://127.0.0.1/cam#login=x	there is no key .login
		rtsp:///cam	has no host
		rtsps://127.0.0.1/cam	certificate of the server cannot be checked: say #verify=no
		rtsps://127.0.0.1/cam#verify=yes	verify can be no only
	END
	fails 1 mlive-ingest "rtsp://127.0.0.1/cam#login-file=none" 2>err
	grep "cannot open .none" err
	echo nobody >few
	fails 2 mlive-ingest "rtsp://127.0.0.1/cam#login-file=few" 2>err
	grep "not user:password" err
'
check 'over TCP, with a password out of a file, joined anywhere: from a key picture on' '
	camera "me:it is:@a/secret"
	pull a "rtsp://127.0.0.1:$port/cam#login-file=login"
	eventually counts a media_ms 3000
	pull b "rtsp://127.0.0.1:$port/cam#login-file=login"
	eventually counts b media_ms 3000
	kill "$(cat a.pid)" "$(cat b.pid)"
	whole a
	whole b
	# Parameter sets are in each key picture, though the camera has them in the SDP only.
	ffprobe -v error -show_entries stream=codec_name -of csv=p=0 b.ts | grep h264
	fails 1 grep secret a.log b.log
'
check 'without it, and with another: an error, and no waiting' '
	fails 1 mlive-ingest "rtsp://127.0.0.1:$port/cam" 2>err
	grep "401 Unauthorized" err
	fails 1 mlive-ingest "rtsp://127.0.0.1:$port/cam#login-file=wrong" 2>err
	grep "401 Unauthorized" err
	fails 1 grep another err
'
check 'a path that it does not have is waited for' '
	pull gone "rtsp://127.0.0.1:$port/gone#login-file=login"
	eventually grep "cannot play .*/gone.*trying again: .*404 Not Found" gone.log
	kill "$(cat gone.pid)"
	wait "$(cat gone.pid)"
'
check 'over UDP' '
	pull udp "RTSP://127.0.0.1:$port/cam#transport=udp&login-file=login"
	eventually counts udp media_ms 3000
	kill "$(cat udp.pid)"
	wait "$(cat udp.pid)"
	counts udp video_units 70
	counts udp audio_units 100
	whole udp
'
check 'the camera goes and comes again' '
	pull c "rtsp://127.0.0.1:$port/cam#login-file=login"
	eventually counts c media_ms 2000
	kill -9 "$(cat camera.pid)"
	eventually counts c source_disconnections 1
	grep "connecting again" c.log
	camera "me:it is:@a/secret"
	units=$(last c video_units)
	eventually counts c video_units $((units + 50))
	kill "$(cat c.pid)"
	wait "$(cat c.pid)"
	grep "units=[1-9]" c.log
	whole c
'
check 'the camera freezes: it is called again after ten seconds, and nothing is said to go on' '
	pull s "rtsp://127.0.0.1:$port/cam#login-file=login"
	eventually counts s media_ms 2000
	kill -STOP "$(cat camera.pid)"
	eventually grep "is silent: connecting again" s.log
	eventually grep "trying again: Connection timed out" s.log
	fails 1 grep "goes on" s.log
	kill -9 "$(cat camera.pid)"
	camera "me:it is:@a/secret"
	units=$(last s video_units)
	eventually counts s video_units $((units + 50))
	grep "goes on" s.log
	kill "$(cat s.pid)"
	wait "$(cat s.pid)"
	last s source_disconnections | grep -x 1
'
check 'complaint 2: each two seconds a picture is stamped hours away: all goes on, HLS too' '
	near=$(free_port)
	perl "$top/t/rtpstray.pl" "$near" "$port" 50 >stray.log & echo $! >stray.pid
	eventually grep serving stray.log
	pull e "rtsp://127.0.0.1:$near/cam#login-file=login"
	eventually counts e video_units 220
	kill "$(cat e.pid)"
	wait "$(cat e.pid)"
	grep "stray 3" stray.log
	counts e pts_strays 3
	last e pts_jumps | grep -x 0
	whole e
	mlive-encode -q -s coded.stats -r 90p@100k -g 1s <e.ts >coded.ts
	for count in clock_breaks duplicated dropped
	do
		tail -n 1 coded.stats | grep -o "\"$count\":[0-9]*"
	done
	tail -n 1 coded.stats | grep "\"clock_breaks\":0,"
	tail -n 1 coded.stats | grep "\"duplicated\":[0-5],"
	mpkg-segment -q --vod --segment 2s -o vod <coded.ts
	fails 1 grep -r --include="*.m3u8" DISCONTINUITY vod
'
# An hour behind ours.
gone_camera () {
	kill -9 "$(cat camera.pid)"
}
check 'its clock: clock packets have the time that its sender reports say' '
	gone_camera
	camera "me:it is:@a/secret" 3600
	pull d "rtsp://127.0.0.1:$port/cam#login-file=login"
	eventually grep "has a clock: it is 3[56][0-9]* ms behind ours" d.log
	eventually counts d media_ms 8000
	kill "$(cat d.pid)"
	wait "$(cat d.pid)"
	perl -e "binmode STDIN; while (read STDIN, my \$p, 188) {
		print unpack(q(N), substr \$p, 5 + index(\$p, q(EBP0)), 4) - 2208988800, qq(\n)
			if substr(\$p, 1, 2) eq qq(\x1f\xfe) }" <d.ts >clocks
	behind=$(($(date +%s) - $(tail -n 1 clocks)))
	test $behind -ge 3600
	test $behind -lt 3660
'
openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days 2 -subj /CN=localhost \
	-keyout own.key -out own.pem 2>openssl.log
cat own.pem own.key >both.pem
if /usr/bin/python3 -c "import gi
gi.require_version('Gio', '2.0')
from gi.repository import Gio
Gio.TlsCertificate.new_from_file('both.pem')" 2>tls.log
then
	check 'rtsps, with a password, of a server whose certificate nobody has signed' '
		gone_camera
		CERTIFICATE=both.pem
		export CERTIFICATE
		camera "me:it is:@a/secret"
		pull f "rtsps://127.0.0.1:$port/cam#verify=no&login-file=login"
		eventually counts f media_ms 3000
		kill "$(cat f.pid)"
		wait "$(cat f.pid)"
		whole f
		fails 1 grep secret f.log
		# It is not spoken without.
		pull plain "rtsp://127.0.0.1:$port/cam#login-file=login"
		eventually grep "cannot play" plain.log
		kill "$(cat plain.pid)"
		wait "$(cat plain.pid)" || :
		test ! -s plain.ts
	'
else
	skip 'rtsps' 'no TLS of GLib (glib-networking)'
fi
# Two machines: a camera and we would have the same port of the group on one.
cat >network <<'END2'
ip link set lo up
unshare -n sleep 600 & peer=$!
until test "$(readlink /proc/$peer/ns/net)" != "$(readlink /proc/self/ns/net)"; do sleep 0.1; done
inside="nsenter -t $peer -n"
ip link add cam0 type veth peer name use0 && ip link set use0 netns $peer || exit 77
ip addr add 10.77.0.1/24 dev cam0 && ip link set cam0 up && ip route add 224.0.0.0/4 dev cam0 || exit 77
$inside ip addr add 10.77.0.2/24 dev use0 && $inside ip link set use0 up &&
	$inside ip route add 224.0.0.0/4 dev use0 || exit 77
test "$1" != probe || { kill $peer; exit 0; }
ADDRESS=10.77.0.1 GROUP=239.7.7.7 GROUP_PORT=28900 GROUP_IFACE=cam0 /usr/bin/python3 \
	"$top/t/rtspd.py" "$port" in.mp4 >group.log 2>&1 & camera=$!
until grep -q serving group.log; do kill -0 $camera || exit; sleep 0.1; done
$inside timeout 60 mlive-ingest -t 3s "rtsp://10.77.0.1:$port/cam#transport=multicast" >g.ts 2>g.log
status=$?
kill $peer $camera
exit $status
END2
if timeout 20 unshare -rn sh network probe >probe.log 2>&1
then
	check 'a group that the camera sends to' '
		timeout 100 unshare -rn sh network || { cat g.log group.log; false; }
		whole g
		test "$(ffprobe -v error -select_streams v -show_entries packet=pts -of csv=p=0 g.ts | wc -l)" -ge 50
	'
else
	skip 'a group that the camera sends to' 'no networks of our own'
fi
done_testing
