#!/bin/sh
# mstore-serve: start, stop, kill and start again, what it reports on the way.
. "$(dirname "$0")/lib.sh"
# shellcheck disable=SC2154
. "$top/t/origin.sh"

PATH=$BUILD/t/helper:$PATH
packets 500 256 >seg
serve --access-log access.log --stats stats.log --threads 3 --temporal 'live/*'
port=${url##*:}
export port

check '/health and /metrics have a listener of their own' '
	curl -sf "$admin/health" | grep 200
	code "$url/metrics" | grep 404
	code "$url/health" | grep 404
	code "$admin/live/x" | grep 404
	code -X PUT -d x "$admin/health" | grep 405
'
check 'the numbers add up' '
	code -T seg "$url/n/1.ts" | grep 201
	code "$url/n/1.ts" | grep 200
	code "$url/n/2.ts" | grep 404
	curl -sf "$admin/metrics" >out
	grep "^mstore_request_count{operation=\"put\"} 1$" out
	grep "^mstore_bytes_uploaded 94000$" out
	grep "^mstore_4xx_error_count [1-9]" out
	grep "^mstore_total_time_seconds_bucket{le=\"+Inf\"} [1-9]" out
	test "$(metric mstore_bytes_downloaded)" -gt 94000
	fails 1 grep -v "^# \(HELP\|TYPE\) [a-z0-9_]* \|^[a-z0-9_]*\({[^}]*}\)\? [0-9.]*$" out
'
check 'the access log has a line for each request' '
	curl -s -o /dev/null -A "a \"b\" c" -e "http://x/" "$url/n/1.ts?q=%22"
	eventually grep "q=%22" access.log
	grep "^127.0.0.1 - - \[[0-9]*/[A-Z][a-z]*/[0-9:]* +0000\] \"PUT /n/1.ts HTTP/1.1\" 201 [0-9]* \"-\" \"curl[^\"]*\" 94000 0\.[0-9]\{6\} 0\.[0-9]\{6\}$" access.log
	grep "GET /n/1.ts?q=%22 HTTP/1.1\" 200 94[0-9]* \"http://x/\" \"a .x22b.x22 c\" 0 0\." access.log
	grep "GET /n/2.ts HTTP/1.1\" 404 " access.log
'
check 'SIGHUP opens it again' '
	mv access.log access.old
	kill -HUP $pid
	eventually test -e access.log
	code "$url/after" | grep 404
	eventually grep "GET /after" access.log
'
check '--stats writes a line each second' '
	eventually test -s stats.log
	grep "\"tool\":\"mstore-serve\"" stats.log
	grep "\"request_count\":[0-9]*" stats.log
'
check 'on loopback nothing is paced, whatever the system does elsewhere' '
	printf "GET /none HTTP/1.1\r\nHost: t\r\n\r\n" | raw-http "$port" >out.raw &
	eventually sh -c "ss -Htin \"sport = :$port\" | grep -w reno"
	wait $!
'
check 'one root has one server' '
	fails 1 mstore-serve -l 127.0.0.1:0 --root root 2>err
	grep "another mstore-serve has" err
'
check 'but one that is only just ending is waited for' '
	mkdir -p again/.mstore
	flock again/.mstore/lock sleep 1 &
	held () { ! flock -n again/.mstore/lock true; }
	eventually held
	mstore-serve -l 127.0.0.1:0 --root again 2>err.again & pid=$!
	eventually grep listening err.again
	kill $pid
	wait $pid
'
check 'kill -9 in the middle of two PUTs' '
	code -T seg "$url/k/old.ts" | grep 201
	head -c 3000000 /dev/zero >long
	for path in k/old.ts k/new.ts
	do
		{
			printf "PUT /$path HTTP/1.1\r\nHost: t\r\nTransfer-Encoding: chunked\r\n\r\n"
			printf "2dc6c0\r\n"
			cat long
		} | raw-http "$port" >/dev/null &
	done
	eventually sh -c "test \"\$(ls root/.mstore | wc -l)\" -eq 3"
	kill -9 $pid
	test ! -e root/k/new.ts
	cmp seg root/k/old.ts
'
wait "$pid" 2>/dev/null
pid=

serve --grace 5s
port=${url##*:}
check 'after that: whole objects only, nothing left over' '
	test "$(ls -A root/.mstore)" = lock
	curl -sf "$url/k/old.ts" | cmp seg -
	code "$url/k/new.ts" | grep 404
	curl -sf "$url/n/1.ts" | cmp seg -
'
check 'SIGTERM: who is being served gets all of it, then it ends' '
	cp long root/k/long.mp4
	head -c 20000000 /dev/zero >>root/k/long.mp4
	rm -f got
	curl -sf --limit-rate 12M "$url/k/long.mp4" >got & p=$!
	eventually test -s got
	kill $pid
	wait $p
	cmp got root/k/long.mp4
'
wait "$pid"
status=$?
pid=
export status
check 'with status 0, and its port is free' '
	test "$status" -eq 0
	fails 7 curl -s "$url/"
'
check 'it says when it is ready' '
	mkfifo ready
	mstore-serve -q -l 127.0.0.1:0 --root root --ready-fd 5 5>ready & pid=$!
	read -r line <ready
	test -z "$line"
	kill $pid
	wait $pid
'
start_at () {
	rm -f root.log		# that of the one before says the same
	mstore-serve -l 127.0.0.1:0 --admin 127.0.0.1:0 --root "$1" 2>root.log & pid=$!
	eventually grep "metrics on" root.log
	url=http://$(sed -n "s/.*listening on //p" root.log)
	admin=$(sed -n "s/.*metrics on \(.*\)\/metrics/\1/p" root.log)
}
check 'a root that is renamed remains the root, and the log says so' '
	mkdir here
	start_at here
	mv here there
	mkdir here
	code -T seg "$url/a/1.ts" | grep 201
	cmp seg there/a/1.ts
	code "$admin/health" | grep 200
	eventually grep "warning: .here. is another folder now" root.log
	kill $pid
	wait $pid
'
check 'a root that is removed takes nothing, and is not healthy' '
	start_at here
	code -T seg "$url/a/1.ts" | grep 201
	code "$admin/health" | grep 200
	mkfifo in.late
	raw-http "${url##*:}" <in.late >late &
	exec 7>in.late
	printf "PUT /a/2.ts HTTP/1.1\r\nHost: t\r\nContent-Length: 4\r\n\r\nab\1" >&7
	eventually sh -c "test \"\$(ls here/.mstore | wc -l)\" -eq 2"
	rm -r here
	mkdir here
	code -T seg "$url/a/3.ts" | grep 500
	code -H "x-amz-storage-class: TEMPORAL" -T seg "$url/4.ts" | grep 500
	printf cd >&7
	exec 7>&-
	eventually grep "^HTTP/1.1 500" late
	code "$url/a/3.ts" | grep 404
	code "$admin/health" | grep 503
	eventually grep "warning: nothing can be put: the root .here." root.log
	kill $pid
	wait $pid
'
check 'without .mstore it goes on, and one root still has one server' '
	mkdir -p here/a
	start_at here
	rm -r here/.mstore
	code -T seg "$url/a/1.ts" | grep 201
	cmp seg here/a/1.ts
	test "$(ls -A here/.mstore)" = lock
	fails 1 mstore-serve -l 127.0.0.1:0 --root here 2>err
	grep "another mstore-serve has" err
	kill $pid
	wait $pid
'
check 'objects that need not last are whole all the same' '
	ls root/k
	rm -f log
	mstore-serve -l 127.0.0.1:0 --root root --temporal "live/*" 2>log & pid=$!
	eventually grep listening log
	url=http://$(sed -n "s/.*listening on //p" log)
	for i in 1 2 3 4 5 6 7 8 9
	do
		code -T seg "$url/live/$i.ts" | grep 201
		code -T - -H "x-amz-storage-class: TEMPORAL" "$url/other/$i.ts" <seg | grep 201
		curl -sf "$url/live/$i.ts" | cmp seg -
	done
	kill $pid
	wait $pid
	cmp seg root/other/9.ts
'
done_testing
