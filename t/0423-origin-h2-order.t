#!/bin/sh
# mstore-serve: in which order the streams of one connection of HTTP/2 are sent.
. "$(dirname "$0")/lib.sh"
# shellcheck disable=SC2154
. "$top/t/origin.sh"

mkdir -p root/a root/live
head -c 20000000 /dev/urandom >root/a/big.ts
playlist () {		# with so many parts of what comes next
	echo '#EXTM3U'
	echo '#EXT-X-TARGETDURATION:4'
	echo '#EXT-X-VERSION:9'
	echo '#EXT-X-SERVER-CONTROL:CAN-BLOCK-RELOAD=YES,PART-HOLD-BACK=0.6'
	echo '#EXT-X-PART-INF:PART-TARGET=0.2'
	echo '#EXT-X-MEDIA-SEQUENCE:0'
	i=0
	while [ $i -lt 12 ]; do echo '#EXTINF:4.0,'; echo "$i.m4s"; i=$((i + 1)); done
	i=0
	while [ $i -lt "$1" ]; do
		echo "#EXT-X-PART:DURATION=0.2,URI=\"12.m4s\",BYTERANGE=\"1000@${i}000\""
		i=$((i + 1))
	done
}
playlist 1 >1.m3u8
playlist 2 >2.m3u8
serve
port=${url##*:}
export port
order () {
	perl "$top/t/h2-order.pl" "$port" "$@"
}

check 'a blocked reload that ends overtakes a large object' '
	curl -sf -T 1.m3u8 "$url/live/p.m3u8"
	mkfifo told
	order reload 3<told >out & opid=$!
	exec 7>told
	eventually grep ready out
	curl -sf -T 2.m3u8 "$url/live/p.m3u8"
	echo >&7
	exec 7>&-
	wait $opid
	cat out
'
check 'streams that nothing is said of share' 'order fair'
check 'those that are not to be mixed come one after the other' 'order first'
check 'the more urgent comes first' 'order urgent'
check 'and what becomes more urgent overtakes' 'order update'
stop_serving
done_testing
