#!/bin/sh
# mconnect-probe on real pictures and sound: what ffmpeg's filters find, it finds, to within
# a frame; what the chain makes of a film is well.
. "$(dirname "$0")/lib.sh"
. "$top/t/chain.sh"
. "$top/t/probe.sh"

need 'no ffmpeg' ffmpeg -version
need 'no perl with JSON' perl -MJSON::PP -e 1
: >empty
mconnect-probe -D empty >/dev/null 2>err
need 'built without libavcodec' sh -c '! grep -q libavcodec err'

# Seconds 3 to 6 are black, 8 to 11.5 stand still; 4 to 7.2 are silent.
ffmpeg -nostdin -v error -f lavfi -i "testsrc2=s=320x180:r=25:d=3[a];color=black:s=320x180:r=25:d=3[b];
	testsrc2=s=320x180:r=25:d=2[c];testsrc2=s=320x180:r=25:d=0.04,loop=86:1[d];
	testsrc2=s=320x180:r=25:d=2.5[e];[a][b][c][d][e]concat=n=5" \
	-f lavfi -i "sine=f=440:r=48000:d=14,volume=volume=0:enable='between(t,4,7.2)',aformat=channel_layouts=stereo" \
	-pix_fmt yuv420p -c:v libx264 -preset ultrafast -qp 20 -g 25 -bf 2 -c:a aac -b:a 128k \
	-output_ts_offset 95440 -f mpegts made.ts

ffmpeg -nostdin -hide_banner -copyts -i made.ts -vf blackdetect,freezedetect \
	-af silencedetect,ebur128 -f null - 2>theirs
export LC_ALL=C

# ours NAME: "start end" of each, in seconds; theirs are modulo 2^33 ticks, too
ours () {
	perl -MJSON::PP -e 'open my $f, "<", "json" or die;
		while (<$f>) {
			my $o = decode_json($_);
			printf "%.3f %.3f\n", map { $_ % 2**33 / 90000 } $o->{pts}, $o->{end_pts}
				if $o->{what} eq "event" && $o->{name} eq $ARGV[0] && $o->{state} eq "end";
		}' "$1"
}

# near FILE FILE: as many lines of two times, each within 45 ms
near () {
	cat "$1" "$2"
	paste -d' ' "$1" "$2" | awk '
		NF != 4 || $1 - $3 > 0.045 || $3 - $1 > 0.045 || $2 - $4 > 0.045 || $4 - $2 > 0.045 { exit 1 }
		END { if (NR == 0) exit 1 }'
}

check 'black, frozen and silent are told when ffmpeg tells them' '
	mconnect-probe -D made.ts >json
	sed -n "s/.*black_start:\([0-9.]*\) black_end:\([0-9.]*\).*/\1 \2/p" theirs >want
	ours black_frames_breaching >got
	near got want
	perl -0777 -ne "print \"\$1 \$2\n\" while /freeze_start: ([\d.]+).*?freeze_end: ([\d.]+)/sg" theirs >want
	ours frozen_frames_breaching >got
	near got want
	perl -0777 -ne "print \"\$1 \$2\n\" while /silence_start: ([\d.]+).*?silence_end: ([\d.]+)/sg" theirs >want
	ours silent_audio_breaching >got
	near got want
	test "$(number json black_frames_breaching)" = 1
	test "$(number json silent_audio_breaching)" = 1
'
check 'loudness is that of ebur128, to a tenth' '
	want=$(sed -n "s/^ *I: *\(-[0-9.]*\) LUFS/\1/p" theirs | tail -n 1)
	got=$(number json loudness_integrated_lufs)
	echo "$got $want"
	awk "BEGIN { exit !($got - $want <= 0.1 && $want - $got <= 0.1) }"
'
check 'frames, size and rate are what ffprobe counts' '
	ffprobe -v error -count_frames -show_entries stream=nb_read_frames,width,height,r_frame_rate \
		-select_streams v -of csv=p=0 made.ts | head -n 1 >want
	perl -MJSON::PP -ne "\$o = decode_json(\$_); next if \$o->{what} ne \"summary\";
		print join(\",\", @\$_{qw(width height frame_rate frames)}), \"\n\"
			for grep { \$_->{width} } @{\$o->{pid_list}}" json >got
	cat got
	diff want got
	test "$(number json decode_errors)" = 0
'
check 'limits of content' '
	mconnect-probe -D -L black=4s -L silence=1s -L silence-level=-10dB made.ts >json
	test "$(number json black_frames_breaching)" = 0
	test "$(number json silence_s | cut -d. -f1)" -ge 13
'
check 'captions are seen' '
	ffmpeg -nostdin -v error -i made.ts -t 2 -map 0:v -c:v libx264 -preset ultrafast -f mpegts short.ts
	"$BUILD/t/helper/decorate" <short.ts >cc.ts
	mconnect-probe -D cc.ts >json
	test "$(number json captions) $(number json cues)" = "1 2"
	mconnect-probe -D short.ts >json
	test "$(number json captions)" = 0
'
check 'damaged, it goes on to the end, the same each time' '
	perl -e "srand 11; local \$/; open F, q(made.ts); binmode F; my \$d = <F>;
		substr(\$d, int rand length \$d, 1) = chr int rand 256 for 1 .. 500;
		open O, q(>bad.ts); binmode O; print O \$d"
	mconnect-probe -D bad.ts >json
	test "$(number json errors)" -gt 10
	test "$(number json decode_errors)" -gt 0
'

# ---- a film, and what the chain makes of it
film
clip 6 film.ts
check 'a film in a transport stream of ffmpeg: well, with the PIDs and the length of ffprobe' '
	mconnect-probe film.ts >json
	test "$(number json priority1_errors) $(number json priority2_errors)" = "0 0"
	ffprobe -v error -show_entries stream=id -of csv=p=0 film.ts | sort -u |
		xargs printf "%d\n" >want
	perl -MJSON::PP -ne "\$o = decode_json(\$_); next if \$o->{what} ne \"summary\";
		print map { \"\$_->{pid}\n\" } sort { \$a->{pid} <=> \$b->{pid} }
			grep { \$_->{stream_type} } @{\$o->{pid_list}}" json >got
	diff want got
	ffprobe -v error -show_entries format=duration,bit_rate -of csv=p=0 film.ts >about
	IFS=, read -r duration rate <about
	cat about
	perl -e "my (\$d, \$r, \$od, \$or) = @ARGV; exit(abs(\$d - \$od) > 0.3 || abs(\$r / \$or - 1) > 0.05)" \
		"$duration" "$rate" "$(number json duration_s)" "$(number json source_bit_rate)"
'
check 'the stream of mlive-ingest and the ladder of mlive-encode are well' '
	mlive-ingest -q film.ts >in.ts
	mlive-encode -q -r 240p@400k -r 144p@200k -a 96k <in.ts >ladder.ts
	for each in in.ts ladder.ts
	do
		mconnect-probe $each >json
		test "$(number json errors)" = 0 || { events json source_pcr_error; rules json; false; }
		test "$(number json video_stream_missing) $(number json audio_stream_missing)" = "0 0"
	done
	test "$(number json programs)" = 2
'
done_testing
