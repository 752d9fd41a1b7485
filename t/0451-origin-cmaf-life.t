#!/bin/sh
# CMAF ingest over time: readers that wait, slow senders, several loops, restarts.
. "$(dirname "$0")/lib.sh"
. "$top/t/origin.sh"
need 'no ffmpeg' ffmpeg -version

post () {
	perl "$top/t/cmaf.pl" send POST "$@"
}
chunks () {
	cat "$@" | cksum
}
ffmpeg -v error -f lavfi -i testsrc2=s=160x90:r=25:d=6 -c:v libx264 -preset ultrafast -g 25 \
	-bf 0 -movflags +empty_moov+default_base_moof+cmaf+frag_keyframe \
	-frag_duration 200000 -f mp4 v.mp4 </dev/null || {
	echo '1..0 # SKIP ffmpeg cannot make the track'
	exit 0
}
perl "$top/t/cmaf.pl" split v.mp4 v
# Media time is UTC: such a timeline comes once.
perl "$top/t/cmaf.pl" split v.mp4 e $(($(date +%s) * 12800))
# And this one is of another clock.
perl "$top/t/cmaf.pl" split v.mp4 p $((1767225600 * 12800))
serve --threads 2

check 'a reload that waits is answered when the part comes, a hint with its bytes' '
	post "$url/live/a/v.cmfv" vhead v0? v10 v11 touch:ready wait:asked v12 \
		wait:answered v13 v14 v15 &
	listed () {
		curl -sf "$url/live/a/v/index.m3u8" | grep PRELOAD-HINT
	}
	eventually test -e ready
	eventually listed
	held () {
		test "$(curl -s "$admin/metrics" |
			awk "/^mstore_held_requests/ { print \$2 }")" -ge 1
	}
	curl -sf "$url/live/a/v/index.m3u8?_HLS_msn=2&_HLS_part=2" >reload.m3u8 &
	reload=$!
	curl -sfN -m 60 -r "$(cat v10 v11 | wc -c)-" "$url/live/a/v/25600.m4s" >rest &
	rest=$!
	eventually held
	: >asked
	wait $reload
	come () {
		test "$(cksum <rest)" = "$(chunks v12)"
	}
	eventually come
	: >answered
	wait $rest
	test "$(grep -c "URI=\"25600.m4s\"" reload.m3u8)" -ge 3
	test "$(cksum <rest)" = "$(chunks v12 v13 v14)"
	wait
'

check 'a reader of a segment follows it from one sender to the next, on any loop' '
	for n in 1 2 3 4
	do
		mkdir $n
		post "$url/live/f$n/v.cmfv" vhead v0? touch:$n/a wait:$n/c v1? v2? >$n/second &
		post "$url/live/f$n/v.cmfv" vhead wait:$n/a v0? v10 v11 touch:$n/b wait:$n/r cut &
		eventually test -e $n/b
		there () {
			test "$(curl -s -r 0-9 "$url/live/f$n/v/25600.m4s" | wc -c)" = 10
		}
		eventually there
		for i in 1 2 3
		do
			curl -sfN -m 60 "$url/live/f$n/v/25600.m4s" >$n/read$i &
		done
		begun () {
			test "$(cksum <$n/read$1)" = "$(chunks v10 v11)"
		}
		for i in 1 2 3
		do
			eventually begun $i
		done
		: >$n/r
		: >$n/c
		wait
		test "$(cat $n/second)" = 200
		for i in 1 2 3
		do
			test "$(cksum <$n/read$i)" = "$(chunks v10 v11 v12 v13 v14)"
		done
	done
'

check 'a sender that goes leaves a whole segment behind, after a while' '
	post "$url/live/gone/v.cmfv" vhead v0? v10 half:v11 cut
	whole () {
		curl -s "$url/live/gone/v/index.m3u8" | grep -A9 "^#EXTINF:0.200" | grep 25600
	}
	eventually whole
	curl -sf "$url/live/gone/v/25600.m4s" | cmp - v10
'

check 'many senders of one track at once: what they send is taken once' '
	for n in 1 2 3 4 5 6 7 8
	do
		post "$url/live/many/v.cmfv" vhead v00 touch:m$n wait:all v0[1-9] v[12]? >many$n &
	done
	for n in 1 2 3 4 5 6 7 8
	do
		eventually test -e m$n
	done
	: >all
	wait
	test "$(cat many? | sort | uniq -c | tr -d " ")" = 8200
	curl -s "$url/live/many/v/index.m3u8" >many.m3u8
	test "$(grep "^[^#]" many.m3u8 | while read -r name
		do
			cat "root/live/many/v/$name"
		done | cksum)" = "$(chunks v[0-9]?)"
'

# told CHANNEL: seconds from the date of its newest segment to now
told () {
	echo $(($(date +%s) - $(date +%s -d "$(curl -s "$url/live/$1/v/index.m3u8" |
		sed -n "s/^#EXT-X-PROGRAM-DATE-TIME://p" | tail -n 1)")))
}
in_time () {
	test "$(told "$1")" -ge -15
	test "$(told "$1")" -le 60
}
check 'an encoder that dies in a segment, and comes again with another clock' '
	post "$url/live/clock/v.cmfv" vhead v0? v1? v20 half:v21 cut
	test "$(post "$url/live/clock/v.cmfv" vhead p0? p1?)" = 200
	curl -s "$url/live/clock/v/index.m3u8" >clock.m3u8
	grep -A4 "^#EXT-X-DISCONTINUITY$" clock.m3u8 | grep "^2-$((1767225600 * 12800)).m4s"
	test "$(grep -c EXTINF clock.m3u8)" = 9
	in_time clock
	test "$(curl -s "$url/live/clock/manifest.mpd" | grep -c "<Period")" = 2
	test "$(post "$url/live/clock/v.cmfv" vhead v0? v1?)" = 200
	in_time clock
	test "$(curl -s "$url/live/clock/manifest.mpd" | grep -c "<Period")" = 3
'
check 'two encoders with two clocks at once: one after the other, never mixed' '
	there () {
		curl -sf -r 0-9 "$url/live/two/v/$1.m4s" >/dev/null
	}
	post "$url/live/two/v.cmfv" vhead v0? v10 wait:sent cut &
	eventually there 25600
	post "$url/live/two/v.cmfv" vhead p0? p1? touch:sent wait:taken p2? >other &
	eventually there 2-$((1767225600 * 12800))
	: >taken
	wait
	test "$(cat other)" = 200
	curl -s "$url/live/two/v/index.m3u8" >two.m3u8
	test "$(grep -c "^#EXT-X-DISCONTINUITY$" two.m3u8)" = 1
	grep "^[^#]" two.m3u8 | while read -r name
	do
		cat "root/live/two/v/$name"
	done >got
	cat v0? v10 p[012]? | cmp - got
	in_time two
'
check 'before a restart' '
	test "$(post "$url/live/zero/v.cmfv" vhead v0?)" = 200
	test "$(post "$url/live/epoch/v.cmfv" ehead e0?)" = 200
	post "$url/live/open/v.cmfv" vhead v0? v10 wait:never >/dev/null 2>&1 &
	echo $! >sender
	there () {
		curl -sf -r 0-9 "$url/live/open/v/25600.m4s"
	}
	eventually there >/dev/null
'
pkill -P "$(cat sender)"
stop_serving
serve --threads 2
check 'after a restart media needs its header; names that were used are not used again' '
	test "$(post "$url/live/zero/v.cmfv" v10)" = 412
	test "$(post "$url/live/zero/v.cmfv" vhead v0? v1?)" = 200
	test -e root/live/zero/v/2-0.m4s
	cmp root/live/zero/v/init-2.mp4 vhead
	cat v0[0-4] | cmp - root/live/zero/v/0.m4s
'
check 'what players need to agree with the origin on the time is in the manifest' '
	post "$url/live/timing/v.cmfv" vhead v0? v1? v20 touch:begun wait:looked &
	eventually test -e begun
	timing () {
		curl -s "$url/live/timing/manifest.mpd" | grep "$1"
	}
	eventually timing "<UTCTiming schemeIdUri=\"urn:mpeg:dash:utc:http-iso:2014\" value=\"/.time\"/>"
	timing "<Latency target=\"800\" min=\"400\" max=\"3200\"/>"
	timing "availabilityTimeComplete=\"false\""
	: >looked
	wait
	fails 1 timing "UTCTiming\|Latency"
	curl -sf "$url/.time"
'
check 'but of a timeline that cannot come twice' '
	test "$(post "$url/live/epoch/v.cmfv" ehead e1?)" = 200
	test ! -e root/live/epoch/v/init-2.mp4
	cmp root/live/epoch/v/init.mp4 ehead
	cat root/live/epoch/v/*.m4s | cksum | grep -x "$(chunks e0? e1?)"
'
stop_serving
touch -d "-10 minutes" root/live/zero/v/*
cp -p root/live/zero/v/0.m4s root/live/zero/v/00.m4s
cp -p root/live/zero/v/0.m4s root/live/zero/v/kept.m4s
cp -p root/live/zero/v/0.m4s root/live/zero/0.m4s
touch root/live/zero/v/12800.m4s
serve --threads 2 --cmaf-window 3s
check 'what earlier runs left goes when the window has passed, and nothing else' '
	test "$(post "$url/live/zero/v.cmfv" vhead v0? v1?)" = 200
	eventually test ! -e root/live/zero/v/0.m4s
	eventually test ! -e root/live/zero/v/2-0.m4s
	code "$url/live/zero/v/0.m4s" | grep 404
	test -e root/live/zero/v/12800.m4s
	test -e root/live/zero/v/00.m4s
	test -e root/live/zero/v/kept.m4s
	test -e root/live/zero/0.m4s
	cmp root/live/zero/v/init.mp4 vhead
	cmp root/live/zero/v/init-2.mp4 vhead
	for name in $(curl -sf "$url/live/zero/v/index.m3u8" | grep "^[^#]")
	do
		code "$url/live/zero/v/$name" | grep 200
	done
'
stop_serving
done_testing
