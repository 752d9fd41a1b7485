#!/bin/sh
# mlive-ingest: HLS that is not live, of every kind that ffmpeg makes.
. "$(dirname "$0")/lib.sh"
need 'no ffmpeg' ffmpeg -version
. "$top/t/hls.sh"

film film.mp4
frames film.mp4 >film.md5
vod='-c copy -f hls -hls_time 1 -hls_playlist_type vod'
mkdir ts fmp4 cmf2 aes single singlemp4 two packed jump jumpmp4
printf 0123456789abcdef >aes/key
printf 'key\naes/key\n' >aes/info
printf 'key\naes/key\n00112233445566778899aabbccddeeff\n' >aes/info-iv
# shellcheck disable=SC2086
{
	ff -i film.mp4 $vod ts/i.m3u8
	ff -i film.mp4 $vod -hls_segment_type fmp4 fmp4/i.m3u8
	ff -i film.mp4 $vod -hls_segment_type fmp4 \
		-hls_segment_options movflags=+negative_cts_offsets cmf2/i.m3u8
	ff -i film.mp4 $vod -hls_key_info_file aes/info aes/i.m3u8
	ff -i film.mp4 $vod -hls_key_info_file aes/info-iv aes/iv.m3u8
	ff -i film.mp4 $vod -hls_flags single_file single/i.m3u8
	ff -i film.mp4 $vod -hls_flags single_file -hls_segment_type fmp4 singlemp4/i.m3u8
	ff -i film.mp4 -i film.mp4 -map 0:v -map 0:a -map 1:a $vod -hls_segment_type fmp4 \
		-var_stream_map 'v:0,agroup:a a:0,agroup:a,language:en,name:one a:1,agroup:a,language:de,name:two' \
		-master_pl_name i.m3u8 -hls_segment_filename 'two/%v-%d.m4s' two/%v.m3u8
	ff -i film.mp4 -map 0:v $vod packed/v.m3u8
	ff -i film.mp4 -map 0:a -c copy -f segment -segment_time 1 -segment_format adts \
		-segment_list packed/list packed/%d.aac
}
# Packed audio: an ID3 tag with the time of ffmpeg's own transport stream.
first=$(ffprobe -v error -show_entries stream=start_pts -select_streams a -of csv=p=0 \
	ts/i0.ts | head -n 1 | tr -d ',')
perl -e '
	my $n = 0;
	open my $m, ">", "packed/a.m3u8";
	print $m "#EXTM3U\n#EXT-X-TARGETDURATION:2\n#EXT-X-PLAYLIST-TYPE:VOD\n";
	for my $f (sort { $a <=> $b } map { m{(\d+).aac} } glob "packed/*.aac") {
		open my $i, "<", "packed/$f.aac"; local $/; my $d = <$i>; close $i;
		my $frames = 0;
		for (my $at = 0; $at < length $d; $frames++) {
			my @b = unpack "C7", substr $d, $at;
			$at += ($b[3] & 3) << 11 | $b[4] << 3 | $b[5] >> 5;
		}
		my $t = $ARGV[0] + $n * 1920;
		my $priv = "com.apple.streaming.transportStreamTimestamp\0" .
			pack "NN", $t >> 32, $t & 0xffffffff;
		my $frame = "PRIV" . pack("Nn", length $priv, 0) . $priv;
		open my $o, ">", "packed/$f.aac";
		print $o "ID3\4\0\0", pack("C4", 0, 0, length($frame) >> 7, length($frame) & 127), $frame, $d;
		printf $m "#EXTINF:%.6f,\n%d.aac\n", $frames * 1024 / 48000, $f;
		$n += $frames;
	}
	print $m "#EXT-X-ENDLIST\n"' "$first"
cat >packed/i.m3u8 <<'END'
#EXTM3U
#EXT-X-MEDIA:TYPE=AUDIO,GROUP-ID="a",NAME="English",LANGUAGE="en",DEFAULT=YES,URI="a.m3u8"
#EXT-X-STREAM-INF:BANDWIDTH=500000,RESOLUTION=320x180,CODECS="avc1.42c00d,mp4a.40.2",AUDIO="a"
v.m3u8
END
serve .

for kind in ts fmp4 cmf2 aes single singlemp4 two packed
do
	export kind
	check "$kind: all pictures, in order, and in step with the sound" '
		mlive-ingest "$url/$kind/i.m3u8" >out.ts
		whole out.ts
		ms=$(($(sync_ms out.ts) - $(sync_ms film.mp4)))
		echo "off by $ms ms"
		test "$ms" -ge -25
		test "$ms" -le 25
	'
done
check 'signed offsets: nothing is shown before it is decoded' '
	mlive-ingest "$url/cmf2/i.m3u8" >out.ts
	ffprobe -v error -select_streams v -show_entries packet=pts,dts -of csv=p=0 out.ts |
		sed "s/,side_data.*//;/^\$/d" | awk -F, "
		{ n++ }
		\$1 < \$2 + 0 { print; bad = 1 }
		END { exit bad || n != 150 }"
'
check 'what is not live says so, and only once' '
	mlive-ingest "$url/ts/i.m3u8" >out.ts
	clocks out.ts >clocks
	test "$(cut -d" " -f1 clocks)" = not-live
'
check 'a transport stream passes as it is' '
	mlive-ingest "$url/ts/i.m3u8" | tail -c +189 >out.ts
	ls ts/i*.ts | sort -V | xargs cat | cmp - out.ts
'
check 'AES-128 with an IV and without; the key is asked for once' '
	: >"$log"
	mlive-ingest "$url/aes/iv.m3u8" >out.ts
	whole out.ts
	test "$(grep -c /key "$log")" -eq 1
	mlive-ingest "$url/ts/i.m3u8" >plain.ts
	cmp plain.ts out.ts
	for n in 7 8
	do
		ff -i ts/i0.ts -c copy -f mpegts aes/$n.plain
		ff -i ts/i0.ts -c copy -f mpegts -encryption_key "$(od -An -tx1 aes/key | tr -d " ")" \
			-encryption_iv "$(printf %032x $n)" crypto:aes/$n.ts
	done
	printf "#EXTM3U\n#EXT-X-MEDIA-SEQUENCE:7\n#EXT-X-KEY:METHOD=AES-128,URI=\"key\"\n" >aes/no.m3u8
	printf "#EXTINF:1,\n%s.ts\n" 7 8 >>aes/no.m3u8
	echo "#EXT-X-ENDLIST" >>aes/no.m3u8
	mlive-ingest "$url/aes/no.m3u8" | tail -c +189 | head -c "$(wc -c <aes/7.plain)" | cmp - aes/7.plain
'
check 'byte ranges are asked for' '
	mlive-ingest "$url/single/i.m3u8" >out.ts
	grep "^206 [0-9]*-[0-9]* /single/i.ts" "$log"
'
check 'all audio renditions are there, with their languages' '
	mlive-ingest "$url/two/i.m3u8" >out.ts
	ffprobe -v error -show_entries stream_tags=language -of csv=p=0 out.ts | tr -d "\n" >got
	grep eng got
	grep -E "deu|ger" got
'
check '#audio= takes one' '
	mlive-ingest "$url/two/i.m3u8#audio=de" >out.ts
	ffprobe -v error -show_entries stream_tags=language -of csv=p=0 out.ts >got
	grep -E "deu|ger" got
	fails 1 grep eng got
'
cat >choice.m3u8 <<'END'
#EXTM3U
#EXT-X-STREAM-INF:BANDWIDTH=800000,RESOLUTION=640x360
ts/i.m3u8?360
#EXT-X-STREAM-INF:BANDWIDTH=5000000,RESOLUTION=1920x1080
ts/i.m3u8?1080
#EXT-X-STREAM-INF:BANDWIDTH=2800000,RESOLUTION=1280x720
ts/i.m3u8?720
#EXT-X-STREAM-INF:BANDWIDTH=9000000,RESOLUTION=3840x2160,CODECS="av01.0.12M.08"
ts/i.m3u8?2160
#EXT-X-I-FRAME-STREAM-INF:BANDWIDTH=9900000,RESOLUTION=1920x1080,URI="ts/i.m3u8?i"
END
for choice in '=1080' '#height=720=720' '#height=719=360' '#height=1=360' '#rate=3M=720' \
	'#rate=100k=360' '#height=720&rate=1M=360'
do
	want=${choice##*=} choice=${choice%=*}
	export want choice
	check "variant chosen by '$choice': $want" '
		: >"$log"
		mlive-ingest "$url/choice.m3u8$choice" >out.ts
		grep "ts/i.m3u8?$want$" "$log"
		test "$(grep -c "i.m3u8?" "$log")" -eq 1
	'
done
check 'an answer 503, and a transfer that breaks: tried again' '
	mlive-ingest -s stats "$url/status=503x1/ts/i.m3u8" >out.ts 2>err
	whole out.ts
	grep "status 503" err
	tail -n 1 stats | grep "\"hls_retries\":6"
	mlive-ingest -s stats "$url/cut=5000x1/fmp4/i.m3u8" >out.ts 2>err
	whole out.ts
	test "$(grep -c "^206 5000-.*m4s" "$log")" -eq 6
'
check 'a segment that is not there is left out, and counted: status 1' '
	mkdir hole
	cp ts/* hole
	rm hole/i2.ts
	fails 1 mlive-ingest -s stats "$url/hole/i.m3u8" >out.ts 2>err
	grep "segment 2 .* is missing: status 404" err
	grep "fatal: cannot read 1 of 6 segments of .*/hole/i.m3u8" err
	tail -n 1 stats | grep "\"hls_segments\":5,\"hls_segments_missed\":1"
	forward out.ts
	test "$(frames out.ts | wc -l)" -eq 125
	mlive-ingest out.ts 2>&1 >again | grep "lost=0"
	mlive-ingest -t 1s "$url/hole/i.m3u8" >out.ts
'
check 'a rendition that is not there: what is lost is said' '
	mkdir mute
	cp two/* mute
	rm mute/one-*.m4s
	fails 1 mlive-ingest "$url/mute/i.m3u8" >out.ts 2>err
	grep "fatal: cannot read 7 of 20 segments" err
	test "$(frames out.ts | wc -l)" -eq 150
'
check 'a transfer that breaks while the object changes: from its beginning' '
	mlive-ingest "$url/cut=5000x1/newetag/ts/i.m3u8" >out.ts
	whole out.ts
'
for kind in ts fmp4
do
	export kind
	check "$kind: an error page in the place of a segment is left out, by name: status 3" '
		ext=$(test $kind = ts && echo ts || echo m4s)
		mkdir page-$kind
		cp $kind/* page-$kind
		echo "<html>Good morning</html>" >page-$kind/i2.$ext
		fails 3 mlive-ingest -s stats "$url/page-$kind/i.m3u8" >out.ts 2>err
		grep "segment 2 of " err
		grep "fatal: cannot use 1 of 6 segments" err
		tail -n 1 stats | grep "\"hls_damaged\":[1-9]"
		forward out.ts
		test "$(frames out.ts | wc -l)" -eq 125
		mlive-ingest out.ts 2>&1 >again | grep "lost=0 bad=0 sync_losses=0 junk_bytes=0"
		cp $kind/i2.$ext page-$kind
		echo "<html>Good morning</html>" >page-$kind/i0.$ext
		fails 3 mlive-ingest -s stats "$url/page-$kind/i.m3u8" >out.ts 2>err
		grep "segment 0 of " err
		grep "fatal: cannot use 1 of 6 segments" err
		tail -n 1 stats | grep "\"hls_damaged\":[12],"
		test "$(frames out.ts | wc -l)" -eq 125
	'
done
check 'a key that is none, is wrong, or is not there' '
	mkdir nokey
	cp aes/* nokey
	echo "<html>sign in</html>" >nokey/key
	sed "s,aes/key,nokey/key," aes/i.m3u8 >nokey/i.m3u8
	fails 3 mlive-ingest "$url/nokey/i.m3u8" >out.ts 2>err
	grep "key. is no key: 21 bytes" err
	grep "fatal: cannot use 6 of 6 segments" err
	printf 0123456789abcdeX >nokey/key
	fails 3 mlive-ingest "$url/nokey/i.m3u8" >out.ts 2>err
	grep "segment 5 of .* is missing: it cannot be decrypted" err
	grep "fatal: cannot use 6 of 6 segments" err
	test ! -s out.ts
	rm nokey/key
	fails 1 mlive-ingest "$url/nokey/i.m3u8" >out.ts 2>err
	grep "fatal: cannot read 6 of 6 segments" err
	sed "s,URI=\"key,URI=\"/status=500x99/aes/key," nokey/i.m3u8 >nokey/down.m3u8
	fails 1 timeout 60 mlive-ingest "$url/nokey/down.m3u8" >out.ts 2>err
	grep "warning: cannot read .*/status=500x99/aes/key.: status 500" err
	grep "fatal: cannot read .*: no key" err
'
check 'an address with a long token' '
	sed "/^i.*ts/s/$/?token=$(printf %04000d 7)/" ts/i.m3u8 >ts/long.m3u8
	mlive-ingest "$url/ts/long.m3u8" >out.ts
	whole out.ts
'
for kind in ts fmp4
do
	{
		awk -v k=$kind '/ENDLIST/ { next } /^i/ { $0 = k "/" $0 }
		{ sub("URI=\"", "URI=\"" k "/") } { print }' $kind/i.m3u8
		echo "#EXT-X-DISCONTINUITY"
		awk -v k=$kind '/EXTINF|^i/ { if (/^i/) $0 = k "/" $0; print }' $kind/i.m3u8
		echo "#EXT-X-ENDLIST"
	} >jump-$kind.m3u8
done
cat film.md5 film.md5 >twice.md5
check 'a discontinuity in a transport stream is announced' '
	mlive-ingest -s stats "$url/jump-ts.m3u8" >out.ts
	frames out.ts >got
	cmp twice.md5 got
	tail -n 1 stats | grep "\"hls_discontinuities\":1"
	mlive-ingest out.ts 2>&1 >again | grep "lost=0"
'
check 'a discontinuity in MP4: one timeline, without a gap' '
	mlive-ingest -s stats "$url/jump-fmp4.m3u8" >out.ts
	frames out.ts >got
	cmp twice.md5 got
	tail -n 1 stats | grep "\"hls_discontinuities\":1"
	forward out.ts
	test "$(ffprobe -v error -select_streams v -show_entries packet=dts -of csv=p=0 out.ts |
		tr -d "," | sed "/[^0-9]/d;/^$/d" | awk "NR > 1 { print \$1 - last } { last = \$1 }" | sort -u)" = 3600
'
check '--loop goes on where it ended' '
	mlive-ingest --loop -t 9s "$url/fmp4/i.m3u8" >out.ts
	forward out.ts
	test "$(frames out.ts | wc -l)" -eq 225
'
check 'detected by content type, and by what the body begins with' '
	cp ts/i.m3u8 ts/list
	mlive-ingest "$url/type=application+vnd.apple.mpegurl/ts/list" >out.ts
	whole out.ts
	mlive-ingest "$url/ts/list" >out.ts
	whole out.ts
'
check 'variables: defined, imported, and out of the query' '
	cat >var.m3u8 <<-"END"
	#EXTM3U
	#EXT-X-DEFINE:NAME="kind",VALUE="ts"
	#EXT-X-DEFINE:QUERYPARAM="token"
	#EXT-X-STREAM-INF:BANDWIDTH=1
	{$kind}/var.m3u8?t={$token}
	END
	sed "s/^i/{\$up}\/{\$kind}\/i/;s/^#EXTM3U/&\n#EXT-X-DEFINE:IMPORT=\"kind\"\n#EXT-X-DEFINE:NAME=\"up\",VALUE=\"..\"/" \
		ts/i.m3u8 >ts/var.m3u8
	mlive-ingest "$url/var.m3u8?token=a%2Db" >out.ts
	whole out.ts
	grep "/ts/var.m3u8?t=a-b" "$log"
	fails 3 mlive-ingest "$url/var.m3u8" 2>err
	grep "var.m3u8. is no playlist: line 3" err
'
check 'a playlist that is a file' '
	mlive-ingest ts/i.m3u8 >out.ts
	whole out.ts
	mkdir "50% #1 film"
	cp fmp4/* "50% #1 film"
	cp choice.m3u8 aes/* "50% #1 film"
	cd "50% #1 film"
	mlive-ingest i.m3u8 >../out.ts
	mlive-ingest "file://$PWD/iv.m3u8" >../aes.ts
	cd ..
	whole out.ts
	whole aes.ts
	mlive-ingest -v "choice.m3u8#height=720" 2>err >out.ts
	grep "variant .ts/i.m3u8?720.: 2800000" err
	whole out.ts
	mlive-ingest --loop -t 9s ts/i.m3u8 >out.ts
	test "$(frames out.ts | wc -l)" -ge 225
	printf "#EXTM3U\n#EXTINF:1,\n%s/ts/i0.ts\n#EXT-X-ENDLIST\n" "$url" >far.m3u8
	mlive-ingest far.m3u8 | tail -c +189 | cmp - ts/i0.ts
	fails 1 mlive-ingest "nil.m3u8#height=3" 2>err
	grep "cannot open .nil.m3u8#height=3.: No such file" err
	fails 2 mlive-ingest "choice.m3u8#heigth=3" 2>err
	fails 2 mlive-ingest --reopen choice.m3u8 2>err
'
check 'what cannot be: message and status' '
	fails 1 timeout 10 mlive-ingest "$url/status=400x9/nil.m3u8" 2>err
	grep "nil.m3u8.: status 400" err
	fails 1 mlive-ingest "$url/nil.m3u8" 2>err
	grep "nil.m3u8.: status 404" err
	echo hello >text.m3u8
	fails 3 mlive-ingest "$url/text.m3u8" 2>err
	grep "is no playlist" err
	printf "#EXTM3U\n#EXTINF:1,\ntext.m3u8\n#EXT-X-ENDLIST\n" >not.m3u8
	fails 3 mlive-ingest "$url/not.m3u8" 2>err
	grep "neither transport stream" err
	printf "#EXTM3U\n#EXT-X-KEY:METHOD=SAMPLE-AES,URI=\"k\"\n#EXTINF:1,\na\n#EXT-X-ENDLIST\n" >drm.m3u8
	fails 3 mlive-ingest "$url/drm.m3u8" 2>err
	grep "SAMPLE-AES" err
	printf "#EXTM3U\n#EXTINF:1,\nfile:///etc/passwd\n#EXT-X-ENDLIST\n" >local.m3u8
	fails 3 mlive-ingest "$url/local.m3u8" 2>err
	grep "points to .file:///etc/passwd" err
	fails 2 mlive-ingest "$url/ts/i.m3u8#heigth=3" 2>err
	fails 2 mlive-ingest "$url/ts/i.m3u8#rate=3x" 2>err
	test "$(wc -l <err)" -eq 1
'
done_testing
