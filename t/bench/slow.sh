#!/bin/sh
# The origin and thousands of peers that are slow on purpose: how long a request of
# somebody else takes before and during that, by each form of slowness.
#
#	SLOW=5000 SECONDS_EACH=6
set -eu
top=$(cd "$(dirname "$0")/../.." && pwd)
BUILD=${BUILD:-$top/build}
PATH=$BUILD:$BUILD/t/helper:$PATH
dir=$(mktemp -d "${TMPDIR:-/tmp}/bench.XXXXXX")
pid=
trap 'kill $pid 2>/dev/null || true; wait; rm -rf "$dir"' EXIT
cd "$dir"
mkdir root
echo probe >root/probe
head -c 20000000 /dev/zero >root/big.mp4
: >log
mstore-serve -l 127.0.0.1:0 --head-timeout 3s --body-timeout 3s --send-timeout 3s \
	--idle-timeout 3s --max-connections 12000 --root root 2>log &
pid=$!
until grep -q listening log; do sleep 0.05; done
url=$(sed -n 's/.*listening on //p' log)
for form in head body chunk read idle keep
do
	printf '%-5s ' $form
	slow-load "${url##*:}" $form "${SLOW:-5000}" "${SECONDS_EACH:-6}" /big.mp4
done
awk '/^VmHWM/ { print "peak memory: " $2 " kB" }' "/proc/$pid/status"
