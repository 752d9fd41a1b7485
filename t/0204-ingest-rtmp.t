#!/bin/sh
# mlive-ingest rtmp://: from a server of FFmpeg's, which serves one client.
. "$(dirname "$0")/lib.sh"

need 'no ffmpeg' command -v ffmpeg
# shellcheck disable=SC2154
. "$top/t/tls.sh"

mlive-ingest -q -t 3s "test:?size=320x180&fps=30&gop=1s&rate=300k" >clip.ts

serve () {
	ffmpeg -nostdin -v error -re -i clip.ts -c copy -f flv -listen 1 \
		"rtmp://127.0.0.1:${port:?}/live/one" >/dev/null 2>&1 </dev/null &
	server=$!
	export server
	eventually serving
}
serving () {
	ss -Hltn "sport = :${port:?}" | grep -q .
}
deltas () {		# FILE STREAM: the steps of decoding time, each once
	ffprobe -v error -select_streams "$2" -show_entries packet=dts -of csv=p=0 "$1" |
		tr -d , | grep . | awk 'NR > 1 { print $1 - d } { d = $1 }' | sort -un
}

check 'an address without a path: status 2' '
	fails 2 mlive-ingest rtmp://127.0.0.1:1935 2>err
	grep "no host or no path" err
	fails 2 mlive-ingest -R rtmp://127.0.0.1:1935/live/x 2>err
	grep "realtime is for files" err
'
check 'a stream as it is, its milliseconds back on the grid' '
	port=$(free_port)
	serve
	timeout 60 mlive-ingest -q -t 2s RTMP://127.0.0.1:$port/live/one >ts
	wait $server || :
	ffmpeg -v error -xerror -i ts -f null - 2>err
	test ! -s err
	deltas ts v:0 | tr "\n" " " | grep "^3000 $"
	deltas ts a:0 | tr "\n" " " | grep "^1920 $"
	head -c 24 ts | od -An -tx1 | tr -d " \n" | grep "^471ffe20b7"
'
check 'a server that goes and comes back is a warning; time goes on forward' '
	port=$(free_port)
	serve
	mlive-ingest --stats stats "rtmp://127.0.0.1:$port/live/one?token=x" >ts 2>err & pid=$!
	wait $server || :
	eventually grep "has ended: connecting again" err
	serve
	wait $server || :
	eventually grep "\"source_disconnections\":2" stats
	kill $pid
	wait $pid
	ffmpeg -v error -xerror -i ts -f null - 2>errors
	cat errors
	test ! -s errors
	ffprobe -v error -select_streams v:0 -show_entries packet=dts -of csv=p=0 ts |
		tr -d , | grep . >dts
	test "$(wc -l <dts)" -gt 100
	awk "NR > 1 && \$1 <= d { exit 1 } { d = \$1 }" dts
'
check 'a server that is not there is waited for, and SIGTERM ends it' '
	port=$(free_port)
	mlive-ingest rtmp://127.0.0.1:$port/live/one >ts 2>refused & pid=$!
	eventually grep "cannot play .rtmp.*trying again: Connection refused" refused
	kill $pid
	wait $pid
'
certify
check 'rtmps: a certificate that can be checked, and one that cannot' '
	port=$(free_port)
	for how in trusted unknown "of another host"
	do
		port=$(free_port)
		to=$port
		serve
		port=$(free_port)
		tls_relay $port $to
		case $how in
		trusted)
			SSL_CERT_FILE=ca.pem timeout 20 mlive-ingest -q -t 2s \
				rtmps://127.0.0.1:$port/live/one >ts
			;;
		unknown)
			fails 1 timeout 20 mlive-ingest rtmps://127.0.0.1:$port/live/one 2>err
			grep "fatal: cannot play .rtmps.*: Peer certificate failed verification$" err
			;;
		of*)
			SSL_CERT_FILE=ca.pem fails 1 timeout 20 \
				mlive-ingest rtmps://localhost:$port/live/one 2>err
			grep "fatal: cannot play .rtmps.*: The certificate.* localhost$" err
			;;
		esac
		kill $server 2>/dev/null || :
	done
	ffmpeg -v error -xerror -i ts -f null - 2>err
	test ! -s err
	deltas ts v:0 | tr "\n" " " | grep "^3000 $"
	SSL_CERT_FILE=nil.pem fails 1 timeout 20 mlive-ingest rtmps://127.0.0.1:9/live/one 2>err
	grep "cannot open .nil.pem.: No such file" err
'
done_testing
