#!/bin/sh
# mlive-ingest | mlive-encode: minutes of what t/bench/day.sh does for a day, half an
# hour with FULL.
. "$(dirname "$0")/lib.sh"

need 'no ffmpeg' ffmpeg -version
need 'not built' mlive-encode --version

check 'drift, changes of the sound and a wrap: beeps within 20 ms, memory flat' '
	if test -n "${FULL-}"
	then
		sh "$top/t/bench/day.sh" 30min
	else
		sh "$top/t/bench/day.sh" 8min
	fi
'
done_testing
