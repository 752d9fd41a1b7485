#!/bin/sh
# mstore-serve: what it tells of requests: the log in JSON, and Server-Timing.
. "$(dirname "$0")/lib.sh"
# shellcheck disable=SC2154
. "$top/t/origin.sh"
need 'no JSON::PP' perl -MJSON::PP -e 1

umask 077
echo 'AKTEST testsecret' >keys
echo hello >text
serve --keys keys --access-log log --access-log-format json --server-timing

signed () {
	curl -s --aws-sigv4 aws:amz:eu:mediastore --user AKTEST:testsecret \
		-H 'x-amz-content-sha256: UNSIGNED-PAYLOAD' "$@"
}

check 'a line is an object with the fields of MediaStore' '
	signed -T text "$url/a/1.txt"
	curl -s -o /dev/null "$url/a/1.txt"
	curl -s -o /dev/null "$url/none%22.txt"
	signed "$url/none"
	signed "$url/?Path=a"
	code -X DELETE "$url/a/1.txt" | grep 403
	eventually grep DeleteObject log
	perl -MJSON::PP -e "while (<>) { my \$l = decode_json(\$_);
		print join(q( ), map { \$l->{\$_} // q(-) } qw(Operation Path HTTPStatus Requester
		ErrorCode BytesReceived Source)), qq(\n);
		die if \$l->{Requester} && length \$l->{RequestID} != 36;
		die if \$l->{ReceivedTime} !~ /^20..-..-..T..:..:/ || \$l->{TotalTime} !~ /^\d+\$/ }" log >got
	cat got
	diff - got <<-END
	PutObject /a/1.txt 200 AKTEST - 6 127.0.0.1
	GetObject /a/1.txt 200 - - 0 127.0.0.1
	GetObject /none%22.txt 404 - ObjectNotFoundException 0 127.0.0.1
	GetObject /none 404 AKTEST ObjectNotFoundException 0 127.0.0.1
	ListItems / 200 AKTEST - 0 127.0.0.1
	DeleteObject /a/1.txt 403 - AccessDeniedException 0 127.0.0.1
	END
'
check 'who asks is told the age of the bytes, others are not' '
	signed -T text "$url/t.txt"
	curl -sI -H "X-Server-Timing: 1" "$url/t.txt" | tr -d "\r" >out
	cat out
	grep "^Server-Timing: wait;dur=[0-9]*\.[0-9]\{3\}, age;dur=[0-9]*\.[0-9]\{3\}, sent;desc=\"20[^\"]*Z\"$" out
	test "$(curl -sI "$url/t.txt" | grep -ci server-timing)" -eq 0
'
check 'a file that was not put has no age' '
	echo x >root/file.txt
	curl -sI -H "X-Server-Timing: 1" "$url/file.txt" | grep "^Server-Timing: wait;dur=[0-9.]*, sent;"
'
stop_serving
serve
check 'nor is anyone without --server-timing' '
	test "$(curl -sI -H "X-Server-Timing: 1" "$url/t.txt" | grep -ci server-timing)" -eq 0
'
stop_serving
check 'another format is refused' '
	fails 2 mstore-serve --root root --access-log-format xml
'
done_testing
