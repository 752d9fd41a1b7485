#!/bin/sh
# mlive-ingest --failover on camera pictures: faults at random times, of each kind that
# --fail-on knows, with inputs that are equal and with one that is preferred.  Each picture
# has a number in it, and whose it is; so all that comes out of an encoder behind is known.
# With FULL=1 it is 100 switches and some.
. "$(dirname "$0")/lib.sh"
. "$top/t/encode.sh"
. "$top/t/chain.sh"
need 'no perl' perl -v
film
export helper="$BUILD/t/helper" faults="$top/t/faults.pl"

# Of equal ones each fault is a switch; a preferred one is gone back to.
nfault=6
test -z "${FULL:-}" || nfault=54
perl "$faults" plan equal $nfault 6 >equal.plan
perl "$faults" plan prefer $((nfault / 2)) 7 >prefer.plan

ffmpeg -nostdin -v error -y -i "$film" -vf fps=25,scale=320:180 -pix_fmt yuv420p -c:v libx264 \
	-preset ultrafast -qp 10 -g 25 -ar 48000 -c:a pcm_s16le small.mkv

# cast PLAN INPUT - the film with the faults that are in picture and sound
cast () {
	pictures=$(sed -n 's/^end //p' "$1")
	# shellcheck disable=SC2046	# words
	ffmpeg -nostdin -v error -stream_loop -1 -i small.mkv -an -vf setpts=N/25/TB -r 25 \
		-frames:v "$pictures" -pix_fmt yuv420p -f rawvideo - |
		"$helper/faultfilm" 320 180 "$2" $(perl "$faults" args "$1" "$2") |
		ffmpeg -nostdin -v error -y -f rawvideo -s 320x180 -r 25 -i - -stream_loop -1 \
			-i small.mkv -f lavfi -i sine=f=440:r=48000 -filter_complex \
			"[1:a][2:a]amix=duration=first,volume=0:enable='$(perl "$faults" mute \
			"$1" "$2")'[a]" -map 0:v -map '[a]' -shortest -c:v libx264 \
			-preset ultrafast -qp 20 -g 12 -keyint_min 12 -sc_threshold 0 \
			-c:a aac -b:a 64k -f mpegts "${1%.plan}.$2.ts"
}
for policy in equal prefer
do
	for input in 1 2 3
	do
		cast $policy.plan $input
	done
done

# run POLICY [OPTION]
run () {
	policy=$1
	shift
	for input in 1 2 3
	do
		mkfifo "$policy.$input"
		perl "$faults" send "$policy.plan" $input "$policy.$input.ts" "$start" \
			>"$policy.$input" &
	done
	mlive-ingest --failover --clear 2s --stats "$policy.stats" --fail-on \
		loss=1s,black=1s,freeze=1s,silence=1s,cc=3/1s,errors=3/1s "$@" \
		"$policy.1" "$policy.2" "$policy.3" >"$policy.out" 2>"$policy.err"
}
start=$(($(date +%s) + 3))
run equal & equal=$!
run prefer --prefer & prefer=$!
wait $equal $prefer

# judged POLICY - half a second for the machine, as everywhere
judged () {
	mlive-encode -q -r 320x180@400k <"$1.out" >"$1.enc"
	ffmpeg -v error -i "$1.enc" -map 0:v:0 -fps_mode passthrough -vf format=gray \
		-f rawvideo - | "$helper/blockcode" 320 180 >"$1.codes"
	stamps "$1.enc" v:0 | steps 3600
	perl "$faults" judge "$1.plan" "$1.stats" "$1.codes" 500 >"$1.said" || {
		head -n 40 "$1.said"
		cat "$1.err"
		return 1
	}
}
check 'equal: each fault is a switch, no picture is wrong, none is black unless it was' '
	judged equal
	grep "^$nfault switches" equal.said
	fails 1 grep "\"cause\":\"preference\"" equal.stats
'
check 'preferred: the same, and back to it each time once it has been well for long' '
	judged prefer
	grep "^$((nfault / 2 * 2)) switches" prefer.said
'
# how late they were
sed 's/^/# /' equal.said prefer.said
done_testing
