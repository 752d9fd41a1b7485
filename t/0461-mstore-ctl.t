#!/bin/sh
# mstore-ctl and http stores: mstore-serve, and what speaks as MediaStore did.
. "$(dirname "$0")/lib.sh"
# shellcheck disable=SC2154
. "$top/t/origin.sh"
unset AWS_ACCESS_KEY_ID AWS_SECRET_ACCESS_KEY MSTORE_ACCESS_KEY_ID MSTORE_ADMIN
serve
head -c 20000000 /dev/urandom >large
head -c 10000 /dev/urandom >small

check 'a file and a pipe, there and back, and a piece of it' '
	mstore-ctl put large $url/a/large
	mstore-ctl put - $url/a/pipe <large
	cmp large root/a/large
	cmp large root/a/pipe
	mkdir here
	(cd here && mstore-ctl get $url/a/large)
	cmp large here/large
	mstore-ctl get $url/a/pipe - | cmp - large
	mstore-ctl get --range 19999990- $url/a/large - >piece
	tail -c 10 large | cmp - piece
	mstore-ctl stat $url/a/large | grep "^size  *20000000$"
	mstore-ctl stat --json $url/a/large | grep "\"name\":\"a/large\",\"type\":\"object\",\"size\":20000000"
'
check 'what an earlier run has left is gone on with' '
	head -c 15000000 large >again.part
	mstore-ctl get -c $url/a/large again
	cmp large again
	cp large done.part
	mstore-ctl get -c $url/a/large done
	cmp large done
	test ! -e done.part
	cat large small >long.part
	fails 1 mstore-ctl get -c $url/a/large long 2>err
	grep "longer than the object" err
'
check 'an object does not become another one, whose name is that of its part' '
	mkdir -p root/odd
	cp large root/odd/x
	echo small >root/odd/x.part
	fails 1 mstore-ctl get -r $url/odd odd 2>err
	grep "its .part has become another file" err
	rm root/odd/x.part
	mstore-ctl get -r $url/odd odd
	cmp large odd/x
'
check 'an empty object' '
	: >empty
	mstore-ctl put empty $url/a/
	mstore-ctl get $url/a/empty got
	test -e got
	test ! -s got
'
check 'folders, with names of all kinds' '
	mkdir -p tree/deep/er
	for name in "a b" "a+b" "a%41" "x=1" "deep/x" "deep/er/y"
	do
		echo "$name" >"tree/$name"
	done
	ln -s x tree/link
	mstore-ctl put -r tree $url/tree/ 2>err
	grep "left out .tree/link." err
	rm tree/link
	diff -r tree root/tree
'
check 'what is not there, and what cannot be' '
	fails 1 mstore-ctl get $url/none 2>err
	grep "cannot get .none.: status 404" err
	test ! -e none
	test ! -e none.part
	fails 1 mstore-ctl get $url/none - 2>err
	grep "cannot get .none.: status 404" err
	fails 1 mstore-ctl stat $url/none
	fails 1 mstore-ctl put none $url/x 2>err
	grep "cannot open .none.: No such file" err
	fails 1 mstore-ctl put tree $url/x 2>err
	grep "is not a file: see --recursive" err
	fails 2 mstore-ctl get $url/ 2>err
	grep "names no object" err
	fails 2 mstore-ctl rm $url/ 2>err
	grep "see empty" err
	fails 2 mstore-ctl put - $url/a/ <small
	fails 2 mstore-ctl what $url
	fails 2 mstore-ctl
	fails 2 mstore-ctl rm 2>err
	grep "^usage: mstore-ctl rm \[options\] url" err
	fails 2 mstore-ctl sign $url/a 2>err
	grep "no keys" err
	fails 2 mstore-ctl policy get live odd
	fails 2 mstore-ctl policy get live access 2>err
	grep MSTORE_ADMIN err
'
check 'removed' '
	mstore-ctl rm $url/a/large $url/a/pipe
	test ! -e root/a/large
'
kill "$pid"
wait "$pid"
(umask 077 && echo "id secret" >keys)
serve --keys keys
check 'signed: put, got, listed, a link that anyone may use; not with another secret' '
	fails 1 mstore-ctl put small $url/k/a 2>err
	cat err
	grep "status 40[13]" err
	MSTORE_ACCESS_KEY_ID=id MSTORE_SECRET_ACCESS_KEY=wrong
	export MSTORE_ACCESS_KEY_ID MSTORE_SECRET_ACCESS_KEY
	fails 1 mstore-ctl put small $url/k/a 2>err
	cat err
	grep "status 403: .*Signature" err
	MSTORE_SECRET_ACCESS_KEY=secret
	mstore-ctl put small "$url/k/a b+%25"
	cmp small "root/k/a b+%"
	mstore-ctl put - $url/k/pipe <large
	cmp large root/k/pipe
	mstore-ctl put --streaming large $url/k/large
	mstore-ctl ls $url/k | grep -x "a b+%"
	curl -sf "$(mstore-ctl sign "$url/k/a b+%25")" | cmp - small
	curl -sf -T small "$(mstore-ctl sign --method PUT $url/k/by-link)"
	cmp small root/k/by-link
	fails 22 curl -sf -T small "$(mstore-ctl sign $url/k/by-link2)"
	mstore-ctl rm -r $url/k
	test ! -e root/k/large
'
kill "$pid"
wait "$pid"
echo secret >token
serve --token-file token
check 'a token comes from a file' '
	fails 1 mstore-ctl put small $url/t 2>err
	grep "status 401" err
	mstore-ctl put --token-file token small $url/t
	cmp small root/t
'
printf '%s\n' 'a b' 'a%41' 'a+b' deep/ 'x=1' | sort >names
check 'mstore-serve: listed, got and emptied' '
	mstore-ctl ls --token-file token $url/tree | sort | diff - names
	test "$(mstore-ctl ls -r --token-file token $url/tree | wc -l)" -eq 6
	mstore-ctl ls --token-file token "$url/tree/a b" | grep -x "a b"
	mstore-ctl get -r --token-file token $url/tree back
	diff -r tree back
	mkdir pages
	(cd pages && seq 2500 | xargs touch)
	mstore-ctl put -r --token-file token pages $url/pages/
	test "$(mstore-ctl ls --token-file token $url/pages | wc -l)" -eq 2500
	mstore-ctl empty --token-file token $url 2>err
	grep "25[0-9][0-9] objects deleted" err
	test -z "$(mstore-ctl ls -r --token-file token $url)"
'
check 'mstore-serve: containers and their policies' '
	MSTORE_ADMIN=$admin
	export MSTORE_ADMIN
	mstore-ctl container create one
	test "$(mstore-ctl container ls)" = one
	mstore-ctl container stat one | grep "\"Name\": \"one\""
	mstore-ctl put --token-file token small $url/one/a/x
	mstore-ctl get $url/one/a/x - | cmp - small
	echo "{\"Version\":\"2012-10-17\",\"Statement\":[{\"Effect\":\"Deny\",\"Principal\":\"*\",
		\"Action\":\"mediastore:GetObject\",\"Resource\":\"*\"}]}" >access.json
	mstore-ctl policy put one access access.json
	mstore-ctl policy get one | grep "\"Effect\": \"Deny\""
	fails 1 mstore-ctl get $url/one/a/x 2>err
	grep "status 403" err
	mstore-ctl policy rm one
	mstore-ctl get $url/one/a/x - | cmp - small
	echo "{\"MaxObjectSize\":5000}" | mstore-ctl policy put one limits
	mstore-ctl policy get one limits | grep 5000
	fails 1 mstore-ctl put --token-file token small $url/one/a/y 2>err
	grep "status 413" err
	fails 1 mstore-ctl container rm one 2>err
	grep ContainerInUseException err
	mstore-ctl empty --token-file token $url/one
	mstore-ctl container rm one
	test -z "$(mstore-ctl container ls)"
'
stop_serving

port=$(free_port)
mkdir fake
perl "$top/t/mediastored.pl" "$port" fake & fake=$!
trap 'kill $fake; rm -rf "$scratch"' EXIT
url=http://127.0.0.1:$port
export url
eventually curl -s -o answer "$url/?"

check 'a store like MediaStore: listed page by page' '
	mstore-ctl put -r tree $url/tree/
	mstore-ctl ls $url/tree/ | sort | diff - names
	mstore-ctl ls -r $url | sort >all
	(cd tree && find . -type f | sed "s,^\./,tree/," | sort) | diff - all
	mstore-ctl ls -l $url/tree | grep "4  2026-09-21T.*Z  a b$"
	mstore-ctl ls --json $url/tree | grep "\"name\":\"a b\",\"type\":\"object\",\"size\":4"
	mstore-ctl ls --json $url/tree | grep "{\"name\":\"deep\",\"type\":\"folder\"}"
	mstore-ctl ls "$url/tree/a b" | grep -x "a b"
	fails 1 mstore-ctl ls $url/tree/none 2>err
	grep "status 404" err
'
check 'got as a folder' '
	mstore-ctl get -r $url/tree copy
	diff -r tree copy
'
check 'emptied, by several requests at a time' '
	mkdir many
	(cd many && seq 200 | xargs touch)
	mstore-ctl put -r many $url/many/
	mstore-ctl rm -r $url/many 2>err
	grep "200 objects deleted" err
	mstore-ctl ls $url | grep -x "tree/"
	mstore-ctl empty $url
	test -z "$(mstore-ctl ls $url)"
	test -z "$(ls fake/www)"
	mstore-ctl empty $url
'
check 'containers and their policies' '
	MSTORE_ADMIN=$url
	export MSTORE_ADMIN
	mstore-ctl container create live
	fails 1 mstore-ctl container create live 2>err
	grep "status 400: ContainerInUseException: so be it" err
	test "$(mstore-ctl container ls)" = live
	mstore-ctl container stat live | grep ACTIVE
	echo "{\"Statement\":[]}" >access.json
	echo "[{\"AllowedOrigins\":[\"*\"]}]" >cors.json
	mstore-ctl policy put live access access.json
	grep "\"Policy\":\"{.*Statement" fake/rule/live/ContainerPolicy
	mstore-ctl policy put live cors <cors.json
	mstore-ctl policy get live | grep Statement
	mstore-ctl policy get live cors | grep AllowedOrigins
	mstore-ctl policy rm live cors
	fails 1 mstore-ctl policy get live cors 2>err
	grep PolicyNotFoundException err
	echo "{" >bad.json
	fails 3 mstore-ctl policy put live access bad.json 2>err
	grep "bad.json. is not JSON: line" err
	mstore-ctl container rm live
	test -z "$(mstore-ctl container ls --admin $url)"
'
check 'that a server is not there is said at once' '
	mstore-ctl ls "http://127.0.0.1:$(free_port)/x/" 2>err &
	within 3 grep "warning: .*connect.*: trying again" err
	kill $!
	fails 1 wait $!
	grep -c warning err | grep -x 1
'
check 'requests are signed when there are keys' '
	MSTORE_ACCESS_KEY_ID=id MSTORE_SECRET_ACCESS_KEY=secret
	export MSTORE_ACCESS_KEY_ID MSTORE_SECRET_ACCESS_KEY
	mstore-ctl sign $url/a | grep "Credential=id%2F.*%2Fmediastore%2Faws4_request"
'
done_testing
