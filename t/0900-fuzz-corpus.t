#!/bin/sh
# Every fuzz target replays its corpus, compiled by whatever compiled the rest.
. "$(dirname "$0")/lib.sh"

for target in "$BUILD"/t/fuzz/fuzz-*
do
	case $target in *.o|*.d) continue;; esac
	corpus=$top/t/fuzz/corpus-${target##*/fuzz-}
	export target corpus
	check "${target##*/} over its corpus" '
		test -n "$(ls "$corpus")"
		"$target" "$corpus"/*
	'
done
done_testing
