# t/failover.sh - what the tests of mlive-ingest --failover share; after encode.sh.
#
# Inputs are test pictures that are sent in real time through named pipes.  All have the
# same clock, so that every picture of the encoder's output says by its code whether it
# is the next one, whatever input it is from; whose it is, its number tells.
# shellcheck shell=sh

helper=$BUILD/t/helper
gop_ms=2000
export helper gop_ms

# What a test that failed has left.
fresh () {
	for left in ./*.pid
	do
		test ! -e "$left" || kill -9 "$(cat "$left")" || :
	done 2>/dev/null
	rm -f ./*.pid ./out* ./?
}
# send NAME [KEYS] - into the pipe of that name; its process is in NAME.pid.
send () {
	test -p "$1" || mkfifo "$1"
	late=$(printf %d "'$1")		# so that the same picture has another number
	late=$((1 + 5 * (late - 97)))
	{
		sleep "$((late / 10)).$((late % 10))"
		exec mlive-ingest -q -R "test:?size=320x180&fps=25&rate=300k&gop=2s${2:-}"
	} >"$1" &
	echo $! >"$1.pid"
}
hold () {
	kill -STOP "$(cat "$1.pid")"
}
release () {
	kill -CONT "$(cat "$1.pid")"
}
# take OUT OPTION... - run it in the background; stderr is in OUT.err.
take () {
	out=$1
	shift
	mlive-ingest -v --failover --stats "$out.stats" "$@" >"$out" 2>"$out.err" &
	echo $! >take.pid
}
# quit OUT - end all of it.
quit () {
	kill "$(cat take.pid)" || :
	for sender in ./?.pid
	do
		test ! -e "$sender" || kill -9 "$(cat "$sender")" || :
	done 2>/dev/null
	wait
	rm -f ./?.pid take.pid ./?
	grep -a -v "goes on\|no data from" "$1.err" | grep -a "warning" || :
}
switches () {
	grep -c '"event":"input_switch".*"from":' "$1.stats" || :
}
switched () {		# OUT COUNT
	test "$(switches "$1")" -ge "$2"
}
# event OUT N FIELD - of the switch with that number
event () {
	grep '"event":"input_switch".*"from":' "$1.stats" | sed -n "$2p" |
		sed "s/.*\"$3\":\"*\\([^\",}]*\\).*/\\1/"
}
# number OUT NAME - of the last line of statistics that has it
number () {
	grep "\"$2\":" "$1.stats" | tail -n 1 | sed "s/.*\"$2\":\([0-9]*\).*/\1/"
}
# stands OUT NAME VALUE
stands () {
	test "$(number "$1" "$2")" -eq "$3"
}
# media OUT MS - so much has been written.
media () {
	ms=$(number "$1" media_ms 2>/dev/null)
	test "${ms:-0}" -ge "$2"
}
codes () {
	ffmpeg -v error -i "$1" -map 0:v:0 -fps_mode passthrough -vf scale=320:180,format=gray \
		-f rawvideo - | "$helper/blockcode" 320 180
}
# whole OUT - encode it: each picture is there once, in order, at its time.
whole () {
	mlive-encode -q -r 320x180@400k <"$1" >"$1.enc"
	codes "$1.enc" >"$1.codes"
	test "$(wc -l <"$1.codes")" -gt 25
	awk 'NR > 1 && $2 - was != 40 { print NR ": " was ", " $2; bad = 1 } { was = $2 }
		END { exit bad }' "$1.codes"
	stamps "$1.enc" v:0 | steps 3600
	clean "$1.enc"
}
# exact OUT - whole, and of more than one input
exact () {
	whole "$1"
	test "$(awk '{ printf "%.0f\n", $2 - 40 * $1 }' "$1.codes" | uniq | wc -l)" -gt 1
}
# child OUT N - the process of that input, as of now
child () {
	tail -n 1 "$1.stats" | grep -o "\"process\":[0-9]*" | sed -n "$2p" | cut -d : -f 2
}
again () {		# OUT N OLD
	new=$(child "$1" "$2")
	test "${new:-0}" -gt 0 && test "$new" -ne "$3"
}
