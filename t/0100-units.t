#!/bin/sh
# Every C unit test, each a TAP program of its own: one line here for each.
. "$(dirname "$0")/lib.sh"

for unit in "$BUILD"/t/unit/*
do
	case $unit in *.o|*.d) continue;; esac
	export unit
	check "unit ${unit##*/}" '
		"$unit" >out || { grep -A3 "^not ok" out; false; }
		grep "^1\.\." out
	'
done
done_testing
