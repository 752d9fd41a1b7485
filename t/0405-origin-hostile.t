#!/bin/sh
# mstore-serve: what an attack on it has shown.
. "$(dirname "$0")/lib.sh"
# shellcheck disable=SC2154
. "$top/t/origin.sh"

PATH=$BUILD/t/helper:$PATH
packets 500 256 >seg
serve --threads 2 --grace 1s --head-timeout 1s --access-log access.log
port=${url##*:}
export port

# Begin a chunked PUT of /$1 with the field $2; it ends when the pipe does.
writer () {
	rm -f in
	mkfifo in
	raw-http "$port" <in >put.out & wpid=$!
	exec 7>in
	printf 'PUT /%s HTTP/1.1\r\nHost: t\r\n%s\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n\001' \
		"$1" "$2" >&7
	eventually curl -sf -m 1 -o /dev/null -I "$url/$1"
	export wpid
}
total_time () {
	curl -sf "$admin/metrics" | sed -n 's/^mstore_total_time_seconds_sum \([0-9]*\).*/\1/p'
}

check 'an empty If-Match matches nothing' '
	code -T seg "$url/a/1.ts" | grep 201
	code -T seg -H "If-Match;" "$url/a/1.ts" | grep 412
	code -X DELETE -H "If-Match;" "$url/a/1.ts" | grep 412
	code "$url/a/1.ts" | grep 200
'
check 'a cache is not asked to keep a 412' '
	curl -s -D out -o /dev/null -H "If-Match: \"x\"" "$url/a/1.ts"
	grep "^HTTP/1.1 412" out
	fails 1 grep -i "^cache-control" out
'
check 'who reads what a condition then refuses sees no clean end' '
	code -T seg "$url/a/2.ts" | grep 201
	tag=$(curl -sI "$url/a/2.ts" | tr -d "\r" | sed -n "s/^ETag: //p")
	writer a/2.ts "If-Match: $tag"
	curl -sN "$url/a/2.ts" >got 7>&- & rpid=$!
	eventually grep abc got
	code -T seg "$url/a/2.ts" 7>&- | grep 204
	printf "0\r\n\r\n" >&7
	exec 7>&-
	fails 56 wait $rpid
	wait $wpid
	grep "^HTTP/1.1 412" put.out
	curl -sf "$url/a/2.ts" | cmp seg -
'
check 'below an object there is none, also while it grows' '
	printf "PUT /a/1.ts/x HTTP/1.1\r\nHost: t\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n" |
		raw-http "$port" 1 >out
	grep "^HTTP/1.1 409" out
'
check 'a range beyond all bytes of an object that grows is no range' '
	writer a/3.ts "X: y"
	whole () {
		curl -sN -m 1 -D out -o body -r 18446744073709551614- "$url/a/3.ts" || true
		grep "^HTTP/1.1 200" out
	}
	eventually whole
	exec 7>&-
	wait $wpid
'
check 'a head that comes too slowly is logged, and no hour long' '
	printf "GET / HT" | raw-http "$port" >out
	grep "^HTTP/1.1 408" out
	test "$(total_time)" -lt 60
	eventually grep "\"-\" 408" access.log
'
check 'a stop that cannot wait resets who would take it for the end' '
	writer a/4.ts "X: y"
	curl -sN0 "$url/a/4.ts" >got.4 7>&- & rpid=$!
	eventually grep abc got.4
	kill $pid
	fails 56 wait $rpid
	exec 7>&-
'
wait "$pid"
status=$?
pid=
export status
check 'and leaves nothing half-written' '
	test "$status" -eq 0
	test "$(ls -A root/.mstore)" = lock
'

# shellcheck disable=SC3045	# dash has it
ulimit -n 100
serve
check 'objects that were read leave descriptors for peers' '
	mkdir -p root/many
	i=0
	while [ $i -lt 120 ]
	do
		i=$((i + 1))
		head -c 70000 /dev/zero >"root/many/$i.ts"
		echo "url = $url/many/$i.ts"
		echo "output = /dev/null"
	done >urls
	curl -s -m 60 -w "%{http_code}\n" -K urls >codes
	test "$(grep -c 200 codes)" -eq 120
	code -m 60 "$url/many/1.ts" | grep 200
	test "$(ls "/proc/$pid/fd" | wc -l)" -lt 40
'
cat >tokens <<-EOF
	first
	$(head -c 256 /dev/zero | tr '\0' a)
EOF
check 'a token that is too long is said to be' '
	fails 2 mstore-serve --root root --token-file tokens -l 127.0.0.1:0
'
stop_serving
done_testing
