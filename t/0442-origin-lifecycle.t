#!/bin/sh
# mstore-serve: objects expire and are archived, by rules of their container.
. "$(dirname "$0")/lib.sh"
# shellcheck disable=SC2154
. "$top/t/origin.sh"
. "$top/t/containers.sh"

# rules RULE...: of container one; rule KIND:PATH AGE SECONDS ACTION
rules () {
	perl -MJSON::PP -e 'print encode_json({ ContainerName => "one", LifecyclePolicy =>
		"{\"rules\":[" . join(",", @ARGV) . "]}" })' -- "$@" >rules.json
	control PutLifecyclePolicy @rules.json
}
rule () {
	echo "{\"definition\":{\"path\":[{\"${1%%:*}\":\"${1#*:}\"}],\"$2\":[{\"numeric\":[\">\",$3]}]},\"action\":\"$4\"}"
}
ts="wildcard:live/*.ts" cold=prefix:cold/
export ts cold

check 'an archive in the root, or around it, is refused' '
	mkdir -p around/root/in
	for at in around around/root around/root/in
	do
		fails 2 timeout 9 mstore-serve -l 127.0.0.1:0 --root around/root --archive "$at"
	done
'
mkdir -p archive
head -c 300000 /dev/urandom >big
echo hello >hello
serve --archive archive
control CreateContainer '{"ContainerName":"one"}' >/dev/null
check 'seconds: not before, then gone and removed; others stay' '
	rules "$(rule "$ts" seconds_since_create 2 EXPIRE)" | grep "^{}$"
	code -T big "$url/one/live/a.m3u8" | grep 201
	code -T big "$url/live/b.ts" | grep 201
	code -T big "$url/one/live/a.ts" | grep 201
	code "$url/one/live/a.ts" | grep 200
	eventually gone one/live/a.ts
	eventually test ! -e root/one/live/a.ts
	code "$url/one/live/a.m3u8" | grep 200
	code "$url/live/b.ts" | grep 200
	holds one ObjectCount 1
	eventually metric mstore_expired_count | grep 1
'
check 'hidden at once, also where another program has put it' '
	control CreateContainer "{\"ContainerName\":\"two\"}"
	sed "s/\"one\"/\"two\"/" rules.json >two.json
	control PutLifecyclePolicy @two.json
	touch -d "-5 seconds" old
	mkdir -p root/two/live
	cp -p old root/two/live/old.ts
	code "$url/two/live/old.ts" | grep 404
	eventually test ! -e root/two/live/old.ts
	mkdir -p root/two/live
	cp -p old root/two/live/old.ts
	code -I "$url/two/live/old.ts" | grep 404
'
check 'nor is it found by a request that may wait, since something is promised there' '
	printf "%s\n" "#EXTM3U" "#EXT-X-TARGETDURATION:1" "#EXT-X-PART-INF:PART-TARGET=0.5" \
		"#EXT-X-SERVER-CONTROL:CAN-BLOCK-RELOAD=YES" "#EXTINF:1," 1.m4s \
		"#EXT-X-PRELOAD-HINT:TYPE=PART,URI=\"2.m4s\"" >ll
	code -T ll "$url/two/live/ll.m3u8" | grep 201
	for i in $(seq 30)
	do
		cp -p old "root/two/live/held$i.ts"
		code "$url/two/live/held$i.ts" | grep 404
	done
'
check 'an overwrite begins its time anew' '
	code -T hello "$url/one/live/c.ts" | grep 201
	for i in 1 2 3 4 5 6
	do
		sleep 0.5
		code -T hello "$url/one/live/c.ts" | grep 204
	done
	curl -sf "$url/one/live/c.ts" | cmp - hello
	eventually gone one/live/c.ts
'
check 'what is old already when a rule comes goes, by days as well' '
	code -T hello "$url/one/days/a" | grep 201
	code -T hello "$url/one/days/b" | grep 201
	touch -d "-3 days" root/one/days/a
	rules "$(rule prefix:days/ days_since_create 2 EXPIRE)"
	eventually gone one/days/a
	code "$url/one/days/b" | grep 200
'
check 'rules that are none are refused' '
	rules "$(rule "$ts" seconds_since_create 301 EXPIRE)" | grep ValidationException
	rules "$(rule "$ts" days_since_create 0 EXPIRE)" | grep ValidationException
	rules "$(rule "$ts" days_since_create 9223372036854775807 EXPIRE)" |
		grep ValidationException
	rules "$(rule "$ts" hours_since_create 1 EXPIRE)" | grep ValidationException
	rules "$(rule "$ts" days_since_create 1 EXPLODE)" | grep ValidationException
	rules "$(rule suffix:x days_since_create 1 EXPIRE)" | grep ValidationException
	r=$(rule "$ts" days_since_create 1 EXPIRE)
	rules "$r" "$r" "$r" "$r" "$r" "$r" "$r" "$r" "$r" "$r" "$r" | grep ValidationException
'
check 'the archive: moved there, and read as before' '
	code -H "Content-Type: video/x-own" -T big "$url/one/cold/a/big" | grep 201
	curl -sfI "$url/one/cold/a/big" >head
	grep -i "^last-modified" head >before
	grep -i "^etag" head >tag
	rules "$(rule "$cold" seconds_since_create 1 ARCHIVE)"
	eventually test -f archive/one/cold/a/big
	eventually test ! -e root/one/cold
	curl -sf "$url/one/cold/a/big" | cmp - big
	curl -sf -r 1000-1999 "$url/one/cold/a/big" >part
	tail -c +1001 big | head -c 1000 | cmp - part
	curl -sfI "$url/one/cold/a/big" >head
	grep -i "^last-modified" head | cmp - before
	grep -i "^etag" head | cmp - tag
	grep -i "^content-type: video/x-own" head
	grep -i "^content-length: 300000" head
	metric mstore_archived_count | grep "^1$"
	holds one SizeBytes $((300000 + 300000 + 6))
'
check 'overwritten there: the new one counts, and the old one has gone' '
	control DeleteLifecyclePolicy "{\"ContainerName\":\"one\"}"
	code -T hello "$url/one/cold/a/big" | grep 204
	curl -sf "$url/one/cold/a/big" | cmp - hello
	test ! -e archive/one/cold/a/big
	holds one SizeBytes $((300000 + 6 + 6))
	rules "$(rule "$cold" seconds_since_create 1 ARCHIVE)"
	eventually test ! -e root/one/cold/a/big
	curl -sf "$url/one/cold/a/big" | cmp - hello
'
check 'no object below or in the way of one that is there' '
	code -T hello "$url/one/cold/a/big/x" | grep 409
	code -T hello "$url/one/cold/a" | grep 409
'
check 'deleted there' '
	code -X DELETE "$url/one/cold/a/big" | grep 204
	code "$url/one/cold/a/big" | grep 404
	test ! -e archive/one
	holds one ObjectCount 2
'
check 'archived, and expired later' '
	rules "$(rule "$cold" seconds_since_create 1 ARCHIVE)" \
		"$(rule "$cold" seconds_since_create 3 EXPIRE)"
	code -T hello "$url/one/cold/b" | grep 201
	eventually test -f archive/one/cold/b
	eventually gone one/cold/b
	eventually test ! -e archive/one/cold/b
'

# Each state that a kill between two steps of a move can leave, and then the start.
code -T big "$url/one/keep/now" >/dev/null
kill -9 "$pid"
wait "$pid" 2>/dev/null
mkdir -p root/one/cold archive/one/cold archive/one/keep
head -c 1000 big >archive/.mstore/put-0
cp big root/one/cold/half
cp -p big root/one/cold/both
cp -p big archive/one/cold/both
cp hello archive/one/cold/only
cp hello archive/one/keep/now
touch -d '-1 hour' root/one/cold/* archive/one/cold/*
sed -i 's/"EXPIRE"/"ARCHIVE"/' root/.mstore/containers/one.json
serve --archive archive
alone () {
	test -f "archive/one/cold/$1" && test ! -e "root/one/cold/$1"
}
check 'after a kill between the steps no object is lost, and none is double' '
	holds one ObjectCount 6
	for o in half both
	do
		curl -sf "$url/one/cold/$o" | cmp - big
		eventually alone $o
		curl -sf "$url/one/cold/$o" | cmp - big
	done
	curl -sf "$url/one/cold/only" | cmp - hello
	curl -sf "$url/one/keep/now" | cmp - big
	eventually test ! -e archive/one/keep/now
	test ! -e archive/.mstore/put-0
	holds one ObjectCount 6
'
check 'an archive has one server' '
	mkdir other
	fails 1 mstore-serve -l 127.0.0.1:0 --root other --archive archive
'
check 'killed in the middle of moving two hundred, again and again: all are there' '
	mkdir -p root/one/cold
	for i in $(seq 200)
	do
		head -c $((2000 + i)) big >"root/one/cold/m$i"
	done
	touch -d "-1 hour" root/one/cold/m*
	for round in 1 2 3 4 5
	do
		kill -HUP $pid
		sleep 0.0$round
		kill -9 $pid
		wait $pid 2>/dev/null || true
		serve --archive archive
		echo $pid >pid
		holds one ObjectCount 206
	done
	for i in $(seq 200)
	do
		head -c $((2000 + i)) big >want
		curl -sf "$url/one/cold/m$i" | cmp - want
	done
	eventually test ! -e root/one/cold
	test "$(find archive -name "m*" | wc -l)" -eq 200
'
ended () {
	! kill -0 "$pid" 2>/dev/null
}
pid=$(cat pid 2>/dev/null || echo "$pid")
kill "$pid"
eventually ended
serve
check 'without --archive it is said that rules need one' '
	code -T hello "$url/one/cold/c" | grep 201
	touch -d "-1 hour" root/one/cold/c
	kill -HUP $pid
	eventually grep "there is no --archive" serve.log
	code "$url/one/cold/c" | grep 200
'
stop_serving
done_testing
