# t/varnish.sh - sourced by the tests of the edge, after lib.sh and origin.sh.
#
#   edge NAME ARGUMENT...  start Varnish NAME with what medge-conf prints for
#                          ARGUMENT...; sets edge to its URL and proxied to the address
#                          for what ends TLS
#   origin NAME [OPTION..] start another mstore-serve, over ./NAME; sets url and admin
#   kill_named NAME        end that one, and wait until it has
#   gets                   how many GETs the origin at $admin has had
#   growing PATH           begin to put PATH; what is written to descriptor 9 is put
#   grown                  and end it
#   crowd N URL DIR [OPTION..]  N clients at once; what they get goes to DIR/1 ...
# shellcheck shell=sh disable=SC2154

named=
trap 'stop_all; test -z "$pid" || kill -9 $pid 2>/dev/null; rm -rf "$scratch"' EXIT

stop_all () {
	for name in $named
	do
		kill "$(cat "$name.pid")" 2>/dev/null || continue
		wait "$(cat "$name.pid")" 2>/dev/null || :
	done
	named=
}

kill_named () {
	kill ${2:+"$2"} "$(cat "$1.pid")"
	eventually gone "$1"
}

gone () {
	! grep -q '^State:.[^Z]' "/proc/$(cat "$1.pid")/status" 2>/dev/null
}

started () {
	echo "$2" >"$1.pid"
	case " $named " in
	*" $1 "*) ;;
	*) named="$1 $named" ;;
	esac
}

origin () {
	name=$1
	shift
	mkdir -p "$name"
	: >"$name.log"
	mstore-serve -l 127.0.0.1:0 --admin 127.0.0.1:0 --root "$name" "$@" 2>"$name.log" &
	started "$name" $!
	eventually grep -q 'metrics on' "$name.log" || bail "$name"
	url=http://$(sed -n 's/.*listening on //p' "$name.log" | head -n 1)
	admin=$(sed -n 's/.*metrics on \(.*\)\/metrics/\1/p' "$name.log")
	export url admin
}

edge () {
	name=$1
	shift
	edge=http://127.0.0.1:$(free_port)
	proxied=127.0.0.1:$(free_port)
	medge-conf -l "${edge#http://}" --proxy "$proxied" "$@" >"$name.vcl" || bail "$name"
	# Without a jail: the folder of the test is for its user alone.
	varnishd -F -j none -n "$PWD/$name.work" -T none -f "$PWD/$name.vcl" \
		-a "${edge#http://}" -a "front=$proxied,PROXY" -s malloc,64M \
		-p feature=+http2 -p backend_idle_timeout=45 -p timeout_idle=60 \
		>"$name.log" 2>&1 &
	started "$name" $!
	eventually curl -s -o /dev/null "$edge/.time" || bail "$name"
	export edge proxied
}

bail () {
	cat "$1.log"
	echo "Bail out! $1 does not start"
	exit 1
}

gets () {
	curl -s "$admin/metrics" | sed -n 's/^mstore_request_count{operation="get"} //p'
}

growing () {
	rm -f grows
	mkfifo grows
	curl -s -T - -H 'x-amz-upload-availability: STREAMING' "$url$1" <grows >put.log 2>&1 &
	put=$!
	exec 9>grows
	eventually begun "$url$1"
}

# At the origin itself: an edge that asks too early keeps the 404 for a while.
begun () {
	test "$(curl -s -I -o /dev/null -w '%{http_code}' "$1")" = 200
}

grown () {
	exec 9>&-
	wait "$put"
}

# For the background: closes descriptor 9, without which the PUT would not end.
# (On the command it would not do: the shell keeps a copy, to restore it.)
crowd () {
	exec 9>&-
	number=$1 from=$2 to=$3
	shift 3
	mkdir -p "$to"
	curl -s -N -f -Z --parallel-immediate --parallel-max "$number" -m 60 "$@" \
		"$from#[1-$number]" -o "$to/#1" 2>"$to.log" || echo "$?" >"$to/failed"
}
