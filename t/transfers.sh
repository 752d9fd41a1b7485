# t/transfers.sh - sourced after origin.sh: what the origin does by every protocol.
#
#   samples                   make what is put: big, small, empty and list
#   transfers HOW VERSION URL OPTION...
#                             checks by curl with these options, which have to make
#                             it use this version of HTTP: whole objects and parts of
#                             them, one that grows, one that is broken off.  Leaves
#                             big.ts, big2.ts, small.ts and list.m3u8 below URL/a
#   ask ARGUMENT...           curl with the options of the last transfers
# shellcheck shell=sh disable=SC2154

samples () {
	head -c 20000000 /dev/urandom >big
	head -c 4096 /dev/urandom >small
	: >empty
	i=0
	while [ $i -lt 200 ]; do i=$((i + 1)); echo "#EXTINF:4.0," ; echo "v1/$i.m4s"; done >list
}

# shellcheck disable=SC2086	# a word for each
ask () {
	curl -s $options "$@"
}

# While an object grows, descriptor 7 is what it is made of, and nobody else's.  In the
# background ask would not do: its shell would keep that open, and stand in for curl.
transfers () {
	how=$1 version=$2 base=$3
	shift 3
	options=$*
	export how version base options
	check "$how: PUT and GET, of known length and not, byte by byte" '
		rm -f out
		ask -w "%{http_version} %{http_code}\n" -o out -T big "$base/a/big.ts" >said
		cat said
		grep "^$version 20[14]$" said
		ask -f "$base/a/big.ts" | cmp - big
		ask -f -T - "$base/a/big2.ts" <big
		ask -f "$base/a/big2.ts" | cmp - big
		curl -sf "$url/a/big2.ts" | cmp - big
		ask -f -T small "$base/a/small.ts"
		ask -f "$base/a/small.ts" | cmp - small
		ask -f -T list "$base/a/list.m3u8"
		ask -f --compressed "$base/a/list.m3u8" | cmp - list
		ask -f -T empty "$base/a/empty.ts"
		ask -f "$base/a/empty.ts" | cmp - empty
	'
	check "$how: HEAD, ranges, conditions, errors, deletion" '
		ask -fI "$base/a/big.ts" | grep -i "^content-length: 20000000"
		ask -f -r 1000000-9999999 "$base/a/big.ts" >got
		tail -c +1000001 big | head -c 9000000 | cmp - got
		ask -o out -w "%{http_code}\n" -H "If-None-Match: *" "$base/a/big.ts" | grep 304
		ask -o out -w "%{http_code}\n" "$base/none" | grep 404
		ask -o out -w "%{http_code}\n" -r 99999999- "$base/a/big.ts" | grep 416
		ask -o out -w "%{http_code}\n" -T small -H "If-Match: \"x\"" "$base/a/small.ts" | grep 412
		ask -o out -w "%{http_code}\n" -T big -H "If-Match: \"x\"" "$base/a/big.ts" | grep 412
		ask -o out -w "%{http_code}\n" -X DELETE "$base/a/empty.ts" | grep 204
		ask -o out -w "%{http_code}\n" "$base/a/empty.ts" | grep 404
	'
	check "$how: an object that grows is followed; a range of it, too" '
		rm -f in got got1 part
		mkfifo in
		curl -s $options -T - "$base/a/grow.ts" <in & wpid=$!
		exec 7>in
		printf first >&7
		eventually ask -f -m 5 -o out -I "$base/a/grow.ts" 7>&-
		curl -s $options -N "$base/a/grow.ts" >got 7>&- & rpid=$!
		curl -s $options -N -r 3- "$base/a/grow.ts" >part 7>&- & ppid=$!
		curl -sN "$url/a/grow.ts" >got1 7>&- & qpid=$!
		eventually grep first got
		eventually grep first got1
		printf second >&7
		eventually grep firstsecond got
		eventually grep firstsecond got1
		cat big >&7
		exec 7>&-
		wait $wpid
		wait $rpid
		wait $qpid
		wait $ppid
		{ printf firstsecond; cat big; } >want
		cmp want got
		cmp want got1
		tail -c +4 want | cmp - part
	'
	check "$how: a writer that dies leaves nothing, and its readers see no clean end" '
		rm -f in got
		mkfifo in
		curl -s $options -T - "$base/a/die.ts" <in & wpid=$!
		exec 7>in
		printf first >&7
		eventually ask -f -m 5 -o out -I "$base/a/die.ts" 7>&-
		curl -s $options -N "$base/a/die.ts" >got 7>&- & rpid=$!
		eventually grep first got
		kill -9 $wpid
		exec 7>&-
		status=0
		wait $rpid || status=$?
		echo "the reader ends with $status"
		test "$status" -ne 0
		gone () {
			ask -o out -w "%{http_code}\n" "$base/a/die.ts" | grep 404
		}
		eventually gone
	'
}
