#!/bin/sh
# mlive-ingest of s3://: transport streams and containers, read by ranges; connections that
# break, and what is refused; in lists and in a failover.  And containers of a web server.
. "$(dirname "$0")/lib.sh"

need 'no perl' perl -MJSON::PP -e 1
need 'no ffmpeg' ffmpeg -version
port=$(free_port)
mkdir -p server/www/box
perl "$top/t/s3d.pl" "$port" server & server=$!
trap 'kill $server; rm -rf "$scratch"' EXIT
AWS_ACCESS_KEY_ID=key AWS_SECRET_ACCESS_KEY=secret AWS_REGION=us-east-1
HOME=$scratch
at=endpoint=http://127.0.0.1:$port
export AWS_ACCESS_KEY_ID AWS_SECRET_ACCESS_KEY AWS_REGION HOME at
eventually curl -s -o answer "http://127.0.0.1:$port"
mlive-ingest -q -t 6s 'test:?size=320x180&gop=1s&preset=ultrafast&rate=2M' >in.ts
# Its index is at its end, as cameras leave it.
ffmpeg -nostdin -v error -i in.ts -map 0 -c copy in.mp4
cp in.ts in.mp4 server/www/box/
mlive-ingest -q in.mp4 >want.ts

last () {
	tail -n 1 stats | perl -MJSON::PP -e \
		'print decode_json(<STDIN>)->{$ARGV[0]} // "none", "\n"' "$1"
}
counts () {
	test "$(last "$1")" -ge "$2"
}

check 'mistakes: status 2, and what is wrong' '
	fails 2 mlive-ingest "s3://box?$at" 2>err
	grep "has no key" err
	fails 2 mlive-ingest "s3://box/in.ts?$at&color=blue" 2>err
	grep "color" err
	fails 2 mlive-ingest --reopen "s3://box/in.ts?$at" 2>err
	grep "reopen is for named pipes" err
'
check 'a transport stream, byte for byte' '
	: >server/log
	mlive-ingest -q "s3://box/in.ts?$at" >out.ts
	cmp in.ts out.ts
	test "$(grep -c "GET /box/in.ts" server/log)" -le 2
'
check 'the connection breaks in the middle: on from there, byte for byte' '
	: >server/log
	touch server/cut
	mlive-ingest -q --stats stats "s3://box/in.ts?$at" >out.ts
	cmp in.ts out.ts
	grep "GET /box/in.ts 20[06] cut" server/log
	grep "GET /box/in.ts 206$" server/log
	last http_retries
	last http_retries | grep -x 1
	cat server/log
'
check 'MP4 with its index at its end, by ranges' '
	: >server/log
	touch server/cut
	mlive-ingest -q "s3://box/in.mp4?$at" >out.ts
	cmp want.ts out.ts
	grep "GET /box/in.mp4 206" server/log
'
check 'again and again, without a jump' '
	mlive-ingest -q --loop -t 15s --stats stats "s3://box/in.ts?$at" >out.ts
	last loops | grep -x 2
	last source_continuity_counter | grep -x 0
	mlive-ingest -q --loop -t 15s --stats stats "s3://box/in.mp4?$at" >out.ts
	last loops | grep -x 2
	last pts_jumps | grep -x 0
'
check 'what is not there, not ours to read, or no medium' '
	fails 1 mlive-ingest "s3://box/none.ts?$at" 2>err
	grep "cannot read .s3://box/none.ts.*404\|NoSuchKey" err
	touch server/refuse
	fails 1 mlive-ingest "s3://box/in.ts?$at" 2>err
	rm server/refuse
	grep "403: AccessDenied" err
	echo text >server/www/box/text
	fails 3 mlive-ingest "s3://box/text?$at" 2>err
	grep "is no transport stream, MP4" err
	: >server/www/box/empty
	fails 3 mlive-ingest "s3://box/empty?$at" 2>err
'
check 'another object takes its place meanwhile: never a mix of both' '
	: >server/log
	touch server/cut
	mkfifo pipe
	mlive-ingest "s3://box/in.ts?$at" >pipe 2>err & tool=$!
	exec 7<pipe
	eventually grep "cut" server/log
	mlive-ingest -q -t 5s "test:?size=320x180&preset=ultrafast&rate=1M" >server/www/box/in.ts
	cat <&7 >out.ts
	exec 7<&-
	status=0
	wait $tool || status=$?
	cp in.ts server/www/box/in.ts
	test $status -eq 1 || cmp in.ts out.ts
	# A beginning of the old one, and nothing of the new.
	head -c "$(wc -c <out.ts)" in.ts | cmp - out.ts
'
check 'in a list' '
	printf "s3://box/in.ts?%s\nin.mp4\n" "$at" >list.txt
	mlive-ingest -q --stats stats list.txt >out.ts
	last files | grep -x 2
	ffmpeg -nostdin -v error -i out.ts -map 0:v -f null - 2>broken
	test ! -s broken
	last media_ms | awk "{ exit !(\$1 > 11800 && \$1 < 12100) }"
'
check 'as the reserve of a failover, at its pace' '
	udp=$(free_port)
	mlive-ingest --failover --loop --stats stats "udp://127.0.0.1:$udp" \
		"s3://box/in.ts?$at" >out.ts 2>err & tool=$!
	eventually grep -q "\"active_input\":2" stats
	eventually counts media_ms 7000
	kill $tool
	wait $tool
	test "$(last media_ms)" -le $(($(last uptime_ms) + 2000))
'
"$BUILD/t/helper/http-faults" . http.log >http.port & web=$!
trap 'kill $server $web; rm -rf "$scratch"' EXIT
eventually test -s http.port
http=http://127.0.0.1:$(cat http.port)
export http
check 'MP4 of a web server, whose connection breaks: by ranges, as from a file' '
	mlive-ingest -q "$http/in.mp4" >out.ts
	cmp want.ts out.ts
	: >http.log
	mlive-ingest -q "$http/cut=200000x2/in.mp4" >out.ts
	cmp want.ts out.ts
	grep "^206" http.log
	mlive-ingest -q --loop -t 15s --stats stats "$http/in.mp4" >out.ts
	last loops | grep -x 2
	last pts_jumps | grep -x 0
	mlive-ingest -R -t 2s --stats stats "$http/in.mp4" >out.ts
	test "$(last uptime_ms)" -ge 1500
'
check 'of one that does no ranges: an error' '
	fails 3 mlive-ingest "$http/noranges/in.mp4" 2>err
	grep "is no transport stream and no playlist" err
'
done_testing
