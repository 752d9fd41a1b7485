#!/bin/sh
# mlive-ingest --listen: what publishers of RTMP send is what comes out, byte by byte.
. "$(dirname "$0")/lib.sh"
. "$top/t/rtmp.sh"

need 'no ffmpeg' ffmpeg -version
# shellcheck disable=SC2154
. "$top/t/tls.sh"

clips
echo 'live/sesame one' >keys
chmod 600 keys

# carried FILE REF [N=V...]: one publication of it is the same as REF
carried () {
	file=$1 ref=$2
	shift 2
	: >err
	server
	read_pipe one
	send "$file" "$@"
	stop
	wait $reader
	elements one.ts one
	same one "$ref"
	fails 1 grep warning err
}

check 'what is wrong on the command line: status 2' '
	fails 2 mlive-ingest --listen rtmp://127.0.0.1:1 --keys keys 2>err
	grep "needs --keys and --fifo-dir" err
	fails 2 mlive-ingest --keys keys 2>err
	grep "are for --listen" err
	mkdir fifos
	fails 2 mlive-ingest -l http://127.0.0.1:1 --keys keys --fifo-dir fifos 2>err
	grep "is no rtmp://" err
	fails 2 mlive-ingest -l rtmps://127.0.0.1:1 --keys keys --fifo-dir fifos 2>err
	grep "needs --cert and --key" err
	fails 2 mlive-ingest -l rtmp://127.0.0.1:1/live --keys keys --fifo-dir fifos 2>err
	grep "apps and keys are in the file" err
	fails 2 mlive-ingest -R -l rtmp://127.0.0.1:1 --keys keys --fifo-dir fifos 2>err
	grep "goes with --stats only" err
	fails 1 mlive-ingest -l rtmp://127.0.0.1:1 --keys keys --fifo-dir nil 2>err
	grep "cannot use .nil.: No such file" err
	touch plain
	echo "live/sesame plain" >bad
	fails 2 mlive-ingest -l rtmp://127.0.0.1:1 --keys bad --fifo-dir . 2>err
	grep "others can read it: chmod 600" err
	chmod 600 bad
	fails 1 mlive-ingest -l rtmp://127.0.0.1:1 --keys bad --fifo-dir . 2>err
	grep "./plain. is no named pipe" err
	for line in live one "live/ one" "live// one" "/live/// one" "live/x ../one" "live/x one two" "live/x .one"
	do
		echo "$line" >bad
		fails 2 mlive-ingest -l rtmp://127.0.0.1:1 --keys bad --fifo-dir fifos 2>err
		grep "cannot use .bad.: line 1: " err
		fails 1 grep "live/x" err
	done
	printf "live/x one\nlive/x two\n" >bad
	fails 2 mlive-ingest -l rtmp://127.0.0.1:1 --keys bad --fifo-dir fifos 2>err
	grep "line 2: its key is that of another line" err
'
check 'FFmpeg' '
	: >err
	server
	read_pipe one
	ffmpeg -nostdin -v error -i clip.flv -c copy -f flv rtmp://127.0.0.1:$port/live/sesame
	stop
	wait $reader
	elements one.ts one
	same one clip.ref
	ffmpeg -v error -xerror -i one.ts -f null - 2>errors
	test ! -s errors
	head -c 24 one.ts | od -An -tx1 | tr -d " \n" | grep "^471ffe20b7"
	fails 1 grep sesame err
'
for way in 'clip.flv clip.ref' \
	'bf.flv bf.ref chunk=4096 csid=70' \
	'bf.flv bf.ref chunk=60000 csid=400 base=4294966000' \
	'bf.flv bf.ref base=20000000 ext3=0' \
	'bf.flv bf.ref base=20000000' \
	'bf.flv bf.ref aggregate=5' \
	'clip.flv clip.ref twice=1 empty=1' \
	'bf.flv bf.ref amf3=1 v=9' \
	'clip.flv clip.ref abort=1 chunk=1000' \
	'clip.flv clip.ref split=7' \
	'bf.flv bf.ref ex=1 modex=1' \
	'hv.hevc hv.ref' \
	'hv.hevc hv.ref x=1 chunk=4096 colour=1'
do
	export way
	check "the same comes out: $way" 'carried $way'
done

check 'HDR metadata beside the pictures is in key pictures that do not say it themselves' '
	: >err
	hdr="log-level=none:info=0:bframes=0:colorprim=bt2020:transfer=smpte2084"
	hdr="$hdr:colormatrix=bt2020nc:keyint=25:repeat-headers=1"
	display="G(8500,39850)B(6550,2300)R(35400,14600)WP(15635,16450)L(10000000,50)"
	for part in "2 $hdr:master-display=$display:max-cll=1000,400" "1 $hdr"
	do
		ffmpeg -nostdin -v error -f lavfi -i "testsrc2=s=320x180:r=25:d=${part%% *}" \
			-pix_fmt yuv420p10le -c:v libx265 -preset ultrafast \
			-x265-params "${part#* }" -f hevc -
	done | ffmpeg -v error -framerate 25 -f hevc -i - -c copy \
		-bsf:v "setts=pts=N/25/TB:dts=N/25/TB" -f mpegts -y hdr.ts
	server
	read_pipe one
	mlive-push -q -o rtmp://127.0.0.1:$port/live/sesame <hdr.ts
	stop
	wait $reader
	messages () {
		ffmpeg -v error -i "$1" -map 0:v -c copy -f hevc - | perl -e "
			local \$/; \$_ = <STDIN>;
			print unpack(q(H*), \$1), qq(\n) while /\x4e\x01(\x89\x18.{24}|\x90\x04.{4})/gs"
	}
	messages hdr.ts >sent
	messages one.ts >got
	cat sent got
	test "$(wc -l <sent)" -eq 4
	test "$(wc -l <got)" -eq 6
	sort -u sent >sent.once
	sort -u got | cmp - sent.once
'
if gst-inspect-1.0 rtmp2sink >/dev/null 2>&1
then
	for sink in rtmp2sink rtmpsink
	do
		export sink
		check "GStreamer: $sink" '
			: >err
			server
			read_pipe one
			timeout 60 gst-launch-1.0 -q filesrc location=clip.flv ! flvdemux name=d \
				d.video ! queue ! h264parse ! mux. d.audio ! queue ! aacparse ! mux. \
				flvmux name=mux streamable=true ! \
				$sink location=rtmp://127.0.0.1:$port/live/sesame
			stop
			wait $reader
			elements one.ts one
			same one clip.ref
		'
	done
else
	skip 'GStreamer' 'no gst-launch-1.0 with rtmp2sink'
fi
module=/usr/lib/nginx/modules/ngx_rtmp_module.so
if test -e $module
then
	check 'nginx, which passes on what FFmpeg has sent' '
		: >err
		front=$(free_port)
		server
		read_pipe one
		cat >nginx.conf <<-X
			load_module $module;
			daemon off; pid $PWD/nginx.pid; error_log $PWD/nginx.log;
			events { }
			rtmp { server { listen 127.0.0.1:$front; application in { live on;
				push rtmp://127.0.0.1:$port/live/sesame; } } }
		X
		nginx -p . -c nginx.conf 2>nginx.err & nginx=$!
		eventually listening $front
		ffmpeg -nostdin -v error -re -i clip.flv -c copy -f flv rtmp://127.0.0.1:$front/in/x
		eventually grep "publisher of .one.*\(has ended\|is gone\)" err
		kill $nginx
		wait $nginx || :
		stop
		wait $reader
		elements one.ts one
		cat err
		# What it has before its own connection stands is lost.
		test "$(wc -c <one.v)" -gt $(($(wc -c <clip.ref.v) / 4))
		ffmpeg -v error -xerror -i one.ts -f null - 2>errors
		test ! -s errors
	'
else
	skip 'nginx' 'no libnginx-mod-rtmp'
fi
check 'several audio tracks; video that comes without them' '
	: >err
	server
	read_pipe one
	send clip.flv ex=1 multi=2
	stop
	wait $reader
	ffprobe -v error -show_entries stream=codec_name -of csv=p=0 one.ts | sort | uniq -c >streams
	grep "4 aac" streams
	for n in 0 1
	do
		ffmpeg -nostdin -v error -y -i one.ts -map a:$n -c copy -f data two.a
		cmp two.a clip.ref.a
	done
'
check 'another sequence header holds from its place on, and is no discontinuity' '
	: >err
	server
	read_pipe one
	send clip.flv then=bf.flv after=3000 twice=1
	stop
	wait $reader
	elements one.ts one
	cat clip.ref.v bf.ref.v | cmp - one.v
	cat clip.ref.a bf.ref.a | cmp - one.a
	grep "\"publisher\":\"one\"" stats | tail -n 1 | grep "\"rtmp_configs\":3,"
	perl -e "while (read STDIN, \$p, 188) { @b = unpack q(C*), \$p; \$pid = (\$b[1] & 31) << 8 | \$b[2];
		\$n++ if \$pid >= 256 && \$pid < 300 && \$b[3] & 32 && \$b[4] && \$b[5] & 128;
		\$v{\$b[5 + \$b[4] + 5]}++ if \$pid == 4096 } print \"flags \", \$n || 0, \" versions \", scalar keys %v, qq(\n)" <one.ts >flags
	cat flags
	grep "^flags 0 versions 1$" flags
'
check 'pictures shown before they are decoded' '
	carried clip.flv clip.ref lag=0
	: >err
	server
	read_pipe one
	send bf.flv lag=100
	stop
	wait $reader
	elements one.ts one
	cmp one.v bf.ref.v
	grep -v N/A one.vt | awk "\$1 < \$2 || (NR > 1 && \$2 <= d) { exit 1 } { d = \$2 }"
	# Sound and picture stay as far apart as they are.
	paste one.vt bf.ref.vt | awk "NR == 1 { d = \$1 - \$3 } (\$1 - \$3 - d) ^ 2 > 180 ^ 2 { exit 1 }"
'
check 'complaint 23: AAC without a sequence header, and with one that is empty' '
	carried clip.flv clip.ref empty=1
	: >err
	server
	read_pipe one
	send clip.flv noconfig=1
	stop
	wait $reader
	elements one.ts one
	same one clip.ref
	grep "sends AAC without saying how it is coded: it is taken" err
	: >err
	server
	read_pipe one
	send clip.flv noconfig=1 skipmeta=1
	stop
	wait $reader
	elements one.ts one
	cmp one.v clip.ref.v
	grep "sends AAC without saying how it is coded: left out" err
'
check 'late sound' '
	: >err
	server
	read_pipe one
	send clip.flv late=1500
	stop
	wait $reader
	elements one.ts one
	cmp one.v clip.ref.v
	cmp one.vt clip.ref.vt
	# The sound that there is begins where its millisecond says.
	tail -n "$(wc -l <one.at)" clip.ref.at | paste - one.at |
		awk "(\$1 - \$3) ^ 2 > 90 ^ 2 { exit 1 } END { if (NR < 60) exit 1 }"
'
# To a file, from the socket of a name.
read_socket () {
	eventually test -S "fifos/$1"
	exec perl -MIO::Socket::UNIX -e '
		my $s = IO::Socket::UNIX->new($ARGV[0]) or die "no socket: $!\n";
		binmode STDOUT;
		syswrite STDOUT, $_ while sysread $s, $_, 65536' "fifos/$1" >"$2"
}
is_clip () {
	elements "$1.ts" "$1" &&
		same "$1" clip.ref
}
check 'out of a Unix socket, whose readers come one after the other' '
	rm -f fifos/one
	mkdir -p fifos
	echo "live/sesame one socket takeover" >keys
	: >err
	rm -f stats
	server
	read_socket one one.ts & reader=$!
	eventually grep -q "reader_connected\":1" stats
	test "$(stat -c %a fifos/one)" = 600
	send clip.flv
	eventually is_clip one
	kill $reader
	wait $reader || :
	: >stats
	read_socket one two.ts & reader=$!
	eventually grep -q "reader_connected\":1" stats
	send clip.flv
	fails 1 mlive-ingest --listen rtmp://127.0.0.1:$(free_port) --keys keys --fifo-dir fifos 2>no
	grep "cannot make .fifos/one.: Address already in use" no
	stop
	wait $reader
	elements two.ts two
	same two clip.ref
	fails 1 test -e fifos/one
	: >fifos/one
	fails 1 mlive-ingest --listen rtmp://127.0.0.1:$(free_port) --keys keys --fifo-dir fifos 2>no
	grep "fifos/one. is no socket" no
	rm fifos/one
	perl -MIO::Socket::UNIX -e "IO::Socket::UNIX->new(Local => shift, Listen => 1) or die" fifos/one
	: >stats
	server
	eventually grep -q reader_connected stats
	stop
	fails 1 test -e fifos/one
	echo "live/sesame one" >keys
	: >err
	server
	echo "live/sesame one socket" >keys
	kill -HUP $server
	eventually grep "fifos/one. is no socket: it has to be removed first" err
	stop
	echo "live/sesame one" >keys
'
certify
check 'rtmps, and one publisher to standard output' '
	: >err
	port=$(free_port)
	echo sesame >key
	mlive-ingest -t 2s "rtmps://@127.0.0.1:$port/live?key-file=key&cert=tls.pem&key=tls.key" \
		>one.ts 2>err & server=$!
	eventually listening $port
	ffmpeg -nostdin -v error -i clip.flv -c copy -f flv rtmps://127.0.0.1:$port/live/sesame 2>no || :
	wait $server
	elements one.ts one
	head -c 20000 clip.ref.v >begin
	head -c 20000 one.v | cmp - begin
	fails 1 grep sesame err
	: >err
	secure=$(free_port)
	server --listen rtmps://127.0.0.1:$secure --cert tls.pem --key tls.key
	read_pipe one
	ffmpeg -nostdin -v error -i clip.flv -c copy -f flv rtmps://127.0.0.1:$secure/live/sesame
	printf "\3plain" | timeout 10 nc -N 127.0.0.1 $secure
	eventually grep "is refused: no TLS comes about with it" err
	stop
	wait $reader
	elements one.ts one
	same one clip.ref
	fails 2 mlive-ingest "rtmp://:$port/live" 2>err
	grep "needs the key key-file" err
	fails 2 mlive-ingest "rtmp://127.0.0.1:$port/live?key-file=key" 2>err
	grep "to take a publisher it is rtmp://:port" err
	fails 2 mlive-ingest "rtmp://:$port?key-file=key" 2>err
	grep "has no app" err
	echo / >slash
	fails 2 mlive-ingest "rtmp://:$port/live?key-file=slash" 2>err
	grep "there is no stream key in .slash" err
	fails 2 mlive-ingest "rtmps://:$port/live?key-file=key" 2>err
	grep "needs the keys cert and key" err
'
done_testing
