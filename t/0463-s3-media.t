#!/bin/sh
# What reads media from an S3 and writes it there, against a real one: mlive-ingest by
# ranges, lists of objects, mlive-archive and mlive-capture.
. "$(dirname "$0")/lib.sh"
# shellcheck disable=SC2154
. "$top/t/rgw.sh"
! rgw_missing || need 'no Ceph is installed (ceph-mon ceph-osd radosgw ceph-common)' false
need 'no ffmpeg' command -v ffmpeg
HOME=$scratch
export HOME
rgw_up

mstore-ctl container create s3://box
mlive-ingest -q -t 6s 'test:?size=640x360&gop=1s&preset=ultrafast&rate=6M' >in.ts
mlive-ingest -q -t 4s 'test:?size=640x360&gop=2s&preset=ultrafast&rate=4M' >two.ts
# Its index is at its end, as cameras leave it.
ffmpeg -nostdin -v error -i in.ts -map 0 -c copy in.mp4
mlive-ingest -q in.mp4 >want.ts
for name in in.ts two.ts in.mp4
do
	mstore-ctl put $name "s3://box/media/$name"
done

last () {
	tail -n 1 stats | perl -MJSON::PP -e \
		'print decode_json(<STDIN>)->{$ARGV[0]} // "none", "\n"' "$1"
}

check 'a transport stream, byte for byte; of an object with odd characters in its name too' '
	mlive-ingest -q s3://box/media/in.ts >out.ts
	cmp in.ts out.ts
	mstore-ctl cp s3://box/media/in.ts "s3://box/media/a b+c&d=ü.ts"
	mlive-ingest -q "s3://box/media/a%20b+c&d=ü.ts" >out.ts
	cmp in.ts out.ts
'
check 'MP4 with its index at its end, by ranges: as of a file' '
	mlive-ingest -q s3://box/media/in.mp4 >out.ts
	cmp want.ts out.ts
	mlive-ingest -q --loop -t 13s --stats stats s3://box/media/in.mp4 >out.ts
	last loops | grep -x 2
	last pts_jumps | grep -x 0
'
check 'what is not there, or not ours to read' '
	fails 1 mlive-ingest s3://box/media/none.ts 2>err
	grep "s3://box/media/none.ts.*404.*NoSuchKey" err
	fails 1 mlive-ingest s3://nobox/media/in.ts 2>err
	grep "s3://nobox/media/in.ts.*404.*NoSuchBucket" err
	AWS_SECRET_ACCESS_KEY=wrong fails 1 mlive-ingest s3://box/media/in.ts 2>err
	grep "403.*SignatureDoesNotMatch" err
'
check 'the gateway is killed while it is read, and started again: byte for byte' '
	mkfifo pipe
	mlive-ingest --stats stats s3://box/media/in.ts >pipe 2>err & tool=$!
	exec 7<pipe
	head -c 188000 <&7 >out.ts
	kill -9 $(cat ceph/rgw.id)
	sleep 0.5
	rgw_gateway
	cat <&7 >>out.ts
	exec 7<&-
	wait $tool
	cmp in.ts out.ts
'
check 'another object takes its place meanwhile: never a mix of both' '
	mlive-ingest s3://box/media/in.ts >pipe 2>err & tool=$!
	exec 7<pipe
	head -c 188000 <&7 >out.ts
	mstore-ctl put two.ts s3://box/media/in.ts
	kill -9 $(cat ceph/rgw.id)
	rgw_gateway
	cat <&7 >>out.ts
	exec 7<&-
	status=0
	wait $tool || status=$?
	mstore-ctl put in.ts s3://box/media/in.ts
	test $status -eq 1 || cmp in.ts out.ts
	# A beginning of the old one, and nothing of the new.
	head -c "$(wc -c <out.ts)" in.ts | cmp - out.ts
'
check 'a list of objects is as the list of the files' '
	printf "s3://box/media/%s\n" in.ts in.mp4 two.ts >remote.txt
	printf "%s\n" in.ts in.mp4 two.ts >local.txt
	mlive-ingest -q local.txt >local.ts
	mlive-ingest -q --stats stats remote.txt >out.ts
	last files | grep -x 3
	cmp local.ts out.ts
'
check 'pieces of transport stream and their index, and the pieces read back as a list' '
	mlive-ingest -q s3://box/media/in.ts |
		mlive-archive -q -e 2s --spool spool -o s3://box/rec/
	mstore-ctl get s3://box/rec/index.json index.json
	perl -MJSON::PP -e "local \$/; print \"\$_->{path} \$_->{sha256} \$_->{bytes}\\n\"
		for @{decode_json(<STDIN>)->{pieces}}" <index.json >pieces
	test "$(wc -l <pieces)" -ge 3
	: >all.ts
	: >rec.txt
	while read -r path sum bytes
	do
		mstore-ctl get "s3://box/rec/$path" piece
		test "$(sha256sum <piece | cut -d " " -f 1)" = "$sum"
		test "$(wc -c <piece)" -eq "$bytes"
		cat piece >>all.ts
		echo "s3://box/rec/$path" >>rec.txt
	done <pieces
	cmp in.ts all.ts
	test -z "$(find spool -name "*.ts")"
	mlive-ingest -q rec.txt >out.ts
	ffmpeg -nostdin -v error -i in.ts -map 0:v -c copy -f framehash - | grep -v "^#" |
		sed "s/.*,//" >want
	ffmpeg -nostdin -v error -i out.ts -map 0:v -c copy -f framehash - | grep -v "^#" |
		sed "s/.*,//" >got
	diff want got
'
check 'pieces of MP4 with an open end to them, in parts' '
	mlive-archive -q -f mp4 -e 3s --spool spool.mp4 -o s3://box/mp4/ <in.ts
	mlive-archive -q -f mp4 -e 3s -o mp4 <in.ts
	mkdir seen.mp4
	mstore-ctl get -r s3://box/mp4 seen.mp4
	(cd mp4 && find . -name "*.mp4" | sort) >want
	test "$(wc -l <want)" -ge 2
	while read -r path
	do
		cmp "mp4/$path" "seen.mp4/$path"
	done <want
'
check 'pictures: those of the bucket are those of a folder, the old ones are gone' '
	mkdir shots
	mlive-capture -q -e 1s --keep 4 -o "shots/%05d.jpg" <in.ts
	mlive-capture -q -e 1s --keep 4 -o "s3://box/shots/%05d.jpg" <in.ts
	mkdir seen
	mstore-ctl get -r s3://box/shots seen
	diff -r shots seen
	test "$(find seen -name "*.jpg" | wc -l)" -eq 4
'
done_testing
