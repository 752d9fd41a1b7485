# t/chain.sh - sourced after lib.sh by the tests of the whole chain.
#
#   film			path of real content, in $film; skips the file without it
#   origin DIR			starts mstore-serve over DIR: $base, $origin, $origin_log
#   clip SECONDS FILE [LINES]	so much of it, whole pictures, as a transport stream
#   stage NAME IN OUT command...	starts one tool; its pid is in $NAME, its text in
#				NAME.log; IN and OUT are files or named pipes
#   gone PID			true once the process has ended
#   numbers PLAYLIST		the numbers of its segments, in order
#   decodes FILE...		these parts in a row decode without a word
#
# What was started is ended with the test.
# shellcheck shell=sh

started=
trap 'kill -9 $started 2>/dev/null; rm -rf "$scratch"' EXIT

# Several files may want it at once, and it takes a while to make.
film () {
	film=$BUILD/demo/film.mp4
	mkdir -p "$BUILD/demo"
	flock "$BUILD/demo/film.lock" sh -c 'test -s "$0" || "$1/origin/demo/film" "$0"' \
		"$film" "$top" >film.log 2>&1 || {
		echo "1..0 # SKIP no film: $(tail -n 1 film.log)"
		exit 0
	}
}

clip () {
	ffmpeg -nostdin -v error -y -ss 5 -i "$film" -t "$1" -c:a aac -b:a 128k \
		-vf "scale=-2:${3:-720}" -c:v libx264 -preset ultrafast -crf 20 -g 48 \
		-f mpegts "$2"
}

stage () {
	stage_name=$1 stage_in=$2 stage_out=$3
	shift 3
	"$@" <"$stage_in" >"$stage_out" 2>>"$stage_name.log" &
	started="$started $!"
	eval "$stage_name=$!"
}

origin () {
	mkdir -p "$1"
	port=${port:-$(free_port)}
	base=http://127.0.0.1:$port
	stage origin /dev/null /dev/null mstore-serve -l "127.0.0.1:$port" --root "$1"
	eventually answers
}

answers () {
	test "$(curl -s -o /dev/null -w '%{http_code}' "$base/none")" = 404
}

gone () {
	! kill -0 "$1" 2>/dev/null
}

numbers () {
	sed -n 's/^\([0-9]*\)\.m4s.*/\1/p' "$1"
}

decodes () {
	cat "$@" | ffmpeg -nostdin -v error -xerror -i pipe: -f null - >decode.log 2>&1
	test ! -s decode.log || {
		echo "$*:"
		cat decode.log
		return 1
	}
}
