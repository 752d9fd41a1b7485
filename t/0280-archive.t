#!/bin/sh
# mlive-archive: pieces, their list, two machines, names, places, and mistakes.
. "$(dirname "$0")/lib.sh"
. "$top/t/chain.sh"
# shellcheck source=/dev/null
. "${top:-.}/t/encode.sh"
need 'not built' mlive-archive --version
film
clip 12 in.ts 360

# listed DIR KEY - what the manifest has of each piece, a line each.
listed () {
	perl -MJSON::PP -0777 -ne 'BEGIN { $k = shift } my $m = decode_json($_);
		print $_->{$k} // 0, "\n" for @{$m->{pieces}}' "$2" <"$1/index.json"
}

# joined DIR - all pieces in the order of the manifest, without copied tables.
joined () {
	listed "$1" path >paths
	listed "$1" copied >copies
	paste -d " " copies paths | while IFS=" " read -r n path
	do
		tail -c "+$((n + 1))" "$1/$path"
	done
}

# true_list DIR - sizes and checksums of the manifest are those of the files.
true_list () {
	listed "$1" path >paths
	listed "$1" sha256 >sums
	listed "$1" bytes >sizes
	(cd "$1" || exit; xargs sha256sum <../paths) | cut -d ' ' -f 1 | diff sums -
	(cd "$1" || exit; xargs stat -c %s <../paths) | diff sizes -
}

# begins FILE - with a PAT and a PMT, and what follows decodes from its first picture on.
begins () {
	test "$(head -c 3 "$1" | od -An -tx1)" = " 47 40 00"
	ffprobe -v error -show_entries packet=flags -select_streams v:0 -read_intervals '%+#1' \
		-of csv=p=0 "$1" | grep -q K
}

check 'a recording: the pieces are the stream, begin with tables and a key picture' '
	mlive-archive -q -s stats -e 4s -o a <in.ts
	test "$(listed a path | wc -l)" -ge 3
	joined a | cmp - in.ts
	cat a/*.ts | cmp - in.ts
	for piece in $(ls a/*.ts | sed 1d); do begins "$piece"; done
	true_list a
	test "$(counter stats synced_bytes)" -eq "$(wc -c <in.ts)"
	test "$(grep -c "\"event\":\"piece\"" stats)" -eq "$(ls a/*.ts | wc -l)"
	test -z "$(find a/.spool -name "*.ts")"
'
check 'a list that grows: older pieces are in parts, which do not change any more' '
	mlive-archive -q -c none -e 1s --list 2 -o grown <in.ts
	mlive-archive -q -c none -e 1s -o grown <in.ts 2>err
	grep "has parts of 2, and goes on with them" err
	n=$(ls grown/*.ts | wc -l)
	parts=$(ls grown/index-*.json | wc -l)
	test "$parts" -ge 2
	perl -MJSON::PP -0777 -ne "print join(qq{\n}, @{decode_json(\$_)->{parts}}), qq{\n}" \
		grown/index.json >names
	(cd grown && ls index-*.json) | diff names -
	test "$(grep -c "\"number\":" grown/index.json)" -le 4
	for list in grown/index-*.json grown/index.json
	do
		perl -MJSON::PP -0777 -ne "print qq{\$_->{number} \$_->{path}\n} for @{decode_json(\$_)->{pieces}}" "$list"
	done >all
	seq "$n" >numbers
	cut -d " " -f 1 all | diff numbers -
	(cd grown && cut -d " " -f 2 ../all | xargs cat) >got
	cat in.ts in.ts | cmp - got
	grep "#EXT-X-MEDIA-SEQUENCE:$((2 * parts))$" grown/index.m3u8
	grep "#EXT-X-PLAYLIST-TYPE:VOD" grown/index-000001.m3u8
	test "$(grep -c "^[^#]" grown/index-000001.m3u8)" -eq 2
	rm -r grown/.spool			# what the parts say is known without it
	mlive-archive -q -c none -e 1s -o grown <in.ts 2>err
	test "$(ls grown/*.ts | wc -l)" -eq "$((n + n / 2))"
	grep "\"number\":$((n + n / 2))," grown/index.json
'
check 'the playlist plays from the first picture to the last' '
	ffmpeg -nostdin -v error -i a/index.m3u8 -map 0:v -f framecrc - | grep -vc "^#" >got
	ffmpeg -nostdin -v error -i in.ts -map 0:v -f framecrc - | grep -vc "^#" | diff - got
	grep "#EXT-X-PLAYLIST-TYPE:VOD" a/index.m3u8
	grep ENDLIST a/index.m3u8
	fails 1 grep DISCONTINUITY a/index.m3u8
	awk -F "[:,]" "/TARGETDURATION/ { t = \$2 } /EXTINF/ { if (int(\$2 + .5) > t) exit 1 }" a/index.m3u8
'
check 'pieces are packaged again as one film' '
	cat a/*.ts >again.ts
	mpkg-segment -q --vod -o film1 <again.ts
	mpkg-segment -q --vod -o film2 <in.ts
	diff -r film1 film2
'
source_ts 8 25 -g 25 | mlive-ingest -q --realtime - | mlive-encode -q -g 1s -r 360p@800k -r 180p@300k >live.ts
check 'a ladder is cut at its boundary points, all rungs behind the cut' '
	mlive-archive -q -s l.stats -e 2s -o l <live.ts
	cat l/*.ts | cmp - live.ts
	true_list l
	test "$(counter l.stats cuts)" -ge 3
	for piece in $(ls l/*.ts | sed 1d)
	do
		begins "$piece"
		for rung in 0 1
		do
			ffprobe -v error -select_streams v:$rung -show_entries packet=flags -of csv=p=0 \
				-read_intervals "%+#1" $piece | grep -q K
		done
	done
'
check 'two machines cut alike and name alike, wherever they joined' '
	tail -c +$((188 * 1000 + 1)) live.ts | mlive-archive -q -e 2s -o m2
	mlive-archive -q -e 2s -o m1 <live.ts
	ls m1 m2
	same=0
	for piece in $(ls m2/*.ts | sed 1d)
	do
		cmp "$piece" "m1/${piece#m2/}"
		same=$((same + 1))
	done
	test $same -ge 2
	listed m1 start | tail -n 2 >s1
	listed m2 start | tail -n 2 | diff s1 -
'
check 'a stream whose tables are rare: copies are put before, and told' '
	{ head -c 564 in.ts; tail -c +565 in.ts | only - 0 4096; } >rare.ts
	test "$(wc -c <rare.ts)" -lt "$(wc -c <in.ts)"
	mlive-archive -q -e 4s -o rare <rare.ts
	joined rare | cmp - rare.ts
	test "$(listed rare copied | grep -c "^376$")" -ge 2
	for piece in $(ls rare/*.ts | sed 1d); do begins "$piece"; done
'
check 'sound alone, and junk, are kept as they come' '
	ffmpeg -v error -i in.ts -map 0:a -c copy -f mpegts sound.ts
	mlive-archive -q -e 3s -o sound <sound.ts
	cat sound/*.ts | cmp - sound.ts
	test "$(ls sound/*.ts | wc -l)" -ge 3
	{ head -c 1000 /dev/urandom; cat in.ts; head -c 999 /dev/urandom; tail -c 1000000 in.ts; printf "G@"; } >junk.ts
	mlive-archive -q -c none -e 4s -o junk <junk.ts
	joined junk | cmp - junk.ts
'
check 'names: counter over runs, show, folders; what is taken is not replaced' '
	mlive-archive -q -e 4s --show news --name "%n/%Y/%05d.ts" -o n <in.ts
	first=$(ls n/news/1970 | wc -l)
	mlive-archive -q -e 4s --show news --name "%n/%Y/%05d.ts" -o n <in.ts
	ls n/news/1970
	test "$(ls n/news/1970 | wc -l)" -eq $((2 * first))
	test -e "$(printf "n/news/1970/%05d.ts" $((2 * first)))"
	grep "\"show\":\"news\"" n/index.json
	test "$(grep -c DISCONTINUITY n/index.m3u8)" -eq 1
	mkdir t
	echo precious >t/19700101-000004.ts
	mlive-archive -q -e 4s -o t <in.ts
	test "$(cat t/19700101-000004.ts)" = precious
	joined t | cmp - in.ts
	listed t path | grep -x 19700101-000004_2.ts
	mlive-archive -q -e 4s -o t <in.ts
	listed t path | sort | uniq -d >double
	test ! -s double
'
check 'a piece that was on its way: it is replaced, what is another is not' '
	for place in way1 way2
	do
		mkdir -p $place/.spool
		head -c 188000 in.ts >$place/.spool/0000000001.ts
		cat >$place/.spool/journal <<-END
			{"number":1,"path":"19700101-000000.ts","interval":0,"bytes":188000,"start":"1970-01-01T00:00:00.000Z","state":"sending","held":188000}
		END
	done
	head -c 188000 in.ts >way1/19700101-000000.ts
	echo precious >way2/19700101-000000.ts
	for place in way1 way2; do tail -c +188001 in.ts | mlive-archive -q -c none -e 1h -o $place; done
	listed way1 path | head -n 1 | grep -x 19700101-000000.ts
	listed way2 path | head -n 1 | grep -x 19700101-000000_2.ts
	joined way1 | cmp - in.ts
	joined way2 | cmp - in.ts
	test "$(cat way2/19700101-000000.ts)" = precious
'
check 'TERM: what has come is a piece, with status 0, and the playlist is open' '
	mkfifo pipe
	mlive-archive -q -c none -e 1min -o term <pipe & pid=$!
	exec 9>pipe
	head -c 1880000 in.ts >&9
	eventually test -s term/.spool/0000000001.ts
	sleep 0.5
	kill $pid
	wait $pid
	exec 9>&-
	grep "EVENT" term/index.m3u8
	fails 1 grep ENDLIST term/index.m3u8
	grep "\"ended\":false" term/index.json
	cat term/*.ts >got
	head -c "$(wc -c <got)" in.ts | cmp - got
	test "$(wc -c <got)" -ge 1000000
'
port=$(free_port)
mkdir server
perl "$top/t/putd.pl" "$port" server & server=$!
trap 'kill -9 $server $started 2>/dev/null; rm -rf "$scratch"' EXIT
eventually curl -s -o /dev/null "http://127.0.0.1:$port/none"
check 'to a server by PUT: the same as in a directory, but for time' '
	mlive-archive -q -e 4s --spool sp -o "HTTP://127.0.0.1:$port/rec/" <in.ts
	for piece in a/*.ts; do cmp "$piece" "server/www/rec/${piece#a/}"; done
	cmp a/index.json server/www/rec/index.json
	cmp a/index.m3u8 server/www/rec/index.m3u8
'
check 'a server that is away: the stream goes on, all is there in the end' '
	rm -f pipe
	mkfifo pipe
	mlive-archive -c none -s away -e 4s --spool sp2 -o "http://127.0.0.1:$port/away/" <pipe 2>err & pid=$!
	exec 9>pipe
	head -c 188000 in.ts >&9
	eventually test -s sp2/0000000001.ts
	touch server/fail
	tail -c +188001 in.ts >&9
	eventually grep "cannot deliver" err
	waits () {
		test "$(counter away waiting)" -ge 3
	}
	eventually waits
	rm server/fail
	exec 9>&-
	wait $pid
	grep "takes pieces again" err
	cat server/www/away/*.ts | cmp - in.ts
	test "$(tail -n 1 away | grep -c "\"waiting\":0,")" -eq 1
'
check 'a run that begins while the server is away: the parts of the manifest stay as they are' '
	mkdir server2
	port=$(free_port)
	perl "$top/t/putd.pl" "$port" server2 & server=$!
	eventually curl -s -o /dev/null "http://127.0.0.1:$port/none"
	mlive-archive -q -c none -e 1s --list 2 --spool sp6 -o "http://127.0.0.1:$port/parts/" <in.ts
	cp -r server2/www/parts parts
	n=$(ls parts/index-*.json | wc -l)
	# As the journal is when it is written anew.
	perl -ne "/\"number\":(\d+)/ && \$1 > 2 * $n && print" sp6/journal >short
	test -s short
	cp short sp6/journal
	kill $server
	wait $server 2>/dev/null || :
	rm -f pipe
	mkfifo pipe
	mlive-archive -c none -e 1s --list 2 --spool sp6 -o "http://127.0.0.1:$port/parts/" <pipe 2>err & pid=$!
	exec 9>pipe
	eventually grep "cannot ask .*index.json" err
	perl "$top/t/putd.pl" "$port" server2 9>&- & server=$!
	cat in.ts >&9
	exec 9>&-
	wait $pid
	kill $server
	cd server2/www/parts
	for part in "$scratch"/parts/index-*; do cmp "$part" "${part##*/}"; done
	parts=$(ls index-*.json | wc -l)
	test "$parts" -gt "$n"
	grep "\"before\":$((2 * parts))," index.json
	grep "#EXT-X-MEDIA-SEQUENCE:$((2 * parts))$" index.m3u8
	cat index-*.json index.json | grep -o "\"number\":[0-9]*" | cut -d : -f 2 >"$scratch/got"
	seq "$(ls ./*.ts | wc -l)" | diff - "$scratch/got"
'
check 'a piece that is gone from the spool does not keep the others from the server' '
	rm -f pipe
	mkfifo pipe
	mlive-archive -c none -e 4s --spool sp5 -o "http://127.0.0.1:$port/gone/" <pipe 2>err & pid=$!
	exec 9>pipe
	head -c 188000 in.ts >&9
	eventually test -s sp5/0000000001.ts
	touch server/fail
	tail -c +188001 in.ts >&9
	eventually grep "cannot deliver" err
	rm sp5/0000000001.ts
	rm server/fail
	exec 9>&-
	fails 1 wait $pid
	grep "piece 1 has gone from the spool" err
	fails 1 grep "spool-max" err
	test "$(ls server/www/gone/*.ts | wc -l)" -ge 2
'
check 'the spool has a bound: the oldest go, are counted and told; 1' '
	touch server/fail
	size=$(($(wc -c <in.ts) / 2))
	rm -f pipe
	mkfifo pipe
	mlive-archive -c none -s max -e 2s --spool sp3 --spool-max $size -o "http://127.0.0.1:$port/max/" <pipe 2>err & pid=$!
	exec 9>pipe
	cat in.ts >&9
	some () {
		grep "pieces are dropped, the oldest" err
	}
	eventually some
	rm server/fail
	exec 9>&-
	fails 1 wait $pid
	test "$(counter max dropped)" -ge 1
	grep DISCONTINUITY server/www/max/index.m3u8
	newest=$(ls server/www/max/*.ts | tail -n 1)
	tail -c "$(wc -c <$newest)" in.ts | cmp - $newest
'
check 'one spool is for one process; a place that refuses is told at once' '
	rm -f pipe
	mkfifo pipe
	mlive-archive -q -c none -o lock <pipe & pid=$!
	exec 9>pipe
	head -c 1880 in.ts >&9
	eventually test -e lock/.spool/lock
	fails 1 mlive-archive -o lock <in.ts 2>err
	grep "another process has the spool .lock/.spool" err
	exec 9>&-
	wait $pid
	kill $server
	fails 1 mlive-archive --spool sp4 -o "http://127.0.0.1:$port/none/" <in.ts 2>err
	grep "cannot ask .*index.json" err
'
check 'a disk that is full: the message, and on it goes when there is room' '
	mkdir -p small
	cat >inside <<-"END"
	mount -t tmpfs -o size=1m none small || exit 77
	mkfifo small.in
	mlive-archive -s full.stats -c none -e 2s --spool small -o full <small.in 2>full.err & pid=$!
	exec 9>small.in
	dd if=/dev/zero of=small/ballast bs=64k count=12 2>/dev/null
	cat in.ts >&9
	n=0
	until grep "stream is lost until that works" full.err || test $((n = n + 1)) -gt 300; do sleep 0.1; done
	rm small/ballast
	n=0
	until grep "takes the stream again" full.err || test $((n = n + 1)) -gt 100
	do
		head -c 188000 in.ts >&9
		sleep 0.3
	done
	exec 9>&-
	wait $pid
	echo $? >full.status
	END
	unshare -rm sh inside
	cat full.err
	test "$(cat full.status)" -eq 1
	grep "stream is lost until that works.*" full.err
	grep "takes the stream again" full.err
	test "$(counter full.stats lost_bytes)" -gt 0
	test -z "$(find full -name "*.ts" -size 0)"
	listed full gap | grep 1
	true_list full
'
check 'a spool that somebody else has laid out in /var/tmp is not used' '
	place=http://127.0.0.1:$port/trap/
	fails 1 mlive-archive -o $place <in.ts 2>err
	spool=$(dirname "$(grep -lxF "$place" /var/tmp/mlive-archive-*/lock)")
	test "$(stat -c %a "$spool")" = 700
	rm -r "$spool"
	mkdir trap
	ln -s "$PWD/trap" "$spool"
	fails 1 mlive-archive -o $place <in.ts 2>err || { rm "$spool"; false; }
	rm "$spool"
	grep "the spool .$spool. is not ours alone" err
	test -z "$(ls trap)"
	mkdir "$spool"
	chmod 777 "$spool"
	fails 1 mlive-archive -o $place <in.ts 2>err || { rm -r "$spool"; false; }
	rmdir "$spool"
	grep "is not ours alone" err
'
check 'usage: each mistake has its message, and 2; no stream is 3' '
	said () {
		words=$1
		shift
		fails 2 mlive-archive "$@" <in.ts 2>err
		grep -e "$words" err
	}
	said "where to" -q
	said "not in 1s..24h" -e 10ms -o x
	said "not in 50ms" --sync 1ms -o x
	said "day of the month" --name %d.ts -o x
	said "dots only" --name ../%05d.ts -o x
	said "no such template" --name %q.ts -o x
	said "is not UTF-8" --name "$(printf "caf\351.ts")" -o x
	said "is not UTF-8" --show "$(printf "caf\351")" -o x
	said "needs --show" --name %n.ts -o x
	said "no part of a name" --show a/b -o x
	said "cannot open" -o "s3://"
	said "neither a directory" -o FTP://host/x
	test ! -e FTP:
	head -c 10000 /dev/zero | fails 3 mlive-archive -o zero 2>err
	grep "no transport stream" err
	mkdir bad
	echo "{}" >bad/index.json
	fails 1 mlive-archive -o bad <in.ts 2>err
	grep "no manifest of ours" err
	echo "{\"pieces\":[{\"number\":9223372036854775807,\"path\":\"a.ts\"}]}" >bad/index.json
	fails 1 mlive-archive -o bad <in.ts 2>err
	grep "no manifest of ours" err
'
done_testing
