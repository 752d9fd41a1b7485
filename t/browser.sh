# t/browser.sh - sourced after chain.sh by the tests that play in a browser.
#
#   browser DIR		puts the page into DIR and has the driver of the browser; without
#			FULL=1 skips the rest of the file when one cannot be had
#   tls_origin DIR	as origin of chain.sh, and at $secure over TLS; needs tls.sh
#   play PLAYER ...	t/browser/play.js with the page of $base; PLAYER-tls: of $secure
#   play_instead PLAYER ...	the same, for the background: $! is the driver itself
#   together "PLAYER..." ARGUMENT...	play with each of these, all at once; who stalled
#			or came late, as on a machine that others use, has two more tries
#   played PLAYER	and did it well?  What it said is shown
# shellcheck shell=sh

# What is missing ends the file: as a failure with FULL=1, else skipped.
missing () {
	if test -n "${FULL-}"
	then
		check "there is a browser: $1" 'false'
	else
		skip 'the players' "$1"
	fi
	done_testing
	exit
}

browser () {
	for tool in chromium node npm
	do
		command -v "$tool" >/dev/null || missing "no $tool"
	done
	mkdir -p "$1" "$BUILD/browser"
	"$top/origin/demo/page" "$BUILD/demo/page" "$1" >page.log 2>&1 ||
		missing "$(tail -n 1 page.log)"
	if ! cmp -s "$top/t/browser/package-lock.json" "$BUILD/browser/installed.json"
	then
		cp "$top/t/browser/package.json" "$top/t/browser/package-lock.json" \
			"$top/t/browser/.npmrc" "$BUILD/browser"
		(cd "$BUILD/browser" && npm ci --no-audit --no-fund) >npm.log 2>&1 ||
			missing "no driver of the browser: $(tail -n 1 npm.log)"
		cp "$BUILD/browser/package-lock.json" "$BUILD/browser/installed.json"
	fi
	NODE_PATH=$BUILD/browser/node_modules
	export NODE_PATH
}

tls_origin () {
	self_signed cert
	mkdir -p "$1"
	port=$(free_port)
	base=http://127.0.0.1:$port
	secure=https://127.0.0.1:$(free_port)
	export base secure
	stage origin /dev/null /dev/null mstore-serve -l "127.0.0.1:$port" -l "$secure" \
		--tls-cert cert.pem --tls-key cert.key --root "$1"
	eventually answers
}

# Two leave enough of two cores to what makes the channel.
together () {
	players=$1
	shift
	playing=
	for who in $players
	do
		attempt "$who" "$@" & playing="$playing $!"
	done
	# shellcheck disable=SC2086	# a word for each
	wait $playing
	for who in $players
	do
		for try in 2 3
		do
			test "$(cat "$who.status")" -ne 0 || break
			sed "s/^/# before try $try, $who: /" "$who.log" >&2
			attempt "$who" "$@"
		done
	done
}

# attempt PLAYER ARGUMENT... - what it says in PLAYER.log, how it ended in PLAYER.status
attempt () {
	status=0
	play "$@" >"$1.log" 2>&1 || status=$?
	echo "$status" >"$1.status"
}

played () {
	cat "$1.log"
	test "$(cat "$1.status")" -eq 0
}

play () {
	(play_instead "$@")
}

play_instead () {
	player=${1%-tls}
	test "$player" = "$1" || base=$secure
	shift
	exec node "$top/t/browser/play.js" "$base/watch/" "$player" "$@"
}
