#!/bin/sh
# mlive-ingest: live HLS, written while it is read.
. "$(dirname "$0")/lib.sh"
need 'no ffmpeg' ffmpeg -version
. "$top/t/hls.sh"

writers=
trap 'kill $writers $server; wait $writers $server; rm -rf "$scratch"' EXIT

# live DIR option...: a playlist that ffmpeg writes in real time, for longer than we need it
live () {
	mkdir "$1"
	live=$1
	shift
	ffmpeg -nostdin -v error -re -stream_loop -1 -i film.mp4 -t 90 -c copy -f hls -hls_time 1 \
		-hls_list_size 6 -hls_flags program_date_time+delete_segments "$@" \
		"$live/i.m3u8" &
	writers="$writers $!"
}

film film.mp4
serve .
live ts
live fmp4 -hls_segment_type fmp4
printf 0123456789abcdef >key
printf '../key\nkey\n' >aesinfo
live aes -hls_key_info_file aesinfo

segments () {
	test -s "$1/i.m3u8" && test "$(grep -c EXTINF "$1/i.m3u8")" -ge "$2"
}
for kind in ts fmp4 aes
do
	within 15 segments $kind 5
done
cp -r ts early
: >"$log"
for kind in ts fmp4 aes
do
	mlive-ingest -v -s $kind.stats -t 6s "$url/$kind/i.m3u8" >$kind.out 2>$kind.err &
	readers="$readers $!"
done
date +%s%N >began
status=0
for reader in $readers
do
	wait "$reader" || status=$?
done
date +%s%N >ended
export status

check 'each ends by itself after the time asked for' '
	test $status -eq 0
	ls -l ./*.out
	cat ./*.err
'
check 'it begins three target durations from the end, not with the first segment' '
	first=$(sed -n "s/^200 .*\/ts\/i\([0-9]*\)\.ts/\1/p" "$log" | head -n 1)
	list=$(sed -n "s/^#EXT-X-MEDIA-SEQUENCE://p" early/i.m3u8)
	echo "first $first, the playlist began at $list"
	test "$first" -gt "$list"
'
check 'what comes in bursts goes out at the pace of the stream' '
	ms=$((($(cat ended) - $(cat began)) / 1000000))
	echo "took $ms ms"
	test $ms -ge 5500
'
for start in -4=4 0=5 1.5=4 -0.5=3 -60=5
do
	export start
	check "EXT-X-START:TIME-OFFSET=${start%=*}: begins ${start#*=} segments from the end" '
		rm -rf start
		cp -r early start
		grep "^i" early/i.m3u8 | tail -n 5 >list
		{ echo "#EXTM3U"; echo "#EXT-X-START:TIME-OFFSET=${start%=*}"; echo "#EXT-X-TARGETDURATION:1"
			sed "s/^/#EXTINF:1,\n/" list; } >start/i.m3u8
		: >"$log"
		mlive-ingest -t 500ms "$url/start/i.m3u8" >out.ts
		first=$(sed -n "s/^200 .*\/start\/\(i[0-9]*\.ts\)/\1/p" "$log" | sort -V | head -n 1)
		echo "first $first of $(cat list)"
		test "$first" = "$(tail -n "${start#*=}" list | head -n 1)"
	'
done
for kind in ts fmp4 aes
do
	export kind
	check "$kind: nothing is lost, and times go forward" '
		forward $kind.out
		ff -i $kind.out -f null - 2>messages
		test ! -s messages
		mlive-ingest $kind.out 2>&1 >again | grep "lost=0 bad=0"
		tail -n 1 $kind.stats | grep "\"hls_segments_missed\":0"
		pictures=$(frames $kind.out | wc -l)
		echo "$pictures pictures"
		test "$pictures" -ge 145
		test "$pictures" -le 152
	'
done
check 'a clock packet each second, at the rate of the stream' '
	clocks ts.out >clocks
	cat clocks
	test "$(wc -l <clocks)" -ge 6
	awk "NR == 1 { utc = \$1; pcr = \$2 }
		{ off = (\$1 - utc) / 1000000 - (\$2 - pcr) / 90; if (off < -45 || off > 45) exit 1 }" clocks
'
check 'the clock is that of EXT-X-PROGRAM-DATE-TIME' '
	number=$(sed -n "s/^\(i[0-9]*\.ts\)/\1/p" early/i.m3u8 | tail -n 1)
	date=$(grep -B1 "^$number" early/i.m3u8 | sed -n "s/^#EXT-X-PROGRAM-DATE-TIME://p")
	utc=$(date -d "$date" +%s%N)
	pts=$(ffprobe -v error -select_streams v -show_entries packet=pts -of csv=p=0 "early/$number" | head -n 1 | tr -dc 0-9)
	echo "$number at $pts is $date"
	clocks ts.out | awk -v utc=$utc -v pts=$pts "
		{ off = (\$1 - utc) / 1000000 - (\$2 - pts) / 90; print off }
		off < -45 || off > 45 { bad = 1 }
		END { exit bad }"
'
check 'a segment that answers 404 at first, 503 for the playlist: nothing lost' '
	mlive-ingest -v -s stats -t 3s "$url/status=404x1/ts/i.m3u8" >out.ts 2>err || test $? -eq 1
	mlive-ingest -v -s stats -t 3s "$url/status=503x1/fmp4/i.m3u8" >out.ts 2>err
	grep "status 503: trying again" err
	tail -n 1 stats | grep "\"hls_segments_missed\":0,.*\"hls_retries\":[1-9]"
	forward out.ts
'
check 'a playlist that stands still is said to be stale, and that it goes on' '
	mkdir still
	cp early/* still
	mlive-ingest -v -s stats "$url/still/i.m3u8" >out.ts 2>err & pid=$!
	within 10 grep "is stale" err
	next=$(tail -n 1 still/i.m3u8 | tr -dc 0-9)
	printf "#EXTINF:1,\nnil.ts\n#EXTINF:1,\ni%d.ts\n#EXT-X-ENDLIST\n" "$next" >more
	cat still/i.m3u8 more >still/new
	mv still/new still/i.m3u8
	within 30 grep "missing: status 404" err
	wait $pid
	grep "goes on" err
	tail -n 1 stats | grep "\"hls_segments_missed\":1"
'
check 'a playlist that is none for a while: said once, and it goes on' '
	mkdir page
	cp early/* page
	mlive-ingest -v -s page.stats "$url/page/i.m3u8" >page.ts 2>err & pid=$!
	within 10 test -s page.ts
	echo "<html>Good morning</html>" >page/i.m3u8
	errors () { tail -n 1 page.stats | grep "\"hls_reload_errors\":[3-9]"; }
	within 20 errors
	{ cat early/i.m3u8; echo "#EXT-X-ENDLIST"; } >page/new
	mv page/new page/i.m3u8
	wait $pid
	grep "page/i.m3u8. is there again" err
	test "$(grep -c "no playlist" err)" -eq 1
'
check 'SIGTERM ends it with 0' '
	mlive-ingest "$url/ts/i.m3u8" >last.ts & pid=$!
	eventually test -s last.ts
	kill $pid
	wait $pid
'
done_testing
