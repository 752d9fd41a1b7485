#!/bin/sh
# mlive-encode --overlay, --text: layers over the pictures, at run time too.
. "$(dirname "$0")/lib.sh"
# shellcheck source=/dev/null
. "${top:-.}/t/encode.sh"
# shellcheck source=/dev/null
. "$top/t/quality.sh"

# levels FILE N WIDTH:HEIGHT:X:Y: the mean luma of a part of its pictures, one a line.
levels () {
	ffmpeg -v error -i "$1" -map "0:v:$2" -vf \
		"crop=$3,signalstats,metadata=print:key=lavfi.signalstats.YAVG:file=-" \
		-fps_mode passthrough -f null - | sed -n 's/^lavfi.*=//p'
}

# level FILE N PART K: of picture K, from 1
level () {
	levels "$1" "$2" "$3" | sed -n "$4p"
}

# ask LINE...: each to the socket, and its answer
ask () {
	perl -MIO::Socket::UNIX -e '
		my $s = IO::Socket::UNIX->new("ctl") or die "no socket\n";
		for (@ARGV) { print $s "$_\n"; print scalar <$s> }' "$@"
}

ffmpeg -v error -f lavfi -i "color=gray:s=640x360:r=25:d=4" -c:v libx264 -preset ultrafast \
	-qp 10 -pix_fmt yuv420p -f mpegts gray.ts
ffmpeg -v error -f lavfi -i "color=red:s=64x36,format=rgba,colorchannelmixer=aa=0.5" \
	-frames:v 1 half.png
ffmpeg -v error -f lavfi -i color=white:s=64x36 -frames:v 1 white.png
ffmpeg -v error -f lavfi -i color=white:s=64x36 -frames:v 1 white.jpg

check 'a picture with alpha: where it is said, and as much smaller as the rung is' '
	mlive-encode -q -r 360p@2M,quality=9 -r 180p@1M,quality=9 \
		--overlay "logo half.png x=-10% y=36" <gray.ts >out.ts
	# Grey is 125.9, red 81.5 by BT.601, and half of each 103.6.
	near "$(level out.ts 0 60:32:514:38 10)" 103.6 1
	near "$(level out.ts 0 500:360:0:0 10)" 126 0.5
	near "$(level out.ts 0 60:100:516:74 10)" 126 0.5
	near "$(level out.ts 0 60:360:580:0 10)" 126 0.5
	near "$(level out.ts 1 28:14:258:20 10)" 103.6 1
	near "$(level out.ts 1 250:180:0:0 10)" 126 0.5
	test "$(pictures out.ts 0)" -eq 100
'
check 'in percent, in the middle, above another, on one rung only' '
	mlive-encode -q -r 360p@2M,quality=9 -r 180p@1M,quality=9 \
		--overlay "top white.png x=center y=center width=50% rungs=1 order=5" \
		--overlay "under half.png x=center y=center width=100% height=100%" \
		<gray.ts >out.ts
	near "$(level out.ts 0 312:172:164:94 10)" 235 1
	near "$(level out.ts 0 150:360:0:0 10)" 103.6 1
	near "$(level out.ts 0 640:80:0:0 10)" 103.6 1
	near "$(level out.ts 1 300:160:10:10 10)" 103.6 1
'
check 'it comes, fades and goes to the picture' '
	mlive-encode -q -r 360p@2M,quality=9 --overlay \
		"logo white.jpg width=100% height=100% start=1s duration=2s fade=400ms/200ms" \
		<gray.ts >out.ts
	levels out.ts 0 600:320:20:20 >got
	test "$(wc -l <got)" -eq 100
	# At 25 pictures a second; the 26th is the one at 1 s, and begins from nothing.
	awk "NR <= 26 && \$1 > 127 { print NR, \$1; bad = 1 }
		NR == 31 && (\$1 < 174 || \$1 > 187) { print NR, \$1; bad = 1 }
		NR > 27 && NR <= 36 && \$1 <= last { print NR, \$1; bad = 1 }
		NR >= 37 && NR <= 70 && \$1 < 233.5 { print NR, \$1; bad = 1 }
		NR == 74 && (\$1 < 160 || \$1 > 195) { print NR, \$1; bad = 1 }
		NR >= 76 && \$1 > 127.5 { print NR, \$1; bad = 1 }
		{ last = \$1 } END { exit bad }" got
'
check 'text: its fields are as if they had been written' '
	mlive-encode -q -r 360p@4M,quality=9 -r 180p@1M,quality=9 --text "a {since} x=10 y=center size=20%" \
		<gray.ts >one.ts
	mlive-encode -q -r 360p@4M,quality=9 -r 180p@1M,quality=9 --text "a 00:00:02.000 x=10 y=center size=20%" \
		<gray.ts >two.ts
	# The text, on one picture only: the 51st.
	ffmpeg -v error -i one.ts -i two.ts -lavfi "[0:v:0][1:v:0]psnr=stats_file=psnr" -f null -
	awk "{ split(\$6, p, \":\"); v = p[2] == \"inf\" ? 99 : p[2] }
		NR == 51 && v < 40 { print; bad = 1 } NR == 40 && v > 35 { print; bad = 1 }
		END { exit bad || NR != 100 }" psnr
	near "$(level one.ts 0 640:100:0:0 51)" 126 0.5
	test "$(level one.ts 0 400:72:10:144 51 | cut -d. -f1)" -ge 140
	test "$(level one.ts 1 200:36:5:72 51 | cut -d. -f1)" -ge 140
'
check 'text on its box, from a file that changes' '
	printf "\n" >words
	mkfifo news
	mlive-ingest -q --realtime --loop gray.ts >news & ingest=$!
	mlive-encode -q -g 500ms -r 360p@2M,quality=9 --text "news @words x=0 y=0 size=30% box=ffffff" \
		<news >out.ts & encode=$!
	trap "kill -9 $ingest $encode 2>/dev/null || :" EXIT
	unchanged () {
		near "$(levels out.ts 0 60:60:4:4 2>/dev/null | tail -n 1)" 126 0.5
	}
	eventually unchanged
	printf "news\nof the day\n" >words.new
	mv words.new words
	changed () {
		near "$(levels out.ts 0 40:8:60:6 2>/dev/null | tail -n 1)" 235 2
	}
	eventually changed
	kill $ingest
	wait $encode
'
check 'HDR: white is the reference white, 58 % of PQ' '
	ffmpeg -v error -f lavfi -i "color=black:s=320x180:r=25:d=1" -pix_fmt yuv420p10le \
		-c:v libx265 -preset ultrafast -x265-params log-level=error -f mpegts deep.ts
	mlive-encode -q --color hdr10,force -r 180p@4M,codec=hevc,quality=9 -r 180p@4M,quality=9 \
		--overlay "logo white.png x=center y=center" <deep.ts >out.ts
	near "$(level out.ts 0 56:28:132:76 10)" 572 5
	near "$(level out.ts 1 56:28:132:76 10)" 235 1
'

mkfifo pipe 2>/dev/null
mlive-ingest -q --realtime --loop gray.ts >pipe & ingest=$!
mlive-encode -q -g 500ms --control ctl -r 360p@2M,quality=9 <pipe >live.ts 2>words & encode=$!
trap 'kill -9 $ingest $encode 2>/dev/null; rm -rf "$scratch"' EXIT

asked () {
	test "$(ask "$1")" = "$2"
}

# ends_at PART LEVEL: the last picture there is
ends_at () {
	near "$(levels live.ts 0 "$1" 2>/dev/null | tail -n 1)" "$2" 1.5
}

check 'a layer comes, changes and goes by command' '
	eventually asked "overlay" ok
	eventually ends_at 60:30:2:2 126
	test "$(ask "overlay logo white.png fade=200ms" "text t hello y=-0 x=-0" overlay)" = \
		"$(printf "ok\nok\nok logo t")"
	eventually ends_at 60:30:2:2 235
	test "$(ask "overlay logo x=-0 opacity=50%" overlay)" = "$(printf "ok\nok t logo")"
	eventually ends_at 60:30:578:2 180.5
	near "$(levels live.ts 0 60:30:2:2 2>/dev/null | tail -n 1)" 126 0.5
	test "$(ask "overlay logo off" "text t off fade=1s")" = "$(printf "ok\nok")"
	eventually asked overlay ok
	eventually ends_at 60:30:578:2 126
'
check 'what is wrong is said, and nothing comes of it' '
	head -c 1000 /dev/urandom >noise.png
	mkfifo fifo.png
	long=$(printf "%03000d" 0)
	ask "overlay logo" "overlay logo none.png" "overlay logo noise.png" "overlay logo fifo.png" \
		"overlay logo ." "overlay a/b white.png" "overlay $long white.png" "overlay logo $long" \
		"overlay logo white.png x=101%" "overlay logo white.png x=-" "overlay logo white.png width=0" \
		"overlay logo white.png opacity=2" "overlay logo white.png rungs=2" \
		"overlay logo white.png rungs=0" "overlay logo white.png start=tomorrow" \
		"overlay logo white.png fade=1" "overlay logo white.png color=ffffff" \
		"overlay logo white.png more" "overlay logo off" "overlay logo x=5" "overlay logo off x=5" \
		"text t" "text t $long" "text t {time}" "text t @none" "text t @/dev/zero" \
		"text t a font=none.ttf" "text t a font=white.png" "text t a box=white" \
		"text t a size=0" "text t a color=fffff" "text \"" "overlays" "texts t a" >got
	cat got
	test "$(grep -c "^error: " got)" -eq 34
	test "$(ask overlay)" = ok
	test "$(ask "text t \"{since}" "text t off")" = "$(printf "ok\nok")"
	i=0
	while test $((i += 1)) -le 32
	do
		ask "text t$i a" >>many
	done
	test "$(sort -u many)" = ok
	ask "text more a" | grep "error: there are 32 layers"
'
kill "$ingest"
status=0
wait "$encode" || status=$?
export status
check 'what comes out is whole' '
	test "$status" -eq 0
	cat words
	test ! -s words
	clean live.ts
	stamps live.ts v:0 dts >dts
	steps 3600 <dts
'
check 'a wrong option ends it before it begins' '
	for layer in "logo" "logo none.png" "logo white.png x=5x" "logo x=5" "logo off" \
		"logo white.png rungs=2" "logo words"
	do
		fails 2 mlive-encode -r 360p@2M --overlay "$layer" <gray.ts >out 2>said
		grep -e "--overlay" said
		test ! -s out
	done
	fails 2 mlive-encode -r 360p@2M --text "t {nothing} x=1" <gray.ts >out 2>said
	grep "no such field: .{nothing}." said
	fails 2 mlive-encode -r 360p@2M --text "t a" --overlay "t white.png" <gray.ts >out 2>said
	grep "two layers are .t." said
'
done_testing
