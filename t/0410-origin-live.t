#!/bin/sh
# Low-latency HLS from the origin: each delivery directive, good and bad, and
# what a playlist promises.
. "$(dirname "$0")/lib.sh"
. "$top/t/origin.sh"

# playlist LAST PARTS [LINE...]: whole segments 10 to LAST of 4 s, then PARTS
# parts of half a second of the next one.
playlist () {
	last=$1 parts=$2
	shift 2
	printf '%s\n' '#EXTM3U' '#EXT-X-TARGETDURATION:1' '#EXT-X-VERSION:9' \
		"#EXT-X-SERVER-CONTROL:${control-CAN-BLOCK-RELOAD=YES,PART-HOLD-BACK=1.5,CAN-SKIP-UNTIL=6}" \
		'#EXT-X-PART-INF:PART-TARGET=0.5' '#EXT-X-MEDIA-SEQUENCE:10'
	n=10
	while test "$n" -le "$last"
	do
		test "$n" -lt "$last" || printf '#EXT-X-PART:DURATION=0.5,URI="%d.%d.m4s"\n' \
			"$n" 0 "$n" 1
		printf '#EXTINF:1.0,\n%d.m4s\n' "$n"
		n=$((n + 1))
	done
	i=0
	while test "$i" -lt "$parts"
	do
		printf '#EXT-X-PART:DURATION=0.5,URI="%d.%d.m4s"\n' "$n" "$i"
		i=$((i + 1))
	done
	test $# -eq 0 || printf '%s\n' "$@"
}

publish () {
	playlist "$@" | curl -sf -T - "$url/${at-live/v1}/p.m3u8" -H 'Content-Length:' \
		-o /dev/null
}

held () {
	test "$(curl -s "$admin/metrics" | sed -n 's/^mstore_held_requests //p')" -eq "$1"
}

# ask NAME QUERY [OPTION...]: in the background, "STATUS" then the body in NAME.
ask () {
	name=$1 query=$2
	shift 2
	: >"$name.code"
	curl -s -m 60 "$@" -D "$name.head" -o "$name" -w '%{http_code}\n' \
		"$url/live/v1/$query" >"$name.code" &
}

answered () {
	eventually test -s "$1.code"
	test "$(cat "$1.code")" = "$2"
}

serve --max-age-playlist 1s --threads 3
publish 20 1
last () {
	sed -n 's/^\([0-9]*\)\.m4s\r*$/\1/p' "$1" | tail -n 1
}

# ---- the table: what each directive gives at once, with segment 20 whole and
# part 0 of 21 there
: >table
while read -r query want
do
	# shellcheck disable=SC2046
	set -- $(curl -s -o body -w '%{http_code} %{time_total}\n' \
		"$url/live/v1/p.m3u8?$query")
	printf '%-36s %s %s\n' "$query" "$1" "$2" >>table
	check "'$query' is answered $want" "test '$1' = '$want'"
done <<EOF
_HLS_msn=1 200
_HLS_msn=20 200
_HLS_msn=20&_HLS_part=0 200
_HLS_msn=20&_HLS_part=1 200
_HLS_msn=20&_HLS_part=2 200
_HLS_msn=20&_HLS_part=50 200
_HLS_msn=21&_HLS_part=0 200
_HLS_part=0&_HLS_msn=21 200
_HLS_msn=23 400
_HLS_msn=23&_HLS_part=0 400
_HLS_msn=21&_HLS_part=7 400
_HLS_msn=22&_HLS_part=6 400
_HLS_part=1 400
_HLS_msn=-1 400
_HLS_msn=x 400
_HLS_msn=21&_HLS_part=x 400
_HLS_msn=99999999999999999999999 400
_HLS_skip=YES 200
_HLS_skip=v2 200
_HLS_skip=NO 200
other=1 200
EOF
sed 's/^/# /' table
check 'a refusal can be kept for a second, by a cache' '
	curl -s -D head -o body "$url/live/v1/p.m3u8?_HLS_msn=99"
	grep -qi "^cache-control: public, max-age=1" head
'
check 'an answer to a directive can be kept for six target durations' '
	curl -s -D head -o body "$url/live/v1/p.m3u8?_HLS_msn=20"
	grep -qi "^cache-control: public, max-age=6" head
'
check 'one without is kept as playlists are' '
	curl -s -D head -o body "$url/live/v1/p.m3u8"
	grep -qi "^cache-control: public, max-age=1" head
'

# ---- blocking
ask next 'p.m3u8?_HLS_msn=21&_HLS_part=1'
ask whole 'p.m3u8?_HLS_msn=21'
ask after 'p.m3u8?_HLS_msn=22&_HLS_part=0'
ask zip 'p.m3u8?_HLS_msn=21&_HLS_part=1&_HLS_skip=YES' --compressed
check 'four requests are held' 'eventually held 4'
publish 20 2
check 'the next part ends the wait for it' 'answered next 200; answered zip 200'
check 'with all of the playlist' 'playlist 20 2 | cmp - next'
check 'a delta update too, compressed' '
	grep -qi "^content-encoding: gzip" zip.head
	grep -qx "#EXT-X-SKIP:SKIPPED-SEGMENTS=5" zip
	test "$(last zip)" = 20
'
check 'the others go on waiting' 'held 2'
publish 21 0
check 'a whole segment ends the wait for it' '
	answered whole 200
	test "$(last whole)" = 21
	held 1
'
publish 21 1
check 'and the first part of the one after' '
	answered after 200
	grep -q "22.0.m4s" after
'
check 'a HEAD waits as well' '
	code -I "$url/live/v1/p.m3u8?_HLS_msn=22&_HLS_part=1" >head.code & head=$!
	eventually held 1
	publish 21 2
	wait $head
	grep 200 head.code
'
ask ended 'p.m3u8?_HLS_msn=23'
eventually held 1
publish 21 3 '#EXT-X-ENDLIST'
check 'the end of the playlist ends every wait' '
	answered ended 200
	grep -q ENDLIST ended
'
check 'and then nothing is waited for' '
	test "$(code "$url/live/v1/p.m3u8?_HLS_msn=22&_HLS_part=5")" = 200
'
publish 21 1
ask gone 'p.m3u8?_HLS_msn=22' -m 1
check 'who goes away is not waited for' '
	answered gone 000
	eventually held 0
'
ask late 'p.m3u8?_HLS_msn=22&_HLS_part=1'
check 'after three target durations the answer is 503' '
	answered late 503
	grep -qi "^retry-after: 1" late.head
'
ask deleted 'p.m3u8?_HLS_msn=22'
eventually held 1
check 'a playlist that is deleted is not there' '
	curl -sf -X DELETE "$url/live/v1/p.m3u8"
	answered deleted 404
'
publish 21 1
ask jumped 'p.m3u8?_HLS_msn=22'
eventually held 1
publish 12 0
check 'one that begins anew refuses what it is not near to' 'answered jumped 400'
publish 21 1
check 'what another program writes into the folder counts' '
	ask file "p.m3u8?_HLS_msn=22&_HLS_part=1"
	eventually held 1
	playlist 21 2 >root/live/v1/new
	mv root/live/v1/new root/live/v1/p.m3u8
	answered file 200
	grep -q "22.1.m4s" file
'

# ---- a playlist that promises nothing
control=PART-HOLD-BACK=1.5 at=live/v2 publish 20 1
check 'without CAN-BLOCK-RELOAD directives do not count' '
	test "$(code "$url/live/v2/p.m3u8?_HLS_msn=99")" = 200
	test "$(code "$url/live/v2/p.m3u8?_HLS_part=1")" = 200
'
check 'nor _HLS_skip without CAN-SKIP-UNTIL' '
	curl -s "$url/live/v2/p.m3u8?_HLS_skip=YES" >skip
	curl -s "$url/live/v2/p.m3u8" | cmp - skip
'

# ---- hints
publish 21 1 '#EXT-X-PRELOAD-HINT:TYPE=PART,URI="22.1.m4s"' \
	'#EXT-X-PRELOAD-HINT:TYPE=PART,URI="22.m4s",BYTERANGE-START=0'
check 'what is not promised is missing, after a moment' '
	test "$(code "$url/live/v1/22.2.m4s")" = 404
	test "$(code "$url/live/v3/22.2.m4s")" = 404
'
written () {
	find root/.mstore -type f -size 4c | grep -q .
}
mkfifo slow
ask hint '22.1.m4s'
check 'a part that is promised is waited for' 'eventually held 1'
curl -s -T - "$url/live/v1/22.1.m4s" <slow >put.out &
put=$!
exec 9>slow
printf 'half' >&9
check 'not a byte of it comes before all of it has' '
	eventually written
	held 1
	test ! -s hint
'
printf ' and half' >&9
exec 9>&-
wait "$put"
check 'then all of it does' 'answered hint 200; test "$(cat hint)" = "half and half"'
mkfifo slow2
ask range '22.m4s' -N -H 'Range: bytes=0-'
eventually held 1
curl -s -T - "$url/live/v1/22.m4s" <slow2 >put.out &
put=$!
exec 9>slow2
printf 'chunk one' >&9
check 'a range of a segment that is promised begins with its first chunk' '
	eventually grep -q "chunk one" range
	held 0
'
exec 9>&-
wait "$put"
check 'and ends with it' 'answered range 206'
publish 21 1 '#EXT-X-PRELOAD-HINT:TYPE=PART,URI="/live/v1/../v1/22.7.m4s?x=1"'
ask withdrawn '22.7.m4s'
eventually held 1
publish 21 2
check 'a promise that is withdrawn ends in 404' 'answered withdrawn 404'
publish 21 2 '#EXT-X-PRELOAD-HINT:TYPE=PART,URI="22.8.m4s"'
ask never '22.8.m4s'
check 'so does one that is never kept' 'eventually held 1; answered never 404'

paths () {
	test "$(curl -s "$admin/metrics" | sed -n 's/^mstore_held_paths //p')" -le "$1"
}
publish 21 2 '#EXT-X-PRELOAD-HINT:TYPE=PART,URI="22.9.m4s"'
check 'names that were only asked for are not remembered' '
	curl -s -Z --parallel-max 50 -o /dev/null "$url/live/v1/none[1-50].m4s"
	eventually paths 5
'
check 'OPTIONS and PUT tell a packager that it may promise this' '
	curl -s -X OPTIONS -D head "$url/live/v1/"
	grep -qi "^mstore-ll-hls: 1" head
	curl -s -T body -D head "$url/live/v1/x"
	grep -qi "^mstore-ll-hls: 1" head
'

# ---- the end of the server
publish 21 1
ask stopped 'p.m3u8?_HLS_msn=22'
eventually held 1
stop_serving
check 'who waits when it ends is told so' 'answered stopped 503'
done_testing
