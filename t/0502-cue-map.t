#!/bin/sh
# mlive-cue map: cues rewritten by rules, and all else as it is.
. "$(dirname "$0")/lib.sh"
need 'no ffmpeg' command -v ffmpeg

ffmpeg -v error -f lavfi -i "testsrc2=s=160x90:r=25:d=20" \
	-f lavfi -i sine=frequency=440:d=20 -c:v libx264 -preset ultrafast -bf 2 -g 25 \
	-c:a aac -f mpegts plain.ts
cat >cues.txt <<'END'
+3s out 4s id=7 avail=1/2
+7s in
+9s out 30s auto id=8 program=5 tier=3
now out 9s id=20
now cancel id=33
+11s time_signal type=0x34 id=40 duration=6s num=1/1 upid=URI:urn:a
+12s time_signal type=0x36 id=41 duration=20s and type=0x10 id=42 duration=20s
+13s time_signal type=0x35 id=40
+14s time_signal type=0x12 id=43
+5s null
END
mlive-cue insert -q -q --repeat 1 --preroll 2s -f cues.txt <plain.ts >in.ts

# decoded TS - its cues, from the specification alone, without PID and place
decoded () {
	perl "$top/t/sections.pl" <"$1" | sed 's/^[0-9]* [0-9]* //'
}
# map RULE... - in.ts to out.ts; all but the cues is the same
map () {
	for rule in "$@"
	do
		set -- "$@" -e "$rule"
		shift
	done
	mlive-cue map "$@" <in.ts >out.ts 2>err
	only - 500 <out.ts >rest
	only - 500 <in.ts | cmp - rest
	decoded out.ts >got
}
decoded in.ts >before
# others LINE... - all cues but these lines of before are as they were
others () {
	for line in "$@"
	do
		printf '%sd;' "$line"
	done >script
	sed -f script before | sort >want
	sort got | comm -23 want - >gone
	test ! -s gone
}

check 'no rule, or none that matches: byte for byte, in any pieces' '
	mlive-cue map -e "any -> pass" <in.ts | cmp - in.ts
	mlive-cue map -e "id=9999 -> drop" <in.ts | cmp - in.ts
	mlive-cue map <in.ts 2>err | cmp - in.ts
	grep "there is no rule" err
	perl -e "\$| = 1; binmode STDIN; while (read(STDIN, my \$p, 333)) { print \$p }" <in.ts |
		mlive-cue map -e "id=9999 -> drop" | cmp - in.ts
	mlive-cue map -p 501 -e "any -> drop" <in.ts | cmp - in.ts
'
check 'what matches what' '
	test "$(wc -l <before)" -eq 10
	while IFS="|" read -r match n
	do
		map "$match -> drop"
		echo "$match: $(wc -l <got), not $n"
		test "$(wc -l <got)" -eq "$n"
	done <<END
any|0
out|7
in|9
cancel|9
splice_insert|5
time_signal|6
null|9
type=0x34|9
type=provider-po-start|9
type=0x34-0x37|7
type>=0x34|7
id=7|8
id=40-42|7
out id=40|10
tier=3|9
tier<4095|9
duration<6s|9
duration<=6s|8
duration>6s|7
duration>=20s|8
program=5|9
type=0x36 duration=20s id=41|9
type=0x36 id=42|10
upid=URI:urn:a|9
upid=URI:urn:b|10
upid=0x09:urn:a|10
END
'
check 'the first rule that matches decides' '
	map "id=7 -> pass" "splice_insert -> drop"
	test "$(grep -c "type=5" got)" -eq 2
	printf "# first\r\n\r\nid=7 -> pass # these\r\nsplice_insert -> drop\r\n" >rules.txt
	mlive-cue map -f rules.txt <in.ts | cmp - out.ts
	mlive-cue map -e "any -> drop" -f rules.txt <in.ts >all.ts 2>err
	grep "cues=10 changed=0 dropped=10 unread=0 unfit=0" err
'
check 'out and in become placement opportunities, and all else is as it was' '
	map "out -> time_signal type=0x34/0x35" "in -> time_signal type=0x34/0x35" \
		"cancel -> time_signal"
	grep "cues=10 changed=5 " err
	sed "s/pts=\([0-9]*\).*/pts=\1/" before | grep " id=[78] " | sed "s/ type=5.*pts/ pts/" >want
	grep -E "\[id=[78] " got | sed "s/ \[.*//; s/ type=6//" | diff want -
	grep "\[id=7 delivery=3f duration=360000 upid=0: type=34 num=1/2\]" got
	grep "\[id=7 delivery=3f upid=0: type=35 num=0/0\]" got
	grep "type=6 pts=none \[id=20 delivery=3f duration=810000 upid=0: type=34 num=0/0\]" got
	grep "type=6 pts=none \[id=33 cancel\]" got
	test "$(grep -c " type=5 " got)" -eq 0
'
check 'and back' '
	mlive-cue map -e "splice_insert -> time_signal type=0x30/0x31" <in.ts |
		mlive-cue map -e "time_signal id=7-33 -> splice_insert" >back.ts
	# What a time_signal does not say is lost: whether it is back by itself, and the program.
	sed "s/auto=1 program=5/auto=0 program=0/" before >want
	decoded back.ts | diff want -
	mlive-cue map -e "splice_insert -> time_signal" <in.ts |
		mlive-cue map -e "type=0x34 id=8 -> splice_insert auto program=5" \
			-e "id=7-33 -> splice_insert" >back.ts
	decoded back.ts | diff before -
	cmp back.ts in.ts
'
check 'a time_signal becomes a splice_insert: by its type' '
	map "time_signal -> splice_insert auto"
	grep -E "type=5 id=40 out pts=[0-9]+ duration=540000 auto=1 program=0 avail=1/1" got
	grep -E "type=5 id=40 in pts=[0-9]+ program=0" got
	# The first of two; the other stays.
	grep -E "type=5 id=41 out pts=[0-9]+ duration=1800000 auto=1 .* \[id=42 .*type=10" got
	# Early termination is neither a start nor an end.
	grep "type=6 pts=.* \[id=43 .*type=12" got
	grep "unfit=1" err
	map "type=0x10 -> splice_insert"
	grep -E "type=5 id=42 out pts=[0-9]+ duration=1800000 auto=0 .* \[id=41 .*type=36" got
'
check 'fields are set in what matches' '
	map "type=0x10 -> type=0x20 id=99 num=2/3 tier=8" "id=7 -> id=70 duration=1s program=2" \
		"id=8 -> auto=no offset=+2s" "null -> offset=-1s"
	grep -E "tier=8 type=6 .*\[id=41 .*type=36 num=0/0\] \[id=99 .*type=20 num=2/3\]" got
	test "$(grep -cE "id=70 (out|in) .* duration=90000 auto=0 program=2" got)" -eq 2
	grep -E "adjust=180000 tier=3 type=5 id=8 out .* auto=0 program=5" got
	grep "adjust=8589844592 tier=4095 type=0" got
	mlive-cue show -q -j <in.ts | grep "\"splice_event_id\":8," |
		sed "s/.*\"splice_time\":\([0-9]*\),.*/\1/" >a
	mlive-cue show -q -j <out.ts | grep "\"splice_event_id\":8," |
		sed "s/.*\"splice_time\":\([0-9]*\),.*/\1/" >b
	test "$(cat b)" -eq "$(($(cat a) + 180000))"
	mlive-cue map -q -e "id=8 -> offset=-500ms" <out.ts >again.ts
	decoded again.ts | grep "adjust=135000 tier=3 type=5 id=8 out "
'
check 'what becomes longer has more packets, and the counter goes on' '
	long=URI:$(perl -e "print \"x\" x 220")
	map "time_signal -> upid=$long"
	test "$(grep -c "upid=15:xxx" got)" -eq 4
	test "$(only 500 <out.ts | wc -c)" -eq $((188 * (6 + 3 * 2 + 3)))
	mlive-ingest out.ts 2>&1 >none | grep "lost=0 bad=0 sync_losses=0 junk_bytes=0"
	# And shorter: from three packets to one.
	mlive-cue map -q -e "any -> upid=0x01:" <out.ts >short.ts
	test "$(only 500 <short.ts | wc -c)" -eq 1880
	mlive-ingest short.ts 2>&1 >none | grep "lost=0 bad=0 sync_losses=0 junk_bytes=0"
	# One of several packets that stays is not touched.
	mlive-cue map -q -e "null -> drop" <out.ts | only 500 >rest
	test "$(wc -c <rest)" -eq "$(($(only 500 <out.ts | wc -c) - 188))"
'
check 'what cannot be read stays, and is counted' '
	perl -0777 -pe "s/(\xfc\x30.{20})./\$1\x01/s" in.ts >wrong.ts
	mlive-cue map -e "id=9999 -> drop" <wrong.ts 2>err | cmp - wrong.ts
	grep "unread=1" err
	mlive-cue map -e "any -> drop" <wrong.ts 2>err >out.ts
	grep "dropped=9 unread=1" err
	test "$(only 500 <out.ts | wc -c)" -eq 188
	json="{\"encrypted_packet\": true, \"encryption_algorithm\": 1, \"encrypted_bytes\": \"0x0102030405060708090a0b0c0d0e0f10\"}"
	echo "now $json" >encrypted.txt
	mlive-cue insert -q -f encrypted.txt <plain.ts >encrypted.ts
	mlive-cue map -e "any -> drop" <encrypted.ts 2>err | cmp - encrypted.ts
	grep "cues=1 changed=0 dropped=0 unread=1" err
'
check 'counters each second, and at the end' '
	mlive-cue map -s fd:3 -e "out -> drop" <in.ts 3>stats >out.ts
	tail -n 1 stats | grep "\"tool\":\"mlive-cue\".*\"cues\":10,\"changed\":0,\"dropped\":3"
'
check 'rules that are wrong: where and what' '
	while IFS="|" read -r rule what
	do
		printf "any -> pass\n%s\n" "$rule" >rules.txt
		fails 2 mlive-cue map -f rules.txt <in.ts >out.ts 2>err
		test ! -s out.ts
		grep -F "rules.txt:2: $what" err
	done <<END
out drop|'"'"'drop'"'"': there is no '"'"'->'"'"' after it
-> drop|there is nothing to match
out ->|there is no action
sing -> drop|'"'"'sing'"'"' is nothing to match
web=no -> drop|'"'"'web=no'"'"' is nothing to match
id=x -> drop|'"'"'id=x'"'"' is not a number
id=5-3 -> drop|'"'"'id=5-3'"'"' is not a number
type<>3 -> drop|'"'"'type<>3'"'"': there is no '"'"'<>'"'"'
duration<10 -> drop|'"'"'duration<10'"'"' is not a duration
upid>URI:x -> drop|'"'"'upid>URI:x'"'"': a UPID is only
out -> sing|'"'"'sing'"'"' is no action
out -> drop it|'"'"'it'"'"' is nothing that drop has
out -> type=3|'"'"'type=3'"'"' is nothing that what is matched has
any -> time_signal type=1/x|'"'"'type=1/x'"'"' is not two types
any -> splice_insert type=1|'"'"'type=1'"'"' is nothing that splice_insert has
any -> tier=5000|'"'"'tier=5000'"'"' is not a number from 0 to 4095
any -> offset=2s|'"'"'offset=2s'"'"' is not a shift
END
	fails 2 mlive-cue map -e "out" <in.ts 2>err
	grep -F -- "--rule: '"'"'out'"'"': there is no" err
	fails 2 mlive-cue map -f missing <in.ts
	fails 2 mlive-cue map --id 5 <in.ts
	fails 2 mlive-cue map -e "any -> pass" more <in.ts
	fails 3 mlive-cue map -e "any -> pass" </dev/null
	fails 1 mlive-cue map -e "any -> pass" <in.ts >/dev/full
'
done_testing
