#!/bin/sh
# mstore-serve: signatures by curl and by a signer of our own, whole and by chunks.
. "$(dirname "$0")/lib.sh"
# shellcheck disable=SC2154
. "$top/t/origin.sh"

umask 077
cat >keys <<-'END'
	AKTEST testsecret
	AKREAD another read
	AKPART third write part/
END
echo token >tokens
serve --keys keys --token-file tokens

signed () {
	id=$1
	shift
	curl -s -D head --aws-sigv4 "aws:amz:eu-central-1:mediastore" --user "$id" "$@"
}

asked () {
	perl "$top/t/signed.pl" "$1" "${url#http://}" "$2" ${3+"$3"}
}
empty=$(printf '' | sha256sum | cut -d ' ' -f 1)
export empty

check 'curl signs: put, get, delete' '
	printf hello >text
	signed AKTEST:testsecret -H "x-amz-content-sha256: UNSIGNED-PAYLOAD" -T text "$url/a/b.txt" |
		grep "\"ContentSHA256\":\"2cf24dba5fb0a30e26e83b2ac5b9e29e1b161e5c1fa7425e73043362938b9824\""
	test "$(signed AKTEST:testsecret "$url/a/b.txt")" = hello
	grep -i "^x-amzn-requestid: ........-....-4...-....-............" head
	signed AKTEST:testsecret -o /dev/null -w "%{http_code}" -X DELETE "$url/a/b.txt" | grep 204
'
check 'a token does as before, and who has neither may not write' '
	code -H "Authorization: Bearer token" -T text "$url/t.txt" | grep 201
	code -T text "$url/t.txt" | grep 401
	test "$(curl -sf "$url/t.txt")" = hello
'
check 'a wrong secret, even to read what is for all' '
	signed AKTEST:wrong "$url/t.txt" | grep InvalidSignatureException
	grep -i "^x-amzn-errortype: InvalidSignatureException" head
	grep "^HTTP/1.1 403" head
'
check 'rights and prefixes' '
	u="x-amz-content-sha256: UNSIGNED-PAYLOAD"
	signed AKREAD:another -H "$u" -T text "$url/r.txt" | grep AccessDeniedException
	signed AKPART:third -H "$u" -T text "$url/r.txt" | grep AccessDeniedException
	signed AKPART:third -H "$u" -T text "$url/part/r.txt" | grep ContentSHA256
	test ! -e root/r.txt
	signed AKTEST:testsecret -H "$u" -T text "$url/.r.txt" | grep "this name is not for objects"
'
check 'another service, and what is no signature' '
	curl -s --aws-sigv4 "aws:amz:eu-central-1:s3" --user AKTEST:testsecret "$url/t.txt" |
		grep InvalidSignatureException
	curl -s -H "Authorization: AWS4-HMAC-SHA256 Credential=x" "$url/t.txt" |
		grep IncompleteSignatureException
'
check 'a body that the signature does not cover is refused' '
	signed AKTEST:testsecret -H "x-amz-content-sha256: $empty" -T text "$url/u.txt" |
		grep ValidationException
	test ! -e root/u.txt
'
for kind in chunks trailer unsigned put
do
	export kind
	check "$kind: the object is what was framed" '
		asked $kind /k/$kind.txt | grep "^200 {\"ContentSHA256\""
		test "$(wc -c <root/k/$kind.txt)" -eq 33005
		test "$(tail -c 5 root/k/$kind.txt)" = third
	'
done
while read -r kind break status name
do
	export kind break status name
	check "$kind with a bad $break: the object is what it was" '
		echo before >root/k/$kind.txt
		asked $kind /k/$kind.txt $break | grep "^$status .*$name"
		echo before | cmp - root/k/$kind.txt
		test "$(curl -s "$url/k/$kind.txt")" = before
		test "$(ls root/.mstore)" = lock
	'
done <<-'END'
	chunks chunk 403 InvalidSignature
	chunks last 403 InvalidSignature
	chunks length 400 Validation
	trailer trailer 403 InvalidSignature
	trailer sum 400 Validation
	trailer chunk 403 InvalidSignature
	unsigned sum 400 Validation
	unsigned length 400 Validation
	put hash 400 Validation
END
check 'a body without its end' '
	rm root/k/chunks.txt
	asked chunks /k/chunks.txt cut | grep "^400 .*ValidationException"
	test ! -e root/k/chunks.txt
'
check 'checksums in the head: crc32, crc32c, sha1, sha256' '
	u="Authorization: Bearer token"
	while read -r sum good
	do
		curl -s -H "$u" -H "x-amz-checksum-$sum: $good" -T text "$url/sum.txt" |
			grep ContentSHA256
		printf other >other
		curl -s -H "$u" -H "x-amz-checksum-$sum: $good" -T other "$url/sum.txt" |
			grep ValidationException
		curl -s -H "$u" -H "x-amz-checksum-$sum: xx" -T text "$url/sum.txt" |
			grep ValidationException
		test "$(cat root/sum.txt)" = hello
	done <<-END
	crc32 NhCmhg==
	crc32c mnG7TA==
	sha1 qvTGHdzF6KLavt4PO0gs2a6pQ00=
	sha256 LPJNul+wow4m6DsqxbninhsWHlwfp0JecwQzYpOLmCQ=
	END
'
check 'an address that expires: good, changed, of another object' '
	test "$(curl -sf "$(asked presigned /t.txt)")" = hello
	curl -s "$(asked presigned /t.txt hash)" | grep InvalidSignatureException
	curl -s "$(asked presigned /t.txt | sed s/t.txt/k.txt/)" | grep InvalidSignatureException
	curl -s "$(asked presigned /t.txt late)" | grep "AccessDenied.*expired"
'
check 'SIGHUP reads the keys again; a file that is no good changes nothing' '
	echo "AKNEW fresh" >keys
	kill -HUP $pid
	known () { signed AKNEW:fresh "$url/t.txt" | grep hello; }
	eventually known
	signed AKTEST:testsecret "$url/t.txt" | grep UnrecognizedClientException
	chmod 644 keys
	kill -HUP $pid
	eventually grep "the keys stay as they were" serve.log
	known
'
stop_serving
check 'keys that others can read, or that are none, are refused' '
	fails 2 mstore-serve --root root --keys keys
	chmod 600 keys
	echo "AK" >keys
	fails 2 mstore-serve --root root --keys keys
	: >keys
	fails 2 mstore-serve --root root --keys keys
	fails 1 mstore-serve --root root --keys none
'
done_testing
