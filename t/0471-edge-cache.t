#!/bin/sh
# The edge in front of an origin: many viewers of what grows, of playlists that are
# held and of what is missing cost the origin one request; ranges of what grows.
. "$(dirname "$0")/lib.sh"
need 'no varnishd' command -v varnishd
. "$top/t/origin.sh"
. "$top/t/varnish.sh"

origin one --max-age-playlist 1s --threads 2
edge e --probe none --missing 1s "$url"

# asked N: so many GETs since the last time.
asked () {
	now=$(gets)
	test "$((now - before))" -eq "$1" || {
		echo "$((now - before)) requests at the origin, want $1"
		return 1
	}
}
mark () {
	before=$(gets)
}

# all DIR N FILE: N clients got just that.
all () {
	test ! -e "$1/failed" || { cat "$1/failed" "$1.log"; return 1; }
	test "$(find "$1" -type f | wc -l)" -eq "$2" || { ls "$1"; return 1; }
	for got in "$1"/*
	do
		cmp "$got" "$3" || return 1
	done
}
have () {
	test "$(find "$1" -type f -size +"$3" | wc -l)" -eq "$2"
}
chunk () {
	head -c 30000 /dev/urandom | tee -a "$1" >&9
}

# ---- what grows
mark
growing /live/a.m4s
chunk a
crowd 100 "$edge/live/a.m4s" first & first=$!
check '100 viewers of an object have its beginning before its end is there' '
	eventually have first 100 29999c
'
chunk a
crowd 20 "$edge/live/a.m4s" late & late=$!
check 'those who come late have all there is at once' 'eventually have late 20 59999c'
check 'and the others what is new' 'eventually have first 100 59999c'
chunk a
grown
wait "$first" "$late"
check 'all of them get every byte' 'all first 100 a; all late 20 a'
check 'by one request to the origin' 'asked 1'
check 'and so do those who come when it is whole' '
	curl -s "$edge/live/a.m4s" | cmp - a
	asked 1
'
growing /live/broken.m4s
chunk broken
curl -s -N "$edge/live/broken.m4s" -o cut -w '%{exitcode}' >cut.status 9>&- & cut=$!
eventually test -s cut
kill "$put"
exec 9>&-
wait "$cut"
check 'an upload that fails is no whole object at the viewer' '
	test "$(cat cut.status)" -ne 0
	test "$(code "$edge/live/broken.m4s")" = 404
'

# ---- ranges of it
mark
growing /live/r.m4s
chunk r
head -c 30000 r >r1
for first in 0 10000 30000 45000
do
	curl -s -N -D "head.$first" -o "open.$first" -r "$first-" "$edge/live/r.m4s" 9>&- &
	echo $! >>ranges
done
curl -s -N -D head.big -o open.big -r 10000-9007199254740991 "$edge/live/r.m4s" 9>&- &
echo $! >>ranges
curl -s -N -D head.part -o part -r 20000-39999 "$edge/live/r.m4s" 9>&- &
echo $! >>ranges
crowd 50 "$edge/live/r.m4s" hint -r 30000- &
echo $! >>ranges
check 'a range of what grows begins with what is there' '
	eventually test -s open.0 -a -s open.10000 -a -s part
	eventually cmp open.0 r1
	test ! -s open.30000
'
chunk r
check 'a range that begins at its end, as a hint names it, goes on with it' '
	eventually have hint 50 29999c
	eventually test -s open.45000 -a -s open.30000 -a -s open.big
'
chunk r
grown
while read -r p
do
	wait "$p" || echo "$p failed" >>range.failed
done <ranges
for first in 0 10000 30000 45000
do
	tail -c +$((first + 1)) r >want
	check "bytes=$first- are those" "
		cmp want open.$first
		grep -q '^HTTP/1.1 206' head.$first
		grep -qi '^content-range: bytes $first-9007199254740991/\*' head.$first
	"
done
check 'the end that stands for all is the same' '
	tail -c +10001 r | cmp - open.big
	grep -q "^HTTP/1.1 206" head.big
'
check 'a range with an end has it' '
	tail -c +20001 r | head -c 20000 | cmp - part
	grep -q "^HTTP/1.1 206" head.part
	grep -qi "^content-range: bytes 20000-39999/" head.part
'
check '50 viewers who follow a hint get it byte by byte' '
	tail -c +30001 r >want
	all hint 50 want
	test ! -e range.failed
'
check 'for one request each range, and one of the whole' 'asked 6'
check 'then the whole serves every range' '
	curl -s -r 777-55554 "$edge/live/r.m4s" >got
	tail -c +778 r | head -c 54778 | cmp - got
	curl -s -r -100 "$edge/live/r.m4s" >got
	tail -c 100 r | cmp - got
	test "$(code -r 90000- "$edge/live/r.m4s")" = 416
	curl -s -r 10000- -D head "$edge/live/r.m4s" >got
	tail -c +10001 r | cmp - got
	grep -qi "^content-range: bytes 10000-89999/90000" head
	asked 6
'
check 'several ranges get the whole' '
	curl -s -r 0-1,5-6 "$edge/live/r.m4s" | cmp - r
'

# ---- playlists that are held
playlist () {
	printf '%s\n' '#EXTM3U' '#EXT-X-TARGETDURATION:4' '#EXT-X-VERSION:9' \
		'#EXT-X-SERVER-CONTROL:CAN-BLOCK-RELOAD=YES,PART-HOLD-BACK=1.5,CAN-SKIP-UNTIL=24' \
		'#EXT-X-PART-INF:PART-TARGET=0.5' '#EXT-X-MEDIA-SEQUENCE:10' \
		'#EXTINF:4.0,' 10.m4s '#EXTINF:4.0,' 11.m4s
	i=0
	while test "$i" -lt "$1"
	do
		printf '#EXT-X-PART:DURATION=0.5,URI="%d.%d.m4s"\n' 12 "$i"
		i=$((i + 1))
	done
	printf '#EXT-X-PRELOAD-HINT:TYPE=PART,URI="12.%d.m4s"\n' "$1"
}
publish () {
	playlist "$@" | curl -sf -T - -H 'Content-Length:' -o /dev/null "$url/live/p.m3u8"
}
held () {
	test "$(curl -s "$admin/metrics" | sed -n 's/^mstore_held_requests //p')" -eq "$1"
}
publish 1
mark
crowd 100 "$edge/live/p.m3u8?_HLS_part=1&x=1&_HLS_msn=12&CMCD=br%3D3" held & held=$!
check '100 viewers wait for the next part' 'eventually held 1'
curl -s "$edge/live/p.m3u8?_HLS_msn=12&_HLS_part=1&other=2" -o other & other=$!
crowd 20 "$edge/live/12.1.m4s" part1 & part1=$!
check 'and 20 for the part itself' 'eventually held 2'
echo 'all of the part' >part1.want
curl -sf -T part1.want -o /dev/null "$url/live/12.1.m4s"
publish 2
wait "$held" "$other" "$part1"
playlist 2 >want
check 'all of them get it' 'all held 100 want; cmp other want; all part1 20 part1.want'
check 'by one request for the playlist, and one for the part' 'asked 2'
check 'a directive is kept as long as it may be' '
	curl -s -D head -o got "$edge/live/p.m3u8?_HLS_msn=12&_HLS_part=1"
	cmp got want
	grep -qi "^cache-control: .*max-age=24" head
	grep -qi "^age:" head
	asked 2
'
check 'what is no directive is not sent to the origin' '
	curl -s -o got "$edge/live/p.m3u8?utm=1&CMCD=x"
	curl -s -o got "$edge/live/p.m3u8?utm=2"
	asked 3
'
check 'a refusal of the origin arrives' '
	test "$(code "$edge/live/p.m3u8?_HLS_msn=99")" = 400
	test "$(code "$edge/live/p.m3u8?_HLS_msn=99")" = 400
'
check 'a delta update has an address of its own' '
	before=$(gets)
	test "$(code "$edge/live/p.m3u8?_HLS_msn=11")" = 200
	asked 1
	test "$(code "$edge/live/p.m3u8?_HLS_msn=11&_HLS_skip=YES")" = 200
	asked 2
'
check 'who asks without gzip gets it plain, who asks with it gets gzip' '
	curl -s -H "Accept-Encoding: gzip" -D head -o gz "$edge/live/p.m3u8?_HLS_msn=12&_HLS_part=1"
	grep -qi "^content-encoding: gzip" head
	gzip -dc <gz | cmp - want
'
check 'a playlist is never older than its max-age' '
	curl -s -o got "$edge/live/p.m3u8"
	publish 3
	playlist 3 >want
	fresh () {
		curl -s "$edge/live/p.m3u8" | cmp -s - want
	}
	eventually fresh
'

# ---- what is missing
sleep 1.1	# for what was kept above
mark
curl -s -o /dev/null -Z --parallel-immediate --parallel-max 100 \
	-w '%{http_code}\n' "$edge/live/none.m4s#[1-100]" >codes 2>progress
check '100 requests for what is not there are one' '
	test "$(grep -c 404 codes)" -eq 100
	asked 1
'
echo there | curl -s -T - "$url/live/none.m4s"
there () {
	test "$(curl -s "$edge/live/none.m4s")" = there
}
check 'once it is there, it is' 'eventually there'

# ---- what else a viewer may ask
check 'nobody writes here' '
	test "$(code -T a "$edge/live/w.m4s")" = 405
	test "$(code -X DELETE "$edge/live/a.m4s")" = 405
	test "$(code -X POST -d x "$edge/live/a.m4s")" = 405
	curl -s -D head -X DELETE "$edge/live/a.m4s"
	grep -qi "^allow: GET, HEAD, OPTIONS" head
	curl -s "$url/live/a.m4s" | cmp - a
'
check 'the question of a browser is asked once' '
	for i in 1 2 3
	do
		curl -s -X OPTIONS -H "Origin: http://x" -D head \
			-H "Access-Control-Request-Method: GET" "$edge/live/a.m4s"
		grep -q "^HTTP/1.1 204" head
		grep -qi "^access-control-allow-origin: \*" head
	done
	curl -s "$admin/metrics" | grep "operation=\"options\"} 1$"
'
check 'what the origin says to pages arrives' '
	curl -s -D head -o got -H "Origin: http://x" "$edge/live/a.m4s"
	grep -qi "^access-control-allow-origin: \*" head
	grep -qi "^access-control-expose-headers:" head
'
check 'HEAD, and the condition of a player that has it' '
	curl -sI "$edge/live/a.m4s" >head
	grep -qi "^content-length: 90000" head
	etag=$(sed -n "s/^[Ee][Tt]ag: //p" head | tr -d "\r")
	test "$(code -H "If-None-Match: $etag" "$edge/live/a.m4s")" = 304
'
check 'tricks with paths are refused, before the origin has to' '
	before=$(gets)
	for path in /live/../live/a.m4s /live/%2e%2e/live/a.m4s /live%2fa.m4s //live/a.m4s \
		/live/./a.m4s /live/%5ca
	do
		test "$(code --path-as-is "$edge$path")" = 400
	done
	asked 0
'
check 'the time is always asked for' '
	test "$(code "$edge/.time")" = 200
'
check 'what no viewer may set does not count' '
	curl -s -H "Edge-Range: bytes=5-6" -H "Edge-Stale: 1" -H "Edge-Method: DELETE" \
		-H "Edge-Old: 1" "$edge/live/a.m4s" | cmp - a
'
check 'X-Cache tells who asks where it came from' '
	curl -s -D head -o got -H "X-Cache-Debug: 1" "$edge/live/a.m4s"
	grep -qi "^x-cache: hit [1-9]" head
	curl -s -D head -o got "$edge/live/a.m4s"
	! grep -qi "^x-cache\|^edge-" head
'

# ---- an origin that compresses nothing
port=$(free_port)
mkdir foreign
perl "$top/t/putd.pl" "$port" foreign & started foreign $!
edge plain --probe none "http://127.0.0.1:$port"
check 'what such a playlist lacks the edge adds: gzip, for who takes it' '
	eventually curl -sf -T want -o /dev/null "http://127.0.0.1:$port/p.m3u8"
	curl -s -H "Accept-Encoding: gzip" -D head -o gz "$edge/p.m3u8"
	grep -qi "^content-encoding: gzip" head
	gzip -dc <gz | cmp - want
	curl -s "$edge/p.m3u8" | cmp - want
'
stop_all
done_testing
