#!/bin/sh
# The examples of all other manuals work as pasted, as those of 0851 do: the network,
# the origin, the edge.
. "$(dirname "$0")/lib.sh"
. "$top/t/manuals.sh"

stage origin /dev/null /dev/null mstore-serve -l "127.0.0.1:$port" --root srv/media
send "udp://239.1.1.1:$udp?pkt_size=1316&localaddr=127.0.0.1"
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
check 'every example of all other manuals was run' '
	all_ran $(cd "$top/man" && ls *.[157] | grep -vxF "$(printf "%s\n" $live_pages)")
'
done_testing
