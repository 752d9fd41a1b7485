#!/bin/sh
# What vq=enhanced costs and gains beside the standard: CPU-seconds, and the rate at equal
# SSIM, which is the mean over the range that both reach, between levels of quality, each
# of them a point of the curve that rate and SSIM make.
#
#   CLIPS='a.mp4 b.mpg ...'   use these; else those of clips.sh; else a generated picture
#   SECONDS_EACH=2  SIZES='1280:720 640:360'  CODECS='avc hevc'  LEVELS='5 7 9'
#   TRY=,preset=veryfast      these keys in place of ,vq=enhanced
#
# CPU-seconds are of all levels of one clip, less those of decoding it.
. "$(dirname "$0")/../lib.sh"
# shellcheck source=/dev/null
. "${top:-.}/encode.sh"
# shellcheck source=/dev/null
. "$top/quality.sh"
# shellcheck source=/dev/null
. "$top/clips.sh"
each=${SECONDS_EACH:-2} sizes=${SIZES:-1280:720 640:360} codecs=${CODECS:-avc hevc}
levels=${LEVELS:-5 7 9} try=${TRY:-,vq=enhanced}

as_ts () {
	ffmpeg -nostdin -v error -y "$@" -t "$each" -an -vf "scale=$size:\
force_original_aspect_ratio=increase,crop=$size,setsar=1,fps=25,format=yuv420p" -c:v libx264 \
		-preset ultrafast -qp 8 -g 50 clip.ts
}

# cost command... - its CPU-seconds; its output is in out.ts.
cost () {
	LC_ALL=C perl -e 'my $s = system @ARGV; my @t = times; exit 1 if $s;
		printf STDERR "%.2f\n", $t[2] + $t[3]' "$@" <clip.ts 2>&1 >out.ts
}

# curve KEYS - "CPU bytes SSIM bytes SSIM ...", a pair for each level.
curve () {
	rungs=
	for level in $levels
	do
		rungs="$rungs -r ${size#*:}p@40M,quality=$level,codec=$codec$1"
	done
	# Words of a list.
	# shellcheck disable=SC2086
	line=$(cost mlive-encode -q -c none -a none $rungs)
	n=0
	for level in $levels
	do
		line="$line $(bytes out.ts $n) $(ssim out.ts $n clip.ts "$size")"
		n=$((n + 1))
	done
	echo "$line"
}

# compare DECODING STANDARD ENHANCED - two curves, as one line.
compare () {
	perl -e 'my ($name, $idle, @c) = @ARGV;
		my (@cpu, @p);
		for (0, 1) {
			my @v = split " ", $c[$_];
			$cpu[$_] = shift(@v) - $idle;
			while (@v) {
				my ($bytes, $ssim) = splice @v, 0, 2;
				push @{$p[$_]}, [-10 * log(1 - $ssim) / log 10, log $bytes];
			}
			@{$p[$_]} = sort { $a->[0] <=> $b->[0] } @{$p[$_]};
		}
		my ($a, $b) = @p;
		my $low = $a->[0][0] > $b->[0][0] ? $a->[0][0] : $b->[0][0];
		my $high = $a->[-1][0] < $b->[-1][0] ? $a->[-1][0] : $b->[-1][0];
		die "$name: the two have no SSIM in common\n" if $high <= $low;
		sub at {
			my ($p, $x) = @_;
			for (1 .. $#$p) {
				my ($l, $r) = @$p[$_ - 1, $_];
				return $l->[1] + ($r->[1] - $l->[1]) * ($x - $l->[0]) /
					($r->[0] - $l->[0]) if $x <= $r->[0] || $_ == $#$p;
			}
		}
		my ($n, $sum) = (50, 0);
		$sum += at($b, $_) - at($a, $_) for map { $low + ($high - $low) * ($_ + .5) / $n }
			0 .. $n - 1;
		printf "%-34s CPU %6.2f -> %6.2f s (%+.0f %%)  rate at equal SSIM %+.1f %%\n", $name,
			@cpu, 100 * ($cpu[1] / $cpu[0] - 1), 100 * (exp($sum / $n) - 1);' "$@"
}

clips=$(find_clips)
test -n "$clips" || clips=generated
for size in $sizes
do
	for clip in $clips
	do
		if test "$clip" = generated
		then
			as_ts -f lavfi -i mandelbrot=r=25:end_scale=0.01
		else
			as_ts -stream_loop -1 -i "$clip"
		fi
		idle=$(cost mlive-encode -q -c none -a none -r "16x16@40M")
		for codec in $codecs
		do
			compare "$codec ${size#*:}p $(basename "$clip")" "$idle" "$(curve '')" \
				"$(curve "$try")"
		done
	done
done | tee rows
awk '{ split($0, v, /[(]/); cpu[$1] += v[2]; split($0, v, "SSIM "); rate[$1] += v[2]; n[$1]++ }
	END { for (c in n) printf "%-34s CPU %+.0f %%, rate at equal SSIM %+.1f %%\n",
		"mean of " c, cpu[c] / n[c], rate[c] / n[c] }' rows
