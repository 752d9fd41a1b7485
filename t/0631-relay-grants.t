#!/bin/sh
# mconnect-relay: who may come in to a listener of SRT, by a file of grants: each with a
# passphrase, until a time, from a network; put out while it runs.
. "$(dirname "$0")/lib.sh"
. "$top/t/relay.sh"
. "$top/t/srt.sh"

need 'no perl' perl -MJSON::PP -e 1
whole in.ts 2s 2M
feed=$(free_port) one=$(free_port) two=$(free_port)
export feed one two

# keep NAME OPTION...: a grant in grants.json, its passphrase in NAME.key
keep () {
	name=$1
	shift
	mconnect-relay grant -f grants.json --url "srt://127.0.0.1:$one" "$@" "$name" >"$name.txt"
	sed -n 's/^passphrase  //p' "$name.txt" >"$name.key"
}

# url NAME: what its text says to call, with the passphrase in a file
url () {
	sed -n "s/^url  *//p" "$1.txt" | sed "s/FILE$/$1.key/"
}

check 'a grant: an entry in the file, and what the subscriber needs' '
	keep ann
	keep ben --expires 24h --cidr 127.0.0.0/8 --cidr 2001:db8::/32 --max-rate 20M
	keep far --cidr 10.0.0.0/8
	keep old --expires 2020-01-01T00:00:00Z
	keep cat --streamid "live/one&two"
	perl -MJSON::PP -e "local \$/; my \$l = decode_json(<STDIN>)->{grants};
		print scalar(@\$l), qq( \$l->[1]{max_rate} @{\$l->[1]{cidr}}\n)" <grants.json >said
	grep -x "5 20000000 127.0.0.0/8 2001:db8::/32" said
	test "$(stat -c %a grants.json)" = 600
	grep -x "url         srt://127.0.0.1:$one?streamid=ann&passphrase-file=FILE" ann.txt
	grep "streamid=live/one%26two&" cat.txt
	grep -E "^expires     20" ben.txt
	test "$(wc -c <ann.key)" -eq 41
	fails 1 cmp ann.key ben.key
'
check 'several at once, a link, and an owner who lets others read' '
	echo "{\"grants\":[]}" >real.json
	chmod 644 real.json
	ln -s real.json link.json
	pids=
	for n in 1 2 3 4 5 6 7 8
	do
		mconnect-relay grant -f link.json "user$n" >/dev/null & pids="$pids $!"
	done
	wait $pids
	test -L link.json
	test "$(stat -c %a real.json)" = 644
	test "$(grep -o "\"user[1-8]\"" real.json | sort -u | wc -l)" -eq 8
'
check 'mistakes' '
	cp grants.json before
	mconnect-relay grant -f gone.json --expires 2020-01-01T00:00:00Z old 2>err >/dev/null
	grep "2020-01-01T00:00:00Z. is over" err
	# Whom nobody could be told of is not let in.
	fails 1 mconnect-relay grant -f grants.json nobody >/dev/full
	cmp grants.json before
	cp grants.json before
	fails 1 mconnect-relay grant -f grants.json ann 2>err
	grep "has one of that name" err
	fails 2 mconnect-relay grant -f grants.json --cidr 300.0.0.0/8 eve 2>err
	grep "300.0.0.0/8. is no network" err
	fails 2 mconnect-relay grant -f grants.json --expires soon eve
	fails 2 mconnect-relay grant -f grants.json --url http://x eve
	fails 2 mconnect-relay grant ann
	fails 2 mconnect-relay grant -f grants.json
	echo "{" >bad.json
	fails 1 mconnect-relay grant -f bad.json eve
	grep -x "{" bad.json
	cmp before grants.json
	fails 1 mconnect-relay -i in.ts -o "srt://:$one?grants-file=none.json"
	fails 2 mconnect-relay -i in.ts -o "srt://:$one?grants-file=bad.json"
	fails 2 mconnect-relay -i in.ts -o "srt://127.0.0.1:$one?grants-file=grants.json" 2>err
	grep "for a listener" err
	for entry in "{\"name\":\"a\"}" "{\"passphrase\":\"0123456789\"}" \
		"{\"name\":\"a\",\"passphrase\":\"short\"}" \
		"{\"name\":\"a\",\"passphrase\":\"0123456789\",\"cidr\":[\"1.2.3.4/33\"]}" \
		"{\"name\":\"a\",\"passphrase\":\"0123456789\",\"expires\":\"soon\"}" \
		"{\"name\":\"a\",\"passphrase\":\"0123456789\",\"colour\":\"red\"}"
	do
		echo "{\"grants\":[$entry]}" >bad.json
		fails 2 mconnect-relay -i in.ts -o "srt://:$one?grants-file=bad.json" 2>err
		grep "grant 1: " err
	done
'
relay r -i "udp://127.0.0.1:$feed" -o "srt://127.0.0.1:$one?mode=listener&grants-file=grants.json"

# refused NAME WHY: it calls and is told so
refused () {
	relay "x$1" -i "$(url "$1")" -o "x$1.ts"
	eventually grep "cannot connect: $2" "x$1.log"
	ended "x$1"
	test ! -s "x$1.ts"
}

check 'each comes in with its own passphrase; the stream id may be of either form' '
	relay ann -i "$(url ann)" -o ann.ts
	relay ben -i "$(url ben | sed "s/streamid=ben/streamid=%23!::r=live,u=ben/")" -o ben.ts
	relay cat -i "$(url cat)" -o cat.ts
	eventually connected r o1 3
	through ann.ts in.ts
	eventually cmp in.ts ben.ts
	eventually cmp in.ts cat.ts
	ctl r stats | grep "\"grant\":\"ben\""
'
check 'others are refused, and told why' '
	refused far "the peer forbids it"
	refused old "the peer forbids it"
	says r "warning: .* is refused: its time is over, it is revoked"
	sed "s/streamid=ann/streamid=nobody/" ann.txt >nobody.txt
	cp ann.key nobody.key
	refused nobody "the peer does not know this stream id"
	test "$(now r output_refused_callers o1)" -ge 3
	within 15 says r "with stream id .nobody. is refused: there is no such stream id"
	sed "s/streamid=ann/streamid=ben/" ann.txt >thief.txt
	cp ann.key thief.key
	refused thief "the passphrase is not the peer"
	within 15 says r "with stream id .ben. is refused: its passphrase is another"
	connected r o1 3
'
check 'revoked: out at once, and not in again; the others go on' '
	ctl r "revoke nobody" | grep error
	ctl r "revoke ben" | grep "\"ok\":\"ben\",\"closed\":1"
	connected r o1 2
	eventually grep "cannot connect: the peer forbids it" ben.log
	kill -HUP "$(cat r.pid)"
	ctl r reload-grants | grep ok
	refused ben "the peer forbids it"
	: >ann.ts
	send in.ts -o "udp://127.0.0.1:$feed"
	ended ben
	cmp in.ts ben.ts
	# Left out of the file and put back with the same passphrase.
	cp grants.json with
	perl -MJSON::PP -e "local \$/; my \$o = decode_json(<STDIN>);
		@{\$o->{grants}} = grep { \$_->{name} ne q(ben) } @{\$o->{grants}};
		print encode_json(\$o)" <with >next
	mv next grants.json
	ctl r reload-grants | grep ok
	refused ben "the peer"
	mv with grants.json
	ctl r reload-grants | grep ok
	refused ben "the peer forbids it"
'
check 'a file that has changed is read: who is not in it any more goes, who is new comes' '
	perl -MJSON::PP -e "local \$/; my \$o = decode_json(<STDIN>);
		@{\$o->{grants}} = grep { \$_->{name} ne q(cat) } @{\$o->{grants}};
		print encode_json(\$o)" <grants.json >next
	mv next grants.json
	keep dan
	kill -HUP "$(cat r.pid)"
	eventually connected r o1 1
	grep "cat at .* has disconnected" r.log
	relay dan -i "$(url dan)" -o dan.ts
	eventually connected r o1 2
	echo "{" >grants.json
	ctl r reload-grants | grep error
	kill -HUP "$(cat r.pid)"
	eventually grep "not all grants could be read again" r.log
	connected r o1 2
'
check 'an entry whose time is over: its subscriber goes' '
	now=$(date -u +%Y-%m-%dT%H:%M:%SZ -d "+4 seconds")
	rm grants.json
	keep eve --expires "$now"
	ctl r reload-grants | grep ok
	relay eve -i "$(url eve)" -o eve.ts
	eventually grep "eve at .* has connected" r.log
	eventually grep "eve at .* has disconnected" r.log
	test "$(date +%s)" -ge "$(date +%s -d "$now")"
	eventually grep "cannot connect: the peer forbids it" eve.log
'
check 'an input: who may send, and how fast' '
	ended r
	rm grants.json
	keep fay
	keep gil --max-rate 500k
	relay in -i "srt://127.0.0.1:$two?mode=listener&grants-file=grants.json" -o in2.ts
	relay fay -i "udp://127.0.0.1:$feed" -o "$(url fay | sed "s/:$one?/:$two?/")"
	eventually connected fay o1
	: >in2.ts
	send in.ts -o "udp://127.0.0.1:$feed"
	eventually cmp in.ts in2.ts
	ctl in "revoke fay" | grep "\"closed\":1"
	eventually grep "cannot connect: the peer forbids it" fay.log
	ended fay
	relay gil -i "udp://127.0.0.1:$feed" -o "$(url gil | sed "s/:$one?/:$two?/")"
	eventually connected gil o1
	send in.ts -o "udp://127.0.0.1:$feed"
	eventually grep "gil at .* is put out: it sends more than its ceiling" in.log
	eventually grep "cannot connect: the peer takes no more for now" gil.log
	ended in
'
done_testing
