# SPDX-License-Identifier: LGPL-2.1-or-later
# shellcheck shell=bash
# Completion of mailboxctl's commands, options and mailboxes' names, for bash.

_mailboxctl_names()
{
	local name

	# A name can hold blanks and what the shell takes for its own.
	while IFS= read -r name; do
		[[ $name == "$cur"* ]] && COMPREPLY+=("$(printf '%q' "$name")")
	done < <(mailboxctl list --names 2>/dev/null)
}

# The words that an option takes, or nothing.
_mailboxctl_values()
{
	case $1 in
	--policy) echo shared exclusive pair broadcast segment ;;
	--slow) echo block lose cut ;;
	--capacity) echo 0 1 64 unlimited ;;
	--mode) echo 0600 0660 0666 ;;
	esac
}

_mailboxctl()
{
	local commands='create info list load recv rm send set stat unload watch'
	local cur=${COMP_WORDS[COMP_CWORD]} previous=${COMP_WORDS[COMP_CWORD - 1]}
	local command=${COMP_WORDS[1]} options

	COMPREPLY=()

	if ((COMP_CWORD == 1)); then
		mapfile -t COMPREPLY < <(compgen -W "$commands --help --usage --version" -- "$cur")
		return
	fi

	# "--policy=sh" comes as three words: --policy, = and sh.
	[[ $cur == '=' ]] && cur=
	[[ $previous == '=' ]] && previous=${COMP_WORDS[COMP_CWORD - 2]}

	case $previous in
	--policy | --slow | --capacity | --mode)
		mapfile -t COMPREPLY < <(compgen -W "$(_mailboxctl_values "$previous")" -- "$cur")
		return
		;;
	--owner)
		mapfile -t COMPREPLY < <(compgen -u -- "$cur")
		return
		;;
	--group)
		mapfile -t COMPREPLY < <(compgen -g -- "$cur")
		return
		;;
	--from)
		mapfile -t COMPREPLY < <(compgen -W "$(cd /proc && echo [0-9]*)" -- "$cur")
		return
		;;
	--count | --interval | --message | --peek | --priority | --size | --tag | --tag-max | --tag-not | --timeout)
		return
		;;
	esac

	if [[ $cur == -* ]]; then
		case $command in
		create) options='--capacity= --size= --fixed --policy= --slow= --mode= --if-missing' ;;
		info | stat) options='--json' ;;
		list) options='--json --names --unnamed' ;;
		recv)
			options='--count= --follow --all --timeout= --nonblock --tag= --tag-max= --tag-not=
				--priority= --from= --peek= --header --newline --null'
			;;
		rm) options='--force --now' ;;
		send) options='--message= --lines --null --priority= --tag= --sync --timeout= --nonblock' ;;
		set) options='--capacity= --size= --mode= --owner= --group=' ;;
		watch) options='--interval= --count= --json' ;;
		*) options= ;;
		esac
		mapfile -t COMPREPLY < <(compgen -W "$options --help --usage --version" -- "$cur")
		[[ ${COMPREPLY[0]-} == *= ]] && compopt -o nospace 2>/dev/null
		return
	fi

	case $command in
	recv | rm | send | set | stat | watch)
		_mailboxctl_names
		;;
	load)
		mapfile -t COMPREPLY < <(
			compgen -W 'message_max= user_bytes= user_messages= user_mailboxes=' -- "$cur"
			compgen -f -X '!*.ko*' -- "$cur"
			compgen -d -S / -- "$cur"
		)
		compopt -o nospace 2>/dev/null
		;;
	esac
}

complete -F _mailboxctl mailboxctl
