#!/bin/sh
# mlive-ingest --failover: which input is used, and what a switch looks like behind it.
#
# Inputs are test pictures that are sent in real time through named pipes.  All have the
# same clock, so that every picture of the encoder's output says by its code whether it
# is the next one, whatever input it is from; whose it is, its number tells.
. "$(dirname "$0")/lib.sh"
. "$top/t/encode.sh"
. "$top/t/failover.sh"

check 'what cannot be: status 2' '
	fails 2 mlive-ingest a b 2>err
	grep "several sources need --failover" err
	fails 2 mlive-ingest --failover a 2>err
	grep "2 to 20 sources, not 1" err
	fails 2 mlive-ingest --prefer a 2>err
	grep -e "--prefer is for --failover" err
	fails 2 mlive-ingest --failover --fail-on loss=1s,rain=2s a b 2>err
	grep "rain=2s.* is no condition" err
	fails 2 mlive-ingest --failover --fail-on loss=5 a b 2>err
	fails 2 mlive-ingest --failover --fail-on loss=5ms a b 2>err
	fails 2 mlive-ingest --failover --clear 3 a b 2>err
	fails 2 mlive-ingest --failover "test:?colour=red" test: 2>err
	grep "there is no key .colour" err
	fails 2 mlive-ingest --failover rumour://a b 2>err
	echo text >file
	fails 2 mlive-ingest --failover --control file test: test: 2>err
	grep "is no named pipe" err
'
check 'an input that falls silent: the other from its next picture on, none missing' '
	fresh
	send a
	send b
	take out a b
	eventually media out 2500
	hold a
	eventually switched out 1
	sleep 1
	quit out
	test "$(event out 1 cause)" = loss
	test "$(event out 1 to)" = b
	after=$(event out 1 after_ms)
	echo "after $after ms"
	test "$after" -ge 1000
	test "$after" -le $((1000 + gop_ms))
	exact out
'
check 'the first that goes out is a key picture, without sound before it' '
	ffprobe -v error -show_entries packet=codec_type,flags,pos -of csv=p=0 out |
		sort -t , -k 2n | grep -m 1 . | tee first
	grep "^video,[0-9]*,K" first
'
check 'it stays with the other (equal), which is not left before it fails' '
	fresh
	send a
	send b
	take out --clear 500ms --fail-on loss=1500ms a b
	eventually media out 2000
	hold a
	eventually switched out 1
	release a
	at=$(number out media_ms)
	eventually media out $((at + 3000))
	test "$(switches out)" -eq 1
	eventually stands out active_input 2
	eventually stands out primary_input_active 0
	hold b
	eventually switched out 2
	sleep 1
	quit out
	test "$(event out 2 to)" = a
	exact out
'
check '--prefer: back to the first once it has been well for --clear' '
	fresh
	send a
	send b
	take out --prefer --clear 2s --fail-on loss=1500ms a b
	eventually media out 2000
	hold a
	eventually switched out 1
	back=$(date +%s%N)
	release a
	eventually switched out 2
	now=$(date +%s%N)
	sleep 1
	quit out
	test "$(event out 2 to)" = a
	test "$(event out 2 cause)" = preference
	ms=$(((now - back) / 1000000))
	echo "back after $ms ms"
	test "$ms" -ge 1900
	exact out
'
check 'switches by command at any time: every picture once, in order' '
	fresh
	send a
	send b
	send c
	take out --control ctl a b c
	eventually test -p ctl
	eventually media out 2500
	n=${FULL:+100}
	awk -v n="${n:-10}" "BEGIN { srand(7); at = 1
		for (i = 1; i <= n; i++) {
			at = (at - 1 + 1 + int(rand() * 2)) % 3 + 1
			printf \"%d %.2f\\n\", at, 0.2 + rand() * 1.2
		}
	}" >plan
	done=0
	while read -r to pause
	do
		echo "switch $to" >ctl
		done=$((done + 1))
		eventually switched out "$done"
		sleep "$pause"
	done <plan
	quit out
	test ! -e ctl
	test "$(switches out)" -eq "$done"
	cut -d " " -f 1 plan >want
	grep "\"event\":\"input_switch\".*\"from\":" out.stats |
		sed "s/.*\"input\":\\([0-9]*\\).*/\\1/" >got
	cmp want got
	test "$(number out preroll_units)" -gt 0
	exact out
'
check 'a command for what is not there is a warning' '
	fresh
	send a
	send b
	take out --control ctl a b
	eventually media out 1000
	echo "switch 3" >ctl
	echo "turn left" >ctl
	eventually grep "there is no input 3" out.err
	eventually grep "turn left.* is no command" out.err
	hold b
	eventually grep "no data from" out.err
	echo "switch 2" >ctl
	eventually grep "cannot switch to .b. now" out.err
	test "$(switches out)" -eq 0
	quit out
'
check 'all are lost: it says so and waits, and goes on with whichever comes back' '
	fresh
	send a
	send b
	take out --fail-on loss=1500ms a b
	eventually media out 2000
	hold a
	hold b
	eventually grep "no input is well: waiting" out.err
	eventually stands out source_connected 0
	at=$(number out media_ms)
	release b
	eventually media out $((at + 2500))
	quit out
	test "$(number out active_input)" -eq 2
	mlive-encode -q -r 320x180@400k <out >out.enc
	codes out.enc >out.codes
	awk "NR > 1 && \$2 < was { print NR, was, \$2; bad = 1 } { was = \$2 } END { exit bad }" out.codes
	stamps out.enc v:0 | steps 3600
	clean out.enc
'
check 'inputs that differ in codec, size, rate, sound and PIDs: one timeline, PIDs that stay' '
	fresh
	mlive-ingest -q -t 12s "test:?size=640x360&fps=30&codec=hevc&acodec=ac3&channels=6&tracks=2&lang=eng,deu" >film.ts
	send a "&lang=deu"
	take out --control ctl --loop a film.ts
	eventually media out 2000
	echo "switch 2" >ctl
	eventually switched out 1
	sleep 2
	echo "switch 1" >ctl
	eventually switched out 2
	sleep 2
	quit out
	mconnect-probe out >/dev/null 2>&1 || :
	mlive-encode -q -r 320x180@400k <out >out.enc
	clean out.enc
	codes out.enc >out.codes
	test "$(grep -c -e - out.codes)" -eq 0
	stamps out.enc v:0 | steps 3600
	# the German sound is one track from beginning to end, 48 kHz without a hole
	stamps out.enc a:0 | steps 1920
	ffprobe -v error -show_entries stream=id,codec_name -of csv=p=0 out | sort -u >ids
	cat ids
	grep "h264,0x100" ids
	grep "aac,0x101" ids
'
check 'a file is played in real time, and all of its pictures are there when all have ended' '
	fresh
	mlive-ingest -q -t 3s "test:?size=320x180&fps=25" >film.ts
	mlive-ingest -q -t 2s "test:?size=320x180&fps=25" >short.ts
	start=$(date +%s%N)
	mlive-ingest -q --failover film.ts short.ts >out
	end=$(date +%s%N)
	test $(((end - start) / 1000000)) -ge 2500
	codes out | head -n 75 | cut -d " " -f 1 >got
	seq 0 74 | cmp - got
'
check 'an input that cannot be had is tried again, and used once it is there' '
	fresh
	mlive-ingest -q -t 20s "test:?size=320x180&fps=25" >film.ts
	take out --prefer --clear 200ms late.ts film.ts
	eventually grep "late.ts.*trying again" out.err
	eventually media out 500
	eventually stands out active_input 2
	mv film.ts late.ts
	eventually switched out 1
	test "$(event out 1 to)" = late.ts
	kill "$(cat take.pid)"
	wait "$(cat take.pid)"
'
check 'an input process that is killed is started again' '
	fresh
	send b
	take out --prefer --clear 300ms "test:?size=320x180&fps=25&rate=300k&gop=2s" b
	eventually media out 1500
	kill -9 "$(grep -o "\"process\":[0-9]*" out.stats | head -n 1 | cut -d : -f 2)"
	eventually switched out 2
	quit out
	test "$(event out 1 to)" = b
	test "$(event out 2 cause)" = preference
	exact out
'
done_testing
