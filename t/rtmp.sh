# t/rtmp.sh - sourced after lib.sh by tests of publishers.
#
#   clips              make clip.flv, bf.flv (with B pictures) and hv.hevc for t/rtmp.pl,
#                      and of the first two NAME.ref.*, what is in them
#   server [OPTION...] start mlive-ingest --listen, with pipes in fifos/; sets $server
#                      and $port.  Keys are in the file keys.
#   stop               end it, and wait
#   read_pipe NAME     read that pipe into NAME.ts; sets $reader
#   send FILE [N=V...] publish as live/sesame by t/rtmp.pl; what the server said: codes
#   elements TS NAME   its elementary streams and times as NAME.v, .a, .vt, .at
#   same NAME REF      these are those
#
# shellcheck shell=sh disable=SC2154

hevc_of () {		# IN NAME
	ffmpeg -nostdin -v error -y -i "$1" -map v -c:v libx265 -preset ultrafast \
		-x265-params log-level=none:info=0:keyint=30:bframes=2 -tag:v hvc1 "$2.mp4"
	ffmpeg -nostdin -v error -y -i "$2.mp4" -c copy \
		-bsf:v hevc_mp4toannexb,hevc_metadata=aud=insert -f hevc "$2.hevc"
	perl -0777 -ne '/(....)hvcC/s or die; print substr $_, $+[0], unpack("N", $1) - 8' \
		"$2.mp4" >"$2.hvcc"
	ffprobe -v error -select_streams v -show_entries packet=pts_time,dts_time -of csv=p=0 \
		"$2.mp4" | awk -F, 'NR == 1 { d = $2 }
			{ printf "%d %d\n", ($1 - d) * 1000 + .5, ($2 - d) * 1000 + .5 }' >"$2.times"
}
clips () {
	mlive-ingest -q -t 3s "test:?size=320x180&fps=30&gop=1s&rate=300k" >clip.ts
	ffmpeg -nostdin -v error -y -i clip.ts -c copy clip.flv
	ffmpeg -nostdin -v error -y -i clip.ts -c:v libx264 -bf 2 -g 30 -preset veryfast \
		-c:a copy bf.flv
	hevc_of clip.ts hv
	for clip in clip.flv bf.flv hv.mp4
	do
		mlive-ingest -q $clip >ref.ts
		elements ref.ts "${clip%.*}.ref"
	done
}
server () {
	mkdir -p fifos
	port=$(free_port)		# another test may have taken the last one
	mlive-ingest --listen "rtmp://127.0.0.1:$port" --keys keys --fifo-dir fifos -v \
		--stats stats "$@" 2>>err &
	server=$!
	eventually listening "$port"
}
listening () {
	ss -Hltn "sport = :$1" | grep -q .
}
stop () {
	kill "$server"
	wait "$server"
}
read_pipe () {
	eventually test -p "fifos/$1"
	cat <"fifos/$1" >"$1.ts" & reader=$!
	export reader
	eventually opened "$reader"
}
# The shell opens for cat: one that comes after the server's end would wait for ever.
opened () {
	test "$(cat "/proc/$1/comm")" = cat
}
send () {
	perl "$top/t/rtmp.pl" "${port:?}" live/sesame "$@" >codes 2>&1
}
packet_times () {		# from the first decoding time of pictures on
	ffprobe -v error -select_streams "$2" -show_entries packet=pts,dts -of csv=p=0 "$1" |
		grep . | awk -F, '{ print $1, $2 }'
}
elements () {
	perl "$top/t/pesdata.pl" <"$1"
	mv got.video "$2.v"
	mv got.audio "$2.a"
	packet_times "$1" v:0 >"$2.vt"
	packet_times "$1" a:0 >"$2.at"
	# Both on the clock of the first picture, so that sound and picture stay together.
	first=$(head -n 1 "$2.vt")
	for kind in vt at
	do
		awk -v d="${first#* }" '{ print $1 - d, $2 - d }' "$2.$kind" >moved
		mv moved "$2.$kind"
	done
}
same () {
	for part in v a vt at
	do
		cmp "$1.$part" "$2.$part" || return 1
	done
}
