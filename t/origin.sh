# t/origin.sh - sourced by the tests of the origin, after lib.sh.
#
#   serve [OPTION...]      start mstore-serve over ./root; sets url, admin, pid
#   stop_serving           stop it by SIGTERM and check that it ends well
#   code CURL-ARGUMENT...  print the status of a request
#   metric NAME            print that number of the server at $admin
# shellcheck shell=sh disable=SC2154

pid=
trap 'test -z "$pid" || kill -9 $pid; rm -rf "$scratch"' EXIT

listening () {
	grep -q '^mstore-serve: info: listening on' serve.log
}

serve () {
	mkdir -p root
	: >serve.log
	mstore-serve -l 127.0.0.1:0 --admin 127.0.0.1:0 --root root "$@" 2>serve.log &
	pid=$!
	eventually grep -q 'metrics on' serve.log || {
		cat serve.log
		echo 'Bail out! mstore-serve does not start'
		exit 1
	}
	url=http://$(sed -n 's/.*listening on //p' serve.log | head -n 1)
	admin=$(sed -n 's/.*metrics on \(.*\)\/metrics/\1/p' serve.log)
	export url admin pid
}

stop_serving () {
	check 'SIGTERM ends it, with status 0' '
		cat serve.log
		kill $pid
	'
	wait "$pid"
	status=$?
	pid=
	export status
	check 'and that was so' 'test "$status" -eq 0'
}

metric () {
	curl -sf "$admin/metrics" | sed -n "s|^$1 ||p"
}

code () {
	curl -s -o /dev/null -w '%{http_code}\n' "$@"
}
