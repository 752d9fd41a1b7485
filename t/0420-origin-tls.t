#!/bin/sh
# mstore-serve: HTTP/1.1 over TLS, certificates, and what is no TLS.
. "$(dirname "$0")/lib.sh"
# shellcheck disable=SC2154
. "$top/t/origin.sh"
need 'no openssl' openssl version

PATH=$BUILD/t/helper:$PATH

pair () {		# name, common name
	openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days 2 \
		-subj "/CN=$2" -addext "subjectAltName=DNS:localhost,IP:127.0.0.1" \
		-keyout "$1.key" -out "$1.pem" 2>/dev/null
}
pair one one
pair two two
cp one.pem cert.pem
cp one.key key.pem
head -c 20000000 /dev/urandom >big
head -c 4096 /dev/urandom >small

check 'https:// needs a certificate, and a certificate https://' '
	fails 2 mstore-serve --root . -l https://127.0.0.1:0
	fails 2 mstore-serve --root . -l 127.0.0.1:0 --tls-cert cert.pem --tls-key key.pem
	fails 2 mstore-serve --root . -l https://127.0.0.1:0 --tls-cert cert.pem
'
check 'what is no certificate, or not of this key' '
	echo no >none
	fails 1 mstore-serve --root . -l https://127.0.0.1:0 --tls-cert none --tls-key key.pem 2>err
	grep "cannot use the certificate .none.: " err
	fails 1 mstore-serve --root . -l https://127.0.0.1:0 --tls-cert cert.pem --tls-key two.key 2>err
	grep "fatal: .*two.key" err
	fails 1 mstore-serve --root . -l https://127.0.0.1:0 --tls-cert cert.pem --tls-key missing 2>err
	grep "missing" err
'

serve -l https://127.0.0.1:0 --tls-cert cert.pem --tls-key key.pem --threads 2 \
	--head-timeout 2s --access-log access.log
tls=$(sed -n 's/.*listening on \(https:.*\)/\1/p' serve.log)
tport=${tls##*:}
export tls tport
h1 () {
	curl -s --http1.1 --cacert cert.pem "$@"
}
subject () {		# of the certificate that is shown now
	openssl s_client -connect "127.0.0.1:$tport" </dev/null 2>/dev/null |
		openssl x509 -noout -subject
}
metric () {
	curl -sf "$admin/metrics" | sed -n "s/^$1 //p"
}

check 'PUT and GET, of known length and not' '
	h1 -f -T big "$tls/a/big.ts"
	h1 -f "$tls/a/big.ts" | cmp - big
	h1 -f -T - "$tls/a/big2.ts" <big
	h1 -f "$tls/a/big2.ts" | cmp - big
	curl -sf "$url/a/big2.ts" | cmp - big
	h1 -f -T small "$tls/a/small.ts"
	h1 -f "$tls/a/small.ts" | cmp - small
'
check 'ranges, HEAD, conditions' '
	h1 -f -r 1000000-9999999 "$tls/a/big.ts" >got
	tail -c +1000001 big | head -c 9000000 | cmp - got
	h1 -fI "$tls/a/big.ts" | grep -i "^content-length: 20000000"
	h1 -o out -w "%{http_code}\n" -H "If-None-Match: *" "$tls/a/big.ts" | grep 304
'
check 'one connection for many requests' '
	h1 -v -o 1 "$tls/a/small.ts" -o 2 "$tls/none" -o 3 "$tls/a/big.ts" 2>err
	cmp 1 small
	cmp 3 big
	test "$(grep -c "SSL connection using" err)" -eq 1
'
check 'a reader that is slow gets every byte' '
	h1 -f --limit-rate 20M "$tls/a/big.ts" >got
	cmp got big
'
check 'an object that grows is followed' '
	rm -f in got got1 part
	mkfifo in
	curl -s --http1.1 --cacert cert.pem -T - "$tls/a/grow.ts" <in & wpid=$!
	exec 7>in
	printf first >&7
	eventually h1 -f -m 1 -o /dev/null -I "$tls/a/grow.ts"
	curl -s --http1.1 --cacert cert.pem -N "$tls/a/grow.ts" >got 7>&- & rpid=$!
	eventually grep first got
	printf second >&7
	eventually grep firstsecond got
	cat big >&7
	exec 7>&-
	wait $wpid
	wait $rpid
	{ printf firstsecond; cat big; } | cmp - got
'
check 'a writer that dies leaves nothing, and its readers see no clean end' '
	rm -f in got got1 part
	mkfifo in
	curl -s --http1.1 --cacert cert.pem -T - "$tls/a/die.ts" <in & wpid=$!
	exec 7>in
	printf first >&7
	eventually h1 -f -m 1 -o /dev/null -I "$tls/a/die.ts"
	curl -s --http1.1 --cacert cert.pem -N "$tls/a/die.ts" >got 7>&- & rpid=$!
	eventually grep first got
	kill -9 $wpid
	exec 7>&-
	status=0
	wait $rpid || status=$?
	echo "the reader ends with $status"
	test "$status" -ne 0
	gone () {
		h1 -o out -w "%{http_code}\n" "$tls/a/die.ts" | grep 404
	}
	eventually gone
'
check 'TLS 1.2 and 1.3, nothing older; a peer chooses the protocol' '
	h1 -f -o /dev/null --tlsv1.2 --tls-max 1.2 "$tls/a/small.ts"
	h1 -f -o /dev/null --tlsv1.3 "$tls/a/small.ts"
	fails 35 h1 -o /dev/null --tlsv1.0 --tls-max 1.1 --ciphers DEFAULT@SECLEVEL=0 "$tls/a/small.ts"
	openssl s_client -alpn http/1.1 -connect "127.0.0.1:$tport" </dev/null >out 2>&1
	grep "ALPN protocol: http/1.1" out
	openssl s_client -alpn h2,http/1.1 -connect "127.0.0.1:$tport" </dev/null >out 2>&1
	grep "ALPN protocol: h2" out
	fails 1 openssl s_client -alpn spdy/9 -connect "127.0.0.1:$tport" </dev/null >out 2>&1
	grep -i "no application protocol" out
'
for version in 2 3
do
	export version
	check "a session is resumed, TLS 1.$version" '
		before=$(metric mstore_tls_resumed_count)
		printf "HEAD / HTTP/1.0\r\n\r\n" | openssl s_client -tls1_$version \
			-ign_eof -sess_out session -connect "127.0.0.1:$tport" >out 2>&1
		printf "HEAD / HTTP/1.0\r\n\r\n" | openssl s_client -tls1_$version \
			-ign_eof -sess_in session -connect "127.0.0.1:$tport" >out 2>&1
		grep "^Reused, TLSv1.$version" out
		test "$(metric mstore_tls_resumed_count)" -gt "$before"
	'
done
check 'HTTP without TLS gets a page that says so' '
	test "$(code "http://127.0.0.1:$tport/")" -eq 400
	curl -s "http://127.0.0.1:$tport/" | grep HTTPS
'
check 'rubbish, and a peer that says nothing, are closed' '
	before=$(metric mstore_tls_failed_count)
	head -c 5000 /dev/zero | tr "\\000" x | raw-http "$tport" >out
	tail -c 20 out | grep -a "\[\(end\|reset\)\]"
	printf "\026" | raw-http "$tport" 20 >out
	tail -c 20 out | grep -a "\[\(end\|reset\)\]"
	test "$(metric mstore_tls_failed_count)" -gt "$before"
	h1 -f -o /dev/null "$tls/a/small.ts"
'
check 'SIGHUP reads the pair again, and drops no connection' '
	subject | grep "CN = one"
	rm -f in got got1 part
	mkfifo in
	curl -s --http1.1 --cacert one.pem -T - "$tls/a/held.ts" <in & wpid=$!
	exec 7>in
	printf before >&7
	eventually h1 -f -m 1 -o /dev/null -I "$tls/a/held.ts"
	cp two.pem cert.pem
	cp two.key key.pem
	kill -HUP $pid
	eventually sh -c "openssl s_client -connect 127.0.0.1:$tport </dev/null 2>/dev/null |
		openssl x509 -noout -subject | grep two" 7>&-
	printf after >&7
	exec 7>&-
	wait $wpid
	curl -sf --cacert two.pem "$tls/a/held.ts" | grep beforeafter
'
check 'a pair that does not fit changes nothing, and is told' '
	cp one.key key.pem
	kill -HUP $pid
	eventually grep "the certificate stays as it was" serve.log
	subject | grep "CN = two"
	h1 -f -o /dev/null "$tls/a/small.ts"
	cp two.key key.pem
'
check 'writing needs no token on loopback, by TLS as without' '
	h1 -o out -w "%{http_code}\n" -T small -H "Host: evil.example" "$tls/a/x.ts" | grep 403
'
check 'numbers' '
	test "$(metric mstore_tls_handshake_count)" -gt 10
	grep "GET /a/big.ts HTTP/1.1. 200" access.log
'
stop_serving
done_testing
