#!/bin/sh
# mlive-archive --format mp4 and cmaf: no sample is lost or twice at a cut, cues, programs,
# what has no place; killed at random, what was safe plays.
. "$(dirname "$0")/lib.sh"
. "$top/t/chain.sh"
need 'not built' mlive-archive --version
film
clip 12 in.ts 360

# packets STREAM FILE... - checksums of its packets' bytes, in order, over all files.
packets () {
	stream=$1
	shift
	for file in "$@"
	do
		ffmpeg -nostdin -v error -i "$file" -map "0:$stream" -c copy -f framemd5 - |
			awk -F ', *' '!/^#/ { print $6 }'
	done
}

# Sound of a transport stream, as it is in MP4.
sound () {
	ffmpeg -nostdin -v error -i "$1" -map 0:a -c copy -bsf:a aac_adtstoasc -f framemd5 - |
		awk -F ', *' '!/^#/ { print $6 }'
}

# pictures FILE... - checksums of decoded ones, which is to be without a word.
pictures () {
	for file in "$@"
	do
		ffmpeg -nostdin -v error -i "$file" -map 0:v:0 -fps_mode passthrough -f framemd5 - 2>>words |
			awk -F ', *' '!/^#/ { print $6 }'
	done
	test ! -s words
}

# of DIR CODE - for each piece of the manifest, what this Perl prints of it ($_).
of () {
	perl -MJSON::PP -0777 -ne 'BEGIN { $code = shift } my $m = decode_json($_);
		for (@{$m->{pieces}}) { print eval $code; die $@ if $@ }' "$2" <"$1/index.json"
}

check 'MP4: each piece plays, and together they have all pictures and all sound' '
	mlive-archive -q -e 4s -f mp4 -o a <in.ts
	test "$(ls a/*.mp4 | wc -l)" -ge 3
	sound in.ts >want
	packets a a/*.mp4 | diff want -
	pictures in.ts >want
	test -s want
	pictures a/*.mp4 | diff want -
'
check 'tables are in front of the media, its clock begins at 0, there are no fragments' '
	for file in a/*.mp4
	do
		head -c 400000 "$file" | grep -aob "moov\|mdat\|moof" | sed "s/.*://" | head -n 2 >boxes
		printf "moov\nmdat\n" | diff - boxes
		ffprobe -v error -show_entries stream=start_time -select_streams v -of csv=p=0 \
			"$file" | grep "^0.000000"
	done
'
check 'what the manifest says of them is true, and the spool is empty' '
	of a "\"\$_->{sha256}  \$_->{path}\n\"" >sums
	test "$(wc -l <sums)" -eq "$(ls a/*.mp4 | wc -l)"
	(cd a && sha256sum -c --quiet ../sums)
	of a "\"\$_->{bytes} \$_->{path} \$_->{form}\n\"" | while read -r bytes path form
	do
		test "$(wc -c <"a/$path")" -eq "$bytes"
		test "$form" = mp4
	done
	test -z "$(find a/.spool -name "*.ts" -o -name "*.part")"
	test ! -e a/index.m3u8
'
check 'CMAF: a file for each track, and those of a track go on without a gap' '
	mlive-archive -q -s c.stats -e 4s -f cmaf -o c <in.ts
	test "$(ls c/*-v1.mp4 | wc -l)" -eq "$(ls a/*.mp4 | wc -l)"
	test "$(ls c/*-a1.mp4 | wc -l)" -eq "$(ls a/*.mp4 | wc -l)"
	pictures c/*-v1.mp4 | diff want -
	sound in.ts | tail -n +2 >sound.in
	packets a c/*-a1.mp4 >sound.c
	tail -n "$(wc -l <sound.in)" sound.c | diff sound.in -
	for kind in v a
	do
		end=
		for file in c/*-${kind}1.mp4
		do
			read -r from to <<-E
			$(ffprobe -v error -show_entries packet=dts -of csv=p=0 "$file" |
				awk "NR == 1 { a = \$1 } { if (NR > 1) d = \$1 - b; b = \$1 } END { print a, b + d }")
			E
			test -z "$end" || test "$((from - end))" -ge -1 -a "$((from - end))" -le 1
			end=$to
		done
	done
	cat c/*-v1.mp4 >all.mp4
	pictures all.mp4 | diff want -
	of c "map { \"\$_->{sha256}  \$_->{path}\n\" } @{\$_->{files}}" >sums
	test "$(wc -l <sums)" -eq "$(ls c/*.mp4 | wc -l)"
	(cd c && sha256sum -c --quiet ../sums)
	perl -MJSON::PP -ne "my \$p = decode_json(\$_); next if !\$p->{event};
		die if \$p->{form} ne q{cmaf} || !\$p->{duration_ms} || !-e qq{c/\$p->{path}};
		print qq{\$_->{sha256}  \$_->{path}\n} for @{\$p->{files}}" c.stats | diff sums -
'
check 'cues are kept, in their piece: an event track, emsg boxes' '
	echo "+3s time_signal type=0x34 id=77 duration=2s" >cues.txt
	mlive-cue insert -q --preroll 2s -f cues.txt <in.ts >cued.ts
	mlive-cue show -q <cued.ts | sed "s/^.*  //" | sort -u >shown
	test -s shown
	mlive-archive -q -e 4s -f mp4 -o cm <cued.ts
	mlive-archive -q -e 4s -f cmaf -o cc <cued.ts
	first=$(ls cm/*.mp4 | head -n 1)
	grep -aq "evte" "$first"
	perl -0777 -ne "/emib\0{8}(.{8})(.{4})(.{4})urn:scte:scte35:2013:bin\0\0\xfc/s or die;
		print join(q{ }, unpack(q{q>NN}, \$1 . \$2 . \$3)), qq{\n}" "$first" >event
	read -r delta duration id <event
	test "$duration" -eq 180000
	test "$id" -eq 77
	test "$delta" -gt 90000
	for file in $(ls cm/*.mp4 | tail -n +2); do fails 1 grep -aq evte "$file"; done
	grep -aq "emsg" "$(ls cc/*-v1.mp4 | head -n 1)"
	perl -0777 -ne "/emsg\x01\0{3}(.{20})urn:scte/s or die;
		print join(q{ }, unpack(q{Nq>NN}, \$1)), qq{\n}" "$(ls cc/*-v1.mp4 | head -n 1)" >event
	read -r scale time duration id <event
	test "$scale $duration $id" = "90000 180000 77"
	test "$time" -gt 260000 -a "$time" -lt 280000
	pictures cm/*.mp4 | diff want -
'
check 'a ladder: a file for each program, the sound in all of them; -P has one' '
	mlive-encode -q -r 90p@100k -r 180p@200k <in.ts >two.ts
	mlive-archive -q -e 4s -f cmaf -o lc <two.ts
	ls lc/*-v1.mp4 lc/*-v2.mp4 lc/*-a1.mp4
	test "$(ffprobe -v error -show_entries stream=width -of csv=p=0 "$(ls lc/*-v2.mp4 | head -n 1)")" = 160
	mlive-archive -q -e 4s -f mp4 -o lm <two.ts
	test "$(ls lm/*-p2.mp4 | wc -l)" -eq "$(ls lc/*-v1.mp4 | wc -l)"
	test "$(ls lm/*.mp4 | wc -l)" -eq "$((2 * $(ls lc/*-v1.mp4 | wc -l)))"
	mlive-archive -q -e 4s -f mp4 -o lp -P 2 <two.ts
	test "$(ls lp/*.mp4 | wc -l)" -eq "$(ls lc/*-v1.mp4 | wc -l)"
	for file in lp/*.mp4 lm/*-p2.mp4
	do
		ffprobe -v error -show_entries stream=height -of csv=p=0 "$file" | grep -x 180
		test "$(ffprobe -v error -show_entries stream=codec_type -of csv=p=0 "$file" | sort | xargs)" = "audio video"
	done
'
# Two streams of one program each as one of two: their packets in turn, a PAT of both.
cat >together.pl <<'EOF2'
use strict; use warnings;
my ($one, $two) = map { open my $f, '<:raw', $_ or die; local $/; scalar <$f> } @ARGV;
binmode STDOUT;
my $pat = pack 'C*', 0, 0xb0, 17, 0, 1, 0xc1, 0, 0, 0, 1, 0xf0, 0, 0, 2, 0xf1, 0;
my ($crc, $cc) = (0xffffffff, 0);
$crc = ($crc << 1 & 0xffffffff) ^ ($crc >> 31 ^ $_ ? 0x04c11db7 : 0) for split //, unpack 'B*', $pat;
$pat .= pack 'N', $crc;
for (my $i = 0; $i < length $one || $i < length $two; $i += 188) {
	for my $n (1, 2) {
		my $p = substr $n == 1 ? $one : $two, $i, 188;
		next if length $p < 188;
		if ((unpack('xn', $p) & 0x1fff) != 0) { print $p }
		elsif ($n == 1) { print pack('CnCC', 0x47, 0x4000, 0x10 | $cc++ & 15, 0), $pat, "\xff" x (183 - length $pat) }
	}
}
EOF2
check 'beside a program with a clock of its own, cues have the time of their own' '
	ffmpeg -nostdin -v error -i in.ts -map 0 -c copy -output_ts_offset 5000 -mpegts_service_id 2 \
		-mpegts_start_pid 0x200 -mpegts_pmt_start_pid 0x1100 -f mpegts other.ts
	perl together.pl cued.ts other.ts >both.ts
	mlive-archive -c none -e 4s -f mp4 -P 1 -o both <both.ts
	perl -0777 -ne "/emib\0{8}(.{8})/s or die; print unpack(q{q>}, \$1), qq{\n}" \
		"$(ls both/*.mp4 | head -n 1)" >delta
	test "$(cat delta)" -gt 90000 -a "$(cat delta)" -lt 900000
'
check 'many cues at a time are all there, each once, in the largest pictures' '
	seq 40 140 | sed "s/.*/+3s time_signal type=0x34 id=& duration=2s/" >cues.txt
	mlive-cue insert -q --preroll 2s -f cues.txt <in.ts >many.ts
	mlive-archive -q -e 1h -f cmaf -o many <many.ts
	mlive-cue show -q <many.ts | wc -l >want
	test "$(cat want)" -gt 100
	grep -ao "urn:scte:scte35:2013:bin" many/*-v1.mp4 | wc -l | diff want -
'
check 'a PID with sound of another codec: each has a file, of a name of its own' '
	ffmpeg -nostdin -v error -i in.ts -t 6 -map 0 -c copy -f mpegts half1.ts
	ffmpeg -nostdin -v error -ss 6 -i in.ts -map 0 -c:v copy -c:a ac3 -output_ts_offset 6 -f mpegts half2.ts
	cat half1.ts half2.ts >halves.ts
	mlive-archive -q -e 1h -f cmaf -o halves <halves.ts
	(cd halves && ls *.mp4) | sed "s/^[0-9-]*-\([av]\)/\1/" | xargs >names
	test "$(cat names)" = "a1-2.mp4 a1.mp4 v1.mp4"
	of halves "map { \"\$_->{sha256}  \$_->{path}\n\" } @{\$_->{files}}" >sums
	(cd halves && sha256sum -c --quiet ../sums)
'
check 'without pictures, and with video that MP4 is not made of' '
	ffmpeg -nostdin -v error -i in.ts -map 0:a -c:a mp2 -f mpegts radio.ts
	mlive-archive -q -e 4s -f mp4 -o radio <radio.ts
	test "$(ls radio/*.mp4 | wc -l)" -ge 2
	for file in radio/*.mp4; do ffmpeg -nostdin -v error -i "$file" -f null - 2>>words; done
	test ! -s words
	ffprobe -v error -show_entries packet=size -of csv=p=0 radio.ts | grep -c . >count
	for file in radio/*.mp4
	do
		ffprobe -v error -show_entries packet=size -of csv=p=0 "$file"
	done | grep -c . | diff count -
	ffmpeg -nostdin -v error -i in.ts -t 3 -c:v mpeg2video -c:a copy -f mpegts old.ts
	mlive-archive -f mp4 -e 1h -o old <old.ts 2>err
	grep "cannot be made into mp4, and is kept as a transport stream" err
	cat old/*.ts | cmp - old.ts
'
check 'a name of which one file is there already: another is used, and nothing is left of it' '
	base=$(ls c/*-v1.mp4 | sed "s,c/,,; s/-v1.mp4//; q")
	test -n "$base"
	mkdir one
	echo other >one/$base-a1.mp4
	mlive-archive -q -e 4s -f cmaf -o one <in.ts
	test "$(cat one/$base-a1.mp4)" = other
	test ! -e one/$base-v1.mp4
	cmp one/${base}_2-v1.mp4 c/$base-v1.mp4
	cmp one/${base}_2-a1.mp4 c/$base-a1.mp4
	test "$(ls one/*.mp4 | wc -l)" -eq $(($(ls c/*.mp4 | wc -l) + 1))
'
check 'what is no format is usage' '
	fails 2 mlive-archive -f mkv -o none <in.ts 2>err
	grep "mkv.* is not ts, mp4 or cmaf" err
'

# last FILE KEY - its largest number so far.
last () {
	grep -o "\"$2\":[0-9]*" "$1" 2>/dev/null | cut -d : -f 2 | sort -n | tail -n 1
}

# past FILE BYTES - so many are safe.
past () {
	safe=$(last "$1" synced_bytes)
	test "${safe:-0}" -ge "$2"
}

# A run over a part of the stream, killed as soon as so much of it is safe.
run () {
	n=$1
	rm -f pipe
	mkfifo pipe
	mlive-archive -qq -c none -e 1s --sync 50ms -f mp4 -s "stats$n" -o k <pipe & pid=$!
	exec 9>pipe
	perl -e 'open my $f, "<:raw", $ARGV[0] or die; binmode STDOUT; $| = 1;
		while (read $f, my $p, 188 * 50) { print $p; select undef, undef, undef, .004 }' \
		"part$n.ts" >&9 2>/dev/null & feeder=$!
	eventually past "stats$n" "$2"
	kill -9 $pid
	kill $feeder 2>/dev/null || :
	wait $pid $feeder 2>/dev/null || :
	exec 9>&-
	last "stats$n" synced_bytes >"safe$n"
}

kills=${FULL:+10}
export kills="${kills:-3}"
packets=$(($(wc -c <in.ts) / 188))
size=$((packets / (kills + 1)))
size=$((size * 188))
i=0
while test $i -le "$kills"
do
	tail -c +$((i * size + 1)) in.ts | head -c $size >part$((i + 1)).ts
	i=$((i + 1))
done
check "killed $kills times: what was said to be safe plays, each sample once" '
	i=0
	while test $i -lt $kills
	do
		i=$((i + 1))
		run $i $((size * (i * 29 % 80 + 10) / 100))
	done
	mlive-archive -q -c none -e 1s -f mp4 -o k <part$((i + 1)).ts
	wc -c <part$((i + 1)).ts >safe$((i + 1))
	test "$(grep -c "\"recovered\":true" k/index.json)" -ge 1
	for file in k/*.mp4; do ffmpeg -nostdin -v error -i "$file" -f null - 2>>words; done
	test ! -s words
	of k "(\$_->{gap} ? qq{run\n} : q{}) . \"\$_->{path}\n\"" |
		awk "BEGIN { n = 1 } /^run\$/ { n++; next } { print >\"files\" n }"
	for n in $(seq $((kills + 1)))
	do
		sed "s|^|k/|" "files$n" >list
		packets a $(cat list) >got
		sound "part$n.ts" >came
		head -n "$(wc -l <got)" came | diff - got
		head -c "$(cat "safe$n")" "part$n.ts" >safe.ts
		echo "run $n: $(wc -l <got) frames, safe were $(sound safe.ts | wc -l)"
		test "$(wc -l <got)" -ge "$(($(sound safe.ts | wc -l) - 1))"
	done
	test -z "$(find k/.spool -name "*.ts" -o -name "*.part")"
'
done_testing
