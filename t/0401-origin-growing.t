#!/bin/sh
# mstore-serve: an object that is read while it is made.
. "$(dirname "$0")/lib.sh"
# shellcheck disable=SC2154
. "$top/t/origin.sh"

PATH=$BUILD/t/helper:$PATH
packets 500 256 >seg
serve --threads 2
port=${url##*:}
export port

# A writer that sends what is written to the pipe "in", as it comes.
writer () {
	rm -f in
	mkfifo in
	curl -sN -o /dev/null -w '%{http_code}\n' -T - "$url/$1" <in >put.code & wpid=$!
	exec 7>in
	export wpid
}
holds () {
	test "$(wc -c <"$1")" -eq "$2"
}
# So much of an upload has come to the disk, and nothing else is being put.
kept_back () {
	test "$(cat root/.mstore/* | wc -c)" -eq "$1"
}

check 'a reader gets what is there, then what comes, then the end' '
	writer grow/1.ts
	head -c 50000 seg >&7
	eventually curl -sf -m 1 -o /dev/null -I "$url/grow/1.ts"
	curl -sNf "$url/grow/1.ts" >out 7>&- & rpid=$!
	eventually holds out 50000
	tail -c +50001 seg | head -c 30000 >&7
	eventually holds out 80000
	tail -c +80001 seg >&7
	exec 7>&-
	wait $rpid
	wait $wpid
	grep 201 put.code
	cmp seg out
	curl -sf "$url/grow/1.ts" | cmp seg -
	curl -sfI "$url/grow/1.ts" | grep -i "content-length: 94000"
'
check 'many readers, early and late, on both threads' '
	writer grow/2.ts
	head -c 1000 seg >&7
	eventually curl -sf -m 1 -o /dev/null -I "$url/grow/2.ts"
	pids=
	for i in 1 2 3 4 5 6 7 8
	do
		curl -sNf "$url/grow/2.ts" >out.$i 7>&- & pids="$pids $!"
		head -c $((i * 1000)) seg | tail -c 1000 | cat >&7
	done
	eventually holds out.8 9000
	exec 7>&-
	for p in $pids; do wait $p; done
	head -c 1000 seg >want
	head -c 8000 seg >>want
	for i in 1 2 3 4 5 6 7 8; do cmp want out.$i; done
'
check 'its tag is the same while it grows and when it is whole' '
	writer grow/3.ts
	cat seg >&7
	eventually curl -sfI -m 1 -o h1 "$url/grow/3.ts"
	exec 7>&-
	wait $wpid
	curl -sfI "$url/grow/3.ts" >h2
	grep -i ^etag h1
	test "$(grep -i ^etag h1)" = "$(grep -i ^etag h2)"
	grep -i "^transfer-encoding: chunked" h1
'
check 'ranges of it: what is there, what is to come, from here to the end' '
	writer grow/4.ts
	head -c 50000 seg >&7
	eventually curl -sfI -m 1 -o /dev/null "$url/grow/4.ts"
	curl -sN -D h1 -r 100-199 "$url/grow/4.ts" >r1
	curl -sN -D h2 -r 60000-60099 "$url/grow/4.ts" >r2 7>&- & p2=$!
	curl -sN -D h3 -r 40000- "$url/grow/4.ts" >r3 7>&- & p3=$!
	eventually holds r3 10000
	tail -c +50001 seg >&7
	wait $p2
	exec 7>&-
	wait $p3
	head -c 200 seg | tail -c 100 | cmp - r1
	head -c 60100 seg | tail -c 100 | cmp - r2
	tail -c +40001 seg | cmp - r3
	grep "206 Partial" h1
	grep -i "^content-range: bytes 100-199/\*" h1
	grep -i "^content-range: bytes 60000-60099/\*" h2
	grep -i "^content-range: bytes 40000-9007199254740991/\*" h3
'
check 'the last bytes of it are not known yet: the whole' '
	writer grow/s.ts
	head -c 50000 seg >&7
	eventually curl -sfI -m 1 -o /dev/null "$url/grow/s.ts"
	curl -sN -D h1 -r -100 "$url/grow/s.ts" >r1 7>&- & p=$!
	eventually holds r1 50000
	tail -c +50001 seg >&7
	exec 7>&-
	wait $p
	grep "^HTTP/1.1 200" h1
	cmp seg r1
'
check 'its head comes before its first byte' '
	printf "PUT /grow/h.ts HTTP/1.1\r\nHost: t\r\nTransfer-Encoding: chunked\r\n\r\n" >head
	mkfifo in.h
	raw-http "$port" <in.h >put.h & wpid=$!
	exec 7>in.h
	cat head >&7
	printf "\001" >&7
	eventually curl -sfI -m 1 -o /dev/null "$url/grow/h.ts"
	# A head that is held back comes 0.2 s later.
	soon () {
		t=$(curl -s -m 0.5 -o /dev/null -w "%{http_code} %{time_starttransfer}" "$url/grow/h.ts" 7>&- || true)
		test "${t%???}" "<" "200 0.100"
	}
	within 10 soon
	printf "0\r\n\r\n" >&7
	exec 7>&-
	wait $wpid
'
check 'HTTP/1.0 gets it until the connection closes' '
	writer grow/5.ts
	head -c 50000 seg >&7
	eventually curl -sfI -m 1 -o /dev/null "$url/grow/5.ts"
	curl -sN0f "$url/grow/5.ts" >out0 7>&- & p=$!
	eventually holds out0 50000
	tail -c +50001 seg >&7
	exec 7>&-
	wait $p
	cmp seg out0
'
check 'a writer that breaks off: no end for readers, the old object stays' '
	echo old >old
	code -T old "$url/grow/6.ts" | grep 201
	mkfifo in.6
	raw-http "$port" <in.6 >put.6 & p=$!
	exec 7>in.6
	printf "PUT /grow/6.ts HTTP/1.1\r\nHost: t\r\nTransfer-Encoding: chunked\r\n\r\n" >&7
	printf "3\r\nnew\r\n\001" >&7
	begun () {
		curl -s -r 0-2 "$url/grow/6.ts" | grep -q new
	}
	eventually begun
	curl -sN "$url/grow/6.ts" >out 7>&- & rpid=$!
	eventually grep new out
	printf "\002" >&7
	exec 7>&-
	got=0
	wait $rpid || got=$?
	test $got -eq 18 || test $got -eq 56
	wait $p
	curl -sf "$url/grow/6.ts" | cmp old -
'
check 'and if there was none, there is none' '
	printf "PUT /grow/7.ts HTTP/1.1\r\nHost: t\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nnew\r\n\002" |
		raw-http "$port"
	eventually sh -c "curl -s -o /dev/null -w %{http_code} $url/grow/7.ts | grep 404"
	test ! -e root/grow/7.ts
	test "$(ls -A root/.mstore)" = lock
'
check 'a playlist is not shown before it is whole' '
	echo one >one
	code -T one "$url/grow/a.m3u8" | grep 201
	writer grow/a.m3u8
	echo two >&7
	eventually kept_back 4
	curl -sf "$url/grow/a.m3u8" | cmp one -
	exec 7>&-
	wait $wpid
	curl -sf "$url/grow/a.m3u8" | grep two
'
check 'nor is what was asked not to be' '
	rm -f in
	mkfifo in
	curl -sN -o /dev/null -H "x-amz-upload-availability: STANDARD" -T - "$url/grow/8.ts" <in & p=$!
	exec 7>in
	cat seg >&7
	eventually kept_back 94000
	code "$url/grow/8.ts" | grep 404
	exec 7>&-
	wait $p
	curl -sf "$url/grow/8.ts" | cmp seg -
'
check 'who reads the old object while it is replaced gets the old to its end' '
	head -c 8000000 /dev/zero >old
	code -T old "$url/grow/9.ts" | grep 201
	curl -sf --limit-rate 4M "$url/grow/9.ts" >slow 7>&- & p=$!
	eventually test -s slow
	code -T seg "$url/grow/9.ts" | grep 204
	code -X DELETE "$url/grow/9.ts" | grep 204
	wait $p
	cmp old slow
'
ended () {
	test "$(tail -c 2 raw | od -An -tx1)" = ' 0d 0a'
}
check 'a chunk ends with its bytes, not with the next: caches wait for that' '
	writer grow/10.ts
	cat seg >&7
	eventually curl -sf -m 0.2 -r 1-2 -o two "$url/grow/10.ts"
	curl -s --raw -N -r 100- "$url/grow/10.ts" >raw 7>&- & p=$!
	eventually test -s raw
	eventually ended
	exec 7>&-
	wait $wpid $p
'
check 'hundreds of readers of one object, each byte to each' '
	follow-load "$port" /grow/many.m4s 500 20000 10 10 | grep complete=500
'
check 'and past the size that is kept ready for them' '
	follow-load "$port" /grow/big.m4s 3 9000000 9 1 | grep complete=3
	test "$(wc -c <root/grow/big.m4s)" -eq 81000000
'
stop_serving
done_testing
