#!/bin/sh
# mstore-serve: RFC 9113 by raw frames, good ones and bad; and RFC 7541.
. "$(dirname "$0")/lib.sh"
# shellcheck disable=SC2154
. "$top/t/origin.sh"

PATH=$BUILD/t/helper:$PATH
head -c 4096 /dev/zero >small
serve --body-timeout 60s
port=${url##*:}
export port
curl -sf -T small "$url/o/small"

# An object that grows as long as this test lasts.
mkfifo in
raw-http "$port" 120 <in >put.out &
writer=$!
exec 7>in
printf 'PUT /o/grows HTTP/1.1\r\nHost: t\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n\001' >&7
check 'an object grows meanwhile' '
	eventually curl -sf -r 0-2 -o grows "$url/o/grows"
'

perl "$top/t/h2-rules.pl" "$port" >cases 7>&- ||
	printf 'bad\tall cases were run\tstatus %s\n' $? >>cases
exec 7>&-
kill $writer 2>/dev/null || true
wait $writer 2>/dev/null || true
while IFS='	' read -r verdict name saw
do
	export verdict saw
	check "$name" '
		echo "$saw"
		test "$verdict" = ok
	'
done <cases
check 'that were all of them, and others are still served' '
	test "$(wc -l <cases)" -ge 135
	test "$(code "$url/o/small")" -eq 200
'
stop_serving
done_testing
