#!/bin/sh
# mpkg-segment: delivery to a server that fails, the window, kill and restart.
. "$(dirname "$0")/lib.sh"
# shellcheck disable=SC2154
. "$top/t/tls.sh"
need 'no ffmpeg' command -v ffmpeg

ffmpeg -v error -f lavfi -i testsrc2=size=320x180:rate=25:duration=16 \
	-f lavfi -i sine=frequency=440:sample_rate=48000:duration=16 \
	-c:v libx264 -preset ultrafast -bf 2 -g 25 -keyint_min 25 -sc_threshold 0 \
	-c:a aac -b:a 64k -f mpegts a.ts </dev/null
half=$(($(wc -c <a.ts) * 188 / 376 / 188 * 188))
head -c "$half" a.ts >first.ts

port=$(free_port)
url=http://127.0.0.1:$port/live
mkdir server
perl "$top/t/putd.pl" "$port" server & server=$!
trap 'kill $server; rm -rf "$scratch"' EXIT
eventually curl -s -o /dev/null "$url/none"

media () {
	grep -h "m4s$" "$1" | tr '\n' ' '
}

# kept TRACK PLAYLIST - its segments that are no gap.
kept () {
	awk -v track="$1" '/GAP/ { gap = 1 }
		/m4s/ { if (!gap) print track "/" $0; gap = 0 }' "$2"
}

# What a manifest points at, when a template stands before its Representation.
named () {
	sed "s/[<>]/\n/g" "$1" | awk -F "\"" "
		/^SegmentTemplate/ {
			sub(/.*startNumber=./, \"\")
			start = \$0 + 0
			n = 0
		}
		/^S / { n += 1; if (match(\$0, / r=.[0-9]*/)) n += substr(\$0, RSTART + 4, RLENGTH - 4) }
		/^Representation / { for (i = 0; i < n; i++) print \$2 \"/\" start + i \".m4s\" }"
}

check 'what is PUT to a server is what is put into a directory' '
	mpkg-segment -q --segment 1s --vod -o dir <a.ts
	mpkg-segment -q --segment 1s --vod -o "$url/vod/" <a.ts
	diff -r dir server/www/live/vod
'
check 'playlists come after what they name' '
	! sed -n "s,^PUT /live/vod/,,p" server/log | awk "
		/m3u8|mpd/ { lists = 1 }
		/m4s|mp4/ && lists { print; bad = 1 }
		END { exit !bad }"
'
check 'a server that answers 503 for a while gets everything in the end' '
	touch server/fail
	mpkg-segment -q --segment 1s --event -o "$url/late" <a.ts 2>err & pid=$!
	eventually grep "cannot deliver" err
	rm server/fail
	wait $pid
	diff -r -I "^#EXT-X-PLAYLIST-TYPE" dir/v1 server/www/live/late/v1
	test "$(grep -c . err)" -eq 1
'
check 'a server that refuses ends it with status 1, and the reason is told' '
	touch server/refuse
	fails 1 mpkg-segment -q --segment 1s --vod -o "$url/no" <a.ts 2>err
	rm server/refuse
	grep "refuses objects: HTTP status 403" err
'
check 'the token comes from a file' '
	echo secret >server/token
	echo wrong >wrong
	fails 1 mpkg-segment -q --vod -o "$url/token" --token-file wrong <a.ts
	mpkg-segment -q --vod -o "$url/token" --token-file server/token <a.ts
	rm server/token
'
check 'https: the certificates to trust are those that the environment names' '
	port=$(free_port)
	tls "$port" .
	mpkg-segment --vod -o "https://127.0.0.1:$port/tls" <a.ts 2>err & pid=$!
	eventually grep "cannot read back .*certificate" err
	kill -9 $pid
	# That server has an error page only, but it is believed.
	SSL_CERT_FILE=ca.pem mpkg-segment --vod -o "https://127.0.0.1:$port/tls" <a.ts 2>err & pid=$!
	eventually grep "cannot use .mpkg-segment.json" err
	kill -9 $pid
'
check 'a dead server stalls nobody: what does not fit is dropped and told' '
	cat a.ts a.ts a.ts >long.ts
	touch server/fail
	mkfifo dead
	mpkg-segment --segment 1s --window 60s --buffer 300k -o "$url/dead" <dead 2>err & pid=$!
	cat long.ts >dead
	eventually grep "are dropped" err
	rm server/fail
	fails 1 wait $pid
	grep "#EXT-X-GAP" server/www/live/dead/v1/index.m3u8
	kept v1 server/www/live/dead/v1/index.m3u8 >names
	test -s names
	for name in $(cat names)
	do
		test -s "server/www/live/dead/$name"
	done
	test -s server/www/live/dead/v1/init.mp4
	test -s server/www/live/dead/a1/init.mp4
'
check 'nor does the manifest point at them: their Period ends, and then the next begins' '
	named server/www/live/vod/index.mpd | sort >all
	(cd server/www/live/vod && ls ?1/*.m4s) | sort | diff - all
	named server/www/live/dead/index.mpd >names
	test "$(grep -c a1 names)" -ge 2
	for name in $(cat names)
	do
		test -s "server/www/live/dead/$name"
	done
	for track in a1 v1
	do
		kept $track server/www/live/dead/$track/index.m3u8
	done | sort >promised
	sort names | diff - promised
'
check 'a live window keeps its size, and what left it is deleted' '
	mpkg-segment -q --segment 1s --window 3s -o window <a.ts
	test "$(media window/v1/index.m3u8)" = "14.m4s 15.m4s 16.m4s "
	test ! -e window/v1/8.m4s
	test -s window/a1/11.m4s
	mpkg-segment -q --segment 1s --window 3s -o "$url/window" <a.ts
	diff -r window server/www/live/window
'
check 'after kill -9 the same presentation goes on' '
	mkfifo pipe
	mpkg-segment -q --segment 1s --event -o killed <pipe & pid=$!
	exec 9>pipe
	mlive-ingest -q first.ts >&9
	eventually grep -x 5.m4s killed/v1/index.m3u8
	kill -9 $pid
	wait $pid || true
	exec 9>&-
	grep "EXT-X-PLAYLIST-TYPE:EVENT" killed/v1/index.m3u8
	mlive-ingest -q a.ts | mpkg-segment -q --segment 1s --event -o killed
	mlive-ingest -q a.ts | mpkg-segment -q --segment 1s --event -o whole
	diff -r whole killed
'
check 'a server that hangs is asked again for what an earlier run left' '
	mkfifo line
	mpkg-segment -q --segment 1s --event -o "$url/again" <line & pid=$!
	exec 9>line
	mlive-ingest -q first.ts >&9
	eventually grep -x 5.m4s server/www/live/again/v1/index.m3u8
	kill -9 $pid
	wait $pid || true
	exec 9>&-
	touch server/hang
	mlive-ingest -q a.ts >clocked.ts
	mpkg-segment -q --segment 1s --event -o "$url/again" <clocked.ts 2>err & pid=$!
	eventually grep "cannot read back .mpkg-segment.json. from .*, trying again: .*timed out" err
	rm server/hang
	wait $pid
	test "$(grep -c . err)" -eq 1
	diff -r whole server/www/live/again
'
check 'a long event: its state stays small, and kill -9 loses nothing of it' '
	ffmpeg -v error -f lavfi -i testsrc2=size=64x64:rate=10:duration=40 -c:v libx264 \
		-preset ultrafast -g 1 -f mpegts event.ts </dev/null
	mlive-ingest -q event.ts >long.clock
	mkfifo slowly
	for name in dir http
	do
		out=long-$name
		test $name = dir || out=$url/$out
		mpkg-segment -q --segment 100ms --event -o "$out" <slowly & pid=$!
		exec 9>slowly
		head -c $(($(wc -c <long.clock) * 15 / 16 / 188 * 188)) long.clock >&9
		test $name = dir || cd server/www/live
		eventually grep -x 300.m4s long-$name/v1/index.m3u8
		test "$(wc -c <long-$name/mpkg-segment.json)" -lt 25000
		eventually test -s long-$name/mpkg-segment-129.json
		cd "$scratch"
		kill -9 $pid
		wait $pid || true
		exec 9>&-
		mpkg-segment -q --segment 100ms --event -o "$out" <long.clock
	done
	mpkg-segment -q --segment 100ms --event -o long-whole <long.clock
	diff -r long-whole long-dir
	diff -r long-whole server/www/live/long-http
	fails 2 ls long-whole/mpkg-segment-*
'
check 'an unfinished file of another user is in nobody'\''s way' '
	mpkg-segment -q --vod -o ours <a.ts
	for folder in theirs theirs/v1 theirs/a1
	do
		test $folder = theirs || test -d "ours/${folder#*/}"
		mkdir $folder
		echo left >$folder/.mlive-part
		chmod 444 $folder/.mlive-part
	done
	drop=
	test "$(id -u)" -ne 0 || drop="setpriv --bounding-set=-dac_override"
	$drop mpkg-segment -q --vod -o theirs <a.ts
	test "$(cat theirs/v1/.mlive-part)" = left
	rm -f theirs/.mlive-part theirs/*/.mlive-part
	diff -r ours theirs
'
check 'a finished presentation is not gone on with' '
	mpkg-segment -q --segment 1s --event -o whole <first.ts
	grep ENDLIST whole/v1/index.m3u8
	test ! "$(media whole/v1/index.m3u8)" = "$(media killed/v1/index.m3u8)"
'
check 'what cannot be understood beside the playlists is told, and left alone' '
	mkdir -p odd
	echo "{\"version\":1,\"tracks\":7}" >odd/mpkg-segment.json
	mpkg-segment --vod -o odd <a.ts 2>err
	grep "cannot use .mpkg-segment.json" err
	test -s odd/index.m3u8
'
check 'statistics are JSON lines' '
	mkfifo slow
	mpkg-segment -q --vod -o stats -s lines <slow & pid=$!
	exec 9>slow
	cat first.ts >&9
	eventually test -s lines
	exec 9>&-
	wait $pid
	grep "\"tool\":\"mpkg-segment\".*\"segments\":.*\"lag_ms\"" lines
'
done_testing
