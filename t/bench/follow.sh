#!/bin/sh
# Readers of one growing object at 3 Mb/s each, by each way there is to read it: how late
# each piece is whole at each reader, the server's CPU time for the 4 seconds that it
# takes, and its memory for each reader.
#
# 20 pieces of 75 kB, one each 200 ms.  The readers are one process, so by TLS, which
# they have to decrypt on the same machine, mostly fewer of them can be had.
#
#	READERS=5000 ROUNDS=3 WAYS="h1 h2c h2c-100 tls-h1 tls-h2 tls-h2-100"
set -eu
top=$(cd "$(dirname "$0")/../.." && pwd)
BUILD=${BUILD:-$top/build}
PATH=$BUILD:$BUILD/t/helper:$PATH
readers=${READERS:-5000}
dir=$(mktemp -d "${TMPDIR:-/tmp}/bench.XXXXXX")
pid=
trap 'kill $pid 2>/dev/null || true; wait; rm -rf "$dir"' EXIT
cd "$dir"
mkdir root
openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days 2 \
	-subj /CN=localhost -keyout key.pem -out cert.pem 2>/dev/null

# A new server each time, so that its memory is that of this way.
serve () {
	: >log
	mstore-serve -l 127.0.0.1:0 -l https://127.0.0.1:0 --root root \
		--tls-cert cert.pem --tls-key key.pem 2>log &
	pid=$!
	until test "$(grep -c listening log)" -eq 2; do
		kill -0 "$pid" || { cat log; exit 1; }
		sleep 0.05
	done
	plain=$(sed -n 's/.*listening on 127.*://p' log)
	tls=$(sed -n 's/.*listening on https:.*://p' log)
}
for way in ${WAYS:-h1 h2c h2c-100 tls-h1 tls-h2 tls-h2-100}
do
	for round in $(seq "${ROUNDS:-3}")
	do
		serve
		case $way in
		h1) how="" ;;
		h2c) how=-2 ;;
		h2c-100) how="-2 -m 100" ;;
		tls-h1) how="-t $tls" ;;
		tls-h2) how="-2 -t $tls" ;;
		tls-h2-100) how="-2 -m 100 -t $tls" ;;
		esac
		printf '%-10s ' "$way"
		# Options are words.
		# shellcheck disable=SC2086
		follow-load $how -p "$pid" "$plain" "/grow/$round.m4s" "$readers" 75000 20 200
		kill "$pid"
		wait "$pid" || true
	done
done
