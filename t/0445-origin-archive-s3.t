#!/bin/sh
# mstore-serve --archive s3://: objects in a real Ceph, read by the same address.
. "$(dirname "$0")/lib.sh"
# shellcheck disable=SC2154
. "$top/t/rgw.sh"
! rgw_missing || need 'no Ceph is installed (ceph-mon ceph-osd radosgw ceph-common)' false
. "$top/t/origin.sh"
. "$top/t/containers.sh"
HOME=$scratch
export HOME
rgw_up
# A check may have started another: its number is in ./pid.
trap 'kill -9 $pid $(cat pid 2>/dev/null) 2>/dev/null; rgw_down; rm -rf "$scratch"' EXIT

# All that is older than a second goes to the archive, and is looked for at once.
archive_all () {
	control PutLifecyclePolicy '{"ContainerName":"one","LifecyclePolicy":"{\"rules\":[{\"definition\":{\"path\":[{\"prefix\":\"cold/\"}],\"seconds_since_create\":[{\"numeric\":[\">\",1]}]},\"action\":\"ARCHIVE\"}]}"}'
}
keep_all () {
	control DeleteLifecyclePolicy '{"ContainerName":"one"}'
}
# in_bucket NAME: the keys of its versions
in_bucket () {
	mstore-ctl ls -r s3://deep/tier 2>/dev/null | grep "$1" || true
}
# versions NUMBER NAME: so many are in the bucket
versions () {
	test "$(in_bucket "$2" | wc -l)" -eq "$1"
}
archived () {
	test -f "root/.mstore/archive/one/cold/$1" && test ! -e "root/one/cold/$1"
}
tidy () {
	test "$(metric mstore_archive_pending_count)" = 0
}
# adopt: what a check has started is ours from now on.
adopt () {
	pid=$(cat pid 2>/dev/null || echo "$pid")
	url=http://$(sed -n 's/.*listening on //p' serve.log | head -n 1)
	admin=$(sed -n 's/.*metrics on \(.*\)\/metrics/\1/p' serve.log)
	export url admin pid
	rm -f pid
}
pause_store () {
	kill -STOP "$(cat ceph/rgw.id)"
}
resume_store () {
	kill -CONT "$(cat ceph/rgw.id)"
}

head -c 20000000 /dev/urandom >large
head -c 300000 /dev/urandom >big
echo hello >hello
: >empty
mstore-ctl container create s3://deep
# shellcheck disable=SC2034	# in the checks
where='s3://deep/tier?storage-class=STANDARD'
serve --archive "$where" --threads 1
control CreateContainer '{"ContainerName":"one"}' >/dev/null

check 'moved to the bucket, and read as before: whole, a part, under a condition' '
	code -H "Content-Type: video/x-own" -H "Cache-Control: max-age=77" -T big \
		"$url/one/cold/a/big" | grep 201
	curl -sfI "$url/one/cold/a/big" | grep -v ^Date >before
	grep -i "^etag" before
	archive_all | grep "^{}$"
	eventually archived a/big
	test "$(stat -c %b root/.mstore/archive/one/cold/a/big)" -le 16
	curl -sfI "$url/one/cold/a/big" | grep -v ^Date | cmp - before
	curl -sf -D head "$url/one/cold/a/big" | cmp - big
	grep -v ^Date head | sed 1d >after
	sed 1d before | cmp - after
	curl -sf -D head -r 1000-1999 "$url/one/cold/a/big" >part
	grep "^HTTP/1.1 206" head
	grep -i "^content-range: bytes 1000-1999/300000" head
	tail -c +1001 big | head -c 1000 | cmp - part
	curl -sf -r -500 "$url/one/cold/a/big" >part
	tail -c 500 big | cmp - part
	code -r 300000- "$url/one/cold/a/big" | grep 416
	etag=$(sed -n "s/^ETag: \(.*\)\r/\1/p" before)
	code -H "If-None-Match: $etag" "$url/one/cold/a/big" | grep 304
	code -H "If-Match: \"x\"" "$url/one/cold/a/big" | grep 412
	code -H "If-Range: $etag" -r 0-9 "$url/one/cold/a/big" | grep 206
	metric mstore_archived_count | grep "^1$"
	holds one SizeBytes 300000
'
check 'what the bucket knows of it: type, tag, and under which path' '
	key=$(in_bucket a/big)
	echo "$key" | grep "one/cold/a/big/"
	mstore-ctl stat --json "s3://deep/tier/one/cold/a/big/${key##*/}" | grep "video/x-own"
'
check 'by HTTP/2, slowly and many at once' '
	for i in 1 2 3 4 5 6 7 8
	do
		curl -sf --http2-prior-knowledge --limit-rate 300k "$url/one/cold/a/big" >got$i &
	done
	wait
	for i in 1 2 3 4 5 6 7 8
	do
		cmp big got$i
	done
	curl -sf --http2-prior-knowledge -r 5-9 -D head "$url/one/cold/a/big" >part
	tail -c +6 big | head -c 5 | cmp - part
	grep -i "^content-length: 5" head
'
check 'listed with its length, as long as it is there' '
	curl -sf "$url/one/?Path=cold/a" | grep "\"Name\":\"big\".*\"ContentType\":\"video/x-own\",\"ContentLength\":300000"
'
check 'an empty object, one in parts, and texts' '
	echo "#EXTM3U" >list.m3u8
	code -T empty "$url/one/cold/empty" | grep 201
	code -T large "$url/one/cold/large.ts" | grep 201
	code -T list.m3u8 "$url/one/cold/list.m3u8" | grep 201
	eventually archived empty
	eventually archived large.ts
	eventually archived list.m3u8
	curl -sf "$url/one/cold/empty" | cmp - empty
	curl -sf "$url/one/cold/large.ts" | cmp - large
	curl -sf -r 9000000-9999999 "$url/one/cold/large.ts" >part
	tail -c +9000001 large | head -c 1000000 | cmp - part
	curl -sf --compressed "$url/one/cold/list.m3u8" | cmp - list.m3u8
'
check 'a large one goes to a slow peer a window at a time' '
	memory () { awk "/RssAnon|RssShmem/ { n += \$2 } END { print n }" /proc/$pid/status; }
	curl -sf "$url/one/cold/large.ts" | { sleep 2; memory >during; cat; } | cmp - large
	for i in 1 2 3 4
	do
		curl -s --limit-rate 200k "$url/one/cold/large.ts" >slow$i &
		echo $! >>curls
	done
	before=$(memory)
	within 2 false || true
	now=$(memory)
	echo "$before kB, $now kB"
	test $now -lt $((before + 16000))
	test "$(metric mstore_memory_bytes)" -lt 30000000
	kill $(cat curls)
'
check 'overwritten: the new one counts, and the bucket loses the old one' '
	keep_all
	code -T hello "$url/one/cold/a/big" | grep 204
	curl -sf "$url/one/cold/a/big" | cmp - hello
	eventually versions 0 a/big
	archive_all
	eventually archived a/big
	curl -sf "$url/one/cold/a/big" | cmp - hello
	versions 1 a/big
'
check 'no object below or in the way of one that is there' '
	code -T hello "$url/one/cold/a/big/x" | grep 409
	code -T hello "$url/one/cold/a" | grep 409
'
check 'deleted, here and in the bucket' '
	code -X DELETE "$url/one/cold/a/big" | grep 204
	code "$url/one/cold/a/big" | grep 404
	test ! -e root/.mstore/archive/one/cold/a
	eventually versions 0 a/big
	holds one ObjectCount 3
	eventually tidy
'

# ---- the store fails
check 'it does not answer: 503 and when to come again, and all others are served' '
	code -T hello "$url/one/hot/x" | grep 201
	pause_store
	curl -s -o answer -D head -w "%{http_code}\n" "$url/one/cold/large.ts" >slow & slow=$!
	for i in $(seq 50)
	do
		curl -sf -m 2 "$url/one/hot/x" | cmp - hello
	done
	code -m 2 -I "$url/one/cold/large.ts" | grep 200
	code -m 2 -X DELETE "$url/one/cold/empty" | grep 204
	code -m 2 -T hello "$url/one/cold/late" | grep 201
	code -m 2 -T hello "$url/one/cold/list.m3u8" | grep 204
	curl -sf -m 2 "$url/one/cold/list.m3u8" | cmp - hello
	wait $slow
	grep 503 slow
	grep -i "^retry-after: 5" head
	curl -sf -m 2 "$url/one/cold/late" | cmp - hello
'
check 'it goes on: so does all that was to be done' '
	resume_store
	curl -sf "$url/one/cold/large.ts" | cmp - large
	within 120 archived late
	within 120 archived list.m3u8
	curl -sf "$url/one/cold/late" | cmp - hello
	curl -sf "$url/one/cold/list.m3u8" | cmp - hello
	within 60 versions 0 cold/empty
	within 60 tidy
	versions 1 cold/list.m3u8
	versions 1 cold/late
'
check 'it is killed in the middle of a body: the peer gets the whole of it, or knows' '
	curl -s --limit-rate 8M "$url/one/cold/large.ts" >got & get=$!
	eventually test -s got
	kill -9 $(cat ceph/rgw.id)
	rgw_gateway
	if wait $get
	then
		cmp got large
	else
		cmp -n "$(wc -c <got)" got large
	fi
	curl -sf "$url/one/cold/large.ts" | cmp - large
'
check 'what it has lost is an error, and not an empty object' '
	keep_all
	mstore-ctl rm -r s3://deep/tier/one/cold/late
	code "$url/one/cold/late" | grep 500
	code -X DELETE "$url/one/cold/late" | grep 204
	code "$url/one/cold/late" | grep 404
	eventually tidy
	archive_all
'

# ---- we fail
check 'killed in the middle of moving: all are there, and nothing is left over' '
	keep_all
	mkdir -p root/one/cold/m
	for i in $(seq 60)
	do
		head -c $((2000 + i)) big >"root/one/cold/m/$i"
	done
	cp large root/one/cold/m/large
	touch -d "-1 hour" root/one/cold/m/*
	archive_all
	for round in 1 2 3 4 5
	do
		sleep 0.$((round * 7 % 10))
		kill -9 $pid
		wait $pid 2>/dev/null || true
		serve --archive "$where" --threads 1
		echo $pid >pid
	done
	for i in $(seq 60)
	do
		head -c $((2000 + i)) big >want
		curl -sf "$url/one/cold/m/$i" | cmp - want
	done
	curl -sf "$url/one/cold/m/large" | cmp - large
	eventually test ! -e root/one/cold/m
	eventually tidy
	versions 61 cold/m/
	holds one ObjectCount 64
	test -z "$(ls root/.mstore/archive/.mstore | grep -v -x -e lock -e bucket)"
	curl -sf "$url/one/cold/m/large" | cmp - large
'
adopt
# uploads NAME: keys of uploads in parts that are not finished
uploads () {
	curl -sf --aws-sigv4 "aws:amz:us-east-1:s3" \
		-H "x-amz-content-sha256: UNSIGNED-PAYLOAD" \
		-u "$AWS_ACCESS_KEY_ID:$AWS_SECRET_ACCESS_KEY" "$s3_endpoint/deep?uploads=" |
		grep "$1"
}
check 'parts that a killed process had sent are aborted' '
	mkdir -p root/one/cold
	truncate -s 150M root/one/cold/x
	touch -d "-1 hour" root/one/cold/x
	kill -HUP $pid
	eventually uploads cold/x
	kill -9 $pid
	wait $pid 2>/dev/null || true
	uploads cold/x
	rm root/one/cold/x
	serve --archive "$where" --threads 1
	echo $pid >pid
	eventually tidy
	if uploads cold/x; then exit 1; fi
	versions 0 cold/x
'
adopt
ended () {
	! grep -q "^State:[^Z]*$" "/proc/$pid/status" 2>/dev/null
}
check 'a stop does not wait for a store that hangs' '
	code -T hello "$url/one/cold/z" | grep 201
	pause_store
	sleep 2
	kill $pid
	within 25 ended
	resume_store
'
wait "$pid" 2>/dev/null
pid=
check 'another bucket, none, or no keys: told at the start' '
	fails 2 mstore-serve -l 127.0.0.1:0 --root root --archive s3://deep/other 2>err
	grep "this root has objects in .s3://deep/tier/." err
	fails 2 mstore-serve -l 127.0.0.1:0 --root root --archive "s3://deep/tier?what=1" 2>err
	grep "no option .what." err
	fails 2 mstore-serve -l 127.0.0.1:0 --root root \
		--archive "s3://deep/tier?credentials-file=none" 2>err
	grep "cannot open .none." err
'
serve
check 'without --archive it is told where they are' '
	grep "objects of .root. are in .s3://deep/tier/." serve.log
'
stop_serving
done_testing
