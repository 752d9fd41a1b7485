#!/bin/sh
# mstore-serve: conditions, ranges, compressed forms, pages from elsewhere.
. "$(dirname "$0")/lib.sh"
# shellcheck disable=SC2154
. "$top/t/origin.sh"

PATH=$BUILD/t/helper:$PATH
packets 500 256 >seg
i=0
while [ $i -lt 200 ]; do i=$((i + 1)); echo "#EXTINF:4.0," ; echo "v1/$i.m4s"; done >list
head -c 3000000 /dev/urandom >big
serve --threads 1
port=${url##*:}
export port
curl -sf -T seg "$url/o/1.ts"
curl -sf -T big "$url/o/big.mp4"
curl -sf -T list "$url/o/index.m3u8"

tag () {
	curl -sfI "$@" | tr -d '\r' | sed -n 's/^[Ee][Tt]ag: //p'
}
field () {		# name, curl arguments
	name=$1
	shift
	curl -s -o /dev/null -D - "$@" | tr -d '\r' | sed -n "s/^$name: //Ip"
}

check 'If-None-Match and If-Modified-Since: 304, with the fields a cache needs' '
	code -H "If-None-Match: $(tag "$url/o/1.ts")" "$url/o/1.ts" | grep 304
	code -H "If-None-Match: W/$(tag "$url/o/1.ts")" "$url/o/1.ts" | grep 304
	code -H "If-None-Match: *" "$url/o/1.ts" | grep 304
	code -H "If-None-Match: \"x\"" "$url/o/1.ts" | grep 200
	code -z "$(field last-modified "$url/o/1.ts")" "$url/o/1.ts" | grep 304
	code -z "Sun, 06 Nov 1994 08:49:37 GMT" "$url/o/1.ts" | grep 200
	curl -s -D out -H "If-None-Match: *" "$url/o/1.ts"
	grep -i "^etag:" out
	grep -i "^cache-control:" out
	fails 1 grep -i "^content-length:" out
'
check 'If-Match and If-Unmodified-Since: 412' '
	code -H "If-Match: $(tag "$url/o/1.ts")" "$url/o/1.ts" | grep 200
	code -H "If-Match: \"x\"" "$url/o/1.ts" | grep 412
	code -H "If-Unmodified-Since: Sun, 06 Nov 1994 08:49:37 GMT" "$url/o/1.ts" | grep 412
'
check 'a new version has a new tag' '
	before=$(tag "$url/o/2.ts" || true)
	code -T seg "$url/o/2.ts" | grep 201
	first=$(tag "$url/o/2.ts")
	code -T seg "$url/o/2.ts" | grep 204
	test "$first" != "$(tag "$url/o/2.ts")"
'
for name in 1.ts big.mp4
do
	file=seg
	test $name = 1.ts || file=big
	size=$(wc -c <$file)
	export name file size
	check "$name: one range, an open one, a suffix" '
		curl -sf -r 1000-1999 "$url/o/$name" >out
		tail -c +1001 $file | head -c 1000 | cmp - out
		curl -sf -r $((size - 10))- "$url/o/$name" >out
		tail -c 10 $file | cmp - out
		curl -sf -r -10 "$url/o/$name" | cmp out -
		field content-range -r -10 "$url/o/$name" | grep "^bytes $((size - 10))-$((size - 1))/$size\$"
		code -r 0- "$url/o/$name" | grep 206
	'
	check "$name: a range that is not there, and what is no range" '
		code -r $size- "$url/o/$name" | grep 416
		field content-range -r $size- "$url/o/$name" | grep "^bytes \*/$size\$"
		code -r 0-1,5-6 "$url/o/$name" | grep 200
		code -H "Range: lines=1-2" "$url/o/$name" | grep 200
	'
	check "$name: If-Range" '
		code -r 0-9 -H "If-Range: $(tag "$url/o/$name")" "$url/o/$name" | grep 206
		code -r 0-9 -H "If-Range: \"x\"" "$url/o/$name" | grep 200
	'
done
check 'a playlist is compressed for who takes it, with a tag of its own' '
	field content-encoding -H "Accept-Encoding: gzip" "$url/o/index.m3u8" | grep gzip
	curl -sf --compressed "$url/o/index.m3u8" | cmp list -
	test "$(curl -sf -H "Accept-Encoding: gzip" "$url/o/index.m3u8" | wc -c)" -lt 1500
	curl -sf "$url/o/index.m3u8" | cmp list -
	curl -sf -H "Accept-Encoding: gzip;q=0" "$url/o/index.m3u8" | cmp list -
	field vary "$url/o/index.m3u8" | grep -i accept-encoding
	field vary --compressed "$url/o/index.m3u8" | grep -i accept-encoding
	plain=$(tag "$url/o/index.m3u8")
	small=$(tag --compressed "$url/o/index.m3u8")
	test "$plain" != "$small"
	code --compressed -H "If-None-Match: $small" "$url/o/index.m3u8" | grep 304
	code --compressed -H "If-None-Match: $plain" "$url/o/index.m3u8" | grep 200
	test -z "$(field content-encoding --compressed "$url/o/1.ts")"
'
check 'pages from elsewhere may read' '
	field access-control-allow-origin -H "Origin: http://a.example" "$url/o/1.ts" | grep "^\*$"
	field access-control-expose-headers "$url/o/1.ts" | grep -i content-range
	field access-control-allow-origin "$url/o/none.ts" | grep "^\*$"
	curl -sf -D out -X OPTIONS -H "Origin: http://a.example" \
		-H "Access-Control-Request-Method: GET" \
		-H "Access-Control-Request-Headers: range" "$url/o/1.ts"
	grep "^HTTP/1.1 204" out
	grep -i "^access-control-allow-headers:.*range" out
	grep -i "^access-control-allow-methods: GET, HEAD.\$" out
'
check 'what a writer says about type and caching is kept' '
	code -T seg -H "Content-Type: video/x-own" -H "Cache-Control: max-age=7" \
		"$url/o/own.bin" | grep 201
	field content-type "$url/o/own.bin" | grep "^video/x-own$"
	field cache-control "$url/o/own.bin" | grep "^max-age=7$"
'
check 'conditions of a PUT and a DELETE' '
	code -T seg -H "If-None-Match: *" "$url/o/1.ts" | grep 412
	code -T seg -H "If-None-Match: *" "$url/o/new.ts" | grep 201
	code -T seg -H "If-Match: \"x\"" "$url/o/1.ts" | grep 412
	code -T seg -H "If-Match: $(tag "$url/o/1.ts")" "$url/o/1.ts" | grep 204
	code -X DELETE -H "If-Match: \"x\"" "$url/o/1.ts" | grep 412
	code -X DELETE -H "If-Match: $(tag "$url/o/new.ts")" "$url/o/new.ts" | grep 204
'
check 'a PUT or DELETE of what has changed since' '
	old="Sun, 06 Nov 1994 08:49:37 GMT"
	now=$(field last-modified "$url/o/1.ts")
	code -T seg -H "If-Unmodified-Since: $old" "$url/o/1.ts" | grep 412
	code -T seg -H "If-Unmodified-Since: $now" "$url/o/1.ts" | grep 204
	code -T seg -H "If-Unmodified-Since: $old" "$url/o/1b.ts" | grep 201
	code -X DELETE -H "If-Unmodified-Since: $old" "$url/o/1b.ts" | grep 412
	code -X DELETE -H "If-None-Match: *" "$url/o/1b.ts" | grep 412
	code -X DELETE -H "If-Unmodified-Since: $now" -H "If-Match: $(tag "$url/o/1b.ts")" "$url/o/1b.ts" | grep 204
'
check 'HEAD of what is sent from its file is answered at once' '
	# A head that is held back comes 0.2 s later.
	soon () {
		t=$(curl -sI -o /dev/null -w "%{time_starttransfer}" "$url/o/big.mp4")
		test "${t%???}" "<" 0.100
	}
	within 10 soon
'
check 'requests in a row on one connection, all sent at once' '
	for i in 1 2 3 4 5
	do
		printf "GET /o/index.m3u8 HTTP/1.1\r\nHost: t\r\n\r\n"
	done >in
	printf "GET /o/big.mp4 HTTP/1.1\r\nHost: t\r\n\r\n" >>in
	printf "PUT /o/p.ts HTTP/1.1\r\nHost: t\r\nContent-Length: 3\r\n\r\nabc" >>in
	printf "GET /o/p.ts HTTP/1.1\r\nHost: t\r\nConnection: close\r\n\r\n" >>in
	raw-http "$port" <in >out
	test "$(grep -ao "HTTP/1.1 200 OK" out | wc -l)" -eq 7
	test "$(grep -ao "HTTP/1.1 201 Created" out | wc -l)" -eq 1
	tail -n 2 out | head -n 1 | grep -a "abc$"
	tail -n 1 out | grep "^\[end\]$"
'
check 'HTTP/1.0, kept alive or not' '
	printf "GET /o/p.ts HTTP/1.0\r\n\r\n" | raw-http "$port" >out
	tail -n 1 out | grep "^\[end\]$"
	printf "GET /o/p.ts HTTP/1.0\r\nConnection: keep-alive\r\n\r\n" | raw-http "$port" 1 >out
	grep -i "^connection: keep-alive" out
	tail -n 1 out | grep "^\[silence\]$"
'
check 'Expect: 100-continue is answered, or refused before the body comes' '
	printf "PUT /o/e.ts HTTP/1.1\r\nHost: t\r\nContent-Length: 3\r\nExpect: 100-continue\r\n\r\n\003abc" |
		raw-http "$port" 1 >out
	head -n 1 out | grep "^HTTP/1.1 100"
	grep "^HTTP/1.1 201" out
	printf "PUT /o/e.ts HTTP/1.1\r\nHost: t\r\nIf-None-Match: *\r\nContent-Length: 3\r\nExpect: 100-continue\r\n\r\n" |
		raw-http "$port" >out
	head -n 1 out | grep "^HTTP/1.1 412"
	tail -n 1 out | grep "^\[end\]$"
'
check 'a folder stands for its index.html' '
	echo page | code -T - "$url/site/index.html" | grep 201
	curl -sf "$url/site/" | grep page
	code "$url/site" | grep 404
'
check 'files of other programs are seen, and their changes' '
	echo one >root/o/mine.txt
	curl -sf "$url/o/mine.txt" | grep one
	echo two >root/o/next
	mv root/o/next root/o/mine.txt
	eventually sh -c "curl -sf $url/o/mine.txt | grep two"
	rm root/o/mine.txt
	eventually sh -c "! curl -sf $url/o/mine.txt"
'
check 'the time, to the millisecond' '
	curl -s -D head "$url/.time" >time
	grep -Eqx "2[0-9]{3}-[01][0-9]-[0-3][0-9]T[0-9:]{8}[.][0-9]{3}Z" time
	grep -qi "^cache-control: no-store" head
	grep -qi "^access-control-allow-origin: " head
	test "$(date -u -d "$(cat time)" +%s)" -ge "$(($(date +%s) - 60))"
'
check 'a method that is not known here' '
	code -X POST -d x "$url/o/1.ts" | grep 405
	field allow -X PATCH "$url/o/1.ts" | grep "GET, HEAD, PUT, DELETE, OPTIONS"
'
stop_serving
done_testing
