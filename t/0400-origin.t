#!/bin/sh
# mstore-serve: put, get, delete, and what a reader is told about an object.
. "$(dirname "$0")/lib.sh"
# shellcheck disable=SC2154
. "$top/t/origin.sh"

serve --threads 1

check 'what was put comes back, byte for byte, and lies there as a file' '
	packets 500 256 >seg
	code -T seg "$url/live/v1/1.m4s" | grep "^201$"
	code -T seg "$url/live/v1/1.m4s" | grep "^204$"
	curl -sf "$url/live/v1/1.m4s" >out
	cmp seg out
	cmp seg root/live/v1/1.m4s
'
check 'a chunked PUT, too' '
	code -T - "$url/live/v1/2.m4s" <seg | grep "^201$"
	cmp seg root/live/v1/2.m4s
'
check 'HEAD has the fields of GET and no body' '
	curl -sfI "$url/live/v1/1.m4s" >out
	grep -i "^content-length: 94000" out
	curl -sf -o body -D get "$url/live/v1/1.m4s"
	sed -i /^Date/d out get
	diff out get
'
check 'what is not there is 404, for a second' '
	curl -s -D out -o body "$url/live/none.m4s"
	grep "^HTTP/1.1 404" out
	grep -i "^cache-control: public, max-age=1" out
'
check 'DELETE removes the object, and folders that are empty' '
	code -T seg "$url/gone/deep/1.ts" | grep 201
	code -X DELETE "$url/gone/deep/1.ts" | grep 204
	code "$url/gone/deep/1.ts" | grep 404
	code -X DELETE "$url/gone/deep/1.ts" | grep 404
	test ! -e root/gone
'
check 'each kind has its type and its time' '
	while read -r name type age
	do
		echo x | code -T - "$url/kind/$name" | grep 201
		curl -sfI "$url/kind/$name" | tr -d "\r" >out
		grep -i "^content-type: $type\(;.*\)*\$" out
		grep -i "^cache-control: public, max-age=$age" out
	done <<-END
	index.m3u8 application/vnd.apple.mpegurl 1\$
	index.mpd application/dash+xml 1\$
	7.m4s video/iso.segment 31536000, immutable
	7.ts video/mp2t 31536000, immutable
	init.mp4 video/mp4 1\$
	page.html text/html 1\$
	END
'
check 'a playlist or manifest that has ended is kept for longer' '
	while read -r name age text
	do
		printf "$text" | code -T - "$url/end/$name" | grep 20
		curl -sfI "$url/end/$name" | grep -i "^cache-control: public, max-age=$age.\$"
	done <<-END
	live.m3u8 1 #EXTM3U\\n#EXTINF:2,\\n1.m4s\\n
	vod.m3u8 60 #EXTM3U\\n#EXTINF:2,\\n1.m4s\\n#EXT-X-ENDLIST\\n
	name.m3u8 1 #EXTM3U\\n#EXTINF:2, #EXT-X-ENDLIST\\n1.m4s\\n
	live.mpd 1 <MPD type="dynamic"><Period/></MPD>
	vod.mpd 60 <MPD type="static"><Period/></MPD>
	plain.mpd 60 <MPD><Period/></MPD>
	half.mpd 1 <MPD
	END
'
stop_serving
done_testing
