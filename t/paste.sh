# t/paste.sh - sourced after chain.sh by the tests of what people paste.
#
#   adapt              filter: ports, folders and interfaces become those of here
#   all_ran PAGE...    all their examples were asked for
#   example PAGE N [K] print the N-th example of a manual, or its K-th command
#   run COMMAND...     what it prints runs as a script, in a session of its own
#   finish             wait until it ends by itself, with 0; what it said is shown
#   end                end it; what it said is shown
#   send TO [FORMAT]   start to send film.mp4 there, for ever
#   served PATH        the origin serves it, and not nothing; it is in ./served
#
# $port is for the origin, $admin for its metrics, $udp for datagrams, $rtmp for publishers.
# shellcheck shell=sh disable=SC2154

port=$(free_port)
admin=$(free_port)
udp=$(free_port)
rtmp=$(free_port)
mkdir -p srv/media srv/capture run
# What a failed test left running.
sweep () {
	test ! -s group || kill -s KILL -- "-$(cat group)" 2>/dev/null || :
	rm -f group
}
trap 'sweep; kill -9 $started 2>/dev/null; rm -rf "$scratch"' EXIT

adapt () {
	sed "s|8080|$port|g; s|9090|$admin|g
		s|@239.1.1.1:5000|&?iface=lo|g
		s|10.0.0.9@|127.0.0.1@|; s|:5004?iface=eth1|:$udp?iface=lo|
		s|:5000|:$udp|g; s|https://example.net|http://127.0.0.1:$port|
		s|:1935|:$rtmp|g; s|srt://:9000|srt://:$udp|g
		s|/srv/|srv/|g; s|/run/|run/|g"
}

# All examples of a page: "N K line" for each line.  They are taken from the page
# as it is shown, since that is what people paste from.
examples () {
	mandoc -Tascii -O width=78 "$top/man/$1" | sed 's/.\x08//g' | awk '
		BEGIN { indent = "           " }
		index($0, indent "$ ") == 1 { if (!inside) { n++; k = 0 }; inside = 1; k++ }
		index($0, indent) != 1 { inside = 0 }
		inside { sub(/^           (\$ )?/, ""); print n, k, $0 }'
}

example () {
	echo "$1 $2" >>ran
	examples "$1" | sed -n "s/^$2 ${3:-[0-9]*} //p" | adapt | grep .
}

# Those whose examples 0851 runs; 0852 runs those of all others there are.
# shellcheck disable=SC2034	# in those
live_pages="mlive-archive.1 mlive-capture.1 mlive-cue.1 mlive-encode.1 mlive-ingest.1 mlive-push.1
	mlive.7 mpkg-segment.1 mts.7"

all_ran () {
	for page in "$@"
	do
		examples "$page" | sed "s/ .*//; s/^/$page /"
	done | sort -u >want
	test -s want
	sort -u ran | diff want -
}

run () {
	"$@" >script
	cat script
	sweep
	: >run.log
	setsid sh script >run.log 2>&1 & running=$!
	echo "$running" >group
}

finish () {
	if within 120 gone "$running"
	then
		cat run.log
		rm group
		wait "$running"
	else
		end
		echo "it does not end"
		return 1
	fi
}

# The whole group: what is last in a line flushes longer than its shell lives.
end () {
	cat run.log
	kill -- "-$running" 2>/dev/null || :
	within 30 ended
	rm group
	wait "$running" || :
}

ended () {
	test -z "$(ps -e -o pgid=,stat= | awk -v g="$running" '$1 == g && $2 !~ /^Z/')"
}

send () {
	stage sender /dev/null /dev/null ffmpeg -nostdin -v error -re -stream_loop -1 \
		-i film.mp4 -map 0 -c copy -f "${2:-mpegts}" "$1"
}

served () {
	curl -sf "http://127.0.0.1:$port/$1" >served
	test -s served
}
