# t/push.sh - sourced after lib.sh, chain.sh and rtmp.sh by tests of mlive-push.
#
#   real SECONDS FILE [OPTION...]  so much of a film with B pictures, a stream; options
#                      of ffmpeg
#   raw FILE NAME      its pictures and its sound, without what is around them, as
#                      NAME.pictures and NAME.sound
#   whole REF GOT      the same pictures; the same sound, but for what was before them
#   in_time REF GOT    after elements of rtmp.sh: the same times, to a millisecond
#   number FIELD       of the first output in the last line of the file pushed
#
# shellcheck shell=sh disable=SC2154

real () {
	seconds=$1 to=$2
	shift 2
	ffmpeg -nostdin -v error -y -ss 5 -i "$film" -t "$seconds" -map 0:v -map 0:a \
		-vf scale=-2:216 -c:a aac -b:a 96k -ac 2 -c:v libx264 -preset veryfast -bf 2 \
		-g 24 "$@" -f mpegts "$to"
}
raw () {
	codec=$(ffprobe -v error -select_streams v:0 -show_entries stream=codec_name \
		-of csv=p=0 "$1" | head -n 1)
	case $codec in
	hevc) drop=32-35 ;;
	*) drop=7-9 ;;
	esac
	ffmpeg -nostdin -v error -y -i "$1" -map 0:v:0 -c copy -bsf:v "filter_units=remove_types=$drop" \
		-f "$codec" "$2.pictures"
	ffmpeg -nostdin -v error -y -i "$1" -map 0:a:0 -c copy -f adts "$2.sound"
}
whole () {
	cmp "$1.pictures" "$2.pictures"
	test -s "$2.pictures"
	tail -c "$(wc -c <"$2.sound")" "$1.sound" | cmp - "$2.sound"
	test $(($(wc -c <"$1.sound") - $(wc -c <"$2.sound"))) -lt 4000
}
in_time () {
	cmp "$1.vt" "$2.vt"
	# Where sound begins is rounded to a millisecond, all of it alike.
	tail -n "$(wc -l <"$2.at")" "$1.at" | paste - "$2.at" | awk '
		{ d = $1 - $3 } NR == 1 { first = d }
		d != first || d > 90 || d < -90 { print; bad = 1 }
		END { exit bad || NR == 0 }'
}
number () {
	tail -n 1 pushed | sed "s/.*\"outputs\":\[{[^}]*\"$1\":\"*\([^,\"}]*\).*/\1/"
}
