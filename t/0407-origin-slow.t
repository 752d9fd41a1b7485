#!/bin/sh
# Peers that are slow on purpose: thrown out or bounded, and nobody else has to wait for
# them.  (How long others then take: t/bench/slow.sh.)
. "$(dirname "$0")/lib.sh"
. "$top/t/origin.sh"
PATH=$BUILD/t/helper:$PATH

mkdir -p root
echo probe >root/probe
head -c 50000000 /dev/zero >root/big.mp4
serve --head-timeout 1s --body-timeout 3s --send-timeout 1s --idle-timeout 1s
port=${url##*:}
export port

for form in head idle keep read
do
	export form
	check "300 who are slow by $form are thrown out, and everyone else is served" '
		slow-load "$port" $form 300 3 /big.mp4 | tee out
		grep -q " left=0 " out
	'
done
for form in body chunk
do
	export form
	check "300 who write slowly by $form may, and everyone else is served" '
		slow-load "$port" $form 300 3 /big.mp4 | tee out
		grep -q " left=300 " out
	'
done
check 'nothing of that is left' '
	eventually sh -c "test \"\$(ls -A root/.mstore)\" = lock"
	test ! -e root/slow
'
stop_serving
done_testing
