# t/tls.sh - sourced after lib.sh by tests of HTTPS.
#
#   tls PORT DIR       serve DIR on 127.0.0.1:PORT by openssl, one request at a time,
#                      until the check ends; ca.pem has the certificate to trust
#
# shellcheck shell=sh disable=SC2154

tls () {
	openssl req -x509 -newkey rsa:2048 -nodes -keyout ca.key -out ca.pem -subj /CN=ca -days 2 2>openssl.log
	openssl req -newkey rsa:2048 -nodes -keyout tls.key -out tls.csr -subj /CN=localhost 2>openssl.log
	echo "subjectAltName=IP:127.0.0.1" >ext
	openssl x509 -req -in tls.csr -CA ca.pem -CAkey ca.key -CAcreateserial -out tls.pem \
		-days 2 -extfile ext 2>openssl.log
	(cd "$2" && exec openssl s_server -accept "$1" -cert "$scratch/tls.pem" -key "$scratch/tls.key" \
		-WWW -quiet -naccept 20 >"$scratch/tls.log" 2>&1) & tls=$!
	trap 'kill $tls' EXIT
	eventually listening "$1"
}
listening () {
	ss -Hltn "sport = :$1" | grep -q .
}
