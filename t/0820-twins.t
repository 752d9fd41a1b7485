#!/bin/sh
# Two chains fed by the same UDP stream, the second started 7 s later, make the same
# segments under the same numbers; one packager fed twice makes the same tree.
. "$(dirname "$0")/lib.sh"
. "$top/t/chain.sh"

need 'no ffmpeg' ffmpeg -version
film
clip 30 film.ts 216
one=$(free_port)
two=$(free_port)

line () {
	mkfifo "$1.source" "$1.ladder"
	stage "segment$1" "$1.ladder" /dev/null mpkg-segment --segment 2s --window 60s -o "$1"
	stage "encode$1" "$1.source" "$1.ladder" mlive-encode -r 216p@300k -r 144p@150k -a 64k
	stage "ingest$1" /dev/null "$1.source" mlive-ingest "udp://127.0.0.1:$2"
}

has () {
	test -s "$1/v1/index.m3u8" || return 1
	test "$(numbers "$1/v1/index.m3u8" | wc -l)" -ge "$2"
}

# For each number: when its first picture is due, and how many there are.
table () {
	for n in $(numbers "$1/index.m3u8")
	do
		cat "$1/init.mp4" "$1/$n.m4s" >part.mp4
		echo "$n $(ffprobe -v error -of csv=p=0 -show_entries packet=pts part.mp4 |
			tr -d , | sort -n | sed -n '1p;$p' | tr '\n' ' ')" \
			"$(ffprobe -v error -of csv=p=0 -show_entries packet=pts part.mp4 | wc -l)"
	done
}

line A "$one"
stage sender /dev/null sender.out ffmpeg -nostdin -v error -re -stream_loop -1 \
	-i film.ts -map 0 -c copy -f tee \
	"[f=mpegts]udp://127.0.0.1:$one?pkt_size=1316|[f=mpegts]udp://127.0.0.1:$two?pkt_size=1316"
check 'the first chain runs' '
	within 120 has A 4
'
line B "$two"
check 'so does the second, which began 7 s later or more' '
	within 120 has B 5
'
kill "$ingestA" "$ingestB"
wait "$segmentA" "$segmentB"
kill "$sender"
for track in v1 v2 a1
do
	export track
	check "$track: the same boundaries under the same numbers" '
		table A/$track >a
		table B/$track >b
		# The last of each may have been cut short, and so may be the first.
		sed "1d;\$d" a | sort >a.mid
		sed "1d;\$d" b | sort >b.mid
		join a.mid b.mid >common
		paste a b
		test "$(wc -l <common)" -ge 3
		awk "\$2 != \$5 || \$3 != \$6 || \$4 != \$7 { bad = 1 } END { exit bad }" common
	'
done
check 'a packager that is fed the same bytes again makes the same tree' '
	mlive-ingest -t 8s film.ts | mlive-encode -r 216p@300k >ladder.ts
	for tree in first second
	do
		mpkg-segment --segment 2s --vod -o $tree <ladder.ts
		(cd $tree && find . -type f -exec sha256sum "{}" + | sort) >$tree.sums
	done
	test "$(wc -l <first.sums)" -ge 8
	diff first.sums second.sums
'
done_testing
