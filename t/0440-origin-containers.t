#!/bin/sh
# mstore-serve: containers by the control plane of AWS, their limits, their files.
. "$(dirname "$0")/lib.sh"
# shellcheck disable=SC2154
. "$top/t/origin.sh"
. "$top/t/containers.sh"
. "$top/t/sdk.sh"

mkdir -p root/old/deep
echo 12345 >root/old/deep/a.ts
echo 1 >root/plain.txt
serve
check 'without containers all is as it was' '
	control ListContainers "{}" | grep "^{\"Containers\":\[\]}$"
	curl -sf "$url/plain.txt" | grep 1
	test ! -e root/.mstore/containers
'
check 'one is made, described and listed; twice is refused by name' '
	control CreateContainer "{\"ContainerName\":\"one\"}" >made
	grep "\"Status\":\"ACTIVE\"" made
	grep "\"ARN\":\"arn:aws:mediastore:us-east-1:000000000000:container/one\"" made
	grep "\"Endpoint\":\"$url/one\"" made
	control CreateContainer "{\"ContainerName\":\"one\"}" |
		grep ContainerInUseException
	control CreateContainer "{\"ContainerName\":\"two\",\"Tags\":[{\"Key\":\"a\",\"Value\":\"b\"}]}"
	control ListContainers "{\"MaxResults\":1}" >list
	grep "\"NextToken\":\"one\"" list
	control ListContainers "{\"NextToken\":\"one\"}" >list
	grep "\"Name\":\"two\"" list
	fails 1 grep "\"Name\":\"one\"\|NextToken" list
'
check 'tags' '
	control TagResource "{\"Resource\":\"arn:aws:mediastore:x:1:container/two\",
		\"Tags\":[{\"Key\":\"c\",\"Value\":\"d\"}]}"
	control UntagResource "{\"Resource\":\"arn:aws:mediastore:x:1:container/two\",
		\"TagKeys\":[\"a\"]}"
	control ListTagsForResource "{\"Resource\":\"arn:aws:mediastore:x:1:container/two\"}" |
		grep "{\"Tags\":\[{\"Key\":\"c\",\"Value\":\"d\"}\]}"
'
check 'errors have their names' '
	control DescribeContainer "{\"ContainerName\":\"none\"}" |
		grep ContainerNotFoundException
	control DeleteContainer "{\"ContainerName\":\"none\"}" |
		grep ContainerNotFoundException
	control GetContainerPolicy "{\"ContainerName\":\"one\"}" |
		grep PolicyNotFoundException
	control GetCorsPolicy "{\"ContainerName\":\"one\"}" |
		grep CorsPolicyNotFoundException
	control DeleteMetricPolicy "{\"ContainerName\":\"one\"}" |
		grep PolicyNotFoundException
	control CreateContainer "{\"ContainerName\":\"../x\"}" | grep ValidationException
	control CreateContainer "{}" | grep ValidationException
	control CreateContainer "{" | grep SerializationException
	control MakeCoffee "{}" | grep UnknownOperationException
	curl -s -i -H "X-Amz-Target: MediaStore_20170901.GetCorsPolicy" \
		-d "{\"ContainerName\":\"one\"}" "$admin/" >out
	grep -i "^x-amzn-errortype: CorsPolicyNotFoundException" out
	grep "^HTTP/1.1 400" out
'
check 'not on the listener of the objects, nor for a page whose name leads here' '
	code -H "X-Amz-Target: MediaStore_20170901.ListContainers" -d "{}" "$url/" | grep 405
	code -H "X-Amz-Target: MediaStore_20170901.ListContainers" -d "{}" \
		-H "Host: evil.example" "$admin/" | grep 403
	code -d "{}" "$admin/" | grep 400
'
check 'a request that is too long is refused' '
	head -c 300000 /dev/zero | tr "\0" x >long
	curl -s -H "X-Amz-Target: MediaStore_20170901.CreateContainer" \
		-H "Transfer-Encoding: chunked" --data-binary @long "$admin/" |
		grep ValidationException
'
check 'by the path, and by the first label of Host' '
	printf hello >hello
	code -T hello "$url/one/dir/a.txt" | grep 201
	curl -sf "$url/one/dir/a.txt" | cmp - hello
	curl -sf -H "Host: one.live.example" "$url/dir/a.txt" | cmp - hello
	code -H "Host: two.live.example" "$url/dir/a.txt" | grep 404
	code -H "Host: none.live.example" "$url/one/dir/a.txt" | grep 200
	test -f root/one/dir/a.txt
'
check 'a name is of an object or of a container, also of one that is empty' '
	code -T hello "$url/taken" | grep 201
	control CreateContainer "{\"ContainerName\":\"taken\"}" |
		grep ContainerInUseException
	code -T hello "$url/two/a.txt" | grep 201
	code -X DELETE "$url/two/a.txt" | grep 204
	code -T hello "$url/two" | grep 409
	code -T hello "$url/two/a.txt" | grep 201
	code -X DELETE "$url/two/a.txt" | grep 204
'
check 'one that is not empty stays' '
	control DeleteContainer "{\"ContainerName\":\"one\"}" | grep ContainerInUseException
	code -X DELETE "$url/one/dir/a.txt" | grep 204
	control DeleteContainer "{\"ContainerName\":\"one\"}" | grep "^{}$"
	control DescribeContainer "{\"ContainerName\":\"one\"}" |
		grep ContainerNotFoundException
	test ! -e root/.mstore/containers/one.json
'
check 'what was in a folder before counts' '
	control CreateContainer "{\"ContainerName\":\"old\"}"
	holds old ObjectCount 1
	holds old SizeBytes 6
'
check 'size and number are counted over overwrite and delete' '
	head -c 600 /dev/zero >600
	head -c 300 /dev/zero >300
	code -T 600 "$url/two/a" | grep 201
	holds two SizeBytes 600
	code -T 300 "$url/two/a" | grep 204
	holds two SizeBytes 300
	holds two ObjectCount 1
	code -T 600 "$url/two/b" | grep 201
	holds two SizeBytes 900
	code -X DELETE "$url/two/a" | grep 204
	code -X DELETE "$url/two/a" | grep 404
	holds two SizeBytes 600
	holds two ObjectCount 1
'
check 'limits: in bytes, number and size; an overwrite that fits is taken' '
	control PutLimitPolicy "{\"ContainerName\":\"two\",\"LimitPolicy\":
		{\"MaxBytes\":1000,\"MaxObjects\":2,\"MaxObjectSize\":700}}" | grep "^{}$"
	control GetLimitPolicy "{\"ContainerName\":\"two\"}" | grep "\"MaxBytes\":1000"
	code -T 300 "$url/two/a" | grep 201
	code -T 600 "$url/two/a" | grep 507
	code -T - "$url/two/a" <600 | grep 507
	curl -sf "$url/two/a" | cmp - 300
	code -T hello "$url/two/c" | grep 507
	code -T 600 "$url/two/b" | grep 204
	curl -si -T hello "$url/two/c" >out
	grep "^HTTP/1.1 507" out
	grep -i "^x-amzn-errortype: LimitExceededException" out
	code -T long "$url/two/b" | grep 413
	code -T - "$url/two/b" <long | grep 413
	code -T long "$url/other" | grep 201
	holds two SizeBytes 900
	holds two ObjectCount 2
'
check 'of what is framed as aws-chunked the object counts, and not the frames' '
	for n in 700 701
	do
		{ printf "%x\r\n" $n; head -c $n /dev/zero; printf "\r\n0\r\n\r\n"; } >framed
		code --aws-sigv4 aws:amz:eu:mediastore --user id:secret \
			-H "x-amz-content-sha256: STREAMING-UNSIGNED-PAYLOAD-TRAILER" \
			-H "Content-Encoding: aws-chunked" -H "x-amz-decoded-content-length: $n" \
			-T framed "$url/two/b"
	done >answers
	test "$(cat answers)" = "$(printf "200\n413")"
	holds two SizeBytes 1000
	code -T 600 "$url/two/b" | grep 204
'
check 'logging is refused where there is no log, and told of as it is' '
	control StartAccessLogging "{\"ContainerName\":\"two\"}" >out
	grep "ValidationException.*no --access-log" out
	control StopAccessLogging "{\"ContainerName\":\"two\"}" | grep "^{}$"
	control DescribeContainer "{\"ContainerName\":\"two\"}" |
		grep "\"AccessLoggingEnabled\":false"
'
check 'many at once do not get over a limit' '
	control PutLimitPolicy "{\"ContainerName\":\"old\",\"LimitPolicy\":{\"MaxObjects\":11}}"
	pids=
	for i in $(seq 40)
	do
		code -T hello "$url/old/n/$i" >"code.$i" & pids="$pids $!"
	done
	for p in $pids
	do
		wait "$p"
	done
	test "$(cat code.* | grep -c 201)" -eq 10
	test "$(cat code.* | grep -c 507)" -eq 30
	test "$(find root/old -type f | wc -l)" -eq 11
	holds old ObjectCount 11
'
kill -9 "$pid"
wait "$pid" 2>/dev/null
serve
check 'after a kill -9 all is as it was: containers, limits and counts' '
	control GetLimitPolicy "{\"ContainerName\":\"two\"}" | grep "\"MaxBytes\":1000"
	holds two SizeBytes 900
	holds two ObjectCount 2
	holds old ObjectCount 11
	code -T 600 "$url/two/a" | grep 507
'
says () {
	grep -q "$1" serve.log
}
check 'a file that was edited counts after SIGHUP, a bad one does not' '
	cat >root/.mstore/containers/two.json <<-EOF
	{ "Limits": { "MaxBytes": 2000 } }
	EOF
	kill -HUP $pid
	eventually says "info: reloaded"
	code -T 600 "$url/two/a" | grep 204
	echo "{ \"Limits\": { \"MaxApples\": 1 } }" >root/.mstore/containers/two.json
	kill -HUP $pid
	eventually says "policy of container .two. stays as it was: unknown limit .MaxApples."
	control GetLimitPolicy "{\"ContainerName\":\"two\"}" | grep 2000
	echo "{ }" >root/.mstore/containers/three.json
	rm root/.mstore/containers/old.json
	kill -HUP $pid
	eventually says "container .old. is no more"
	holds three ObjectCount 0
	code -T hello "$url/old/n/50" | grep 201
'
stop_serving
check 'at the start a bad file is an error, with its name: status 2' '
	fails 2 mstore-serve -l 127.0.0.1:0 --root root 2>err
	cat err
	grep "cannot use the policy of container .two.: unknown limit" err
'
check 'the example of the manual is a policy' '
	sed -n "/^{$/,/^}$/p" "$top/man/mstore-policy.5" >root/.mstore/containers/two.json
	test -s root/.mstore/containers/two.json
'
serve
check 'and says what it should' '
	control GetLimitPolicy "{\"ContainerName\":\"two\"}" | grep 500000000000
'
stop_serving
if sdk
then
	serve --access-log log
	check 'the AWS SDK for JavaScript, as it is, drives it' '
		node "$top/t/sdk/control.js" "$admin" | grep well
	'
	stop_serving
else
	without_sdk
fi
done_testing
