#!/bin/sh
# Tokens that the edge checks: which are good, for what, and for how long.
. "$(dirname "$0")/lib.sh"
need 'no varnishd' command -v varnishd
need 'no digest for it' sh -c 'find /usr/lib -name libvmod_digest.so | grep -q .'
. "$top/t/origin.sh"
. "$top/t/varnish.sh"

printf 'the+first/key=of=this\n' >key
printf 'another-key-of-this' >new
printf 'a-key-of-someone-else' >foreign
origin one
edge e --probe none --token-key key --token-key new --query start "$url"
for name in one/index.m3u8 one/v1/1.m4s two/index.m3u8 onetwo/x.m4s
do
	echo "$name" | curl -sf -T - -o /dev/null "$url/live/$name"
done
sign () {
	medge-conf --token-key "${2:-key}" --sign "$1" --expires "${3:-1h}"
}
# As the first folder of a path.
folder () {
	echo "$1" | sed 's,/,%2F,g'
}
token=$(sign /live/one/)
path=$(folder "$token")
get () {
	test "$(curl -s --path-as-is "$edge$1")" = "$2"
}
refuses () {
	test "$(code --path-as-is "$edge$1")" = 403
}
check 'without a token nothing is given' '
	refuses /live/one/index.m3u8
	refuses /live/none
	curl -s -D head -o got "$edge/live/one/index.m3u8"
	grep -qi "^access-control-allow-origin: \*" head
'
check 'with one in the query' '
	get "/live/one/index.m3u8?token=$token" one/index.m3u8
	get "/live/one/index.m3u8?a=b&token=$token&c=d" one/index.m3u8
	get "/live/one/v1/1.m4s?token=$token" one/v1/1.m4s
'
check 'with one in the path, which relative addresses keep' '
	get "/$path/live/one/index.m3u8" one/index.m3u8
	get "/$path/live/one/v1/1.m4s" one/v1/1.m4s
'
check 'HEAD as well' 'test "$(code -I "$edge/$path/live/one/index.m3u8")" = 200'
check 'all of them share what the edge has' '
	before=$(gets)
	get "/live/one/v1/1.m4s?token=$(sign /live/)" one/v1/1.m4s
	get "/$(folder "$(sign /)")/live/one/v1/1.m4s" one/v1/1.m4s
	get "/live/one/v1/1.m4s?token=$(sign /live/one/v1/1.m4s new)" one/v1/1.m4s
	test "$(gets)" -eq "$before"
'
check 'it is for what begins so' '
	refuses "/live/two/index.m3u8?token=$token"
	refuses "/$path/live/two/index.m3u8"
	refuses "/live/onetwo/x.m4s?token=$(sign /live/one)"
	get "/live/onetwo/x.m4s?token=$(sign /live/onetwo/x.m4s)" onetwo/x.m4s
'
check 'and dots do not lead elsewhere' '
	test "$(code --path-as-is "$edge/$path/live/one/../two/index.m3u8")" = 400
	test "$(code --path-as-is "$edge/$path/live/one/%2e%2e/two/index.m3u8")" = 400
	test "$(code --path-as-is "$edge/$path/live/one/..%2ftwo/index.m3u8")" = 400
'
check 'an old one is refused' '
	old=$(sign /live/one/ key 1s)
	expired () {
		refuses "/live/one/index.m3u8?token=$old"
	}
	eventually expired
	curl -s "$edge/live/one/index.m3u8?token=$old" | grep "expired"
'
check 'a changed one, too' '
	refuses "/live/two/index.m3u8?token=$(echo "$token" | sed s,/one/,/two/,)"
	refuses "/live/one/index.m3u8?token=$(echo "$token" | sed "s/exp=./exp=9/")"
	refuses "/live/one/index.m3u8?token=$(echo "$token" | sed "s/.$//")"
	refuses "/live/one/index.m3u8?token=${token}0"
	refuses "/live/one/index.m3u8?token="
	refuses "/live/one/index.m3u8?xtoken=$token"
	refuses "/exp=/live/one/index.m3u8"
'
check 'and one by a key that the edge does not know' '
	refuses "/live/one/index.m3u8?token=$(sign /live/one/ foreign)"
	get "/live/one/index.m3u8?token=$(sign /live/one/ new)" one/index.m3u8
'
check 'no field of a viewer stands for it' '
	for field in Edge-Token Edge-Signed Edge-Key
	do
		test "$(code -H "$field: true" "$edge/live/one/index.m3u8")" = 403
	done
'
check 'a browser may ask whether it may' '
	test "$(code -X OPTIONS -H "Origin: http://x" -H "Access-Control-Request-Method: GET" \
		"$edge/$path/live/one/index.m3u8")" = 204
'
check 'the key is not in the configuration' '! grep -q "$(cat key)" e.vcl'
growing /live/one/g.m4s
head -c 3000 /dev/zero >&9
curl -s -N -r 1000- -o range -D head "$edge/$path/live/one/g.m4s" 9>&- & range=$!
check 'ranges of what grows are given by one' 'eventually test -s range'
grown
wait "$range"
check 'to the end' 'test "$(wc -c <range)" -eq 2000; grep -q " 206" head'
stop_all
done_testing
