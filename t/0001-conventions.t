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
done_testing
