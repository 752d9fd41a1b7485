# t/manuals.sh - sourced after lib.sh by the tests of the manuals' examples: what they read
# (film.mp4, in.ts, recording.ts), and what is asked of what comes out.
#
#   grown FILE BYTES      it has so many at least
#   shows FILE WORD...    its streams have all these words in their description
# shellcheck shell=sh disable=SC2154

. "$top/t/chain.sh"
. "$top/t/paste.sh"

need 'no ffmpeg' ffmpeg -version
need 'no mandoc' mandoc -T ascii "$top/man/mts.7"
film
# No screen and no loudspeaker: a player shows and plays into nothing.
export SDL_VIDEODRIVER=dummy SDL_AUDIODRIVER=dummy
ffmpeg -nostdin -v error -y -ss 5 -i "$film" -t 4 -vf scale=-2:216 -c:a aac \
	-c:v libx264 -preset ultrafast -g 24 -metadata:s:a language=eng film.mp4
mlive-ingest -q film.mp4 | mlive-encode -q -r 216p@400k -r 144p@200k >recording.ts
mlive-ingest -q -t 2s test:?fps=24 >in.ts

grown () {
	test -e "$1" || return 1
	test "$(wc -c <"$1")" -ge "$2"
}

shows () {
	ffprobe -v error -show_entries stream=width,height,codec_name,r_frame_rate \
		-of csv=p=0 "$1" >shown
	shift
	for word in "$@"
	do
		grep -q "$word" shown || { cat shown; return 1; }
	done
}
