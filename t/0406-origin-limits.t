#!/bin/sh
# mstore-serve: when memory, disk or connections are all taken; very many objects.
. "$(dirname "$0")/lib.sh"
# shellcheck disable=SC2154
. "$top/t/origin.sh"

PATH=$BUILD/t/helper:$PATH
packets 500 256 >seg

kept () {		# only what the cache may
	test "$(metric mstore_memory_bytes)" -le 131072
}

serve --max-memory 1Mi --cache-memory 128Ki --head-timeout 60s
port=${url##*:}
export port
check 'with little memory, each byte still gets to each reader' '
	follow-load "$port" /m/1.m4s 5 100000 30 10 | grep complete=5
	test "$(wc -c <root/m/1.m4s)" -eq 3000000
	head -c 1200000 /dev/urandom | base64 >root/m/big.txt
	curl -sf --compressed "$url/m/big.txt" | cmp root/m/big.txt -
	test "$(metric mstore_memory_refused_count)" -gt 0
'
check 'and nothing of it is lost' '
	eventually kept
'
check 'requests that are not complete do not take more than there is' '
	before=$(metric mstore_memory_refused_count)
	pids=
	for i in $(seq 300)
	do
		{
			printf "GET / HTTP/1.1\r\nX: "
			head -c 15000 /dev/zero | tr "\0" x
		} | raw-http "$port" 60 >"part.$i" & pids="$pids $!"
		test $((i % 10)) -eq 0 || continue
		test "$(metric mstore_memory_refused_count)" -eq "$before" || break
	done
	test "$(metric mstore_memory_bytes)" -le 1048576
	eventually sh -c "cat part.* | grep \"^HTTP/1.1 503\""
	cat part.* | fails 1 grep "^HTTP/1.1 4"
	curl -sf "$url/m/1.m4s" | cmp root/m/1.m4s -
	kill $pids || true
	eventually kept
'
stop_serving
check 'more memory to keep than there is: status 2' '
	fails 2 mstore-serve --root root --max-memory 1Mi
'

serve --max-connections 4 --idle-timeout 60s
port=${url##*:}
export port
silent () {
	grep -q "HTTP/1.1 404" "$1"
}
check 'the idle make room also where few connections are allowed' '
	for i in 1 2 3 4 5 6 7 8
	do
		printf "GET /none HTTP/1.1\r\nHost: t\r\n\r\n" | raw-http "$port" 3 >"few.$i" &
		eventually silent "few.$i"
	done
	wait
	# Not more than have to: those before the last four.
	test "$(tail -qn 1 few.* | grep -c "\[silence\]")" -ge 2
'
stop_serving

# shellcheck disable=SC3045	# dash has it
(
	ulimit -f 100		# 51200 bytes; also the place of its messages
	exec mstore-serve -l 127.0.0.1:0 --root root 2>limit.log
) & pid=$!
eventually grep -q listening limit.log
url=http://$(sed -n 's/.*listening on //p' limit.log)
export url
check 'a file that may not be so large: 507' '
	head -c 20000 seg >small
	code -T small "$url/f/1.ts" | grep 201
	code -T seg "$url/f/1.ts" | grep 507
	code -T - "$url/f/2.ts" <seg | grep 507
	curl -sf "$url/f/1.ts" | cmp small -
	code "$url/f/2.ts" | grep 404
	test "$(ls -A root/.mstore)" = lock
	code -T small "$url/f/3.ts" | grep 201
'
kill "$pid"
wait "$pid"
pid=

if unshare -rm mount -t tmpfs none . 2>/dev/null
then
	mkdir full
	unshare -rm sh -c 'mount -t tmpfs -o size=1m,nr_inodes=20 none full
		exec mstore-serve -l 127.0.0.1:0 --root full' 2>full.log & pid=$!
	eventually grep -q listening full.log
	url=http://$(sed -n 's/.*listening on //p' full.log)
	full=/proc/$pid/root$PWD/full
	export url full
	check 'a full disk: 507, the old object stays, no half one is left' '
		head -c 300000 /dev/urandom >old
		head -c 900000 /dev/urandom >new
		code -T old "$url/f/1.ts" | grep 201
		code -T new "$url/f/1.ts" | grep 507
		code -T - "$url/f/1.ts" <new | grep 507
		code -T new "$url/f/2.ts" | grep 507
		curl -sf "$url/f/1.ts" | cmp old -
		code "$url/f/2.ts" | grep 404
		test "$(ls -A "$full/.mstore")" = lock
		test "$(ls -A "$full/f")" = 1.ts
		grep "cannot write .f/1.ts.: No space left" full.log
	'
	check 'who follows what then finds no room sees no clean end' '
		mkfifo in
		curl -sN -o /dev/null -T - "$url/f/3.ts" <in & wpid=$!
		exec 7>in
		head -c 100000 new >&7
		eventually curl -sfI -m 1 -o /dev/null "$url/f/3.ts"
		curl -sN "$url/f/3.ts" >got 7>&- & rpid=$!
		eventually test -s got
		cat new >&7 || true
		exec 7>&-
		got=0
		wait $rpid || got=$?
		test $got -eq 18 || test $got -eq 56
		wait $wpid || true
		code "$url/f/3.ts" | grep 404
	'
	check 'no more files and folders: 507, too' '
		for i in $(seq 20)
		do
			code -T small "$url/many/$i/x.ts"
		done >codes
		test "$(tail -n 1 codes)" = 507
		fails 1 grep -v "201\|507" codes
		test "$(ls -A "$full/.mstore")" = lock
	'
	check 'and room that was made is used' '
		code -X DELETE "$url/f/1.ts" | grep 204
		code -T small "$url/f/1.ts" | grep 201
		curl -sf "$url/f/1.ts" | cmp small -
	'
	kill "$pid"
	wait "$pid"
	pid=
else
	skip 'a full disk' 'no file system may be mounted here'
fi

serve --threads 2
port=${url##*:}
export port
check 'ten thousand objects, all asked for at once' '
	awk "BEGIN {
		for (i = 1; i <= 10000; i++)
			printf \"PUT /many/%d/%d.m4s HTTP/1.1\r\nHost: localhost\r\n\" \
				\"x-amz-storage-class: TEMPORAL\r\n%s\" \
				\"Content-Length: 5\r\n\r\n%05d\", i % 10, i,
				i == 10000 ? \"Connection: close\r\n\" : \"\", i
	}" | raw-http "$port" >out
	test "$(grep -ac "^HTTP/1.1 201" out)" -eq 10000
	test "$(find root/many -type f | wc -l)" -eq 10000
'
stop_serving
serve --threads 2
port=${url##*:}
export port
check 'they are there after a restart, in order, and can go' '
	for method in GET DELETE
	do
		awk -v method=$method "BEGIN {
			for (i = 1; i <= 10000; i++)
				printf \"%s /many/%d/%d.m4s HTTP/1.1\r\nHost: localhost\r\n\" \
					\"x-amz-storage-class: TEMPORAL\r\n%s\r\n\", method,
					i % 10, i, i == 10000 ? \"Connection: close\r\n\" : \"\"
		}" | raw-http "$port" >out.$method
	done
	grep -ao "^[0-9]\{5\}" out.GET >got
	seq -f %05.0f 10000 | cmp got -
	test "$(grep -ac "^HTTP/1.1 204" out.DELETE)" -eq 10000
	test ! -e root/many
'
head -c 600000 /dev/urandom | base64 >text
check 'what is deleted while it is read in does not come back' '
	{
		printf "DELETE /race.txt HTTP/1.1\r\nHost: t\r\nx-amz-storage-class: TEMPORAL\r\n\r\n"
		for i in $(seq 3000)
		do
			printf "GET /race.txt HTTP/1.1\r\nHost: t\r\n\r\n"
		done
		printf "GET / HTTP/1.1\r\nHost: t\r\nConnection: close\r\n\r\n"
	} >after
	for i in $(seq 20)
	do
		cp text root/race.txt
		# Each has a thread of its own, and the first is not the one that reads.
		{
			printf "GET /none HTTP/1.1\r\nHost: t\r\n\r\n\003"
			sleep 0.1
			cat after
		} | raw-http "$port" >out & p=$!
		sleep "0.0$((80 + i))"
		printf "GET /race.txt HTTP/1.1\r\nHost: t\r\nConnection: close\r\n\r\n" |
			raw-http "$port" >before
		wait $p
		test "$(grep -c "^HTTP/1.1 204" out)" -eq 1
		test "$(grep -c "^HTTP/1.1 404" out)" -eq 3002
	done
'
before=$failed
check 'a stop lets what grows come to its end, for all' '
	mkfifo in.end
	curl -sN -o /dev/null -w "%{http_code}" -T - "$url/end.ts" <in.end >put.code & wpid=$!
	exec 7>in.end
	head -c 50000 seg >&7
	eventually curl -sf -m 1 -o /dev/null -I "$url/end.ts"
	curl -sNf "$url/end.ts" >got.end 7>&- & rpid=$!
	eventually test -s got.end
	kill $pid
	eventually fails 7 curl -s "$url/"
	tail -c +50001 seg >&7
	exec 7>&-
	wait $rpid
	wait $wpid
	grep 201 put.code
	cmp seg got.end
	cmp seg root/end.ts
'
test "$failed" -eq "$before" || kill "$pid"
wait "$pid"
status=$?
pid=
export status
check 'and ends with status 0' 'test "$status" -eq 0'
done_testing
