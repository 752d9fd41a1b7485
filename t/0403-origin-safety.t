#!/bin/sh
# mstore-serve: who may write, what cannot be named, peers that mean no good.
. "$(dirname "$0")/lib.sh"
# shellcheck disable=SC2154
. "$top/t/origin.sh"

PATH=$BUILD/t/helper:$PATH
packets 500 256 >seg
echo secret >outside.txt
umask 077
printf '# who may write\n\nfirst-token\nsecond-token\n' >tokens
serve --token-file tokens --max-object 100k --head-timeout 1s --body-timeout 1s \
	--send-timeout 1s --max-connections 40 --idle-timeout 60s
port=${url##*:}
export port
auth='Authorization: Bearer first-token'
export auth

answered () {
	test "$(cat idle.* | grep -c "HTTP/1.1 404")" -eq "$1"
}

check 'writing needs a token, reading does not' '
	code -T seg "$url/a/1.ts" | grep 401
	curl -s -o /dev/null -D - -T seg "$url/a/1.ts" | grep -i "^www-authenticate: bearer"
	code -T seg -H "Authorization: Bearer first" "$url/a/1.ts" | grep 401
	code -T seg -H "Authorization: Bearer first-token2" "$url/a/1.ts" | grep 401
	code -T seg -H "Authorization: Bearer # who may write" "$url/a/1.ts" | grep 401
	code -T seg -H "Authorization: Bearer " "$url/a/1.ts" | grep 401
	code -T seg -H "Authorization: Basic first-token" "$url/a/1.ts" | grep 401
	test ! -e root/a
	code -T seg -H "$auth" "$url/a/1.ts" | grep 201
	code -T seg -H "Authorization: bearer second-token" "$url/a/2.ts" | grep 201
	code -T seg -H "Authorization: Bearer   second-token" "$url/a/2.ts" | grep 204
	code -X DELETE "$url/a/2.ts" | grep 401
	code "$url/a/1.ts" | grep 200
'
check 'SIGHUP takes new tokens; a bad file leaves the old ones' '
	echo third-token >tokens
	kill -HUP $pid
	eventually sh -c "curl -sf -T seg -H \"Authorization: Bearer third-token\" $url/a/3.ts"
	code -T seg -H "$auth" "$url/a/3.ts" | grep 401
	: >tokens
	kill -HUP $pid
	eventually grep "stay as they were" serve.log
	code -T seg -H "Authorization: Bearer third-token" "$url/a/3.ts" | grep 204
	printf "first-token\n" >tokens
	kill -HUP $pid
	eventually sh -c "curl -sf -T seg -H \"$auth\" $url/a/3.ts"
'
check 'no path leads out of the root, or to what is hidden' '
	for p in /../outside.txt /a/../../outside.txt /%2e%2e/outside.txt \
		/..%2foutside.txt /a/..%5c..%5coutside.txt /%00
	do
		code --path-as-is "$url$p" | grep 400
		code --path-as-is -T seg -H "$auth" "$url$p" | grep 400
	done
	code "$url/.mstore/lock" | grep 404
	code "$url/%2emstore/lock" | grep 404
	code -T seg -H "$auth" "$url/.mstore/x" | grep 403
	code -X DELETE -H "$auth" "$url/.mstore/lock" | grep 403
	test -e root/.mstore/lock
'
check 'no symbolic link is followed, to read or to write' '
	ln -s "$PWD/outside.txt" root/a/link.txt
	ln -s "$PWD" root/a/dir
	code "$url/a/link.txt" | grep 404
	code "$url/a/dir/outside.txt" | grep 404
	code -T seg -H "$auth" "$url/a/dir/new.ts" | grep 403
	code -X DELETE -H "$auth" "$url/a/dir/outside.txt" | grep 404
	test ! -e new.ts
	grep secret outside.txt
'
check 'a pipe, a folder, a file without permission are no objects' '
	mkfifo root/a/pipe
	code "$url/a/pipe" | grep 404
	code "$url/a" | grep 404
	code -T seg -H "$auth" "$url/a" | grep 409
	code -T seg -H "$auth" "$url/a/1.ts/under" | grep 409
	code -X DELETE -H "$auth" "$url/a" | grep 404
	code -X DELETE -H "$auth" "$url/a/" | grep 404
	code -X DELETE -H "$auth" "$url/" | grep 404
	code -X DELETE -H "$auth" "$url/a/pipe" | grep 404
	code "$url/a/1.ts" | grep 200
'
check 'a file whose time is centuries away' '
	printf hello >root/far
	for at in @99999999999 @-9999999999
	do
		touch -d "$at" root/far
		test "$(curl -sf "$url/far")" = hello
		code -X DELETE -H "$auth" -H "If-Match: \"x\"" "$url/far" | grep 412
	done
'
check 'an object over the limit, announced or not' '
	head -c 200000 /dev/zero >big
	code -T big -H "$auth" "$url/a/big" | grep 413
	code -T - -H "$auth" "$url/a/big" <big | grep 413
	code "$url/a/big" | grep 404
'
check 'two lengths, a length and chunks, and other tricks: 400, and the end' '
	for bad in \
		"Content-Length: 3\r\nContent-Length: 4\r\n" \
		"Content-Length: 3\r\nTransfer-Encoding: chunked\r\n" \
		"Transfer-Encoding: chunked\r\nContent-Length: 3\r\n" \
		"Content-Length: 3\r\nContent-Length: 3\r\n" \
		"Content-Length: 3, 3\r\n" "Content-Length: +3\r\n" \
		"Content-Length: 0x3\r\n" "Content-Length: -3\r\n" \
		"Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n" \
		"Transfer-Encoding : chunked\r\n" "Host: u\r\n" \
		"X: a\r\n b\r\n" "X: a\nY: b\r\n" "X: a\000b\r\n" "X: a\rb\r\n"
	do
		printf "PUT /a/x HTTP/1.1\r\nHost: t\r\n$auth\r\n$bad\r\n0\r\n\r\nGET /a/1.ts HTTP/1.1\r\nHost: t\r\n\r\n" |
			raw-http "$port" >out
		test "$(grep -ac "^HTTP/1.1 " out)" -eq 1
		grep -a "^HTTP/1.1 400" out
		tail -n 1 out | grep "\[end\]"
	done
'
check 'codings other than chunked: 501, and the end' '
	for bad in "gzip, chunked" "chunked, identity" "xchunked"
	do
		printf "PUT /a/x HTTP/1.1\r\nHost: t\r\n$auth\r\nTransfer-Encoding: $bad\r\n\r\n0\r\n\r\nGET /a/1.ts HTTP/1.1\r\nHost: t\r\n\r\n" |
			raw-http "$port" >out
		test "$(grep -ac "^HTTP/1.1 " out)" -eq 1
		grep -a "^HTTP/1.1 501" out
		tail -n 1 out | grep "\[end\]"
	done
'
check 'heads that are too large: 431 or 414, and the end' '
	{
		printf "GET / HTTP/1.1\r\nHost: t\r\nX: "
		head -c 100000 /dev/zero | tr "\0" x
	} | raw-http "$port" >out
	grep "^HTTP/1.1 431" out
	{
		printf "GET /"
		head -c 100000 /dev/zero | tr "\0" x
	} | raw-http "$port" >out
	grep "^HTTP/1.1 414" out
	{
		printf "GET / HTTP/1.1\r\nHost: t\r\n"
		for i in $(seq 200)
		do
			printf "X: y\r\n"
		done
		printf "\r\n"
	} | raw-http "$port" >out
	grep "^HTTP/1.1 431" out
'
check 'a chunked body that is damaged' '
	for bad in "3\nabc\n0\n\n" "3\r\nabcd" "-3\r\nabc" "0x3\r\nabc" \
		"3;a\nb\r\nabc" "ffffffffffffffff1\r\nabc" "\r\nabc"
	do
		printf "PUT /a/x HTTP/1.1\r\nHost: t\r\n$auth\r\nTransfer-Encoding: chunked\r\n\r\n$bad" |
			raw-http "$port" >out
		test "$(grep -ac "^HTTP/1.1 " out)" -eq 1
		grep "^HTTP/1.1 400" out
	done
	printf "PUT /a/x HTTP/1.1\r\nHost: t\r\n$auth\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabcX" |
		raw-http "$port" >out
	grep "^HTTP/1.1 400" out
	code "$url/a/x" | grep 404
'
check 'a body shorter than announced is no object' '
	printf "PUT /a/y HTTP/1.1\r\nHost: t\r\n$auth\r\nContent-Length: 10\r\n\r\nabc\002" |
		raw-http "$port"
	code "$url/a/y" | grep 404
	eventually sh -c "test \"\$(ls -A root/.mstore)\" = lock"
'
check 'a head that comes too slowly is answered 408' '
	printf "GET / HTTP/1.1\r\n\001X\001X\001X\001X\001X\001X\001X" | raw-http "$port" >out
	grep "^HTTP/1.1 408" out
'
check 'a body that stops is answered 408' '
	printf "PUT /a/z HTTP/1.1\r\nHost: t\r\n$auth\r\nContent-Length: 10\r\n\r\nabc" |
		raw-http "$port" >out
	grep "^HTTP/1.1 408" out
	code "$url/a/z" | grep 404
'
check 'a reader that does not read is thrown out' '
	head -c 50000000 /dev/zero >root/a/huge.mp4
	before=$(metric mstore_timeout_count)
	thrown_out () {
		test "$(metric mstore_timeout_count)" -gt "$before"
	}
	{
		printf "GET /a/huge.mp4 HTTP/1.1\r\nHost: t\r\n\r\n\001"
		eventually thrown_out
	} | raw-http "$port" >out
	tail -n 1 out | grep -a "\[reset\]"
	thrown_out
'
check 'the idle make room for the new' '
	pids=
	for i in $(seq 60)
	do
		printf "GET /a/none HTTP/1.1\r\nHost: t\r\n\r\n" |
			raw-http "$port" 60 >"idle.$i" & pids="$pids $!"
		test $((i % 20)) -ne 0 || eventually answered "$i"
	done
	kill $pids || true
	wait
'
check 'connections over the limit are refused, and counted' '
	for i in $(seq 60)
	do
		printf "GET /a/huge.mp4 HTTP/1.1\r\nHost: t\r\n\r\n\001\001\001" |
			raw-http "$port" 1 >/dev/null &
	done
	wait
	eventually curl -sf -o /dev/null "$url/a/1.ts"
	test "$(metric mstore_throttle_count)" -gt 0
'
stop_serving

check 'without tokens, only loopback may write' '
	rm -f log
	mstore-serve -l "[::]:0" -l 127.0.0.1:0 --root root 2>log & pid=$!
	eventually grep -c "listening on 127" log
	grep "warning: writing through .* is refused" log
	any=$(sed -n "s/.*listening on \[::\]:/127.0.0.1:/p" log)
	loop=$(sed -n "s/.*listening on 127/127/p" log)
	code -T seg "http://$any/a/5.ts" | grep 403
	code "http://$any/a/1.ts" | grep 200
	code -T seg "http://$loop/a/5.ts" | grep 201
	kill $pid
	wait $pid
'
check 'nor may a page from elsewhere whose name leads to loopback' '
	rm -f log
	mstore-serve -l 127.0.0.1:0 --root root 2>log & pid=$!
	eventually grep "listening on" log
	loop=http://$(sed -n "s/.*listening on //p" log)
	code -T seg -H "Host: evil.example" "$loop/a/6.ts" | grep 403
	code -X DELETE -H "Host: evil.example:8080" "$loop/a/1.ts" | grep 403
	code -H "Host: evil.example" "$loop/a/1.ts" | grep 200
	code -T seg -H "Host: 1.2.3.4.evil.example" "$loop/a/6.ts" | grep 403
	code -T seg -H "Host: 127.0.0.1.x" "$loop/a/6.ts" | grep 403
	code -T seg -H "Host: localhost:1" "$loop/a/6.ts" | grep 201
	code -T seg -H "Host: origin" "$loop/a/6.ts" | grep 204
	code -T seg -H "Host: [::1]:80" "$loop/a/6.ts" | grep 204
	kill $pid
	wait $pid
'
if ip -6 address show dev lo 2>/dev/null | grep -q ::1
then
	check 'IPv6 is as good' '
		rm -f log
		mstore-serve -l "[::1]:0" --admin "[::1]:0" --root root 2>log & pid=$!
		eventually grep "metrics on" log
		six=$(sed -n "s/.*listening on \[::1\]://p" log)
		code -g -T seg "http://[::1]:$six/a/7.ts" | grep 201
		curl -sfg "http://[::1]:$six/a/7.ts" | cmp seg -
		curl -sfg "$(sed -n "s/.*metrics on //p" log)" | grep "mstore_bytes_uploaded 94000"
		kill $pid
		wait $pid
	'
else
	skip 'IPv6 is as good' 'this machine has none'
fi
check 'options that are wrong: status 2' '
	fails 2 mstore-serve
	fails 1 mstore-serve --root none
	fails 1 mstore-serve --root root --token-file none
	: >empty
	fails 2 mstore-serve --root root --token-file empty
	fails 2 mstore-serve --root root -l nonsense:x
	fails 2 mstore-serve --root root --threads 0
	fails 2 mstore-serve --root root --idle-timeout 60
	fails 2 mstore-serve --root root --max-connections 100000000
	fails 2 mstore-serve --root root extra
'
done_testing
