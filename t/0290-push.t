#!/bin/sh
# mlive-push: what it sends is what servers get, byte by byte and in time.
. "$(dirname "$0")/lib.sh"
# shellcheck source=/dev/null
. "${top:-.}/t/chain.sh"
# shellcheck source=/dev/null
. "$top/t/rtmp.sh"
# shellcheck source=/dev/null
. "$top/t/push.sh"

need 'no ffmpeg' ffmpeg -version
# shellcheck disable=SC2154
. "$top/t/tls.sh"
film

real 4 clip.ts
real 4 hevc.ts -c:v libx265 -x265-params log-level=none:info=0:bframes=2
raw clip.ts clip
raw hevc.ts hevc
elements clip.ts clip
elements hevc.ts hevc
printf 'live/sesame one\nlive/two two\n' >keys
chmod 600 keys

# Nothing is to be dropped, whatever else the machine does.
push () {
	timeout 60 mlive-push -v --pace none --cache 1min --drain 30s "$@" 2>push.log
}
# begin: a server, and who reads what comes to it; finish: what that is
begin () {
	: >err
	server "$@"
	read_pipe one
}
finish () {
	stop
	wait "$reader"
	fails 1 grep warning push.log
	raw one.ts got
	elements one.ts got
}

check 'what is wrong on the command line: status 2' '
	fails 2 mlive-push rtmp://a/b/c http://d/e/f <clip.ts 2>err
	grep "cannot use output 2, .http" err
	fails 2 mlive-push <clip.ts 2>err
	grep "where to?" err
	for bad in http://a/b/c rtmp://a rtmp://a/app rtmp://a/app/ rtmp:///app/s3cret \
		rtmp://a/app/s3cret/ rtmp://me:s3cret@a/app/x "rtmp://a/app/s3cret?cache=5" \
		"rtmp://a/app/s3cret?retry=x" "rtmp://a/app/s3cret?audio=german/x" \
		"rtmp://a/app/s3cret?program=0" "rtmp://a/app?key-file=nil"
	do
		fails 2 mlive-push -o "$bad" <clip.ts 2>err
		grep "cannot use output 1, .rtmp\|cannot use output 1, .http" err
		fails 1 grep s3cret err
	done
	fails 2 mlive-push -o rtmp://a/b/c --pace fast <clip.ts 2>err
	grep "is not auto, none or realtime" err
	fails 2 mlive-push -o rtmp://a/b/c -a german <clip.ts 2>err
	grep "a language of three letters" err
'
check 'all outputs given up before anything has come: status 1, whatever it may be' '
	mkfifo silent
	timeout 60 mlive-push -o "rtmp://127.0.0.1:9/b/c?retry=0" <silent 2>err & pid=$!
	exec 3>silent
	fails 1 wait $pid
	exec 3>&-
	grep "is given up: cannot connect" err
	fails 1 grep "no transport stream" err
'
check 'what is no stream, or not for RTMP: status 3' '
	head -c 100000 /dev/zero >zero
	fails 3 mlive-push --drain 1s -o rtmp://127.0.0.1:9/b/c <zero 2>err
	grep "is no transport stream" err
	fails 3 mlive-push --pace none --drain 1s -P 7 -o rtmp://127.0.0.1:9/b/c <clip.ts 2>err
	grep "there is no program .7." err
	ffmpeg -nostdin -v error -i clip.ts -c:v copy -c:a ac3 -f mpegts ac3.ts
	fails 3 mlive-push --pace none -o rtmp://127.0.0.1:9/b/c <ac3.ts 2>err
	grep "the audio of program 1 is .AC-3.: only AAC" err
	ffmpeg -nostdin -v error -i clip.ts -c:v mpeg2video -c:a copy -f mpegts mpeg2.ts
	fails 3 mlive-push --pace none -o rtmp://127.0.0.1:9/b/c <mpeg2.ts 2>err
	grep "the video of program 1 is .MPEG-2.*: only AVC and HEVC" err
	fails 3 mlive-push --pace none -a deu -o rtmp://127.0.0.1:9/b/c <clip.ts 2>err
	grep "no audio in .deu." err
'
check 'AVC with B pictures' '
	begin
	push -s pushed -o "rtmp://127.0.0.1:$port/live/sesame" <clip.ts
	finish
	whole clip got
	in_time clip got
	test "$(number state)" = done
	test "$(number dropped_tags)" -eq 0
	fails 1 grep sesame push.log pushed
	grep -x "mlive-push: info: bytes=$(wc -c <clip.ts) sent=$(number bytes) dropped_tags=0 reconnects=0 lost=0" push.log
'
check 'HEVC, by Enhanced RTMP' '
	begin
	push "rtmp://127.0.0.1:$port/live/sesame" <hevc.ts
	finish
	whole hevc got
	in_time hevc got
'
check 'complaint 7: 16 frames of AAC in a PES packet become 16 tags, rightly timed' '
	real 4 many.ts -pes_payload_size 8000
	frames=$(ffprobe -v error -select_streams a -show_entries packet=size -of csv=p=0 many.ts |
		grep -c .)
	units=$(perl -e "binmode STDIN; while (read STDIN, \$p, 188) {
		\$n++ if (unpack q(x n), \$p) == (257 | 0x4000) } print \$n" <many.ts)
	echo "$frames frames in $units PES packets"
	# The last one has what was left.
	test "$frames" -ge $((16 * (units - 1)))
	raw many.ts many
	elements many.ts many
	begin
	push -o "rtmp://127.0.0.1:$port/live/sesame" <many.ts
	finish
	whole many got
	in_time many got
'
check 'a stream key in a file is in no list of processes' '
	begin
	echo sesame >key
	mkfifo late
	mlive-push -v --drain 30s -o "rtmp://127.0.0.1:$port/live?key-file=key" <late 2>push.log & pid=$!
	exec 3>late
	eventually grep "publishing to .rtmp://127.0.0.1:$port/live.$" push.log
	tr "\0" " " <"/proc/$pid/cmdline" >cmdline
	grep live cmdline
	fails 1 grep sesame cmdline push.log
	cat clip.ts >&3
	exec 3>&-
	wait $pid
	finish
	whole clip got
'
check 'complaint 21: an uplink for several: a rung of its own for each, and no byte more' '
	ffmpeg -nostdin -v error -y -i clip.ts -i hevc.ts -map 0:v -map 1:v -map 0:a -map 1:a -c copy \
		-metadata:s:a:0 language=eng -metadata:s:a:1 language=deu \
		-program program_num=1:st=0:st=2 -program program_num=2:st=1:st=2:st=3 -f mpegts ladder.ts
	: >err
	server
	read_pipe one
	one=$reader
	read_pipe two
	push -s pushed -o "rtmp://127.0.0.1:$port/live/sesame" \
		-o "rtmp://127.0.0.1:$port/live/two?program=2&audio=deu" <ladder.ts
	stop
	wait $one
	wait $reader
	raw one.ts one
	raw two.ts two
	whole clip one
	whole hevc two
	# What has gone out is these two and what RTMP adds, not twice the larger one.
	sent=0
	for bytes in $(tail -n 1 pushed | grep -o "\"bytes\":[0-9]*" | tail -n 2 | cut -d: -f2)
	do
		sent=$((sent + bytes))
	done
	own=$(cat one.pictures one.sound two.pictures two.sound | wc -c)
	echo "sent $sent bytes of $own"
	test "$sent" -gt $((own / 2))
	test "$sent" -le $((own + own / 20 + 20000))
'
check 'a server of FFmpeg' '
	port=$(free_port)
	ffmpeg -nostdin -v error -y -listen 1 -i "rtmp://127.0.0.1:$port/live/x" -c copy \
		-f mpegts ffmpeg.ts 2>ffmpeg.log & server=$!
	eventually listening $port
	push -o "rtmp://127.0.0.1:$port/live/x" <clip.ts
	wait $server
	raw ffmpeg.ts got
	whole clip got
'
module=/usr/lib/nginx/modules/ngx_rtmp_module.so
if test -e $module
then
	check 'nginx, which keeps it as FLV' '
		port=$(free_port)
		mkdir record
		chmod 777 . record
		cat >nginx.conf <<-X
			load_module $module;
			daemon off; master_process off; pid $PWD/nginx.pid; error_log $PWD/nginx.log;
			events { }
			rtmp { server { listen 127.0.0.1:$port; application live { live on;
				record all; record_path $PWD/record; } } }
		X
		nginx -p . -c nginx.conf 2>nginx.err & nginx=$!
		eventually listening $port
		push -o "rtmp://127.0.0.1:$port/live/x?user=a&cache=2min&pass=b" <clip.ts
		eventually test -s record/x.flv
		kill $nginx
		wait $nginx || :
		raw record/x.flv got
		whole clip got
	'
else
	skip 'nginx' 'no libnginx-mod-rtmp'
fi
certify
check 'RTMPS: a certificate that can be checked, and one that cannot' '
	secure=$(free_port)
	begin --listen "rtmps://127.0.0.1:$secure" --cert tls.pem --key tls.key
	SSL_CERT_FILE=ca.pem push -o "rtmps://127.0.0.1:$secure/live/sesame" <clip.ts
	fails 1 timeout 60 mlive-push --pace none \
		-o "rtmps://127.0.0.1:$secure/live/sesame?retry=0" <clip.ts 2>push.log
	grep "given up: no TLS: unable to get local issuer certificate\|self.signed" push.log
	SSL_CERT_FILE=ca.pem fails 1 timeout 60 mlive-push --pace none \
		-o "rtmps://localhost:$secure/live/sesame?retry=0" <clip.ts 2>push.log
	grep "given up: no TLS: hostname mismatch" push.log
	stop
	wait $reader
	raw one.ts got
	whole clip got
'
check 'a file goes at its own pace' '
	begin
	date +%s%N >before
	timeout 60 mlive-push -s pushed -o "rtmp://127.0.0.1:$port/live/sesame" <clip.ts
	test $(($(date +%s%N) - $(cat before))) -gt 3500000000
	stop
	wait $reader
	raw one.ts got
	whole clip got
'
done_testing
