#!/bin/sh
# mstore-serve: who may do what in a container, and which pages may read.
. "$(dirname "$0")/lib.sh"
# shellcheck disable=SC2154
. "$top/t/origin.sh"
. "$top/t/containers.sh"

echo 's3cret' >token
echo hello >hello
auth='Authorization: Bearer s3cret'
export auth

# policy STATEMENT...: the access policy of one
policy () {
	perl -MJSON::PP -e 'print encode_json({ ContainerName => "one", Policy =>
		"{\"Version\":\"2012-10-17\",\"Statement\":[" . join(",", @ARGV) . "]}" })' \
		-- "$@" >policy.json
	control PutContainerPolicy @policy.json
}

# st EFFECT ACTION PATH [CONDITION]: a statement for anyone
st () {
	echo "{\"Effect\":\"$1\",\"Principal\":\"*\",\"Action\":\"mediastore:$2\",
		\"Resource\":\"arn:aws:mediastore:us-west-2:111122223333:container/$3\"${4:+,
		\"Condition\":$4}}"
}

get () {
	code "$url/one/$1"
}

serve --token-file token
check 'without a policy, reading is free and writing needs the token' '
	control CreateContainer "{\"ContainerName\":\"one\"}"
	control CreateContainer "{\"ContainerName\":\"two\"}"
	for o in one/a/x.ts one/b/x.ts two/x.ts
	do
		code -T hello "$url/$o" | grep 401
		code -H "$auth" -T hello "$url/$o" | grep 201
		code "$url/$o" | grep 200
	done
'
check 'what no statement allows may be read by who is known only' '
	policy "$(st Allow GetObject "one/a/*")" | grep "^{}$"
	get a/x.ts | grep 200
	get b/x.ts | grep 403
	code -H "$auth" "$url/one/b/x.ts" | grep 200
	code "$url/two/x.ts" | grep 200
	code -I "$url/one/a/x.ts" | grep 403
	code -H "Host: one.live.example" "$url/b/x.ts" | grep 403
	code "$url/one/a/%2e./b/x.ts" | grep -v 200
	code "$url//one//b/x.ts" | grep 403
	code "$url/%6fne/b/x.ts" | grep 403
	curl -si "$url/one/b/x.ts" | grep -i "^x-amzn-errortype: AccessDeniedException"
	code -T hello "$url/one/a/y.ts" | grep 401
'
check 'an explicit deny wins, over the token as well' '
	policy "$(st Deny GetObject "one/b/*")" "$(st Allow "*" "one/*")"
	get b/x.ts | grep 403
	policy "$(st Allow "*" "one/*")" "$(st Deny GetObject "one/b/*")"
	get a/x.ts | grep 200
	get b/x.ts | grep 403
	code -H "$auth" "$url/one/b/x.ts" | grep 403
'
check 'a policy may let anyone write, and delete' '
	code -T hello "$url/one/free" | grep 201
	code -X DELETE "$url/one/free" | grep 204
	policy "$(st Allow PutObject "one/in/*")"
	code -T hello "$url/one/in/free" | grep 201
	code -T hello "$url/one/out/free" | grep 401
	code -X DELETE "$url/one/in/free" | grep 401
'
check 'principals' '
	policy "{\"Effect\":\"Deny\",\"Principal\":{\"AWS\":[\"x\",\"token\"]},
		\"Action\":\"mediastore:PutObject\",\"Resource\":\"*\"}" "$(st Allow GetObject "one/*")"
	code -H "$auth" -T hello "$url/one/z" | grep 403
	get a/x.ts | grep 200
'
check 'conditions: address, transport, referer, agent, date' '
	policy "$(st Allow GetObject "one/*" "{\"IpAddress\":{\"aws:SourceIp\":[\"10.0.0.0/8\",\"127.0.0.0/30\"]}}")"
	get a/x.ts | grep 200
	policy "$(st Allow GetObject "one/*" "{\"NotIpAddress\":{\"aws:SourceIp\":\"127.0.0.1\"}}")"
	get a/x.ts | grep 403
	policy "$(st Allow GetObject "one/*" "{\"IpAddress\":{\"aws:SourceIp\":\"127.0.0.2\"}}")"
	get a/x.ts | grep 403
	policy "$(st Allow GetObject "one/*")" "$(st Deny "*" "one/*" "{\"Bool\":{\"aws:SecureTransport\":\"false\"}}")"
	get a/x.ts | grep 403
	policy "$(st Allow GetObject "one/*" "{\"StringLike\":{\"aws:Referer\":\"https://*.example/*\"}}")"
	get a/x.ts | grep 403
	code -e "https://tv.example/live" "$url/one/a/x.ts" | grep 200
	code -e "https://tv.evil/live" "$url/one/a/x.ts" | grep 403
	policy "$(st Allow GetObject "one/*" "{\"StringEquals\":{\"aws:UserAgent\":[\"me\",\"you\"]}}")"
	code -A you "$url/one/a/x.ts" | grep 200
	code -A yo "$url/one/a/x.ts" | grep 403
	policy "$(st Allow GetObject "one/*" "{\"DateLessThan\":{\"aws:CurrentTime\":\"2020-01-01T00:00:00Z\"}}")"
	get a/x.ts | grep 403
	policy "$(st Allow GetObject "one/*" "{\"DateGreaterThan\":{\"aws:CurrentTime\":\"2020-01-01T00:00:00Z\"}}")"
	get a/x.ts | grep 200
'
check 'what is not known is refused, and the policy before stays' '
	for bad in "{\"IpAdress\":{\"aws:SourceIp\":\"10.0.0.0/8\"}}" \
		"{\"StringEquals\":{\"aws:Planet\":\"x\"}}" \
		"{\"IpAddress\":{\"aws:SourceIp\":\"10.0.0.0/33\"}}" \
		"{\"IpAddress\":{\"aws:SourceIp\":\"10.0.0\"}}" \
		"{\"IpAddress\":{\"aws:Referer\":\"10.0.0.0/8\"}}" \
		"{\"StringEqualsIfExists\":{\"aws:Referer\":\"x\"}}" \
		"{\"Bool\":{\"aws:SecureTransport\":\"maybe\"}}" \
		"{\"DateLessThan\":{\"aws:CurrentTime\":\"soon\"}}"
	do
		policy "$(st Allow GetObject "one/*" "$bad")" | grep ValidationException
	done
	policy "$(st Permit GetObject "one/*")" | grep ValidationException
	policy "$(st Allow GetObjekt "one/*")" | grep ValidationException
	policy "{\"Effect\":\"Allow\",\"Action\":\"mediastore:*\",\"Resource\":\"*\"}" |
		grep "missing: .Principal"
	get a/x.ts | grep 200
'
check 'and without it all is as before' '
	control DeleteContainerPolicy "{\"ContainerName\":\"one\"}"
	get b/x.ts | grep 200
'

origin () {
	curl -sD - -o /dev/null -H "Origin: $1" "$url/one/a/x.ts"
}
preflight () {
	curl -sD - -o /dev/null -X OPTIONS -H "Origin: $1" \
		-H "Access-Control-Request-Method: $2" \
		-H "Access-Control-Request-Headers: $3" "$url/one/a/x.ts"
}
check 'CORS: without rules that of the server' '
	origin https://a.example >out
	grep "^Access-Control-Allow-Origin: \*" out
	test "$(grep -ci "^access-control-allow-origin" out)" -eq 1
'
check 'CORS: rules take its place, and say what they depend on' '
	control PutCorsPolicy "{\"ContainerName\":\"one\",\"CorsPolicy\":[
		{\"AllowedOrigins\":[\"https://*.example\"],\"AllowedMethods\":[\"GET\",\"HEAD\"],
		 \"AllowedHeaders\":[\"Range\",\"X-My-*\"],\"ExposeHeaders\":[\"ETag\",\"Date\"],
		 \"MaxAgeSeconds\":300},
		{\"AllowedOrigins\":[\"https://up.test\"],\"AllowedMethods\":[\"PUT\"],
		 \"AllowedHeaders\":[\"*\"]}]}" | grep "^{}$"
	origin https://a.example >out
	grep "^Access-Control-Allow-Origin: https://a.example" out
	grep "^Access-Control-Expose-Headers: ETag, Date" out
	grep "^Vary: Origin" out
	fails 1 grep "Allow-Origin: \*" out
	origin https://evil.test >out
	grep "^HTTP/1.1 200" out
	grep "^Vary: Origin" out
	fails 1 grep -i "^access-control" out
	curl -sD - -o /dev/null -r 0-1 -H "Origin: https://a.example" "$url/one/a/x.ts" >out
	grep "^HTTP/1.1 206" out
	grep "^Content-Range: bytes 0-1/6" out
	grep "^Access-Control-Allow-Origin: https://a.example" out
	curl -sD - -o /dev/null -H "Origin: https://a.example" "$url/one/none" >out
	grep "^HTTP/1.1 404" out
	grep "^Access-Control-Allow-Origin: https://a.example" out
'
check 'CORS: a preflight is answered by them' '
	preflight https://a.example GET "range, x-my-own" >out
	grep "^HTTP/1.1 204" out
	grep "^Access-Control-Allow-Origin: https://a.example" out
	grep "^Access-Control-Allow-Methods: GET" out
	grep "^Access-Control-Allow-Headers: range, x-my-own" out
	grep "^Access-Control-Max-Age: 300" out
	preflight https://a.example GET "x-your-own" | grep "^HTTP/1.1 403"
	preflight https://a.example PUT "range" | grep "^HTTP/1.1 403"
	preflight https://up.test PUT "anything" | grep "^HTTP/1.1 204"
	preflight https://evil.test GET "range" >out
	grep "^HTTP/1.1 403" out
	fails 1 grep -i "^access-control" out
'
check 'CORS: bad rules are refused' '
	for bad in "[]" "[{}]" "[{\"AllowedOrigins\":[\"a b\"]}]" "{}" \
		"[{\"AllowedOrigins\":[\"*\"],\"MaxAgeSeconds\":-1}]" \
		"[{\"AllowedOrigins\":[\"*\"],\"AllowedHeaders\":[\"a\\r\\nb: c\"]}]" \
		"[{\"AllowedOrigins\":[\"*\"],\"Allowed\":[]}]"
	do
		control PutCorsPolicy "{\"ContainerName\":\"one\",\"CorsPolicy\":$bad}" |
			grep ValidationException
	done
	control DeleteCorsPolicy "{\"ContainerName\":\"one\"}"
	origin https://x.test | grep "^Access-Control-Allow-Origin: \*"
'
stop_serving
done_testing
