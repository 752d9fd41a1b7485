#!/bin/sh
# kill -9 of each stage in turn, and the line is started again: numbers and names go
# on by the clock, and a reader never sees an object that is half or mixed.
. "$(dirname "$0")/lib.sh"
. "$top/t/chain.sh"

need 'no ffmpeg' ffmpeg -version
film
clip 20 film.ts 216
udp=$(free_port)
mkdir seen
origin store
stage sender /dev/null sender.out ffmpeg -nostdin -v error -re -stream_loop -1 \
	-i film.ts -map 0 -c copy -f mpegts "udp://127.0.0.1:$udp?pkt_size=1316"

# A supervisor: whatever stage ends, the line is started again.
line () {
	trap '' TERM
	while :
	do
		rm -f source ladder
		mkfifo source ladder
		mpkg-segment --segment 2s --window 60s -o "$base/live/one/" \
			<ladder 2>>segment.log & segment=$!
		mlive-encode -r 216p@300k -r 144p@150k -a 64k \
			<source >ladder 2>>encode.log & encode=$!
		mlive-ingest "udp://127.0.0.1:$udp" >source 2>>ingest.log & ingest=$!
		echo "segment=$segment encode=$encode ingest=$ingest" >pids
		wait $segment $encode $ingest || :
	done
}

# A player that never sleeps: every object as it was served, first and again.
reader () {
	while :
	do
		for track in v1 a1
		do
			curl -sf "$base/live/one/$track/index.m3u8" >seen/list || continue
			tail -n 1 seen/list >>seen/tails
			n=$(numbers seen/list | tail -n 1)
			test -n "$n" || continue
			test ! -e "seen/$track-$n" || continue
			curl -sf "$base/live/one/$track/$n.m4s" >seen/part &&
				mv seen/part "seen/$track-$n"
		done
		sleep 0.1
	done
}

last () {
	curl -sf "$base/live/one/v1/index.m3u8" >list || return 1
	numbers list | tail -n 1
}

# Segments newer than $1, by $2 or more
grown () {
	n=$(last) && test -n "$n" && test "$n" -ge $(($1 + $2))
}

# Until the one that was killed has let go of the folder, another cannot have it.
serves_again () {
	mstore-serve -l "127.0.0.1:$port" --root store 2>>origin.log &
	echo $! >origin.pid
	for _ in 1 2 3 4 5 6 7 8
	do
		sleep 0.1
		! answers || return 0
	done
	kill -9 "$(cat origin.pid)"
	return 1
}

line & supervisor=$!
reader & reader=$!
started="$started $supervisor $reader"

check 'the line runs' '
	within 120 grown 0 1
	within 120 grown "$(last)" 2
'
for victim in ingest encode segment origin
do
	export victim
	check "after kill -9 of $victim the numbers go on by the clock" '
		before=$(last)
		date +%s >then
		if test $victim = origin
		then
			kill -9 "$origin"
			eventually serves_again
		else
			. ./pids
			eval "kill -9 \$$victim"
		fi
		within 120 grown "$before" 3
		after=$(last)
		gone=$(($(date +%s) - $(cat then)))
		echo "from $before to $after in $gone s"
		test $((after - before)) -le $((gone / 2 + 2))
		test $((after - before)) -ge $((gone / 2 - 3))
	'
	test ! -s origin.pid || started="$started $(cat origin.pid)"
done

. ./pids
kill -9 "$supervisor" "$reader" "$segment" "$encode" "$ingest" 2>/dev/null
kill "$sender"
curl -sf "$base/live/one/v1/index.m3u8" >list
check 'names are in order, none twice, and dates fit them throughout' '
	cat list
	numbers list >numbers
	sort -n -u numbers | diff - numbers
	# date in s minus two for each number: the same all the way, but for the
	# tenth of a second that arrival is off by
	sed -n "s/^#EXT-X-PROGRAM-DATE-TIME:\(.*\)/\1/p" list |
		while read -r date
		do
			date -u -d "$date" +%s.%N
		done >dates
	paste numbers dates
	test "$(wc -l <numbers)" -eq "$(wc -l <dates)"
	paste numbers dates | awk "{ d = \$2 - 2 * \$1 }
		NR == 1 { first = d }
		d - first > 0.5 || first - d > 0.5 { bad = 1 }
		END { exit bad || NR < 8 }"
'
for track in v1 a1
do
	export track
	check "$track: every object was served whole, and is the same now" '
		curl -sf "$base/live/one/$track/init.mp4" >init.mp4
		ls seen/$track-* | wc -l
		for part in seen/$track-*
		do
			decodes init.mp4 "$part"
			curl -sf "$base/live/one/$track/${part#*-}.m4s" | cmp - "$part"
		done
	'
done
check 'what the playlist names can all be had' '
	curl -sf "$base/live/one/v1/init.mp4" >init.mp4
	for n in $(numbers list)
	do
		curl -sf "$base/live/one/v1/$n.m4s" >part
		decodes init.mp4 part
	done
'
done_testing
