# t/sdk.sh - sourced after lib.sh by the tests that use AWS's SDK.
#
#   sdk           have the clients of t/sdk/package.json, for node; or a reason in $why
#   without_sdk   a test for those that need it: skipped, but with FULL=1 a failure
# shellcheck shell=sh

sdk () {
	for tool in node npm
	do
		command -v "$tool" >/dev/null || {
			why="no $tool"
			return 1
		}
	done
	mkdir -p "$BUILD/sdk"
	# Another test may want them at the same time.
	flock "$BUILD/sdk" sh -c '
		cd "$BUILD/sdk" || exit
		cmp -s "$top/t/sdk/package-lock.json" installed.json && exit
		cp "$top/t/sdk/package.json" "$top/t/sdk/package-lock.json" \
			"$top/t/sdk/.npmrc" . &&
		npm ci --no-audit --no-fund && cp package-lock.json installed.json
	' >npm.log 2>&1 || {
		why="the SDK cannot be had: $(grep -m 1 error npm.log)"
		return 1
	}
	NODE_PATH=$BUILD/sdk/node_modules
	export NODE_PATH
}

without_sdk () {
	if test -n "${FULL-}"
	then
		check "there is the AWS SDK: $why" 'cat npm.log; false'
	else
		skip 'the AWS SDK for JavaScript' "$why"
	fi
}
