# t/encode.sh - what the tests of mlive-encode share; sourced after lib.sh.
#
#   source_ts SECONDS FPS [OPTION...]   moving pictures and a tone, on stdout
#   pictures FILE N       how many pictures of its video number N decode
#   shape FILE STREAM     codec, size or channels, frame rate, of v:0 or a:1
#   idr FILE N            the times of the IDR pictures of its video number N
#   flashes FILE          when the picture turns white
#   beeps FILE            when the sound sets in
#   clean FILE            all of it decodes without a word
#   stopped_after FILE COMMAND...   it has read all of that when SIGTERM comes, and ends well
# shellcheck shell=sh

need 'no ffmpeg' ffmpeg -version
need 'not built' mlive-encode --version

source_ts () {
	seconds=$1 fps=$2
	shift 2
	ffmpeg -v error -f lavfi -i "testsrc2=s=640x360:r=$fps:d=$seconds" \
		-f lavfi -i "sine=f=440:r=48000:d=$seconds" -map 0:v -map 1:a \
		-c:v libx264 -preset ultrafast -g 250 -pix_fmt yuv420p -c:a aac -b:a 96k "$@" \
		-f mpegts -
}

stopped_after () {
	all=$1
	shift
	rm -f pipe "$all.stats"
	mkfifo pipe
	"$@" -s "$all.stats" <pipe & pid=$!
	exec 9>pipe
	cat "$all" >&9
	eventually eval "test \"0\$(counter $all.stats packets)\" -ge $(($(wc -c <"$all") / 188 - 2))"
	kill $pid
	wait $pid
	exec 9>&-
}

pictures () {
	ffmpeg -v quiet -i "$1" -map "0:v:$2" -fps_mode passthrough -f null - -progress - |
		sed -n 's/^frame=//p' | tail -n 1
}

shape () {
	ffprobe -v error -select_streams "$2" -show_entries \
		stream=codec_name,width,height,channels,sample_rate,r_frame_rate \
		-of csv=p=0 "$1" | sed '/^$/d' | sort -u
}

idr () {
	ffprobe -v error -select_streams "v:$2" -show_entries packet=pts_time,flags \
		-of csv=p=0 "$1" | grep K | cut -d, -f1 | sort -u
}

flashes () {
	ffmpeg -v error -copyts -i "$1" -map 0:v:0 -enc_time_base 1/90000 -vf \
		'settb=1/90000,scale=16:16,signalstats,metadata=print:key=lavfi.signalstats.YAVG:file=-' \
		-f null - | awk '
		/pts:/ { split($0, v, "pts:"); t = v[2] / 90000 }
		/YAVG/ { split($0, v, "="); if (v[2] > 120 && !on) printf "%.4f\n", t
			on = v[2] > 120 }'
}

beeps () {
	ffmpeg -v error -i "$1" -map 0:a:0 -ac 1 -ar 48000 -f s16le - | perl -e '
		binmode STDIN; local $/; my @s = unpack "s<*", <STDIN>; my $q = 0;
		for (0 .. $#s) {
			next if abs $s[$_] < 6000;
			printf "%.4f\n", $_ / 48000 + $ARGV[0] if $_ - $q > 4800;
			$q = $_;
		}' "$(ffprobe -v error -select_streams a:0 -show_entries stream=start_time \
			-of csv=p=0 "$1" | head -n 1)"
}

# stamps FILE STREAM [FIELD] - the pts (or dts) of its packets, in order.
stamps () {
	ffprobe -v error -select_streams "$2" -show_entries "packet=${3:-pts}" \
		-of csv=p=0 "$1" | tr -d , | grep . | sort -n -u
}

# steps N - the numbers on stdin are so far apart, all of them.
steps () {
	awk -v n="$1" 'NR > 1 && $1 - p != n { exit 1 } { p = $1 }'
}

clean () {
	ffmpeg -v error -i "$1" -map 0 -f null - >words 2>&1
	test ! -s words
}

# near A B LIMIT - two numbers are at most so far apart.
near () {
	awk -v a="$1" -v b="$2" -v l="$3" 'BEGIN {
		d = a - b
		if (d < 0)
			d = -d
		if (d > l)
			print a, "and", b, "are", d, "apart"
		exit d > l }'
}

# counter_last NAME TRACK - the same of an audio track of zero.stats, from 0.
counter_last () {
	tail -n 1 zero.stats | grep -o "\"$1\":-*[0-9]*" | sed -n "$(($2 + 1))s/.*://p" | grep .
}

# counter FILE NAME - a number of the last line of statistics.
counter () {
	tail -n 1 "$1" | sed -n "s/.*\"$2\":\\([0-9]*\\).*/\\1/p"
}

# Under AddressSanitizer: what the encoders' libraries lose is not ours.
printf 'leak:libx264\nleak:libx265\n' >"${scratch:?}/lsan"
export LSAN_OPTIONS="suppressions=$scratch/lsan:print_suppressions=0"
