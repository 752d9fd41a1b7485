#!/bin/sh
# mstore-serve: many overwrite and many read; every read is one whole version, and
# none that was replaced before.  5 to 10 s a part; FULL=1: a minute, and 20 s of what
# need not last.
. "$(dirname "$0")/lib.sh"
# shellcheck disable=SC2154
. "$top/t/origin.sh"

seconds=5 brief=5 killed=10
test -z "${FULL-}" || { seconds=60 brief=20 killed=60; }
PATH=$BUILD/t/helper:$PATH
export seconds brief

serve --threads 2
check 'objects that are on the disk before the answer' '
	hammer "${url##*:}" $seconds 16 64
'
check 'nothing is left half-written' '
	test "$(ls root/.mstore)" = lock
'
stop_serving
serve --threads 2 --temporal "*"
check 'objects that need not be' '
	hammer "${url##*:}" $brief 16 64
'
stop_serving

# On a port of its own, that the next one can have.
port=$(free_port)
again () {
	mstore-serve -l "127.0.0.1:$port" --root root --threads 2 2>serve.log &
	pid=$!
	eventually listening
}
again
hammer "$port" "$killed" 16 64 crash >hammer.log 2>&1 &
hammer=$!
kills=0
while
	sleep "$((killed / 6))"
	kill -0 $hammer 2>/dev/null
do
	kill -9 "$pid"
	wait "$pid" 2>/dev/null || :
	kills=$((kills + 1))
	again
done
wait $hammer
status=$?
export status kills port
check 'killed in the middle, again and again: what was acknowledged is there' '
	cat hammer.log
	test $status -eq 0
	test $kills -gt 2
'
check 'and nothing is left half-written' '
	hammer "$port" 2 16 16
	test "$(ls root/.mstore)" = lock
'
stop_serving
done_testing
