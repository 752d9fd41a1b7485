# t/hls.sh - what the tests of HLS and HTTP input share; after lib.sh.
#
#   serve DIR          start a server of DIR with faults (t/helper/http-faults.c);
#                      $url is its address, $log what was asked of it
#   film FILE          make 6 s of picture and tone: 150 pictures, 25 a second
#   frames FILE        print a checksum of each decoded picture
#   whole FILE         its pictures are those of film.mp4, it decodes without a
#                      message, its times go forward and no packet is missing
#   sync_ms FILE       print how much later the video begins than the audio
#   clocks FILE        print "UTC-ns PCR" for each clock packet and the PCR after it
# shellcheck shell=sh

server=
trap 'test -z "$server" || kill "$server"; rm -rf "$scratch"' EXIT

serve () {
	log=$scratch/server.log
	"$BUILD/t/helper/http-faults" "$1" "$log" >"$scratch/.server" &
	server=$!
	eventually test -s "$scratch/.server"
	url=http://127.0.0.1:$(cat "$scratch/.server")
	export url log
}

ff () {
	ffmpeg -nostdin -v error -y "$@"
}

film () {
	ff -f lavfi -i testsrc2=size=320x180:rate=25:duration=6 \
		-f lavfi -i sine=frequency=440:sample_rate=48000:duration=6 \
		-c:v libx264 -preset ultrafast -tune animation -bf 2 -g 25 -pix_fmt yuv420p \
		-c:a aac -b:a 64k "$1"
}

frames () {
	ff -i "$1" -map 0:v -f framemd5 - | sed '/^#/d;s/.*, *//'
}

forward () {
	ffprobe -v error -show_entries packet=stream_index,dts -of csv=p=0 "$1" |
		sed 's/,side_data.*//;/^$/d' | awk -F, '
		$1 in last && $2 <= last[$1] { print "dts " $2 " after " last[$1]; bad = 1 }
		{ last[$1] = $2 }
		END { exit bad }'
}

whole () {
	frames "$1" >got
	cmp film.md5 got
	ff -i "$1" -f null - 2>messages
	test ! -s messages
	forward "$1"
	mlive-ingest "$1" 2>&1 >again | grep 'lost=0 bad=0 sync_losses=0 junk_bytes=0'
}

# First timestamp of the video minus that of the audio, in ms.
sync_ms () {
	ffprobe -v error -show_entries packet=codec_type,pts_time -of csv=p=0 "$1" |
		sed 's/,side_data.*//;/^$/d' | awk -F, '
		!($1 in first) || $2 < first[$1] { first[$1] = $2 }
		END { printf "%d\n", (first["video"] - first["audio"]) * 1000 }'
}

clocks () {
	perl -e '
		binmode STDIN;
		while (read(STDIN, my $p, 188) == 188) {
			my ($head, $af, $flags) = unpack("N C C", $p);
			my $pid = $head >> 8 & 0x1fff;
			if ($pid == 0x1ffe && (my $at = index($p, "EBP0")) > 0) {
				my ($bits, $s, $frac) = unpack("C N N", substr($p, $at + 4));
				$utc = $bits & 8 ? ($s - 2208988800) * 1e9 + int($frac * 1e9 / 2**32) : "not-live";
			} elsif (($head & 0x20) && $af > 6 && ($flags & 0x10) && defined $utc) {
				my ($hi, $lo) = unpack("N n", substr($p, 6, 6));
				printf "%s %d\n", $utc, $hi * 2 + ($lo >> 15);
				undef $utc;
			}
		}' <"$1"
}
