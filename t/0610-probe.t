#!/bin/sh
# mconnect-probe: a stream in which nothing is wrong, then each fault, which is counted under
# its rule once and under no other; conditions, limits, forms of output.
. "$(dirname "$0")/lib.sh"
. "$top/t/probe.sh"

need 'no perl with JSON' perl -MJSON::PP -e 1

make () {
	"$top/t/tsmake.pl" "$@"
}

# finds WANT FAULT...: 12 seconds of a stream with these
finds () {
	want=$1
	shift
	make 12 "$@" >ts
	mconnect-probe ts >json
	got=$(rules json)
	test "$got" = "$want" || { echo "$*: '$got', want '$want'"; return 1; }
}

make 4 >clean.ts
check 'what is right is found right, and told' '
	mconnect-probe clean.ts >json
	test -z "$(rules json)"
	test "$(number json programs) $(number json pids)" = "1 5"
	test "$(number json source_total_packets)" = "$(($(wc -c <clean.ts) / 188))"
	test "$(number json pcr_accuracy_ns)" = 0
	test "$(number json duration_s)" = 3.999
	tail -n 1 json >summary
	grep "\"service\":\"News\",\"provider\":\"Tests\",\"service_type\":1,\"pids\":\[257,258\]" summary
	grep "\"pid\":258,\"type\":\"MPEG audio\".*\"language\":\"deu\"" summary
	grep "\"constant_rate\":true" summary
	test "$(grep -c "\"what\":\"second\"" json)" -eq 3
'
check 'the rate is that of the stream, to a thousandth, and the shares make a whole' '
	rate=$(number json source_bit_rate)
	test "$rate" -gt 1998000
	test "$rate" -lt 2002000
	perl -MJSON::PP -ne "\$o = decode_json(\$_); next if \$o->{what} ne \"summary\";
		\$s = \$o->{null_percent}; \$s += \$_->{share_percent} for @{\$o->{pid_list}};
		exit(abs(\$s - 100) > 0.1)" json
'
check 'priority 1' '
	finds 1.2=1 sync@1+1=1
	finds "1.1=1 1.2=2" junk@1
	finds 1.3=1 no-pat@1+0.6
	finds "" no-pat@1+0.4
	finds 1.3=1 pat-table@1
	finds "1.3=1 2.6=1" pat-scrambled@1
	finds 1.4=1 cc@1=3
	finds 1.4=1 lost@1
	finds 1.4=1 lost@1.1=17		# which is noticed half a second later
	finds 1.4=1 triple@1.05
	finds "" dup@1
	finds "" cc-told@1
	finds 1.5=1 no-pmt@1+0.7
	finds "1.5=1 2.6=1" pmt-scrambled@1
	finds "1.6=1 2.5=1" no-audio@1+6
'
check 'priority 2' '
	finds 2.1=1 tei@1
	finds 2.2=1 pat-crc@1
	finds 2.2=1 pmt-crc@1
	finds 2.2=1 sdt-crc@1
	finds 2.2=1 tot-crc@1
	finds 2.3a=1 no-pcr@1+0.16
	finds "" no-pcr@1+0.06
	finds 2.3b=1 pcr-jump@1=5
	finds 2.3b=1 pcr-jump@1=-5
	finds "" pcr-jump-told@1=5
	finds 2.4=1 pcr-off@1=600
	finds 2.4=1 pcr-off@1=-600
	finds "" pcr-off@1=400
	finds 2.4=1 pcr-off@1=100000
	finds 2.4=1 pcr-step@1=10000
	finds 2.5=1 no-video@1+0.8
	finds 2.5=2 no-pts@1+1
	finds 2.6=1 scrambled@1+3
	finds "" cat@0.5 scrambled@1+3
	finds 2.6=1 cat-table@1
'
check 'priority 3' '
	finds 3.1=1 nit@0+1.5
	finds 3.1=1 nit-table@1
	finds 3.4=1 stray@1+1
	finds "" stray@1+0.3
	finds "" program2@0.5+2
	finds 3.5=1 no-sdt@1+3
	finds 3.5=1 sdt-twice@1
	finds 3.5=1 sdt-table@1
	finds 3.6=2 eit@0+4
	finds "" eit@0+20
	finds 3.6=1 eit-table@1
	finds 3.7=1 rst-twice@1
	finds "" rst@1
	finds 3.7=1 rst-table@1
	finds 3.8=1 tdt-table@1
'
check 'a table that was never there is missed with --dvb only' '
	make 40 >ts
	mconnect-probe ts >json
	test -z "$(rules json)"
	mconnect-probe --dvb ts >json
	test "$(rules json)" = "3.1=1 3.6=1 3.8=1"
'
check 'a fault that lasts begins and ends' '
	make 4 no-pat@1+1 >ts
	mconnect-probe ts >json
	test "$(events json source_pat_error)" = "begin 0 no PAT
end 0 "
'
check 'what clocks wrap at does not matter' '
	make 8 pcr-jump-told@2=95433 >ts	# at 5.7 s it is 2^33 / 90000 s
	mconnect-probe ts >json
	test -z "$(rules json)"
	test "$(number json duration_s)" = 7.999
	test "$(number json pcr_accuracy_ns)" = 0
'
check 'programs come and go, a PMT changes' '
	make 4 program2@1+1 new-pmt@3 >ts
	mconnect-probe ts >json
	test -z "$(rules json)"
	grep "\"what\":\"second\",\"stream_ms\":1[0-9]*,.*\"programs\":2," json
	test "$(number json programs)" = 1
'
check 'the network and its time' '
	make 4 nit@0+4 tdt@0+4 >ts
	mconnect-probe ts >json
	grep "\"network\":\"Net-1\"" json
	grep "\"tdt\":\"2024-05-25T12:34:56" json
'
check 'names of services in other alphabets, and what is none' '
	make 1 cyrillic@0+9 >ts
	mconnect-probe ts | grep "\"service\":\"Новости\""
	make 1 utf8@0+9 >ts
	mconnect-probe ts | grep "\"service\":\"Nähe\""
	make 1 odd-name@0+9 >ts
	mconnect-probe ts | grep "\"service\":\"a??b?\""
'
check 'cues are told with what is in them' '
	make 4 cue@1 cue-crc@2 >ts
	mconnect-probe ts >json
	test "$(events json cue)" = "once 500 splice_insert
damaged 500 "
	grep "\"splice_event_id\":7,.*\"out_of_network_indicator\":true" json
	test "$(number json cues) $(number json cue_errors)" = "1 1"
'
check 'packets of 192 and 204 bytes, junk before and between' '
	for size in 192 204
	do
		perl -e "binmode STDIN; binmode STDOUT; while (read(STDIN, my \$p, 188) == 188) {
			print \$ARGV[0] == 192 ? \"abcd\$p\" : \$p . \"x\" x 16 }" $size <clean.ts >ts
		mconnect-probe ts >json
		test -z "$(rules json)"
		test "$(number json packet_size)" = $size
		test "$(number json source_total_packets)" = "$(($(wc -c <clean.ts) / 188))"
		test "$(number json pcr_accuracy_ns)" = 0
	done
	{ head -c 1000 /dev/zero; cat clean.ts; } >ts
	mconnect-probe ts >json
	test -z "$(rules json)"
	test "$(number json junk_bytes)" = 1000
'
check 'a rate that varies has no accuracy' '
	perl -e "binmode STDIN; binmode STDOUT; while (read(STDIN, my \$p, 188) == 188) {
		print \$p unless substr(\$p, 1, 2) eq \"\\x1f\\xff\" }" <clean.ts >ts
	mconnect-probe ts >json
	test -z "$(rules json)"
	test "$(number json pcr_accuracy_ns)" = none
	mconnect-probe -r constant ts >json
	rules json | grep "^2.4="
	mconnect-probe -r variable clean.ts >json
	test "$(number json pcr_accuracy_ns)" = none
'
check 'a condition decides how it ends' '
	make 4 lost@1 >ts
	mconnect-probe -F "cc_errors > 1" ts >json
	fails 3 mconnect-probe -F "cc_errors > 0 || pcr_jitter_us > 500" ts >json 2>err
	grep "source_continuity_counter=1 pcr_jitter_us=0$" err
	fails 3 mconnect-probe -s /dev/null -F "source_bit_rate < 3M && !(programs != 1)" ts >out 2>err
	test ! -s out
	fails 3 mconnect-probe -F "cc_errors > 0" -F "cc_errors > 99" ts >json 2>err
	grep "cc_errors > 0. holds" err
	fails 1 grep "99. holds" err
	fails 2 mconnect-probe srt://127.0.0.1:1 2>err
	grep "have mconnect-relay read it" err
	mconnect-probe -F "iat_max_us > 0" ts >json		# a file has none
'
check 'a name that does not exist is said, with some that do' '
	fails 2 mconnect-probe -F "cc_error > 0" clean.ts 2>err
	grep "no number .cc_error.; perhaps .cc_errors." err
	fails 2 mconnect-probe -F "jitter > 0" clean.ts 2>err
	grep "pcr_jitter_us" err
	fails 2 mconnect-probe -F "cc_errors >" clean.ts 2>err
	grep "something is missing" err
	fails 2 mconnect-probe -F "cc_errors > 5 )" clean.ts 2>err
	grep "see .)." err
'
check 'limits can be others' '
	make 4 no-pcr@1+0.06 >ts
	mconnect-probe -L pcr=40ms ts >json
	test "$(rules json)" = 2.3a=1
	make 4 pcr-off@1=200 >ts
	mconnect-probe -L accuracy=100ns ts >json
	test "$(rules json)" = 2.4=1
	fails 2 mconnect-probe -L pcr=40 ts
	fails 2 mconnect-probe -L black-pixel=110% ts
	fails 2 mconnect-probe -L what=40ms ts
	fails 2 mconnect-probe -L silence-level=60dB ts
'
check 'with --pass what comes goes on as it is' '
	mconnect-probe --pass -s passed <clean.ts >ts
	cmp ts clean.ts
	test -z "$(rules passed)"
	head -c 100000 /dev/urandom >noise
	mconnect-probe --pass -s noisy <noise >ts || test $? -eq 3
	cmp ts noise
	fails 2 mconnect-probe --pass -f json clean.ts
'
check 'a duration, by the clock of the stream' '
	mconnect-probe -t 2s <clean.ts >json
	duration=$(number json duration_s)
	test "${duration%.*}" -eq 2
'
check 'what is no transport stream, no file, no address' '
	fails 3 mconnect-probe "$top/README" >json
	fails 3 mconnect-probe /dev/null >json
	fails 1 mconnect-probe none.ts
	fails 1 mconnect-probe .
	fails 2 mconnect-probe srt://127.0.0.1:1
	fails 2 mconnect-probe "udp://127.0.0.1:9?what=1"
	fails 2 mconnect-probe -c arrival clean.ts
	fails 1 mconnect-probe -s /nowhere/x clean.ts
'
check 'damage of any kind, each time the same, ends in numbers' '
	perl -e "srand 7; local \$/; open F, q(clean.ts); binmode F; my \$d = <F>;
		substr(\$d, int rand length \$d, 1) = chr int rand 256 for 1 .. 20000;
		open O, q(>ts); binmode O; print O \$d"
	mconnect-probe ts >json
	test "$(number json errors)" -gt 100
	test "$(number json events_suppressed)" -gt 0
'
check 'a terminal gets a screen, in 80 columns, and gets back what it had' '
	script -qec "stty cols 80 rows 24; mconnect-probe clean.ts" typescript
	perl -0777 -ne "
		/\\e\\[\\?1049h\\e\\[\\?25l.*\\e\\[\\?25h\\e\\[\\?1049l/s or die \"not restored\";
		/program 1 .News. of .Tests./ && /258  MPEG audio    deu/ or die \"no streams\";
		s/.*1049l//s; s/\\e\\[[0-9;]*m//g;
		length > 80 and die \"too wide\" for split /\\r*\\n/" typescript
'
done_testing
