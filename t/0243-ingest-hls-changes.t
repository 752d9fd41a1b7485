#!/bin/sh
# mlive-ingest: what happens to live HLS in its course: discontinuities, segments
# that go too early, a source that begins anew.
. "$(dirname "$0")/lib.sh"
need 'no ffmpeg' ffmpeg -version
. "$top/t/hls.sh"

film film.mp4
frames film.mp4 >film.md5
mkdir ts fmp4
ff -i film.mp4 -c copy -f hls -hls_time 1 -hls_playlist_type vod ts/i.m3u8
ff -i film.mp4 -c copy -f hls -hls_time 1 -hls_playlist_type vod -hls_segment_type fmp4 \
	-hls_fmp4_init_filename init.mp4 fmp4/i.m3u8

# publish FILE NUMBER MAP: standard input has a segment a line, a leading "!" is a
# discontinuity before it; one more appears each second, of the last five
publish () {
	perl -e '
		use strict;
		my ($file, $number, $map) = @ARGV;
		my (@window, $gone);
		$gone = 0;
		my @lines = (<STDIN>, "");
		for my $line (@lines) {
			chomp $line;
			push @window, $line if $line ne "";
			while (@window > 5) {
				$gone++ if shift(@window) =~ /^!/;
				$number++;
			}
			next if @window < 4;
			open my $o, ">", "$file.new" or die;
			print $o "#EXTM3U\n#EXT-X-TARGETDURATION:1\n#EXT-X-MEDIA-SEQUENCE:$number\n",
				"#EXT-X-DISCONTINUITY-SEQUENCE:$gone\n";
			print $o "#EXT-X-MAP:URI=\"$map\"\n" if $map;
			for (@window) {
				print $o "#EXT-X-DISCONTINUITY\n" if /^!/;
				print $o "#EXTINF:1.0,\n", s/^!//r, "\n";
			}
			print $o "#EXT-X-ENDLIST\n" if $line eq "";
			close $o;
			rename "$file.new", $file;
			select undef, undef, undef, 1 if $line ne "";
		}' "$@"
}
serve .
cat film.md5 film.md5 >twice.md5

# All of it at the same time, since it takes its time.
for kind in ts fmp4
do
	ext=$(test $kind = ts && echo ts || echo m4s)
	map=$(test $kind = ts || echo init.mp4)
	for i in 0 1 2 3 4 5 !0 1 2 3 4 5
	do
		echo "$i" | sed "s/\([0-9]\)/i\1.$ext/"
	done | publish $kind/live.m3u8 1000 "$map" &
	writers="$writers $!"
done
for i in 0 1 2 3 4 5
do
	echo i$i.ts
done >six
{
	sed '$d' six
	echo nil.ts
} | publish ts/first.m3u8 500 '' &
writers="$writers $!"
within 15 test -s ts/live.m3u8
within 15 test -s fmp4/live.m3u8
within 15 test -s ts/first.m3u8
sed '/ENDLIST/d' ts/first.m3u8 >ts/again.m3u8
for name in ts/live fmp4/live ts/again
do
	mlive-ingest -v -s "${name%/*}-${name#*/}.stats" "$url/$name.m3u8" >"${name%/*}-${name#*/}.ts" \
		2>"${name%/*}-${name#*/}.err" &
	readers="$readers $!"
done
# Numbers begin anew, as when an encoder was started again.
within 15 grep -q 'stale' ts-again.err
publish ts/again.m3u8 1 '' <six &
writers="$writers $!"
status=0
for pid in $readers $writers
do
	wait "$pid" || status=$?
done
export status

check 'all end when the playlist does' '
	cat ./*.err
	test $status -eq 0
'
for kind in ts fmp4
do
	export kind
	check "$kind: a discontinuity loses nothing, and is announced" '
		frames $kind-live.ts >got
		pictures=$(wc -l <got)
		echo "$pictures pictures"
		test "$pictures" -gt 150
		tail -n "$pictures" twice.md5 | cmp - got
		tail -n 1 $kind-live.stats | grep "\"hls_segments_missed\":0,.*\"hls_discontinuities\":1"
		mlive-ingest $kind-live.ts 2>&1 >again | grep "lost=0"
		perl -e "
			my \$n = 0;
			while (read STDIN, my \$p, 188) {
				my (\$h, \$l, \$f) = unpack \"NCC\", \$p;
				\$n++ if (\$h & 0x20) && \$l && (\$f & 0x80);
			}
			print \"\$n packets with discontinuity_indicator\n\";
			exit !\$n" <$kind-live.ts
	'
done
check 'a playlist that begins anew with lower numbers is followed' '
	grep "has begun again" ts-again.err
	tail -n 1 ts-again.stats | grep "\"hls_restarts\":1"
	test "$(frames ts-again.ts | wc -l)" -ge 125
	mlive-ingest ts-again.ts 2>&1 >again | grep "lost=0"
'
check 'an initialization section of the same name is another one after a discontinuity' '
	mkdir swap
	cp fmp4/* swap
	ff -f lavfi -i testsrc2=size=480x270:rate=25:duration=2 -c:v libx264 -preset ultrafast -g 25 \
		-f hls -hls_time 1 -hls_playlist_type vod -hls_segment_type fmp4 \
		-hls_fmp4_init_filename other.mp4 -hls_segment_filename "swap/b%d.m4s" swap/b.m3u8
	printf "#EXTM3U\n#EXT-X-TARGETDURATION:1\n#EXT-X-MAP:URI=\"init.mp4\"\n" >swap/live.m3u8
	printf "#EXTINF:1,\ni%d.m4s\n" 0 1 2 >>swap/live.m3u8
	mlive-ingest "$url/swap/live.m3u8" >swap.ts & pid=$!
	eventually test -s swap.ts
	cp swap/live.m3u8 swap/new
	{ echo "#EXT-X-DISCONTINUITY"; printf "#EXTINF:1,\nb%d.m4s\n" 0 1; echo "#EXT-X-ENDLIST"; } >>swap/new
	mv swap/other.mp4 swap/init.mp4
	mv swap/new swap/live.m3u8
	wait $pid
	ffprobe -v error -select_streams v -show_entries frame=width -of csv=p=0 swap.ts 2>messages |
		tr -d , | grep . | uniq -c | tr -s " \n" "  " >got
	cat got messages
	test ! -s messages
	grep "75 320 50 480" got
'
check 'the end is the end, also when the playlist of the sound has gone' '
	mkdir dem
	for kind in v a
	do
		ff -i film.mp4 -map 0:$kind -c copy -f hls -hls_time 1 -hls_playlist_type vod \
			-hls_segment_type fmp4 -hls_fmp4_init_filename $kind.mp4 \
			-hls_segment_filename "dem/$kind%d.m4s" dem/$kind-vod.m3u8
		sed "/ENDLIST/d;/PLAYLIST-TYPE/d" dem/$kind-vod.m3u8 >dem/$kind.m3u8
	done
	cat >dem/i.m3u8 <<-"END"
	#EXTM3U
	#EXT-X-MEDIA:TYPE=AUDIO,GROUP-ID="a",NAME="one",URI="a.m3u8"
	#EXT-X-STREAM-INF:BANDWIDTH=1,AUDIO="a"
	v.m3u8
	END
	mlive-ingest -v "$url/dem/i.m3u8" >dem.ts 2>dem.err & pid=$!
	eventually test -s dem.ts
	rm dem/a.m3u8
	eventually grep "a.m3u8.: status 404" dem.err
	cp dem/v-vod.m3u8 dem/new
	mv dem/new dem/v.m3u8
	ended () { ! kill -0 $pid; }
	within 20 ended || kill $pid
	wait $pid
	grep "a rendition of .* is late" dem.err
	test "$(frames dem.ts | wc -l)" -eq 75
'
check 'segments that were gone before they were asked for are counted' '
	grep -A1 EXTINF ts/i.m3u8 | grep -v "^--" >pairs
	{ sed "/EXTINF/,\$d;/TYPE/d" ts/i.m3u8; head -n 8 pairs; } >ts/skip.m3u8
	rm -f out.ts
	mlive-ingest -v -s stats "$url/ts/skip.m3u8" >out.ts 2>err & pid=$!
	eventually test -s out.ts
	{ sed "/EXTINF/,\$d;/TYPE/d;/MEDIA-SEQ/s/:.*/:6/" ts/i.m3u8; cat pairs; echo "#EXT-X-ENDLIST"; } >new
	mv new ts/skip.m3u8
	wait $pid
	grep "has gone on: 2 segments are missing" err
	tail -n 1 stats | grep "\"hls_segments_missed\":2"
'
done_testing
