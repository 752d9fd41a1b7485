# t/hlscues.sh - what the tests of cues out of HLS share; after hls.sh.
#
#   cues FILE          print a line for each message: what, its time, how far ahead
#   events FILE        print what happens, each once; "messages" has all
#   first FILE N       print the PTS of the Nth key picture, from 0
#   in_time FILE PID   passes if each message is before the picture that it is for
#   with_crc HEX       print a section with its CRC_32
#   ahead              print the least lead in ms of what events has seen
# shellcheck shell=sh

cues () {
	mlive-cue show -q -j <"$1" >json
	perl -MJSON::PP -ne '
		my $o = decode_json($_);
		my $s = $o->{splice_info_section};
		my $t = $o->{splice_time} // "-";
		my ($i, $w) = ($s->{splice_insert}, "other");
		if ($i) {
			my $b = $i->{break_duration};
			$w = join " ", ($i->{out_of_network_indicator} ? "out" : "in"),
				$i->{splice_event_id}, $b ? $b->{duration} : "-",
				$b && $b->{auto_return} ? "auto" : "-", $i->{avail_num};
		} elsif ($s->{time_signal}) {
			$w = join " ", map { sprintf "0x%02x %s %s", $_->{segmentation_type_id},
				$_->{segmentation_event_id}, $_->{segmentation_duration} // "-" }
				grep { exists $_->{segmentation_type_id} }
				map { $_->{segmentation_descriptor} // $_ } @{$s->{descriptors}};
		}
		printf "%s @%s ahead %s\n", $w, $t, $o->{ahead_ms} // "-"' json
}

events () {
	cues "$1" >messages
	sed 's/ ahead .*//' messages | awk '!seen[$0]++'
}

first () {
	ffprobe -v error -select_streams v -show_entries packet=pts,flags -of csv=p=0 "$1" |
		grep K | sed -n "$(($2 + 1))s/,.*//p"
}

in_time () {
	mlive-cue show -q -j <"$1" | sed 's/.*"splice_time":\([0-9]*\).*/\1/' >splices
	PID=$2 perl -e '
		open my $t, "<", "splices"; chomp(my @t = <$t>);
		my (%gone, $bad);
		binmode STDIN;
		while (read(STDIN, my $p, 188) == 188) {
			my ($pid, $af) = ((unpack "n", substr $p, 1, 2) & 0x1fff, ord(substr $p, 3, 1) >> 4 & 3);
			next unless ord(substr $p, 1, 1) & 0x40 && $af & 1;
			my $d = substr $p, $af & 2 ? 5 + ord substr $p, 4, 1 : 4;
			if ($pid == $ENV{PID} && substr($d, 1, 1) eq "\xfc") {
				my $time = shift @t;
				$bad = print "cue for $time comes late\n" if $gone{$time};
			} elsif ($d =~ /^\x00\x00\x01[\xe0-\xef]/ && ord(substr $d, 7, 1) & 0x80) {
				my @b = unpack "C5", substr $d, 9;
				$gone{($b[0] >> 1 & 7) << 30 | $b[1] << 22 | $b[2] >> 1 << 15 | $b[3] << 7 | $b[4] >> 1} = 1;
			}
		}
		die "messages are missing\n" if @t;
		exit 1 if $bad' <"$1"
}

ahead () {
	awk '{ key = $0; sub(/ ahead .*/, "", key) } !(key in seen) { seen[key]; print $NF }' messages |
		sort -n | head -n 1
}

with_crc () {
	perl -e 'my $c = 0xffffffff;
		for my $b (unpack "C*", pack "H*", $ARGV[0]) {
			$c ^= $b << 24;
			$c = ($c << 1 ^ ($c & 0x80000000 ? 0x04c11db7 : 0)) & 0xffffffff for 1 .. 8;
		}
		printf "%s%08x", $ARGV[0], $c' "$1"
}
