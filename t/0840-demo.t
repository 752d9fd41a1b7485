#!/bin/sh
# The demonstration starts, serves a page and a channel, and ends without a trace.
. "$(dirname "$0")/lib.sh"
. "$top/t/chain.sh"

test -n "${FULL-}" || {
	need 'no node' node --version
	need 'no npm' npm --version
	need 'no curl' curl --version
}
film
# Another one may be running from the usual folder: have one of our own.
mkdir -p own/demo
for path in "$BUILD"/m*-*
do
	ln -s "$path" own/
done
ln -s "$film" own/demo/film.mp4
test ! -d "$BUILD/demo/page" || cp -r "$BUILD/demo/page" own/demo/
BUILD=$PWD/own
run=$top/origin/demo/run
export BUILD run

address () {
	sed -n 's/^ *Watch *//p' out | grep .
}

no_tool_left () {
	cat own/demo/run/*.pid | while read -r pid
	do
		gone "$pid" || return 1
	done
}

check 'it plays for the time that was asked, and ends with 0' '
	"$run" --duration 8s >out 2>err
	address
	test ! -s err
	no_tool_left
'
check 'page and channel are there while it runs; SIGTERM ends it with 0' '
	rm out
	"$run" >out 2>err & pid=$!
	within 120 address
	base=$(address)
	curl -sf "$base" | grep "<video"
	curl -sf "${base}lib/hls.min.js" >/dev/null
	curl -sf "${base%watch/}live/one/index.mpd" | grep "<MPD"
	fails 1 "$run" 2>second
	grep "another demo runs" second
	echo "mlive-ingest: warning: late by 10100 ms" >>own/demo/run/ingest.log
	within 120 grep "does not keep up" out
	kill $pid
	wait $pid
	no_tool_left
'
check 'a stage that dies is named with its last words, and the status is 1' '
	rm out
	{ fails 1 "$run" >out 2>err; echo $? >status; } & pid=$!
	within 120 address
	kill -9 "$(cat own/demo/run/encode.pid)"
	wait $pid
	grep ^0$ status
	grep "encode ended with status 137" err
	no_tool_left
'
check 'Ctrl-C on a terminal ends make demo with 0' '
	printf "demo:\n" >Makefile
	sed -n "/if test -t 0; then set -m/,/DURATION/p" "$top/Makefile" >>Makefile
	grep "origin/demo/run" Makefile
	sed -i "s|BUILD=.* origin/demo/run|BUILD=$BUILD $run|" Makefile
	mkfifo keys
	rm out
	script -qec "make -f $PWD/Makefile demo" typescript <keys >out & pid=$!
	exec 9>keys
	within 120 grep Ctrl-C out
	printf "\003" >&9
	wait $pid
	no_tool_left
'
done_testing
