# t/tls.sh - sourced after lib.sh by tests of HTTPS and RTMPS.
#
#   certify            make ca.pem, the certificate to trust, and tls.pem with tls.key
#                      that it vouches for, of 127.0.0.1
#   self_signed NAME [COMMON-NAME]  make NAME.pem and NAME.key of localhost and 127.0.0.1
#   tls PORT DIR       serve DIR on 127.0.0.1:PORT by openssl, one request at a time,
#                      until the check ends; ca.pem has the certificate to trust
#   tls_relay PORT TO  one connection, to 127.0.0.1:TO without TLS; after certify
#
# shellcheck shell=sh disable=SC2154

certify () {
	openssl req -x509 -newkey rsa:2048 -nodes -keyout ca.key -out ca.pem -subj /CN=ca -days 2 2>openssl.log
	openssl req -newkey rsa:2048 -nodes -keyout tls.key -out tls.csr -subj /CN=localhost 2>openssl.log
	echo "subjectAltName=IP:127.0.0.1" >ext
	openssl x509 -req -in tls.csr -CA ca.pem -CAkey ca.key -CAcreateserial -out tls.pem \
		-days 2 -extfile ext 2>openssl.log
}
self_signed () {
	openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days 2 \
		-subj "/CN=${2-localhost}" -addext "subjectAltName=DNS:localhost,IP:127.0.0.1" \
		-keyout "$1.key" -out "$1.pem" 2>openssl.log
}
tls () {
	certify
	(cd "$2" && exec openssl s_server -accept "$1" -cert "$scratch/tls.pem" -key "$scratch/tls.key" \
		-WWW -quiet -naccept 20 >"$scratch/tls.log" 2>&1) & tls=$!
	trap 'kill $tls' EXIT
	eventually listening "$1"
}
tls_relay () {
	rm -f relayed
	mkfifo relayed
	# shellcheck disable=SC2094	# a pipe there and back
	openssl s_server -accept "$1" -cert tls.pem -key tls.key -quiet -naccept 1 \
		<relayed 2>tls.log | perl -MIO::Socket::INET -MIO::Select -e '
		my $to = IO::Socket::INET->new("127.0.0.1:$ARGV[0]") or die;
		my $set = IO::Select->new($to, \*STDIN);
		for (;;) {
			for my $from ($set->can_read) {
				sysread($from, my $data, 65536) or exit;
				syswrite($from == $to ? \*STDOUT : $to, $data);
			}
		}' "$2" >relayed &
	eventually listening "$1"
}
listening () {
	ss -Hltn "sport = :$1" | grep -q .
}
