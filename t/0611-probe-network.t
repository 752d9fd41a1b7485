#!/bin/sh
# mconnect-probe on datagrams and pipes: arrival, RTP losses, silence, the end.  No limit is
# one that a slow machine could break.
. "$(dirname "$0")/lib.sh"
. "$top/t/probe.sh"

need 'no perl with JSON' perl -MJSON::PP -e 1
running=
trap 'kill -9 $running 2>/dev/null; rm -rf "$scratch"' EXIT
send=$BUILD/t/helper/datagrams
late='-L pat=1min -L pmt=1min -L pcr=1min -L pcr-jump=1min -L pts=1min -L pid=1min -L sdt=1min'
export send late
"$top/t/tsmake.pl" 4 >clean.ts
datagrams=$((($(wc -c <clean.ts) / 188 + 6) / 7))
port=$(free_port)
export datagrams port

# probe URL OPTION...: until finish
probe () {
	url=$1
	shift
	: >json
	# The limits are words.
	# shellcheck disable=SC2086
	mconnect-probe $late -s json "$@" "$url" 2>err &
	probe=$!
	running="$running $probe"
	eventually listening
}

listening () {
	ss -Hlun "sport = :$port" | grep -q .
}

finish () {		# sets status
	kill "$probe"
	status=0
	wait "$probe" || status=$?
	export status
}

# has NAME VALUE: a line so far says so
has () {
	grep -q "\"$1\":$2[,}]" json
}

check 'bare datagrams: all of them, and when they came' '
	probe "udp://127.0.0.1:$port"
	"$send" -w 20 127.0.0.1 127.0.0.1 "$port" <clean.ts
	eventually has datagrams "$datagrams"
	finish
	test "$status" -eq 0
	test -z "$(rules json)"
	test "$(number json source_total_packets)" = "$(($(wc -c <clean.ts) / 188))"
	test "$(number json pcr_accuracy_ns)" = 0
	test "$(number json rtp_packets)" = 0
	test "$(number json source_not_recovered_packets)" = none
	perl -MJSON::PP -ne "\$o = decode_json(\$_);
		exit(!(\$o->{iat_min_us} <= \$o->{iat_p50_us} && \$o->{iat_p50_us} <= \$o->{iat_p99_us} &&
		\$o->{iat_p99_us} <= \$o->{iat_max_us} && \$o->{iat_max_us} > 10000 &&
		\$o->{pcr_jitter_us} > 0)) if \$o->{what} eq \"summary\"" json
'
check 'RTP out of order, twice and lost is counted; what is lost shows as 1.4' '
	probe "rtp://127.0.0.1:$port?reorder=20ms"
	"$send" -w 20 -r 65500 -o 0,2,1,3,4,5,6,6,7,9,10,11 127.0.0.1 127.0.0.1 "$port" <clean.ts
	eventually has rtp_packets "[1-9][0-9]*"
	eventually has source_total_packets "[1-9][0-9]*"
	sleep 1.2
	finish
	test "$(number json source_not_recovered_packets)" -gt 20
	test "$(number json rtp_duplicates)" -gt 20
	test "$(number json rtp_reordered)" -gt 20
	test "$(number json source_continuity_counter)" -gt 20
	test "$(number json source_pcr_accuracy_error)" = 0
	test "$(rules json | tr -d "0-9=" | tr -d " ")" = "."
'
check 'RTP that is only out of order is whole again' '
	probe "rtp://127.0.0.1:$port"
	"$send" -w 20 -r 65500 -o 0,2,1,3 127.0.0.1 127.0.0.1 "$port" <clean.ts
	eventually has source_total_packets "$(($(wc -c <clean.ts) / 188))"
	finish
	test -z "$(rules json)"
	test "$(number json source_not_recovered_packets)" = 0
'
check 'a source that falls silent, and comes again' '
	probe "udp://127.0.0.1:$port" -L no-data=300ms
	"$send" -w 5 127.0.0.1 127.0.0.1 "$port" <clean.ts
	eventually has source_disconnections 1
	has source_connected 0
	"$send" -w 5 127.0.0.1 127.0.0.1 "$port" <clean.ts
	eventually grep "data come again" json
	finish
	events json source_connected >got
	test "$(head -n 2 got)" = "begin - no data
end - data come again"
'
check 'what does not come is missed while nothing comes' '
	probe "udp://127.0.0.1:$port" -L pat=300ms
	"$send" -w 5 127.0.0.1 127.0.0.1 "$port" <clean.ts
	eventually grep "\"name\":\"source_pat_error\",\"state\":\"begin\"" json
	finish
'
check 'a condition on a live source that is well, and on one that does not come' '
	probe "udp://127.0.0.1:$port" -t 3s -F "errors > 0 || !datagrams"
	"$send" -w 5 127.0.0.1 127.0.0.1 "$port" <clean.ts
	wait "$probe"
	fails 3 mconnect-probe -t 1s -s /dev/null "udp://127.0.0.1:$port" 2>err
	grep "no transport stream" err
'
check 'datagrams that are none are refused, and said' '
	probe "rtp://127.0.0.1:$port"
	"$send" 127.0.0.1 127.0.0.1 "$port" <clean.ts
	eventually has datagrams_refused "$datagrams"
	finish
	test "$status" -eq 3
	grep "without RTP" err
'
check 'a pipe: the times between reads, faults by either clock' '
	{ head -c 188000 clean.ts; sleep 0.6; tail -c +188001 clean.ts; } |
		mconnect-probe -c stream >json
	test -z "$(rules json)"
	perl -MJSON::PP -ne "\$o = decode_json(\$_);
		exit(\$o->{iat_max_us} < 500000) if \$o->{what} eq \"summary\"" json
	{ head -c 188000 clean.ts; sleep 0.6; tail -c +188001 clean.ts; } |
		mconnect-probe -c arrival >json
	rules json | grep "1.3="
'
done_testing
