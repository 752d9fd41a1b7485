#!/bin/sh
# mlive-ingest: a transport stream over HTTP, a file or without end.
. "$(dirname "$0")/lib.sh"
# shellcheck disable=SC2154
. "$top/t/tls.sh"
. "$top/t/hls.sh"

packets 3000 256 >clean.ts		# the counter goes round: 3000 is not whole
packets 2992 256 >round.ts
serve .

check 'a file comes byte for byte, and its end is the end' '
	mlive-ingest "$url/clean.ts" 2>err | tail -c +189 | cmp - clean.ts
	grep "packets=3000 .* lost=0" err
'
check 'packets of 192 and 204 bytes lose what is around the 188' '
	perl -0777 -ne "print qq(abcd\$1) while /(.{188})/gs" <clean.ts >m2ts
	perl -0777 -ne "print qq(\$1), qq(x) x 16 while /(.{188})/gs" <clean.ts >rs
	mlive-ingest -q "$url/m2ts" | tail -c +189 | cmp - clean.ts
	mlive-ingest -q "$url/rs" | tail -c +189 | cmp - clean.ts
'
check 'the query is the server'\''s' '
	mlive-ingest "$url/clean.ts?a=b&height=3" | tail -c +189 | cmp - clean.ts
	grep "clean.ts?a=b&height=3" "$log"
'
check 'redirects are followed' '
	mlive-ingest "$url/redirect=2/clean.ts" | tail -c +189 | cmp - clean.ts
'
check 'a transfer that breaks goes on by a byte range' '
	mlive-ingest -s stats "$url/cut=100000x3/clean.ts" | tail -c +189 | cmp - clean.ts
	grep "^206 300000- " "$log"
	tail -n 1 stats | grep "\"http_retries\":3"
'
check 'or from the start, when the server knows none' '
	mlive-ingest "$url/cut=300000x1/noranges/clean.ts" | tail -c +189 | cmp - clean.ts
	grep "^200 - /cut=300000x1/noranges/clean.ts" "$log"
'
check 'a server that is not ready is asked again' '
	mlive-ingest "$url/status=503x2/clean.ts" 2>err | tail -c +189 | cmp - clean.ts
	grep "status 503: trying again" err
	test "$(grep -c again err)" -eq 1
'
check '--loop reads a file again' '
	mlive-ingest --loop -v "$url/round.ts" 2>err | head -c 1000000 >out.ts
	test "$(wc -c <out.ts)" -eq 1000000
	mlive-ingest out.ts 2>&1 >again | grep "lost=0"
'
check 'without a length it is live: what comes goes out at once, and begins with a clock' '
	cp clean.ts grow.ts
	mlive-ingest "$url/follow/grow.ts" >out.ts 2>err & pid=$!
	eventually cmp -s -n $((3000 * 188)) -i 188:0 out.ts clean.ts
	packets 16 256 3000 >>grow.ts
	size () { test "$(wc -c <out.ts)" -eq "$1"; }
	eventually size $((3017 * 188))
	kill $pid
	wait $pid
	perl -e '\''read STDIN, my $p, 188;
		exit !(substr($p, 1, 2) eq "\x1f\xfe" && (ord(substr($p, index($p, "EBP0") + 4)) & 8))'\'' <out.ts
'
check 'when live ends we connect again, and say so' '
	cp round.ts live.ts
	: >live.ts.end
	mlive-ingest -s stats "$url/follow/live.ts" >out.ts 2>err & pid=$!
	twice () { test "$(grep -c "^200 .*/follow/live.ts" "$log")" -ge 2; }
	eventually twice
	kill $pid
	wait $pid
	grep "has ended: connecting again" err
	tail -n 1 stats | grep "\"source_disconnections\":[1-9]"
	mlive-ingest out.ts 2>&1 >again | grep "lost=0"
'
check 'a live stream that breaks is not gone on with by a range' '
	mlive-ingest "$url/cut=50000x1/chunked/clean.ts" >out.ts 2>err & pid=$!
	again () { test "$(grep -c "/cut=50000x1/chunked/clean.ts" "$log")" -ge 2; }
	eventually again
	kill $pid
	wait $pid
	fails 1 grep "^206 .*chunked" "$log"
'
check 'what cannot be: message and status' '
	fails 1 mlive-ingest "$url/nil.ts" 2>err
	grep "nil.ts.: status 404" err
	fails 1 mlive-ingest "$url/redirect=9/clean.ts" 2>err
	fails 1 timeout 10 mlive-ingest "$url/status=400x9/clean.ts" 2>err
	grep "clean.ts.: status 400" err
	echo "<html>Good morning</html>" >text
	fails 3 mlive-ingest "$url/text" 2>err
	grep "text. is no transport stream and no playlist" err
	fails 3 timeout 10 mlive-ingest "$url/chunked/text" 2>err
	grep "no transport stream" err
	fails 2 mlive-ingest "http:///x.ts" 2>err
	fails 2 mlive-ingest "$url/clean.ts#no=such" 2>err
'
check 'https: a certificate that can be checked, and one that cannot' '
	printf "#EXTM3U\n#EXTINF:1,\nclean.ts\n#EXT-X-ENDLIST\n" >tls.m3u8
	port=$(free_port)
	tls "$port" .
	SSL_CERT_FILE=ca.pem timeout 20 mlive-ingest "https://127.0.0.1:$port/tls.m3u8" >out.ts
	tail -c +189 out.ts | cmp - clean.ts
	fails 1 timeout 20 mlive-ingest "https://127.0.0.1:$port/tls.m3u8" 2>err
	grep "certificate" err
	SSL_CERT_FILE=ca.pem fails 1 timeout 20 mlive-ingest "https://localhost:$port/clean.ts" 2>err
	grep "certificate" err
'
check 'nobody there yet: a warning, and a wait that a signal ends' '
	mlive-ingest "http://127.0.0.1:1/x.ts" >out.ts 2>err & pid=$!
	eventually grep "trying again" err
	kill $pid
	wait $pid
	mlive-ingest "http://127.0.0.1:1/x.m3u8" >out.ts 2>err.hls & pid=$!
	eventually grep "trying again" err.hls
	kill $pid
	wait $pid
'
done_testing
