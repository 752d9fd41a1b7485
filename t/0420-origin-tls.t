#!/bin/sh
# mstore-serve: HTTP/1.1 over TLS, certificates, and what is no TLS.
. "$(dirname "$0")/lib.sh"
# shellcheck disable=SC2154
. "$top/t/origin.sh"
. "$top/t/tls.sh"
. "$top/t/transfers.sh"
need 'no openssl' openssl version

PATH=$BUILD/t/helper:$PATH

self_signed one one
self_signed two two
cp one.pem cert.pem
cp one.key key.pem
samples

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
	grep "cannot use the key .missing.: No such file or directory" err
	fails 1 mstore-serve --root . -l https://127.0.0.1:0 --tls-cert missing --tls-key key.pem 2>err
	grep "cannot use the certificate .missing.: No such file or directory" err
'

serve -l https://127.0.0.1:0 --tls-cert cert.pem --tls-key key.pem --threads 2 \
	--head-timeout 2s --access-log access.log
tls=$(sed -n 's/.*listening on \(https:.*\)/\1/p' serve.log)
tport=${tls##*:}
export tls tport
subject () {		# of the certificate that is shown now
	openssl s_client -connect "127.0.0.1:$tport" </dev/null 2>/dev/null |
		openssl x509 -noout -subject
}

transfers 'HTTP/1.1' 1.1 "$tls" --http1.1 --cacert cert.pem
check 'one connection for many requests' '
	ask -v -o 1 "$tls/a/small.ts" -o 2 "$tls/none" -o 3 "$tls/a/big.ts" 2>err
	cmp 1 small
	cmp 3 big
	test "$(grep -c "SSL connection using" err)" -eq 1
'
check 'a reader that is slow gets every byte' '
	ask -f --limit-rate 20M "$tls/a/big.ts" >got
	cmp got big
'
check 'TLS 1.2 and 1.3, nothing older; a peer chooses the protocol' '
	ask -f -o /dev/null --tlsv1.2 --tls-max 1.2 "$tls/a/small.ts"
	ask -f -o /dev/null --tlsv1.3 "$tls/a/small.ts"
	fails 35 ask -o /dev/null --tlsv1.0 --tls-max 1.1 --ciphers DEFAULT@SECLEVEL=0 "$tls/a/small.ts"
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
	ask -f -o /dev/null "$tls/a/small.ts"
'
check 'SIGHUP reads the pair again, and drops no connection' '
	subject | grep "CN = one"
	rm -f in got got1 part
	mkfifo in
	curl -s --http1.1 --cacert one.pem -T - "$tls/a/held.ts" <in & wpid=$!
	exec 7>in
	printf before >&7
	eventually ask -f -m 1 -o /dev/null -I "$tls/a/held.ts"
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
	ask -f -o /dev/null "$tls/a/small.ts"
	cp two.key key.pem
'
check 'writing needs no token on loopback, by TLS as without' '
	ask -o out -w "%{http_code}\n" -T small -H "Host: evil.example" "$tls/a/x.ts" | grep 403
'
check 'numbers' '
	test "$(metric mstore_tls_handshake_count)" -gt 10
	grep "GET /a/big.ts HTTP/1.1. 200" access.log
'
stop_serving
done_testing
