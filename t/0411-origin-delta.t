#!/bin/sh
# Delta updates: what a reader knows and what it is told make the whole playlist.
. "$(dirname "$0")/lib.sh"
. "$top/t/origin.sh"

serve
check 'a thousand reloads by delta updates end as the whole playlist' '
	"$top/t/reload.pl" "${url#http://}" /live/p.m3u8 1000 7 | tee out
'
sed 's/^/# /' out
check 'nearly all of them were deltas' '
	test "$(cut -d" " -f1 out)" -gt 500
'
check 'that left out date ranges, and named some that went away' '
	grep -Eq "[1-9][0-9]* ranges left out, [1-9][0-9]* named" out
'
stop_serving
done_testing
