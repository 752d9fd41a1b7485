#!/bin/sh
# mstore-serve: what the API of the data plane and the policies of containers share.
. "$(dirname "$0")/lib.sh"
# shellcheck disable=SC2154
. "$top/t/origin.sh"
. "$top/t/containers.sh"
. "$top/t/tls.sh"
need 'no JSON::PP' perl -MJSON::PP -e 1

(
	umask 077
	echo 'AKALL allsecret' >keys
	echo 'AKTWO twosecret all two/' >>keys
	echo s3cret >token
)
echo hello >hello
auth='Authorization: Bearer s3cret'
list=arn:aws:mediastore:us-west-2:111122223333:container
export auth list

# policy CONTAINER STATEMENT...
policy () {
	perl -MJSON::PP -e 'my $name = shift; print encode_json({ ContainerName => $name,
		Policy => "{\"Version\":\"2012-10-17\",\"Statement\":[" . join(",", @ARGV) . "]}"
		})' -- "$@" >policy.json
	control PutContainerPolicy @policy.json | grep '^{}$'
}
# st EFFECT ACTION PATH [CONDITION]
st () {
	echo "{\"Effect\":\"$1\",\"Principal\":\"*\",\"Action\":\"mediastore:$2\",
		\"Resource\":\"$list/$3\"${4:+,\"Condition\":$4}}"
}
signed () {
	who=$1
	shift
	curl -s --aws-sigv4 aws:amz:eu:mediastore --user "$who" \
		-H 'x-amz-content-sha256: UNSIGNED-PAYLOAD' "$@"
}
# The names that a listing has, on a line; or the error.
names () {
	curl -s "$@" | perl -MJSON::PP -e 'my $l = decode_json(join "", <STDIN>);
		print $l->{Items} ? join(" ", map { $_->{Name} } @{$l->{Items}}) :
		$l->{__type}, "\n"'
}
by_host () {
	names -H 'Host: one.live.example' "$@"
}

serve --token-file token --keys keys --access-log log --access-log-format json
control CreateContainer '{"ContainerName":"one"}' >/dev/null
control CreateContainer '{"ContainerName":"two"}' >/dev/null
check 'objects to list' '
	for o in one/open/a.ts one/secret/b.ts two/c.ts free/d.ts
	do
		code -H "$auth" -T hello "$url/$o" | grep 201
	done
'
check 'without a policy a listing is for who may write, by path and by Host' '
	names "$url/?Path=one" | grep "^AccessDeniedException$"
	names -H "$auth" "$url/?Path=one" | grep "^open secret$"
	by_host -H "$auth" "$url/?Path=" | grep "^open secret$"
	by_host -H "$auth" "$url/?Path=secret" | grep "^b.ts$"
	by_host -H "$auth" "$url/?MaxResults=1" | grep "^open$"
	names -H "$auth" "$url/?Path=" | grep "^free one two$"
'
check 'the endpoint of a container with its name in the path lists it' '
	names -H "$auth" "$url/one/?Path=secret" | grep "^b.ts$"
	names -H "$auth" "$url/one?MaxResults=5" | grep "^open secret$"
	signed AKALL:allsecret "$url/one/" | grep "\"Name\":\"open\""
	code -H "$auth" "$url/none/?Path=x" | grep 404
'
check 'the policy is asked for the folder, whichever way it is named' '
	policy one "$(st Allow ListItems "one/open/*")" "$(st Allow GetObject "one/*")"
	names "$url/?Path=one/open" | grep "^a.ts$"
	by_host "$url/?Path=/open/" | grep "^a.ts$"
	names "$url/one/?Path=open" | grep "^a.ts$"
	for path in one one/ /one one/secret one//secret/ %6fne/secret one%2fsecret
	do
		names "$url/?Path=$path" | grep "^AccessDeniedException$"
		code -I "$url/?Path=$path" | grep 403
	done
	names "$url/one/?Path=secret" | grep "^AccessDeniedException$"
	names "$url/one/?MaxResults=9" | grep "^AccessDeniedException$"
	by_host "$url/?Path=" | grep "^AccessDeniedException$"
	by_host "$url/?Path=secret" | grep "^AccessDeniedException$"
	code "$url/one/secret/b.ts" | grep 200
'
check 'what is denied is so to who has a token as well' '
	policy one "$(st Allow "*" "one/*")" "$(st Deny ListItems "one/secret/*")"
	names -H "$auth" "$url/?Path=one" | grep "^open secret$"
	names -H "$auth" "$url/?Path=one/secret" | grep "^AccessDeniedException$"
	policy one "$(st Allow "*" "one/*")" "$(st Deny ListItems "one/secret")"
	names -H "$auth" "$url/?Path=one/secret/" | grep "^AccessDeniedException$"
	policy one "$(st Allow "*" "one/*")"
	names "$url/?Path=one" | grep "^open secret$"
'
check 'the root shows only containers that may be listed' '
	policy one "$(st Deny ListItems "one/*")"
	names -H "$auth" "$url/?Path=" | grep "^free two$"
	names -H "$auth" "$url/?Path=&MaxResults=1" | grep "^free$"
	policy one "$(st Allow ListItems "one/*")"
	names -H "$auth" "$url/?Path=" | grep "^free one two$"
	names "$url/?Path=" | grep "^AccessDeniedException$"
'
check 'a page goes on where its token says, by the other address too' '
	next=$(curl -s -H "$auth" "$url/?Path=one&MaxResults=1" |
		sed "s/.*\"NextToken\":\"\([^\"]*\)\".*/\1/")
	by_host -H "$auth" "$url/?MaxResults=1&NextToken=$next" | grep "^secret$"
	names -H "$auth" "$url/?Path=two&NextToken=$next" | grep "^ValidationException$"
'
check 'a key is for paths in the root, not for those of a Host' '
	control DeleteContainerPolicy "{\"ContainerName\":\"one\"}"
	signed AKTWO:twosecret -T hello "$url/two/e.ts" | grep ETag
	signed AKTWO:twosecret -T hello -H "Host: two.live.example" "$url/f.ts" | grep ETag
	signed AKTWO:twosecret -T hello -H "Host: one.live.example" "$url/two/e.ts" |
		grep AccessDeniedException
	test ! -e root/one/two
	policy one "$(st Allow GetObject "one/open/*")"
	signed AKALL:allsecret "$url/one/secret/b.ts" | grep hello
	signed AKTWO:twosecret "$url/one/secret/b.ts" | grep AccessDeniedException
'
check 'errors of policies and limits are JSON for clients of the API' '
	signed AKTWO:twosecret -D head "$url/one/secret/b.ts" >body
	grep "^{\"__type\":\"AccessDeniedException\",\"Message\":\"the policy" body
	test "$(grep -ci "^x-amzn-errortype: AccessDeniedException" head)" -eq 1
	grep -i "^x-amzn-requestid: " head
	curl -s -D head "$url/one/secret/b.ts" | grep ": the policy"
	test "$(grep -ci "^x-amzn-errortype: AccessDeniedException" head)" -eq 1
	control PutLimitPolicy "{\"ContainerName\":\"two\",\"LimitPolicy\":
		{\"MaxObjects\":3,\"MaxObjectSize\":700}}" | grep "^{}$"
	head -c 800 /dev/zero >800
	signed AKALL:allsecret -D head -T 800 "$url/two/g" >body
	grep "^HTTP/1.1 413" head
	grep "^{\"__type\":\"LimitExceededException\",\"Message\":\"the object" body
	test "$(grep -ci "^x-amzn-errortype:" head)" -eq 1
	signed AKALL:allsecret -D head -T hello "$url/two/g" >body
	grep "^HTTP/1.1 507" head
	grep "^{\"__type\":\"LimitExceededException\"" body
	test "$(grep -ci "^x-amzn-errortype: LimitExceededException" head)" -eq 1
	curl -s -H "$auth" -T hello -D head "$url/two/g" | grep ": the container"
	grep -i "^x-amzn-errortype: LimitExceededException" head
'
# The containers that requests were made to, by the log.
logged () {
	eventually grep -q "$1" log || return
	perl -MJSON::PP -e 'print join(" ", map { decode_json($_)->{ContainerName} // "-" }
		grep { /mark/ } <>), "\n"' log
}
check 'the log has the name of the container, and none of what is not to be logged' '
	control DescribeContainer "{\"ContainerName\":\"two\"}" |
		grep "\"AccessLoggingEnabled\":true"
	control StopAccessLogging "{\"ContainerName\":\"two\"}" | grep "^{}$"
	control DescribeContainer "{\"ContainerName\":\"two\"}" |
		grep "\"AccessLoggingEnabled\":false"
	code "$url/one/mark1"
	code "$url/two/mark2"
	code -H "Host: one.live.example" "$url/mark3"
	code -H "Host: two.live.example" "$url/mark4"
	code "$url/free/mark5"
	control StartAccessLogging "{\"ContainerName\":\"two\"}"
	code "$url/two/mark6"
	test "$(logged mark6)" = "one one - two"
'
stop_serving

# rules PATH-KIND:PATH AGE SECONDS ACTION, of container one
rules () {
	perl -MJSON::PP -e 'print encode_json({ ContainerName => "one", LifecyclePolicy =>
		"{\"rules\":[" . join(",", @ARGV) . "]}" })' -- "$@" >rules.json
	control PutLifecyclePolicy @rules.json | grep '^{}$'
}
rule () {
	echo "{\"definition\":{\"path\":[{\"${1%%:*}\":\"${1#*:}\"}],\"$2\":[{\"numeric\":[\">\",$3]}]},\"action\":\"$4\"}"
}
# What a listing tells of one object, in order of its members, on lines.
item () {
	curl -s "$url/?Path=$1" | perl -MJSON::PP -e 'my $l = decode_json(join "", <STDIN>);
		for my $i (grep { $_->{Name} eq $ARGV[0] } @{$l->{Items}}) {
			print "$_=$i->{$_}\n" for sort keys %$i }' "$2"
}
rm -rf root
mkdir archive
serve --archive archive --access-log log --access-log-format json
control CreateContainer '{"ContainerName":"one"}' >/dev/null
check 'what is archived is listed among the others, as it was' '
	for o in cold/b cold/deep/x cold2/y a z
	do
		code -H "Content-Type: video/x-own" -T hello "$url/one/$o" | grep 201
	done
	item one/cold b >before
	grep "^ContentLength=6$" before
	curl -sI "$url/one/cold/b" | grep -i "^etag" >tag
	grep "^ETag=$(sed "s/.*\"\(.*\)\".*/\1/" tag)$" before
	rules "$(rule prefix:cold seconds_since_create 1 ARCHIVE)"
	eventually test ! -e root/one/cold
	eventually test ! -e root/one/cold2
	test -f archive/one/cold/b
	item one/cold b | diff before -
	curl -sI "$url/one/cold/b" | grep -i "^etag" | diff tag -
	names "$url/?Path=one" | grep "^a cold cold2 z$"
	names "$url/?Path=one/cold" | grep "^b deep$"
	names "$url/?Path=one&MaxResults=2" | grep "^a cold$"
	control DeleteLifecyclePolicy "{\"ContainerName\":\"one\"}"
	code -T hello "$url/one/cold/c" | grep 201
	names "$url/?Path=one/cold" | grep "^b c deep$"
'
check 'conditions hold for what is archived' '
	tag=$(tr -d "\r" <tag | sed "s/^[^ ]* //")
	code -H "If-None-Match: $tag" "$url/one/cold/b" | grep 304
	code -H "If-Match: \"x\"" -T hello "$url/one/cold/b" | grep 412
	code -X DELETE -H "If-Match: \"x\"" "$url/one/cold/b" | grep 412
'
check 'what is hidden is not listed, also before it is removed' '
	mkdir -p root/one/live
	echo 1 >root/one/live/new.ts
	echo 1 >root/one/live/old.m3u8
	touch -d "-200 seconds" root/one/live/old.m3u8
	echo 1 >old
	touch -d "-200 seconds" old
	cp -p old root/one/live/swept.ts
	rules "$(rule "wildcard:live/*.ts" seconds_since_create 100 EXPIRE)"
	eventually test ! -e root/one/live/swept.ts
	cp -p old root/one/live/old.ts
	names "$url/?Path=one/live" | grep "^new.ts old.m3u8$"
	test -e root/one/live/old.ts
	code -T hello "$url/one/live/put.ts" | grep 201
	code "$url/one/live/put.ts" | grep 200
	code "$url/one/live/old.m3u8" | grep 200
	eventually grep "GetObject.*old.m3u8" log
	perl -MJSON::PP -MTime::Local -e "while (<>) { my \$l = decode_json(\$_);
		if (\$l->{Path} =~ /put.ts/) {
			my @t = \$l->{ExpiresAt} =~ /^(\d+)-(\d+)-(\d+)T(\d+):(\d+):(\d+)/ or die \$_;
			my \$in = timegm(@t[5, 4, 3, 2], \$t[1] - 1, \$t[0]) - time;
			die \$in if \$in < 60 || \$in > 100;
			\$n++;
		} elsif (\$l->{ExpiresAt}) { die \$_ } } die if \$n != 2" log
'
stop_serving
serve --archive archive
check 'a tag is the same over a restart, and another for other bytes' '
	curl -sI "$url/one/cold/b" | grep -i "^etag" | diff tag -
	echo other >archive/one/cold/b
	changed () {
		! curl -sI "$url/one/cold/b" | grep -i "^etag" | diff tag -
	}
	eventually changed
'
stop_serving

rm -rf root archive
check '--domain is a name' '
	fails 2 mstore-serve --root . --domain ""
	fails 2 mstore-serve --root . --domain .example
	fails 2 mstore-serve --root . --domain example:80
'
serve --domain live.example
host () {
	h=$1
	shift
	curl -s -o body -D head -w '%{http_code}\n' -H "Host: $h" "$@"
}
check 'with --domain a Host of no container is not found, by its name' '
	for created in no yes
	do
		host none.live.example "$url/a.ts" | grep 404
		grep -i "^x-amzn-errortype: ContainerNotFoundException" head
		grep "no such container" body
		host none.live.example:80 "$url/?Path=" | grep 404
		grep "^{\"__type\":\"ContainerNotFoundException\"" body
		host none.live.example -H "x-amz-user-agent: x" -T hello "$url/a.ts" | grep 404
		grep "^{\"__type\":\"ContainerNotFoundException\"" body
		control CreateContainer "{\"ContainerName\":\"one\"}"
	done
	test ! -e root/a.ts
	code -T hello "$url/one/a.ts" | grep 201
	host one.live.example "$url/a.ts" | grep 200
	host one.LIVE.example:8080 "$url/a.ts" | grep 200
	host one.other.example "$url/a.ts" | grep 404
	grep -ic "ContainerNotFound" head body | grep -c ":0" | grep 2
	for h in live.example .live.example one.x.live.example onelive.example localhost
	do
		host $h "$url/one/a.ts" | grep 200
	done
'
stop_serving
rm -rf root
certify
serve -l https://127.0.0.1:0 --tls-cert tls.pem --tls-key tls.key
url=http://$(sed -n 's/.*listening on \([0-9]\)/\1/p' serve.log | head -n 1)
tls=$(sed -n 's/.*listening on \(https:.*\)/\1/p' serve.log)
control CreateContainer '{"ContainerName":"one"}' >/dev/null
version () {
	curl -s -o /dev/null -w '%{http_version} %{http_code}\n' --cacert ca.pem "$@"
}
export tls url
check 'aws:SecureTransport refuses HTTP and lets HTTPS in, by HTTP/1.1 and HTTP/2' '
	code -T hello "$url/one/a.ts" | grep 201
	policy one "$(st Allow "*" "one/*")" \
		"$(st Deny "*" "one/*" "{\"Bool\":{\"aws:SecureTransport\":\"false\"}}")"
	version --http1.1 "$url/one/a.ts" | grep "^1.1 403$"
	version --http2-prior-knowledge "$url/one/a.ts" | grep "^2 403$"
	version --http1.1 "$tls/one/a.ts" | grep "^1.1 200$"
	version --http2 "$tls/one/a.ts" | grep "^2 200$"
	version --http1.1 -H "X-Forwarded-Proto: https" -H "Forwarded: proto=https" \
		"$url/one/a.ts" | grep "^1.1 403$"
	version --http2-prior-knowledge -T hello "$url/one/b.ts" | grep "^2 403$"
	version --http2 -T hello "$tls/one/b.ts" | grep "^2 201$"
	policy one "$(st Allow "*" "one/*" "{\"Bool\":{\"aws:SecureTransport\":true}}")"
	version --http1.1 "$url/one/a.ts" | grep "^1.1 403$"
	version --http2-prior-knowledge "$url/?Path=one" | grep "^2 403$"
	version --http2 "$tls/one/a.ts" | grep "^2 200$"
	version --http2 "$tls/?Path=one" | grep "^2 200$"
'
stop_serving
done_testing
