#!/bin/sh
# mlive-encode -r copy: the source is a rung, and the others are cut where it can be.
. "$(dirname "$0")/lib.sh"
# shellcheck source=/dev/null
. "${top:-.}/t/encode.sh"
. "$top/t/chain.sh"
need 'no JSON for perl' perl -MJSON::PP -e 1
ebps=$BUILD/t/helper/ebps
PATH=$BUILD/t/helper:$PATH
export ebps
film

# sums FILE N - of the pictures of its video number N, as they are shown
sums () {
	ffmpeg -nostdin -v error -i "$1" -map "0:v:$2" -f framemd5 - | grep -v '^#' |
		awk -F, '{ print $6 }'
}
# keys FILE N - the PTS of its random access points
keys () {
	ffprobe -v error -select_streams "v:$2" -show_entries packet=pts,flags -of csv=p=0 \
		"$1" | sed -n 's/,K.*//p' | sort -n -u
}
# marks FILE PID - the PTS of the boundary points
marks () {
	$ebps <"$1" | awk -v pid="$2" '$1 == pid { print $2 }' | sort -n
}
# aligned FILE - the rung begins its segments with pictures that the source can begin with
aligned () {
	marks "$1" 256 >marks.0
	marks "$1" 257 >marks.1
	diff marks.0 marks.1
	keys "$1" 0 | sort >keys.0
	keys "$1" 1 | sort >keys.1
	sort marks.0 | comm -23 - keys.0 >missing
	comm -13 keys.0 keys.1 >>missing
	test ! -s missing
	test "$(wc -l <marks.0)" -ge "$2"
}
# moving SECONDS OPTION... - pictures that are generated, and so coded
moving () {
	seconds=$1
	shift
	ffmpeg -nostdin -v error -f lavfi -i "mandelbrot=s=320x180:r=25" -t "$seconds" \
		-pix_fmt yuv420p "$@" -f mpegts -y in.ts
}
# sounding SECONDS OPTION... - with sound, on stdout
sounding () {
	seconds=$1
	shift
	ffmpeg -nostdin -v error -f lavfi -i "testsrc2=s=160x90:r=25" -f lavfi -i sine=r=48000 \
		-t "$seconds" -pix_fmt yuv420p -g 25 -c:a aac "$@" -f mpegts -
}
# pieces DIR - of each segment of its tracks: number, first time, and K for an IDR picture
pieces () {
	for track in v1 v2
	do
		for piece in "$1/$track"/[0-9]*.m4s
		do
			cat "$1/$track/init.mp4" "$piece" >piece.mp4
			echo "${piece##*/} $(ffprobe -v error -select_streams v -show_entries \
				packet=pts_time,flags -of csv=p=0 piece.mp4 | head -n 1)"
		done | sed 's/K.*/K/' >"$track.pieces"
	done
}

# 24 pictures a second, an IDR picture each 48, and a second into a grid of 2 s.
clip 13 film.ts 180
check 'every picture of the source is passed on, bit for bit, and the rung beside it fits' '
	mlive-encode -q -s stats -r copy -r 90p@200k -a none <film.ts >out.ts
	sums film.ts 0 >a
	sums out.ts 0 >b
	diff a b
	test "$(wc -l <a)" -ge 250
	test "$(pictures out.ts 1)" -eq "$(wc -l <a)"
	stamps out.ts v:0 >a
	stamps out.ts v:1 | diff a -
	aligned out.ts 5
	clean out.ts
'
check 'and packaged, each segment of both begins with an IDR picture, at the same time' '
	mpkg-segment -q --segment 2s --vod -o vod <out.ts
	pieces vod
	cat v1.pieces
	diff v1.pieces v2.pieces
	test "$(grep -c "K$" v1.pieces)" -ge 5
	test "$(grep -c -v "K$" v1.pieces)" -eq 0
'
check 'IDR pictures that are not on the grid: segments begin with the next, and it is told' '
	moving 9 -c:v libx264 -preset ultrafast -bf 2 -g 24 -keyint_min 24 -sc_threshold 0
	mlive-encode -s stats -r copy -r 90p@200k <in.ts >out.ts 2>err
	aligned out.ts 4
	marks out.ts 256 | tr "\n" " " >got
	test "$(cat got)" = "900000 1159200 1332000 1504800 1677600 "
	grep "IDR pictures are 960 ms apart" err
	test "$(counter stats idr_msec)" -eq 960
	test "$(counter stats off_grid_msec)" -eq 640
	rm -rf vod
	mpkg-segment -q --segment 2s --vod -o vod <out.ts
	pieces vod
	diff v1.pieces v2.pieces
	test "$(grep -c "K$" v1.pieces)" -eq 5
'
check 'IDR pictures that come when scenes change, and half the frame rate' '
	moving 14 -vf "hue=H=2*PI*floor(t*t/3)/5,negate=enable=lt(mod(t*t\,3)\,1)" \
		-c:v libx264 -preset veryfast -g 90 -bf 3
	mlive-encode -q -r copy -r 90p@150k,fps=half <in.ts >out.ts
	keys out.ts 0 | steps 1 >steps && exit 1
	marks out.ts 256 >marks.0
	marks out.ts 257 >marks.1
	test "$(wc -l <marks.0)" -ge 4
	paste marks.0 marks.1 | awk "{ d = \$2 - \$1; if (NF < 2 || d < 0 || d > 3600) exit 1 }"
	sums in.ts 0 >a
	sums out.ts 0 | diff a -
'
check 'IDR pictures further apart than segments are long: a warning, and longer segments' '
	moving 11 -c:v libx264 -preset ultrafast -g 100 -keyint_min 100 -sc_threshold 0
	mlive-encode -r copy -r 90p@200k <in.ts >out.ts 2>err
	grep "warning: .*IDR pictures are 4000 ms apart, and so long are the segments" err
	aligned out.ts 3
	test "$(wc -l <marks.0)" -eq 3
'
check 'none for long: the other rung goes on by the grid' '
	moving 20 -c:v libx264 -preset ultrafast -g 9999 -sc_threshold 0
	mlive-encode -r copy -r 90p@200k <in.ts >out.ts 2>err
	grep "warning: .*no IDR picture for 12000 ms" err
	test "$(marks out.ts 257 | wc -l)" -eq 5
	sums in.ts 0 >a
	sums out.ts 0 | diff a -
'
for coder in "libx264 -x264-params open-gop=1:keyint=50:min-keyint=50:scenecut=0:bframes=3" \
	"libx265 -x265-params log-level=none:open-gop=1:keyint=50:min-keyint=50:scenecut=0"
do
	export coder
	check "open GOPs, ${coder%% *}: a warning, SAP type 3, and no picture is lost" '
		moving 7 -preset ultrafast -c:v $coder
		mlive-encode -r copy -r 90p@200k <in.ts >out.ts 2>err
		grep "warning: .*open GOPs" err
		aligned out.ts 3
		$ebps <out.ts >points
		test "$(awk "\$1 == 256 && \$4 == 3" points | wc -l)" -ge 2
		test "$(awk "\$1 == 257 && \$4 != 1" points | wc -l)" -eq 0
		sums in.ts 0 >a
		sums out.ts 0 | diff a -
	'
done
check 'joined in the middle of an open GOP: what cannot be decoded is left out' '
	tail -c +$(($(wc -c <in.ts) * 2 / 5 / 188 * 188 + 1)) in.ts >tail.ts
	mlive-encode -q -r copy -r 90p@200k -s stats <tail.ts >out.ts
	test "$(counter stats dropped)" -ge 10
	stamps out.ts v:0 >a
	stamps out.ts v:1 | diff a -
	clean out.ts
'
check 'the source alone is marked, and nothing is coded' '
	mlive-encode -q -r copy@3M <film.ts >out.ts
	sums film.ts 0 >a
	sums out.ts 0 | diff a -
	test "$(marks out.ts 256 | wc -l)" -ge 5
	clean out.ts
'
check '--part: fragments of it begin where those of the rung beside it do' '
	moving 7 -c:v libx264 -preset ultrafast -g 30 -keyint_min 30 -sc_threshold 0 -bf 2
	mlive-encode -q -r copy -r 90p@200k --part 400ms <in.ts >out.ts
	for pid in 256 257
	do
		"$ebps" all <out.ts | awk -v pid=$pid "\$1 == pid { print \$2 }" | sort -n >parts.$pid
	done
	diff parts.256 parts.257
	test "$(wc -l <parts.256)" -ge 16
	aligned out.ts 3
	mpkg-segment -q --low-latency -o parts <out.ts
	grep "PART-TARGET=0.4" parts/v1/index.m3u8
'
check 'a change of size is an IDR picture everywhere' '
	moving 3 -c:v libx264 -preset ultrafast -g 50
	mv in.ts one.ts
	ffmpeg -nostdin -v error -f lavfi -i testsrc2=s=160x90:r=25 -t 3 -pix_fmt yuv420p \
		-output_ts_offset 3 -c:v libx264 -preset ultrafast -f mpegts -y two.ts
	cat one.ts two.ts | mlive-encode -q -r copy -r 90p@200k >out.ts
	test "$(pictures out.ts 1)" -eq 150
	keys out.ts 0 >a
	keys out.ts 1 >b
	tail -n 1 a >changed
	grep -f changed b
'
# Half-second segments, IDR pictures each 10 of 25 a second, and encoders that begin apart.
check 'two encoders that begin apart: the same boundaries, dates and bytes' '
	moving 15 -c:v libx264 -preset ultrafast -g 10 -keyint_min 10 -sc_threshold 0 -bf 2
	mlive-ingest -q --realtime -t 15s in.ts >live.ts
	tail -c +$(($(wc -c <live.ts) / 4 / 188 * 188 + 1)) live.ts >rest.ts
	mlive-encode -q -g 500ms -r copy -r 90p@4M,quality=6 <live.ts >one.ts
	mlive-encode -q -g 500ms -r copy -r 90p@4M,quality=6 <rest.ts >two.ts
	for who in one two
	do
		for n in 0 1
		do
			"$ebps" <$who.ts | grep "^$((256 + n)) " >$who.$n
			test "$(grep -c -v -- "-$" $who.$n)" -ge 15
		done
	done
	for n in 0 1
	do
		sed 1,2d two.$n >later
		test "$(wc -l <later)" -ge 15
		grep -F -x -c -f one.$n later | grep -x "$(wc -l <later)"
		ffmpeg -nostdin -v error -i one.ts -map 0:v:$n -c copy -f framemd5 - |
			grep -v "^#" | awk -F, "{ print \$6 }" | sort >one.sums
		ffmpeg -nostdin -v error -i two.ts -map 0:v:$n -c copy -f framemd5 - |
			grep -v "^#" | awk -F, "{ print \$6 }" | sed 1,25d | sort >two.sums
		test "$(wc -l <two.sums)" -ge 200
		comm -13 one.sums two.sums >other
		test ! -s other
	done
'
check 'a splice is an IDR picture of all rungs with the next of the source' '
	moving 10 -c:v libx264 -preset ultrafast -g 15 -keyint_min 15 -sc_threshold 0
	cat >cues <<-END
	90000 300000 {"splice_insert": {"splice_event_id": 1, "out_of_network_indicator": true,
		"program_splice_flag": true, "splice_time": {"specified": true, "pts": 0}}}
	END
	tr -d "\n" <cues | sed "s/\$/\n/" >cues.1
	cuein cues.1 <in.ts >cued.ts
	mlive-encode -q -r copy -r 90p@200k <cued.ts >out.ts
	cue=$("$ebps" <out.ts | sed -n "s/^cue //p" | head -n 1)
	test -n "$cue"
	next=$(keys out.ts 0 | awk -v cue="$cue" "\$1 >= cue" | head -n 1)
	marks out.ts 256 | grep -x "$next" && exit 1
	keys out.ts 1 | grep -x "$next"
	aligned out.ts 4
'
check 'the source goes for a while: the rung beside it does not wait' '
	mkfifo pipe
	mlive-ingest -q -R "test:?size=320x180&fps=25&rate=300k&gop=2s" >pipe &
	feed=$!
	mlive-encode -r copy -r 90p@200k -s lost.stats --on-loss repeat=1s,black \
		<pipe >out.ts 2>err &
	encode=$!
	seen () {
		n=$(grep -o "\"frames\":[0-9]*,\"clock" lost.stats | tail -n 1 | tr -cd 0-9)
		test "${n:-0}" -ge "$1"
	}
	eventually seen 60
	kill -STOP $feed
	eventually grep "no pictures for" err
	at=$(wc -c <out.ts)
	grown () {
		test "$(wc -c <out.ts)" -gt $((at + 20000))
	}
	eventually grown
	kill -CONT $feed
	eventually grep "pictures come again" err
	back=$(wc -c <out.ts)
	returned () {
		test "$(tail -c +"$((back / 188 * 188 + 1))" out.ts | only 256 | wc -c)" -gt 60000
	}
	eventually returned
	kill $feed
	wait $encode
	stamps out.ts v:1 | steps 3600
	stamps out.ts v:1 | tail -n 1 >last
	test "$(stamps out.ts v:0 | awk -v last="$(cat last)" "(last - \$1) % 3600 != 0" |
		wc -l)" -eq 0
'
# Of the pictures those from 4 to 10 s of 14 are missing, and the input does not end.
check 'one that cannot be passed on, and goes for a while, holds nothing up' '
	sounding 3 -c:v libx264 -preset ultrafast >one.ts
	sounding 14 -c:v mpeg2video -output_ts_offset 3 -tables_version 3 >two.ts
	perl -e "local \$/; binmode STDIN; binmode STDOUT; my @p = unpack q((a188)*), <STDIN>;
		for (0 .. \$#p) { my \$part = \$_ / @p;
			print \$p[\$_] unless \$part > 0.3 && \$part < 0.7 &&
				(unpack(q(n), substr \$p[\$_], 1, 2) & 8191) == 256 }" <two.ts >torn.ts
	mkfifo open
	mlive-encode -c none -r copy -r 90p@100k <open >out.ts 2>err &
	encode=$!
	exec 3>open
	cat one.ts torn.ts >&3
	reaches () {
		test "$(stamps out.ts v:1 | tail -n 1)" -gt $(((10 + 15) * 90000))
	}
	eventually reaches
	exec 3>&-
	wait $encode
	grep "pauses: the source is MPEG-2" err
'
check 'what cannot be is said' '
	moving 1 -c:v mpeg2video
	fails 3 mlive-encode -r copy -r 90p@200k <in.ts 2>err >/dev/null
	grep "AVC and HEVC can be passed on, not .MPEG-2 video" err
	fails 2 mlive-encode -r copy -r copy </dev/null 2>err
	grep "there is one already: .copy" err
	fails 2 mlive-encode -r copy,gop=1s </dev/null 2>err
	fails 2 mlive-encode -r copy@5 </dev/null 2>err
	grep "10k to 400M" err
	fails 2 mlive-encode -r copy -r 90p@200k,gop=1s </dev/null 2>err
	grep "those of the source" err
	fails 2 mlive-encode -r copy -r 90p@200k --blank black </dev/null 2>err
	grep "cannot cover" err
	for option in "--burn-subtitles eng" "--timecode zero" "--text t" "--denoise low" \
		"--vf hflip" "--crop 32x32" "--rotate 90"
	do
		case $option in
		--text*) set -- --text "t words" ;;
		*) set -- ${option% *} "${option#* }" ;;
		esac
		fails 2 mlive-encode -r copy "$@" </dev/null 2>err
		grep -e "$1 is of rungs that are coded" err
	done
'
check 'a command finds it by its name' '
	mkfifo in.fifo
	mlive-encode -q --control ctl -r copy@3M -r 90p@200k <in.fifo >out.ts 2>err & encode=$!
	exec 5>in.fifo
	cat film.ts >&5
	eventually test -S ctl
	perl -MIO::Socket::UNIX -e "
		my \$s = IO::Socket::UNIX->new(q(ctl)) or die;
		for (@ARGV) { print \$s qq(\$_\n); print scalar <\$s> }" \
		"show copy" "set copy rate=1M" "set cop rate=1M" "show 90p" >answers
	exec 5>&-
	wait $encode
	cat answers
	sed -n 1p answers | grep -x "ok copy rate=3000000"
	sed -n 2p answers | grep "error: is the source as it is: .copy."
	sed -n 3p answers | grep "error: no rung"
	sed -n 4p answers | grep "ok rate=200000"
'
done_testing
