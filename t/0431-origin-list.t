#!/bin/sh
# mstore-serve: ListItems, and what is listed to whom.
. "$(dirname "$0")/lib.sh"
# shellcheck disable=SC2154
. "$top/t/origin.sh"

serve
mkdir -p root/many root/odd
names () {
	perl -MJSON::PP -e 'local $/; my $l = decode_json(<STDIN>);
		print map { "$_->{Name}\n" } @{$l->{Items}}; print STDERR $l->{NextToken} // ""' 2>token
}

all () {	# FOLDER MAX
	: >token
	: >seen
	more=
	while
		curl -sf "$url/?Path=$1&MaxResults=$2$more" | names >page
		test "$(wc -l <page)" -le "$2" || return 1
		cat page >>seen
		test -s token
	do
		more="&NextToken=$(cat token)"
	done
}
need 'no JSON::PP' perl -MJSON::PP -e 1

check 'the order is that of the bytes, whatever the size of the page' '
	(cd root/many; perl -e "for (1 .. 2500) { open my \$f, q(>), int(rand(1e9)) . q(.ts) }")
	ls root/many | LC_ALL=C sort >want
	for max in 7 100 999 1000
	do
		all many $max
		cmp want seen
	done
	curl -sf "$url/?Path=many" | names >page
	test "$(wc -l <page)" -eq 1000
'
check 'hidden names, links and pipes are not listed' '
	cd root/odd
	touch .hidden seen.txt
	ln -s seen.txt link
	mkfifo pipe
	mkdir .dir folder
	cd ../..
	all odd 10
	printf "folder\nseen.txt\n" | cmp - seen
	all "" 10
	printf "many\nodd\n" | cmp - seen
'
check 'a name that is no UTF-8 is as in an address' '
	touch "$(printf "root/odd/\\377.ts")"
	all odd 10
	grep "^%FF.ts$" seen
	code "$url/odd/%FF.ts" | grep 200
'
check 'a token is of one folder' '
	curl -sf "$url/?Path=many&MaxResults=1" | names
	code "$url/?Path=many&NextToken=$(cat token)" | grep 200
	code "$url/?Path=odd&NextToken=$(cat token)" | grep 400
	code "$url/?Path=many&NextToken=$(cat token)A" | grep 400
'
check 'what is no folder has no items' '
	curl -sf "$url/?Path=none" | grep "^{\"Items\":\[\]}$"
	curl -sf "$url/?Path=odd/seen.txt" | grep "^{\"Items\":\[\]}$"
	for path in .. ../.. a/../b .mstore %2e%2e %00 a%2f.b odd/link/..
	do
		code "$url/?Path=$path" | grep 400
	done
	curl -sf "$url/?Path=odd/link" | grep "^{\"Items\":\[\]}$"
'
check 'an upload is listed when it is whole' '
	mkfifo in
	curl -s -o /dev/null -T - "$url/odd/grows.ts" <in &
	exec 5>in
	echo x >&5
	eventually curl -sf -r 0-0 -o /dev/null "$url/odd/grows.ts"
	all odd 10
	test "$(grep -c grows seen)" -eq 0
	exec 5>&-
	wait
	all odd 10
	grep grows seen
'
check 'a page that is asked for without parameters is the index' '
	code "$url/" | grep 404
	echo page >root/index.html
	test "$(curl -sf "$url/")" = page
	test "$(curl -sf "$url/?x=1")" = page
'
check 'HEAD has the fields, and 1000 requests leave nothing behind' '
	curl -sfI "$url/?Path=odd" | grep -i "^content-type: application/json"
	n=$(ls /proc/$pid/fd | wc -l)
	curl -sf -o /dev/null "$url/?Path=odd&n=[1-1000]"
	test "$(ls /proc/$pid/fd | wc -l)" -le $((n + 2))
'
stop_serving
echo secret >tokens
serve --token-file tokens
check 'with tokens, listing needs one' '
	code "$url/?Path=odd" | grep 403
	code -H "Authorization: Bearer secret" "$url/?Path=odd" | grep 200
'
stop_serving
done_testing
