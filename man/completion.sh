#!/bin/sh
# man/completion.sh TOOL - write the bash completion of a tool, made from what its
# --help says: its commands, if it has any, its options, and after them file names.
set -eu
tool=${1##*/}
help=$("$1" --help)
options=$(echo "$help" | grep -oE '^ +(-[[:alnum:]], )?--[a-z0-9-]+' |
	grep -oE -- '--?[[:alnum:]][a-z0-9-]*' | tr '\n' ' ')
test -n "$options"
commands=$(echo "$help" | sed -n "s/^\(usage:\|      \) $tool \([a-z][a-z]*\) .*/\2/p" |
	tr '\n' ' ')
name=_$(echo "$tool" | tr - _)
cat <<END
# bash completion of $tool
$name ()
{
	COMPREPLY=()
	if [[ \${COMP_WORDS[COMP_CWORD]} == -* ]]; then
		mapfile -t COMPREPLY < <(compgen -W '${options% }' -- \\
			"\${COMP_WORDS[COMP_CWORD]}")
	elif [[ \$COMP_CWORD -eq 1 ]]; then
		mapfile -t COMPREPLY < <(compgen -W '${commands% }' -- \\
			"\${COMP_WORDS[COMP_CWORD]}")
	fi
}
complete -o default -F $name $tool
END
