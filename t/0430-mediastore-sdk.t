#!/bin/sh
# mstore-serve as MediaStore: AWS's own client for JavaScript, as it is.
. "$(dirname "$0")/lib.sh"
# shellcheck disable=SC2154
. "$top/t/origin.sh"

. "$top/t/sdk.sh"

sdk || {
	without_sdk
	done_testing
}

cat >keys <<-'END'
	# who may sign
	AKTEST testsecret
	AKREAD another read page/
END
chmod 600 keys

for phase in keys open
do
	if test $phase = keys
	then
		serve --keys keys --region eu-central-1
	else
		serve
	fi
	export phase
	node "$top/t/sdk/mediastore.js" "$url" $phase >sdk.log 2>&1
	status=$?
	export status
	while IFS= read -r line
	do
		case $line in
		'ok '*)
			check "$phase: ${line#* - }" true
			;;
		'not ok '*)
			check "$phase: ${line#* - }" 'grep -v "^ok" sdk.log; false'
			;;
		esac
	done <sdk.log
	check "$phase: the client came to its end" 'cat sdk.log; test $status -eq 0'
	stop_serving
	rm -rf root
done
done_testing
