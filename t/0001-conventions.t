#!/bin/sh
# What every tool has in common: help, version, exit statuses, a true manual.
. "$(dirname "$0")/lib.sh"

man=$top/man

for path in "$BUILD"/m*-*
do
	tool=${path##*/}
	export tool man
	check "$tool: --help is on stdout, alone, with status 0" '
		$tool --help >out 2>err
		grep "^usage: $tool" out
		test ! -s err
	'
	check "$tool: --version names the tool" '
		$tool --version >out
		grep "^$tool " out
	'
	check "$tool: a wrong option is on stderr, in two lines, with status 2" '
		fails 2 "$tool" --no-such-option >out 2>err
		test ! -s out
		test "$(wc -l <err)" -eq 2
	'
	check "$tool: its manual and --help have the same options" '
		$tool --help | grep -oE "^ +(-[[:alnum:]], )?--[a-z0-9-]+" |
			sed "s/.*--//" | sort >help
		sed -n "s/^\.It .*Fl -\([a-z0-9-]*\).*/\1/p" "$man/$tool.1" | sort >manual
		diff help manual
	'
done
# TOOL... with an address as the last argument
mistaken () {
	command -v "$1" || return 0
	timeout 60 "$@" >out 2>err </dev/null || :
	cat err
	grep "^$1: .*://" err
	fails 1 grep "s3cret" err
}
check 'what is secret in an address is not said' '
	for address in rtsp://me:s3cret@h/x s3://key:s3c/s3cret@bucket/x "s3://b/k?secret=s3cret" \
		"nope://me:s3cret@h?password=s3cret&passphrase=s3cret"
	do
		mistaken mlive-ingest "$address"
		mistaken mconnect-probe "$address"
		mistaken mconnect-relay -i "$address" -o udp://127.0.0.1:9
		mistaken mpkg-segment -o "$address"
		mistaken mstore-ctl ls "$address"
	done
	mistaken mlive-ingest "rist://me:s3cret@127.0.0.1:9"
	mistaken mlive-ingest "srt://me:s3cret@127.0.0.1:9"
	mistaken mlive-ingest "udp://me:s3cret@127.0.0.1:9"
	mistaken mlive-archive -o "http://me:s3cret@127.0.0.1:9/"
	mistaken mlive-push "http://me:s3/s3cret@127.0.0.1:9/"
'
# Under set -e what begins with ! ends nothing: at the end only it says how it all went.
check 'no test has a ! where it cannot fail' '
	perl -ne "if (\$held) {
			print \$held if !/^\t*(\x27|\})/;
			\$held = q();
		}
		\$held = qq(\$ARGV: \$_) if /^\t+! / && !/[|]{2}|&&|[\"|\\\\]\$/" "$top"/t/*.t >loose
	cat loose
	test ! -s loose
'
done_testing
