# t/quality.sh - of quality under a cap; sourced after encode.sh.
#
#   segments STATS N      of rung N, a line each: number, bit/s, QP, level asked for,
#                         level reached, capped, SSIM; "-" what there is not
#   units FILE N          size in bytes and IDR (K or _) of each access unit of video N
#   keeps_cap UNITS CAP VBV SEGMENT   at 25 pictures a second, or 12.5: all segments are
#                         within the cap, and a leaky bucket of so many seconds that is
#                         full to 90 % at first never runs empty
#   bytes FILE N          of all access units
#   ssim FILE N SOURCE W:H            of luma
#   gops FILE N           a digest of each GOP, and its pictures
# shellcheck shell=sh

segments () {
	perl -MJSON::PP -ne '
		for my $s (@{decode_json($_)->{rungs}['"$2"']{segments}}) {
			print join(" ", map { defined $_ ? $_ : "-" } $s->{segment}, $s->{rate_bps},
				$s->{qp_milli}, $s->{quality_milli}, $s->{reached_milli},
				exists $s->{capped} ? $s->{capped} ? "true" : "false" : undef,
				$s->{ssim_micro}), "\n";
		}' "$1"
}

units () {
	ffprobe -v quiet -select_streams "v:$2" -show_entries packet=size,flags \
		-of csv=p=0 "$1" | tr , " " | awk 'NF { print $1, substr($2, 1, 1) }'
}

keeps_cap () {
	awk -v cap="$2" -v vbv="$3" -v segment="$4" '
		{ size[NR] = $1 * 8 }
		END {
			fps = NR <= 120 ? 12.5 : 25
			n = int(fps * segment)
			fill = least = cap * vbv * 0.9
			for (i = 1; i <= NR; i++) {
				sum[int((i - 1) / n)] += size[i]
				fill -= size[i]
				if (fill < least)
					least = fill
				fill += cap / fps
				if (fill > cap * vbv)
					fill = cap * vbv
			}
			for (s in sum) {
				if (sum[s] > most)
					most = sum[s]
			}
			printf "cap %d: most %d bit/s, emptiest %d bits\n", cap, most / segment, least
			exit most / segment > cap || least < 0
		}' "$1"
}

bytes () {
	units "$1" "$2" | awk '{ s += $1 } END { print s }'
}

ssim () {
	ffmpeg -v info -i "$1" -i "$3" -filter_complex "[0:v:$2]settb=1/25,setpts=N[a];
		[1:v]scale=$4,settb=1/25,setpts=N[b];[a][b]ssim" -f null - 2>&1 |
		sed -n 's/.* Y:\([0-9.]*\) .*/\1/p'
}

gops () {
	ffprobe -v quiet -select_streams "v:$2" -show_data_hash md5 \
		-show_entries packet=flags,data_hash -of csv=p=0 "$1" |
		perl -MDigest::MD5=md5_hex -ne '
			next unless /\S/;
			if (/K/ && $n) { print md5_hex($all), " $n\n"; $all = ""; $n = 0 }
			$all .= $_; $n++ if /MD5:/;	# it may be on a line of its own
			END { print md5_hex($all), " $n\n" }'
}
