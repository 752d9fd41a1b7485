#!/bin/sh
# S3 for real: a Ceph of one node, our client and packager, ffmpeg and curl.
. "$(dirname "$0")/lib.sh"
# shellcheck disable=SC2154
. "$top/t/rgw.sh"
! rgw_missing || need 'no Ceph is installed (ceph-mon ceph-osd radosgw ceph-common)' false
need 'no ffmpeg' command -v ffmpeg
HOME=$scratch
export HOME
rgw_up

# The status of a request by curl, which signs for itself.
s3_curl () {
	curl -s -o out -w '%{http_code}' --aws-sigv4 "aws:amz:us-east-1:s3" \
		-u "$AWS_ACCESS_KEY_ID:$AWS_SECRET_ACCESS_KEY" "$@"
}
# shellcheck disable=SC2034	# in the checks
empty=e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855
head -c 30000000 /dev/urandom >large
head -c 100000 /dev/urandom >small

check 'a bucket' '
	mstore-ctl container create s3://live
	mstore-ctl container create s3://other
	mstore-ctl container rm s3://other
	fails 1 mstore-ctl ls s3://other 2>err
	grep "status 404: NoSuchBucket" err
'
check 'what this store is strict in: it is real' '
	test "$(s3_curl -T small -H "x-amz-content-sha256: $empty" \
		"$s3_endpoint/live/bad")" = 400
	test "$(s3_curl -T - -H "x-amz-content-sha256: UNSIGNED-PAYLOAD" \
		"$s3_endpoint/live/bad" <small)" = 411
	test "$(curl -s -o out -w "%{http_code}" "$s3_endpoint/live/bad")" = 403
'
check 'a wrong secret is refused, and told' '
	AWS_SECRET_ACCESS_KEY=wrong fails 1 mstore-ctl put small s3://live/a 2>err
	grep "status 403: SignatureDoesNotMatch" err
	AWS_ACCESS_KEY_ID=nobody fails 1 mstore-ctl put small s3://live/a 2>err
	grep "status 403: InvalidAccessKeyId" err
'
check 'an object: put, told of, got whole and in part, copied' '
	mstore-ctl put --cache-control max-age=7 small s3://live/a/small.mp4
	mstore-ctl stat --json s3://live/a/small.mp4 | grep "\"size\":100000.*\"content_type\":\"video/mp4\""
	s3_curl -H "x-amz-content-sha256: $empty" -D head "$s3_endpoint/live/a/small.mp4"
	grep -i "cache-control: max-age=7" head
	cmp small out
	mstore-ctl get s3://live/a/small.mp4 got
	cmp small got
	mstore-ctl get --range 1000-1999 s3://live/a/small.mp4 - >piece
	tail -c +1001 small | head -c 1000 | cmp - piece
	mstore-ctl cp s3://live/a/small.mp4 s3://live/b/
	mstore-ctl get s3://live/b/small.mp4 - | cmp - small
'
check 'a conditional put fails when there is one' '
	mstore-ctl put --create small s3://live/new
	fails 1 mstore-ctl put --create small s3://live/new 2>err
	grep "status 412" err
	fails 1 mstore-ctl put --create large s3://live/new
	mstore-ctl get s3://live/new - | cmp - small
'
check 'in parts: a file and a pipe are byte for byte the same' '
	mstore-ctl put large s3://live/large
	mstore-ctl put - s3://live/pipe <large
	mstore-ctl stat s3://live/large | grep "etag  *[0-9a-f]*-4"
	mstore-ctl get s3://live/large - | cmp - large
	mstore-ctl get s3://live/pipe - | cmp - large
	head -c 10000000 large >half.part
	mstore-ctl get -c s3://live/large half
	cmp half large
'
check 'names of all kinds, in folders, there and back' '
	mkdir -p tree/deep/er
	for name in "a b" "a+b" "a%41" "a&<b>\"c" "ü" "x=1&y=2" "deep/x" "deep/er/y"
	do
		echo "$name" >"tree/$name"
	done
	mstore-ctl put -r tree s3://live/tree/
	mstore-ctl ls -r s3://live/tree | sort >names
	(cd tree && find . -type f | sed "s,^\./,," | sort) | diff - names
	mstore-ctl ls s3://live/tree | grep -x "deep/"
	mstore-ctl get -r s3://live/tree back
	diff -r tree back
'
check 'a signed address is good for anyone, for a while, for its method' '
	address=$(mstore-ctl sign --expires 1min "s3://live/tree/a b")
	test "$(curl -s "$address")" = "a b"
	test "$(curl -s -o out -w "%{http_code}" -X PUT -d x "$address")" = 403
	address=$(mstore-ctl sign --expires 1min --method PUT s3://live/by-anyone)
	curl -s -f -T small "$address"
	mstore-ctl get s3://live/by-anyone - | cmp - small
	for_a_second () {		# on a slow machine that may be over before it is asked
		address=$(mstore-ctl sign --expires 1s s3://live/by-anyone)
		curl -s -f -o out "$address"
	}
	eventually for_a_second
	eventually fails 22 curl -s -f -o out "$address"
'
check 'a list of more than one page, deleted by as many requests' '
	mkdir many
	(cd many && seq -f "%04g" 1500 | xargs touch)
	mstore-ctl put -j 32 -r many s3://live/many/
	test "$(mstore-ctl ls s3://live/many | wc -l)" -eq 1500
	mstore-ctl rm -r s3://live/many 2>err
	grep "1500 objects deleted" err
	test "$(mstore-ctl ls -r s3://live | grep -c many)" -eq 0
	mstore-ctl stat s3://live/large
'

# 24 s of it, of which a live run puts a half, is killed, and the next one the rest.
ffmpeg -v error -f lavfi -i testsrc2=size=320x180:rate=25:duration=16 \
	-f lavfi -i sine=frequency=440:sample_rate=48000:duration=16 \
	-c:v libx264 -preset ultrafast -bf 2 -g 25 -keyint_min 25 -sc_threshold 0 \
	-c:a aac -b:a 64k -f mpegts a.ts </dev/null
# shellcheck disable=SC2034	# in the checks
out="s3://live/live/one?acl=public-read"

check 'a packager puts a presentation: what is in a directory is in the bucket' '
	mpkg-segment -q --segment 1s --vod -o dir <a.ts
	mpkg-segment -q --segment 1s --vod -o "s3://live/vod/?acl=public-read" <a.ts
	mstore-ctl get -r s3://live/vod vod
	diff -r dir vod
'
check 'and a player that knows nothing of keys plays it' '
	ffmpeg -v error -i "$s3_endpoint/live/vod/index.m3u8" -map 0:v -f framemd5 - \
		>played
	ffmpeg -v error -i dir/index.m3u8 -map 0:v -f framemd5 - >wanted
	diff wanted played
	test "$(grep -vc "^#" played)" -eq 400
	curl -s -I "$s3_endpoint/live/vod/v1/1.m4s" >head
	grep -i "content-type: video/mp4" head || grep -i "content-type: video/iso.segment" head
	grep -i "cache-control: max-age=31536000, immutable" head
	curl -s -I "$s3_endpoint/live/vod/index.m3u8" | grep -i "cache-control: max-age=1"
'
check 'a live one is killed; the next run reads back what it left, and goes on' '
	mlive-ingest -q a.ts >clocked.ts
	mkfifo pipe
	mpkg-segment -q --segment 1s --event -o "$out" <pipe & pid=$!
	exec 9>pipe
	head -c $(($(wc -c <clocked.ts) / 2 / 188 * 188)) clocked.ts >&9
	eventually sh -c "curl -s $s3_endpoint/live/live/one/v1/index.m3u8 | grep -x 5.m4s"
	kill -9 $pid
	wait $pid || true
	exec 9>&-
	mpkg-segment -q --segment 1s --event -o "$out" <clocked.ts
	mpkg-segment -q --segment 1s --event -o whole <clocked.ts
	mstore-ctl get -r s3://live/live/one one
	diff -r whole one
'
check 'of a window, what left it is deleted' '
	mpkg-segment -q --segment 1s --window 3s -o s3://live/window <a.ts
	mpkg-segment -q --segment 1s --window 3s -o window <a.ts
	mstore-ctl get -r s3://live/window window-back
	diff -r window window-back
'
check 'the gateway is killed in an upload, and started again: it succeeds' '
	{ head -c 20000000 large; eventually test -e killed; tail -c +20000001 large; } |
		mstore-ctl put - s3://live/survivor & pid=$!
	eventually sh -c "mstore-ctl ls -r s3://live >/dev/null"
	kill -9 $(cat ceph/rgw.id)
	touch killed
	sleep 0.5
	rgw_gateway
	wait $pid
	mstore-ctl get s3://live/survivor - | cmp - large
'
check 'and so does a packager that was delivering' '
	mkfifo slow
	mpkg-segment --segment 1s --event -o "s3://live/again" <slow 2>err & pid=$!
	exec 9>slow
	head -c $(($(wc -c <clocked.ts) / 2 / 188 * 188)) clocked.ts >&9
	eventually sh -c "mstore-ctl ls s3://live/again/v1/ | grep -x 5.m4s"
	kill -9 $(cat ceph/rgw.id)
	tail -c +$(($(wc -c <clocked.ts) / 2 / 188 * 188 + 1)) clocked.ts >&9
	exec 9>&-
	eventually grep "cannot deliver to" err
	rgw_gateway
	wait $pid
	mstore-ctl get -r s3://live/again again
	diff -r whole again
'
check 'a bucket that is not there is a reason to end' '
	fails 1 mpkg-segment -q --segment 1s --vod -o s3://nobucket/a <a.ts 2>err
	grep "NoSuchBucket" err
'
# uploads KEY: is there an upload in parts to it that is not finished?
uploads () {
	s3_curl -H "x-amz-content-sha256: $empty" "$s3_endpoint/live?uploads=" | grep 200 >/dev/null
	grep "<Key>$1</Key>" out
}
check 'uploads that nobody has finished are aborted, of a folder or of all' '
	for key in cut/a cut/b other/d
	do
		test "$(s3_curl -X POST -H "x-amz-content-sha256: $empty" \
			"$s3_endpoint/live/$key?uploads=")" = 200
	done
	uploads cut/a
	uploads cut/b
	mstore-ctl empty s3://live/cut 2>err
	grep "0 objects deleted, 2 uploads aborted" err
	fails 1 uploads cut/a
	uploads other/d
	mstore-ctl put small s3://live/other/c
	mstore-ctl empty s3://live/other
	fails 1 uploads other/d
'
check 'a recording in pieces, large ones in parts, and pictures of it' '
	ffmpeg -nostdin -v error -f lavfi -i testsrc2=s=1280x720:r=25:d=6,noise=alls=40:allf=t -c:v libx264 \
		-preset ultrafast -g 50 -qp 32 -f mpegts rec.ts
	test "$(wc -c <rec.ts)" -gt 12000000
	mlive-archive -q -e 4s --spool rec.spool -o s3://live/rec/ <rec.ts
	mstore-ctl get s3://live/rec/19700101-000000.ts one.ts
	mstore-ctl get s3://live/rec/19700101-000004.ts two.ts
	cat one.ts two.ts | cmp - rec.ts
	mstore-ctl get s3://live/rec/index.json - | grep "$(sha256sum <one.ts | cut -d " " -f 1)"
	mlive-archive -q -e 4s --spool rec.spool -o s3://live/rec/ <rec.ts
	mstore-ctl get s3://live/rec/19700101-000000_2.ts - | cmp - one.ts
	mlive-capture -q -e 1s --keep 3 -o "s3://live/shot/%05d.jpg" <rec.ts
	test "$(mstore-ctl ls s3://live/shot/ | grep -c jpg)" -eq 3
	mstore-ctl get s3://live/shot/00006.jpg shot.jpg
	ffmpeg -nostdin -v error -xerror -i shot.jpg -f null -
'
check 'a bucket is emptied' '
	mstore-ctl empty s3://live
	test -z "$(mstore-ctl ls -r s3://live)"
	mstore-ctl container rm s3://live
'
done_testing
