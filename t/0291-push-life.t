#!/bin/sh
# mlive-push: servers that are away, slow, or want something else.
# FULL=1: more of them.
. "$(dirname "$0")/lib.sh"
# shellcheck source=/dev/null
. "${top:-.}/t/chain.sh"
# shellcheck source=/dev/null
. "$top/t/rtmp.sh"
# shellcheck source=/dev/null
. "$top/t/push.sh"

need 'no ffmpeg' ffmpeg -version
film
real 6 clip.ts
raw clip.ts clip

# odd NAME [N=V...]: a server of that kind, at $odd
odd () {
	odd=$(free_port)
	perl "$top/t/rtmpd.pl" "$odd" "$@" 2>"$1.err" & odd_pid=$!
	started="$started $odd_pid"
	eventually listening "$odd"
}
push () {
	timeout 100 mlive-push -v --pace none --cache 1min --drain 30s -s pushed "$@" 2>push.log
}
# sent FILE - how many pictures it has
sent () {
	ffprobe -v error -select_streams v:0 -show_entries packet=pts -of csv=p=0 "$1" | grep -c .
}
fresh () {
	rm -f pushed odd.*
}

check 'all that FFmpeg makes of it in FLV is the same, and pings are answered' '
	fresh
	odd odd ping=1 ends=1
	push -o "rtmp://127.0.0.1:$odd/app/inst/key?token=a%20b&cache=30s&x=y" <clip.ts
	wait $odd_pid
	raw odd.1 got
	whole clip got
	grep "^publish key?token=a%20b&x=y$" odd.log
	grep -c "^pong" odd.log | grep -v "^0$"
	grep -x FCUnpublish odd.log
	grep -x deleteStream odd.log
	ffprobe -v error -show_entries format_tags=encoder -of csv=p=0 odd.1 | grep mlive-push
	ffprobe -v error -show_entries stream=width,height,r_frame_rate,channels,sample_rate \
		-of csv=p=0 odd.1 >shown
	grep "384,216" shown
	# The step of time stamps, each rounded: 41 or 42 ms, and in the sum none is lost.
	ffprobe -v error -select_streams v -show_entries packet=dts -of csv=p=0 odd.1 | grep . >ms
	awk "NR > 1 && (\$1 - d < 41 || \$1 - d > 42) { exit 1 } { d = \$1 }
		END { want = (NR - 1) * 1000 / 24; exit d - want > 1 || want - d > 1 }" FS=, ms
'
check 'who refuses the key: the reason, and with ?retry= an end' '
	fresh
	odd odd refuse=NetStream.Publish.BadName
	fails 1 push -o "rtmp://127.0.0.1:$odd/live/s3cret?retry=1" <clip.ts
	grep "warning: .rtmp://127.0.0.1:$odd/live.: it refuses: NetStream.Publish.BadName: as told" push.log
	grep "is given up: it refuses" push.log
	grep -c accepted odd.log | grep -x 2
	fails 1 grep s3cret push.log pushed
	test "$(number state)" = failed
	test "$(number failures)" -eq 2
	kill $odd_pid
'
check 'who says the key in its reason: it is in no message all the same' '
	fresh
	odd odd refuse=NetStream.Publish.BadName "why=live/s3cret?pw=pr1vate is busy"
	fails 1 push -o "rtmp://127.0.0.1:$odd/live/s3cret?pw=pr1vate&retry=0" <clip.ts
	grep "given up: it refuses: NetStream.Publish.BadName: live/\*\** is busy" push.log
	fails 1 grep "s3cret\|pr1vate" push.log pushed
	kill $odd_pid
'
check 'one that takes the connection and never reads: whole groups are dropped, of it alone' '
	fresh
	rm -f other.*
	odd odd deaf=5
	deaf=$odd deaf_pid=$odd_pid
	odd other ends=1
	real 20 long.ts -crf 5
	raw long.ts long
	fails 1 push --drain 4s -o "rtmp://127.0.0.1:$deaf/live/x?cache=2s" \
		-o "rtmp://127.0.0.1:$odd/live/x" <long.ts
	wait $odd_pid
	kill $deaf_pid
	test "$(number dropped_gops)" -gt 3
	grep "dropped that it did not take in time; the input comes faster than its clock" push.log
	grep "127.0.0.1:$deaf/live.: not all could be sent" push.log
	raw other.1 got
	whole long got
'
check 'a server that hangs up: what comes next begins with a key picture, time goes on' '
	fresh
	odd odd hangup=60
	timeout 100 mlive-push -v -s pushed --pace none --cache 1min --drain 30s \
		-o "rtmp://127.0.0.1:$odd/live/x" <clip.ts 2>push.log || :
	grep "it has hung up\|the connection broke" push.log
	test -s odd.2
	kill $odd_pid
	ffprobe -v error -select_streams v -show_entries packet=dts,flags -of csv=p=0 odd.1 | grep . >first
	ffprobe -v error -select_streams v -show_entries packet=dts,flags -of csv=p=0 odd.2 | grep . >second
	head -n 1 second | grep K
	test "$(head -n 1 second | cut -d, -f1)" -gt "$(tail -n 1 first | cut -d, -f1)"
'
check 'a server that asks to go elsewhere: at a key picture, and nothing is lost' '
	fresh
	rm -f elsewhere.*
	odd elsewhere ends=1
	to=$odd to_pid=$odd_pid
	odd odd "go=rtmp://127.0.0.1:$to/other" ends=1
	push -o "rtmp://127.0.0.1:$odd/live/x" <clip.ts
	wait $odd_pid $to_pid
	grep "^publish x$" elsewhere.log
	grep -x deleteStream odd.log
	test "$(number redirects)" -eq 1
	test "$(number failures)" -eq 0
	test "$(number dropped_tags)" -eq 0
	raw odd.1 first
	raw elsewhere.1 second
	cat first.pictures second.pictures | cmp - clip.pictures
	cat first.sound second.sound >got.sound
	cp clip.pictures got.pictures
	whole clip got
	ffprobe -v error -select_streams v -show_entries packet=flags -of csv=p=0 elsewhere.1 |
		head -n 1 | grep K
'
check 'a server that refuses, since it is to be done elsewhere: it is' '
	fresh
	rm -f elsewhere.*
	odd elsewhere ends=1
	to=$odd to_pid=$odd_pid
	odd odd "away=rtmp://127.0.0.1:$to/other"
	push -o "rtmp://127.0.0.1:$odd/live/s3cret?retry=0" <clip.ts
	kill $odd_pid
	wait $to_pid
	grep "^publish s3cret$" elsewhere.log
	fails 1 grep s3cret push.log pushed
	test "$(number redirects)" -eq 1
	test "$(number failures)" -eq 0
	raw elsewhere.1 got
	whole clip got
	# To itself, and so on, is no way; nor where it is not spoken.
	fresh
	odd odd away=/live
	fails 1 push -o "rtmp://127.0.0.1:$odd/live/x?retry=0" <clip.ts
	kill $odd_pid
	grep "given up: it sends us on and on" push.log
	fresh
	odd odd away=http://127.0.0.1/elsewhere
	fails 1 push -o "rtmp://127.0.0.1:$odd/live/x?retry=0" <clip.ts
	kill $odd_pid
	grep "sends us to .http://127.0.0.1/elsewhere.: not followed" push.log
	grep "given up: it refuses: NetConnection.Connect.Rejected" push.log
'
check '?timeout=: one that takes nothing for so long is left, and called again' '
	fresh
	odd odd deaf=5
	real 20 long.ts -crf 5
	mkfifo stays
	mlive-push -v --pace none --cache 1min -s pushed \
		-o "rtmp://127.0.0.1:$odd/live/x?timeout=2s" <stays 2>push.log & pid=$!
	exec 3>stays
	cat long.ts >&3
	eventually grep "it takes nothing any more: trying again in" push.log
	failed () {
		test "$(number failures)" -ge 1
	}
	eventually failed
	kill $pid
	within 20 gone $pid
	exec 3>&-
	kill -9 $odd_pid
	fails 2 mlive-push -o "rtmp://127.0.0.1:$odd/live/x?timeout=1ms" <clip.ts 2>err
	grep timeout err
'
if unshare -rnm true 2>/dev/null
then
	check 'a name server that does not answer: a signal ends it all the same' '
		cat >inside <<-"END"
		ip link set lo up || exit 77
		echo nameserver 127.0.0.1 >resolv
		echo "hosts: dns" >nsswitch
		mount --bind resolv "$(readlink -f /etc/resolv.conf)" || exit 77
		mount --bind nsswitch /etc/nsswitch.conf || exit 77
		perl -MSocket -e "socket S, PF_INET, SOCK_DGRAM, 0;
			bind S, sockaddr_in(53, INADDR_LOOPBACK) or die; syswrite STDOUT, qq(x);
			recv S, \$_, 2000, 0; syswrite STDOUT, qq(y); sleep 600" >asked & dns=$!
		until test -s asked; do sleep 0.1; done
		mkfifo unresolved
		mlive-push -v -o rtmp://live.example.org/live/x <unresolved 2>push.log & pid=$!
		exec 3>unresolved
		cat clip.ts >&3
		until test "$(cat asked)" = xy; do sleep 0.1; done
		kill $pid
		wait $pid
		echo $? >ended
		kill $dns
		END
		rm -f ended
		timeout 60 unshare -rnm sh inside || test $? -ne 77
		cat push.log
		# Before the system gives up, which takes half a minute or more.
		test "$(cat ended)" -le 1
		fails 1 grep "cannot find" push.log
	'
else
	skip 'a name server that does not answer: a signal ends it all the same' 'no namespaces'
fi
check 'a signal ends it, and what waits still goes' '
	fresh
	odd odd ends=1
	mkfifo endless
	mlive-push -v -s pushed -o "rtmp://127.0.0.1:$odd/live/x" <endless 2>push.log & pid=$!
	exec 3>endless
	cat clip.ts >&3
	eventually test -s odd.1
	kill $pid
	wait $pid
	exec 3>&-
	wait $odd_pid
	grep -x deleteStream odd.log
	test "$(number state)" = done
	grep "info: bytes=[1-9][0-9]* sent=$(number bytes) dropped_tags=0 reconnects=0" push.log
	# And one that cannot be reached does not keep it.
	mlive-push -o "rtmp://127.0.0.1:9/live/x" <endless 2>push.log & pid=$!
	exec 3>endless
	eventually grep "cannot connect" push.log
	kill $pid
	wait $pid
	exec 3>&-
'
check 'a signal in the middle of a picture: the server gets whole ones only' '
	fresh
	odd odd ends=1
	cut_short 40 <clip.ts >cut.ts 2>whole
	rm -f endless
	mkfifo endless
	mlive-push -v --pace none -s pushed -o "rtmp://127.0.0.1:$odd/live/x" <endless 2>push.log & pid=$!
	exec 3>endless
	cat cut.ts >&3
	eventually test -s odd.1
	eventually grep "\"bytes\":$(($(wc -c <cut.ts)))," pushed
	kill $pid
	wait $pid
	exec 3>&-
	wait $odd_pid
	test "$(sent odd.1)" -eq "$(cat whole)"
'
check 'video that comes in later, in the middle of a group: from a key picture on' '
	fresh
	ffmpeg -nostdin -v error -y -i clip.ts -t 1 -vn -c copy -f mpegts sound.ts
	tail -c +$((188 * 150 + 1)) clip.ts >late.ts
	odd odd ends=1
	cat sound.ts late.ts | push -o "rtmp://127.0.0.1:$odd/live/x"
	wait $odd_pid
	test "$(ffprobe -v error -select_streams v -show_entries packet=flags -of csv=p=0 odd.1 |
		head -n 1 | cut -c 1)" = K
	ffmpeg -nostdin -v error -xerror -i odd.1 -f null - 2>errors
	test ! -s errors
'
check 'complaint 18: a signal ends all, though one is dead and one never reads' '
	fresh
	rm -f other.*
	odd other deaf=5
	deaf=$odd deaf_pid=$odd_pid
	odd odd ends=1
	dead=$(free_port)
	rm -f endless
	mkfifo endless
	mlive-push -v -s pushed --pace none -o "rtmp://127.0.0.1:$odd/live/x" \
		-o "rtmp://127.0.0.1:$deaf/live/x" -o "rtmp://127.0.0.1:$dead/live/x" \
		<endless 2>push.log & pid=$!
	exec 3>endless
	cat clip.ts >&3
	eventually test -s odd.1
	eventually grep "127.0.0.1:$dead/live.: cannot connect" push.log
	kill $pid
	within 20 gone $pid
	exec 3>&-
	wait $odd_pid
	grep -x deleteStream odd.log
	# All but the last picture: only the next one would have told that it is whole.
	test "$(sent odd.1)" -eq $(($(sent clip.ts) - 1))
	raw odd.1 got
	cmp -n "$(wc -c <got.pictures)" clip.pictures got.pictures
	kill $deaf_pid
'
ffmpeg -nostdin -v error -f lavfi -i testsrc2=s=320x180:r=25:d=2 -pix_fmt yuv420p10le -c:v libx265 \
	-preset ultrafast -x265-params \
	"log-level=none:info=0:colorprim=bt2020:transfer=smpte2084:colormatrix=bt2020nc:keyint=25\
:master-display=G(8500,39850)B(6550,2300)R(35400,14600)WP(15635,16450)L(10000000,50):max-cll=1000,400" \
	-f mpegts hdr.ts
check 'HDR of HEVC: its colours come before its pictures, once; of SDR nothing is said' '
	fresh
	odd odd fourcc=hvc1 ends=1
	push -o "rtmp://127.0.0.1:$odd/live/x" <hdr.ts
	wait $odd_pid
	cat >colours.pl <<-"END"
	local $/; $_ = <STDIN>; my @at;
	push @at, pos while /\xd4hvc1\x02\0\x09colorInfo\x03\0\x0bcolorConfig\x03/g;
	print scalar @at, "\n";
	exit if !@at;
	my $v = substr $_, $at[0], 500;
	for my $k (qw(bitDepth colorPrimaries transferCharacteristics matrixCoefficients
		maxCLL maxFall redX greenY blueX whitePointY maxLuminance minLuminance)) {
		$v =~ /\Q$k\E\0(.{8})/s or die "no $k";
		print "$k ", unpack("d>", $1), "\n";
	}
	my $start = index $_, "\x90hvc1";
	die "not between configuration and pictures" if $start < 0 || $start > $at[0] ||
		$at[0] > index $_, "\x91hvc1";
	END
	perl colours.pl <odd.1 >colours
	printf "%s\n" 1 "bitDepth 10" "colorPrimaries 9" "transferCharacteristics 16" \
		"matrixCoefficients 9" "maxCLL 1000" "maxFall 400" "redX 0.708" "greenY 0.797" \
		"blueX 0.131" "whitePointY 0.329" "maxLuminance 1000" "minLuminance 0.005" |
		diff - colours
	# What it was does not go on when it is SDR.
	ffmpeg -nostdin -v error -y -f lavfi -i testsrc2=s=320x180:r=25:d=2 -pix_fmt yuv420p \
		-c:v libx265 -preset ultrafast -x265-params log-level=none:info=0:keyint=25 \
		-output_ts_offset 3.4 -f mpegts sdr.ts
	fresh
	odd odd fourcc=hvc1 ends=1
	cat hdr.ts sdr.ts | push -o "rtmp://127.0.0.1:$odd/live/x"
	wait $odd_pid
	test "$(grep -ao colorConfig odd.1 | wc -l)" -eq 2
	test "$(grep -ao hdrMdcv odd.1 | wc -l)" -eq 1
	fresh
	odd odd ends=1
	push -o "rtmp://127.0.0.1:$odd/live/x" <clip.ts
	wait $odd_pid
	fails 1 grep -a colorInfo odd.1
'
if test -n "${FULL-}"
then
	real 3 hevc.ts -c:v libx265 -x265-params log-level=none:info=0:bframes=2
	check 'HEVC is not sent to who takes something else only' '
		fresh
		odd odd fourcc=av01
		fails 1 push -o "rtmp://127.0.0.1:$odd/live/x?retry=0" <hevc.ts
		grep "given up: it does not take HEVC" push.log
		kill $odd_pid
		fresh
		odd odd ends=1
		push -o "rtmp://127.0.0.1:$odd/live/x?retry=0" <hevc.ts
		grep "does not say whether it takes HEVC" push.log
		wait $odd_pid
	'
	check 'who asks for a password, and who speaks something else' '
		fresh
		odd odd "deny=[ AccessManager.Reject ] : [ code=403 need auth; authmod=adobe ] : "
		fails 1 push -o "rtmp://127.0.0.1:$odd/live/x?retry=0" <clip.ts
		grep "given up: it asks for a user and a password, which is not supported" push.log
		kill $odd_pid
		port=$(free_port)
		perl -MIO::Socket::INET -e "my \$l = IO::Socket::INET->new(LocalAddr => q(127.0.0.1:$port),
			Listen => 5) or die; while (my \$s = \$l->accept) { print \$s qq(HTTP/1.1 400 no\r\n\r\n) }" & pid=$!
		eventually listening $port
		fails 1 push -o "rtmp://127.0.0.1:$port/live/x?retry=0" <clip.ts
		grep "given up: what it speaks is not RTMP" push.log
		kill $pid
	'
	check 'complaint 18: one dead of three: the other two get all' '
		fresh
		rm -f other.*
		odd odd ends=1
		one=$odd one_pid=$odd_pid
		odd other ends=1
		dead=$(free_port)
		fails 1 push --drain 5s -o "rtmp://127.0.0.1:$one/live/x" \
			-o "rtmp://127.0.0.1:$dead/live/x" -o "rtmp://127.0.0.1:$odd/live/x" <clip.ts
		wait $one_pid $odd_pid
		grep "warning: .rtmp://127.0.0.1:$dead/live.: cannot connect: Connection refused: trying again" push.log
		grep "not all could be sent" push.log
		raw odd.1 one
		raw other.1 two
		whole clip one
		whole clip two
	'
	check 'complaint 18: a server that is killed and comes back: from a key picture on' '
		fresh
		odd odd ends=1
		mkfifo feed
		timeout 100 mlive-push -v -s pushed --pace none --drain 30s \
			-o "rtmp://127.0.0.1:$odd/live/x" <feed 2>push.log & pid=$!
		exec 3>feed
		cat clip.ts >&3
		eventually sh -c "test \$(wc -c <odd.1) -gt 20000"
		kill -9 $odd_pid
		eventually grep "trying again in" push.log
		perl "$top/t/rtmpd.pl" "$odd" again ends=1 3>&- & odd_pid=$!
		eventually test -s again.1
		cat clip.ts >&3
		exec 3>&-
		wait $pid
		wait $odd_pid
		test "$(number reconnects)" -eq 1
		grep "info: bytes=.* reconnects=1 " push.log
		ffmpeg -nostdin -v error -xerror -i again.1 -f null - 2>errors
		test ! -s errors
	'
	check 'an address that is none is not followed' '
		fresh
		odd odd go=http://127.0.0.1:1/x ends=2
		push -o "rtmp://127.0.0.1:$odd/live/sesame" <clip.ts
		wait $odd_pid
		grep "sends us to .http://127.0.0.1:1/x.: not followed" push.log
		raw odd.1 first
		raw odd.2 second
		cat first.pictures second.pictures | cmp - clip.pictures
	'
	check 'a stream whose clock jumps goes on' '
		fresh
		ffmpeg -nostdin -v error -y -i clip.ts -c copy -output_ts_offset 5000 -f mpegts later.ts
		odd odd ends=1
		cat clip.ts later.ts clip.ts | push -o "rtmp://127.0.0.1:$odd/live/x"
		wait $odd_pid
		tail -n 1 pushed | grep "\"clock_breaks\":2,"
		ffprobe -v error -select_streams v -show_entries packet=dts -of csv=p=0 odd.1 | grep . >ms
		test "$(wc -l <ms)" -gt 400
		awk "NR > 1 && (\$1 <= d || \$1 - d > 400) { print; exit 1 } { d = \$1 }" FS=, ms
	'
fi
done_testing
