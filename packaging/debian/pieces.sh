# shellcheck shell=sh disable=SC2034
# The pieces in Exim's configuration.  prerm and postrm both begin with this text (debian/rules puts it there).
#
# Nothing here fails or refuses: a package that cannot be removed is worse than a piece that stays.

state=/var/lib/exim-batv
etc=/etc/exim4
so=/usr/lib/exim4/local_scan/batv.so
changed=

say() { echo "exim4-batv: $*" >&2; }

# Is file $1 byte for byte what `batvctl enable` placed, or what the package ships as $2?  The manifest belongs to the user
# batv, so it is only compared with: the paths are those of this script.
is_ours() {
	[ -f "$1" ] && [ ! -L "$1" ] || return 1
	[ -z "$2" ] || ! cmp -s "$1" "/usr/share/exim-batv/snippets/debian/$2" || return 0
	[ -f $state/manifest ] && [ ! -L $state/manifest ] || return 1
	sum=$(sha256sum <"$1") || return 1
	head -c 65536 $state/manifest | grep -F -- "$1" | grep -qF -- "${sum%% *}"
}

# take FILE [SHIPPED]: remove a piece, if it is ours.
take() {
	if is_ours "$1" "$2"; then
		rm -f "$1" && changed=yes
	elif [ -e "$1" ] || [ -L "$1" ]; then
		say "left $1: it is not as it was placed. Remove it yourself, then run: update-exim4.conf && systemctl reload exim4"
		return 1
	fi
}

# The last day on which a tag that was made here is valid; nothing, if none is.
last_day() {
	[ -f $state/state ] && [ ! -L $state/state ] || return 0
	now=$(date +%s)
	last=$(head -c 65536 $state/state |
		awk -v now="$now" '$1 == "key" && $6 <= now && $8 > last { last = $8 } END { if (last > now) print last }')
	[ -z "$last" ] || LC_ALL=C date -d "@$last" '+%a %d %b %Y'
}

daemon_pid() {
	pid=$(cat /run/exim4/exim.pid 2>/dev/null) && [ -n "$pid" ] || return 1
	case $(readlink "/proc/$pid/exe" 2>/dev/null) in
	*/exim4*) ;;
	*) return 1 ;;
	esac
}

# A process has another one after it has executed a program.
image() { { cksum <"/proc/$1/auxv"; } 2>/dev/null || true; }

# Exim's daemon reads its configuration again.  policy-rc.d may forbid that; but what runs on with the old configuration
# would defer all mail once the module is gone, so it is told directly then.  False: it still has the old one.
reload_exim() {
	if command -v update-exim4.conf >/dev/null; then
		update-exim4.conf || say "update-exim4.conf failed, see above: correct Exim's configuration, and run it again"
	fi
	daemon_pid || return 0
	exim4 -bV >/dev/null 2>&1 || return 1
	old=$pid
	before=$(image "$old")
	invoke-rc.d --quiet --disclose-deny exim4 reload </dev/null >/dev/null 2>&1 || ! daemon_pid || kill -HUP "$pid" || return 0
	# until it has executed itself again, 5 seconds at most
	for _ in 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16 17 18 19 20 21 22 23 24 25; do
		[ "$(image "$old")" = "$before" ] || break
		sleep 0.2
	done
}
