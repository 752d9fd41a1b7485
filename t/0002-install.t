#!/bin/sh
# What make install puts where, that make uninstall takes all of it away, and that
# the completions work.
. "$(dirname "$0")/lib.sh"

in_tree () {
	make -s --no-print-directory -o all -C "$top" B="$BUILD" "$@"
}

in_tree install DESTDIR="$PWD/dest" PREFIX=/opt >install.log 2>&1 || cat install.log >&2
for path in "$BUILD"/m*-*
do
	tool=${path##*/}
	export tool
	check "$tool, its manual and its completion are installed" '
		test -x "dest/opt/bin/$tool"
		test -s "dest/opt/share/man/man1/$tool.1"
		test -s "dest/opt/share/bash-completion/completions/$tool"
		"dest/opt/bin/$tool" --version
	'
	check "$tool: bash completes its options" '
		"$tool" --help | grep -oE "^ +(-[[:alnum:]], )?--[a-z0-9-]+" |
			sed "s/.*--/--/" | sort >want
		bash -c "
			. dest/opt/share/bash-completion/completions/$tool
			COMP_WORDS=($tool --)
			COMP_CWORD=1
			_$(echo "$tool" | tr - _)
			printf \"%s\n\" \"\${COMPREPLY[@]}\"
		" | sort >got
		diff want got
	'
done
check 'bash completes the commands of mlive-cue, and none of others' '
	for tool in mlive-cue mlive-encode
	do
		bash -c "
			. dest/opt/share/bash-completion/completions/$tool
			COMP_WORDS=($tool s)
			COMP_CWORD=1
			_$(echo "$tool" | tr - _)
			echo $tool: \"\${COMPREPLY[*]}\"
		"
	done >got
	test "$(tr "\n" " " <got)" = "mlive-cue: show strip mlive-encode:  "
'
check 'the manuals of the whole are installed' '
	test -s dest/opt/share/man/man7/mts.7
	test -s dest/opt/share/man/man7/mlive.7
'
check 'nothing else is installed' '
	find dest -type f | grep -vE "/(bin|completions)/m[a-z]+-[a-z]+$" >rest
	fails 1 grep -vE "/man/man[157]/m[a-z-]+\.[157]$" rest
'
check 'uninstall removes all of it' '
	in_tree uninstall DESTDIR="$PWD/dest" PREFIX=/opt
	fails 1 sh -c "find dest -type f | grep ."
'
done_testing
