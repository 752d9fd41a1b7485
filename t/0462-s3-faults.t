#!/bin/sh
# A client of S3 against a server that fails in the ways of S3; no Ceph is needed.
. "$(dirname "$0")/lib.sh"

port=$(free_port)
mkdir server
perl "$top/t/s3d.pl" "$port" server & server=$!
trap 'kill $server; rm -rf "$scratch"' EXIT
AWS_ACCESS_KEY_ID=key AWS_SECRET_ACCESS_KEY=secret AWS_REGION=us-east-1
HOME=$scratch
export AWS_ACCESS_KEY_ID AWS_SECRET_ACCESS_KEY AWS_REGION HOME
endpoint=http://127.0.0.1:$port
# shellcheck disable=SC2034	# in the checks
url="s3://box/a?endpoint=$endpoint"
eventually curl -s -o answer "$endpoint"
head -c 14000000 /dev/urandom >large
echo small >small

check 'SlowDown, and a time-out that the server tells of: tried again' '
	touch server/slow
	mstore-ctl put small "$url"
	touch server/idle
	mstore-ctl put small "$url"
	cmp small server/www/box/a
	grep -c "PUT /box/a 503" server/log | grep -x 1
	grep -c "PUT /box/a 400" server/log | grep -x 1
'
check 'what is refused is not tried again' '
	: >server/log
	touch server/refuse
	fails 1 mstore-ctl put small "$url" 2>err
	rm server/refuse
	grep "status 403: AccessDenied: so be it" err
	test "$(wc -l <server/log)" -eq 1
'
check 'the clock of the server is believed, when it is not ours' '
	: >server/log
	touch server/clock
	mstore-ctl put small "$url"
	rm server/clock
	test "$(grep -c . server/log)" -eq 2
'
check 'the region that the bucket is in is learnt' '
	: >server/log
	touch server/region
	mstore-ctl put small "$url"
	rm server/region
	test "$(grep -c . server/log)" -eq 2
'
check 'an object in parts' '
	mstore-ctl put large "$url"
	cmp large server/www/box/a
	: >server/log
	mstore-ctl put --part-size 5Mi - "$url" <large
	cmp large server/www/box/a
	grep "partNumber=3" server/log
'
check 'a pipe that is slow does not keep what has come' '
	: >server/log
	{ head -c 12000000 large; eventually grep -q "partNumber=1.* 200" server/log
		tail -c +12000001 large; } | mstore-ctl put --part-size 5Mi - "$url"
	cmp large server/www/box/a
	grep "partNumber=1.* 200" server/log
'
check 'status 200 with an error in it is an error, and passes' '
	rm server/www/box/a
	touch server/error
	mstore-ctl put large "$url"
	cmp large server/www/box/a
	test ! -e server/error
'
check 'an upload that was completed, but nobody said so' '
	rm server/www/box/a
	touch server/lost
	mstore-ctl put large "$url"
	cmp large server/www/box/a
	test ! -e server/lost
'
check 'of an upload that was stopped nothing stays' '
	touch server/part2
	mstore-ctl put large "$url" 2>err & pid=$!
	eventually grep "partNumber=2.* 500" server/log
	kill $pid
	fails 1 wait $pid
	rm server/part2
	grep "stopped" err
	test -z "$(ls -d server/up-* 2>/dev/null)"
'
check 'a part that failed is sent again by itself' '
	: >server/log
	touch server/part2
	mstore-ctl put large "s3://box/again?endpoint=$endpoint" & pid=$!
	eventually grep "again.*partNumber=2.* 500" server/log
	rm server/part2
	wait $pid
	cmp large server/www/box/again
	test "$(grep -c "again.*partNumber=1" server/log)" -eq 1
'
check 'keys of a file, of a profile, and none' '
	unset AWS_ACCESS_KEY_ID
	printf "[other]\naws_access_key_id = them\naws_secret_access_key = s\n" >keys
	mstore-ctl sign "$url&credentials-file=keys&profile=other" | grep "Credential=them%2F"
	AWS_SHARED_CREDENTIALS_FILE=keys AWS_PROFILE=other mstore-ctl sign "$url" |
		grep "Credential=them%2F"
	fails 2 mstore-ctl sign "$url&credentials-file=keys" 2>err
	grep "no keys of profile .default. in .keys." err
	fails 2 mstore-ctl sign "$url" 2>err
	grep "no keys to sign with" err
	mkdir -p .aws
	cp keys .aws/credentials
	AWS_PROFILE=other mstore-ctl sign "$url" | grep "Credential=them%2F"
'
check 'addresses that are none' '
	for bad in s3:// s3://a@b/ "s3://b/?endpoint=ftp://h" "s3://b/?style=odd" \
		"s3://b/?what=x" "s3://b/%zz" ftp://h http://h/?q=1 "s3://b o/"
	do
		fails 2 mstore-ctl ls "$bad"
	done
	fails 2 mpkg-segment -o "s3://b/?what=x" </dev/null 2>err
	grep "no option .what." err
'
done_testing
