#!/bin/sh
# The edge when origins fail: what is stale, the second origin, one that comes back;
# and what is taken out of the edge by hand.
. "$(dirname "$0")/lib.sh"
need 'no varnishd' command -v varnishd
. "$top/t/origin.sh"
. "$top/t/varnish.sh"

put () {
	printf '%s\n' "$3" | curl -sf -T - -o /dev/null "$1$2"
}
shows () {
	test "$(curl -s "$edge$1")" = "$2"
}
list () {
	printf '#EXTM3U\n# %s' "$1"
}

# ---- one origin
origin one
one=$url
edge single --grace 10min "$one"
put "$one" /live/p.m3u8 "$(list a)"
put "$one" /live/s.m4s segment
put "$one" /live/never.m4s never
check 'an origin that is well is asked' '
	eventually shows /live/p.m3u8 "$(list a)"
	shows /live/s.m4s segment
	put "$one" /live/p.m3u8 "$(list b)"
	eventually shows /live/p.m3u8 "$(list b)"
'
kill_named one -9
sleep 1.1		# until the playlist is stale
check 'when it has died, viewers get what is stale: the first, and 50 at once' '
	shows /live/p.m3u8 "$(list b)"
	curl -s -o /dev/null -Z --parallel-immediate --parallel-max 50 \
		-w "%{http_code}\n" "$edge/live/p.m3u8#[1-50]" >codes
	test "$(grep -c 200 codes)" -eq 50
	curl -s -o got -D head -H "X-Cache-Debug: 1" "$edge/live/p.m3u8"
	grep -qi "^x-cache: stale" head
'
check 'what the edge does not have is 503, which pages can read' '
	curl -s -o got -D head "$edge/live/never.m4s"
	grep -q "^HTTP/1.1 503" head
	grep -qi "^retry-after: 1" head
	grep -qi "^access-control-allow-origin: \*" head
'
mstore-serve -q -l "${one#http://}" --root one 2>one.log & started one $!
put_again () {
	put "$one" /live/p.m3u8 "$(list c)"
}
check 'when it is there again, its word counts again' '
	eventually put_again
	eventually shows /live/p.m3u8 "$(list c)"
	eventually shows /live/never.m4s never
'

# ---- by hand
check 'PURGE takes one path, with its queries' '
	put "$one" /live/x/v1.m4s old
	put "$one" /live/x/v2.m4s old
	put "$one" /live/x.y/v1.m4s old
	put "$one" /live/xzy/v1.m4s old
	for path in x/v1 x/v2 x.y/v1 xzy/v1
	do
		shows /live/$path.m4s old
	done
	for path in x/v1 x/v2 x.y/v1 xzy/v1
	do
		put "$one" /live/$path.m4s new
		shows /live/$path.m4s old
	done
	test "$(code -X PURGE "$edge/live/x/v1.m4s")" = 200
	shows /live/x/v1.m4s new
	shows /live/x/v2.m4s old
'
check 'BAN takes what begins so, and a dot is a dot' '
	test "$(code -X BAN "$edge/live/x.y/")" = 200
	shows /live/x.y/v1.m4s new
	shows /live/xzy/v1.m4s old
	shows /live/x/v2.m4s old
	test "$(code -X BAN "$edge/live/x")" = 200
	shows /live/xzy/v1.m4s new
	shows /live/x/v2.m4s new
'
check 'what is not a path is refused' '
	test "$(code -X BAN -g "$edge/live/a\"b")" = 400
	test "$(code -X PURGE "$edge/live/a?b")" = 400
'
kill_named single
edge closed --purge 192.0.2.1 "$one"
check 'who is not on the list may not' '
	shows /live/x/v1.m4s new
	put "$one" /live/x/v1.m4s newer
	test "$(code -X PURGE "$edge/live/x/v1.m4s")" = 405
	test "$(code -X BAN "$edge/live/")" = 405
	shows /live/x/v1.m4s new
'
kill_named closed

# ---- two origins
origin two
two=$url
edge both --grace 0s "$one" "$two"
for number in 1 2 3 4 5 6
do
	put "$one" "/live/n$number.m4s" one
	put "$two" "/live/n$number.m4s" two
done
check 'the first is asked' 'shows /live/n1.m4s one; shows /live/n2.m4s one'
kill_named one -9
check 'the second, as soon as the first has died' '
	shows /live/n3.m4s two
	shows /live/n4.m4s two
'
mstore-serve -q -l "${one#http://}" --root one 2>one.log & started one $!
n=100
back () {
	n=$((n + 1))
	put "$one" "/live/n$n.m4s" one &&
	put "$two" "/live/n$n.m4s" two &&
	shows "/live/n$n.m4s" one
}
check 'and the first again when it is there' 'eventually back'
kill_named two -9
check 'which goes on without the second' 'shows /live/n5.m4s one'
kill_named both
origin two -l "${two#http://}"
edge spread --balance --grace 0s "$one" "$two"
for number in 1 2 3 4 5 6 7 8 9
do
	put "$one" "/live/b$number.m4s" one
	put "$two" "/live/b$number.m4s" two
	curl -s "$edge/live/b$number.m4s" >>spread
done
check 'with --balance both are asked' 'grep -q one spread; grep -q two spread'
kill_named two -9
check 'and one when the other has died' '
	for number in 1 2 3 4 5 6 7 8 9
	do
		put "$one" "/live/c$number.m4s" one
		shows "/live/c$number.m4s" one
	done
'
kill_named one
check 'none at all: 503' 'test "$(code "$edge/live/none.m4s")" = 503'
stop_all
done_testing
