# SPDX-License-Identifier: GPL-2.0-only
# shellcheck shell=bash disable=SC2154,SC2120
# Debian packages without installing them: a private apt state in the cache, from the mirror
# that the machine's own apt uses. Sourced after common.sh.

# Kernels for bookworm, and the newest kernel from the backports of the release after it.
suite=bookworm
newer_suite=trixie-backports

priv_apt() {
	local tool=$1
	shift
	"$tool" -o Dir::Etc="$cache/apt/etc" -o Dir::Etc::sourcelist="$cache/apt/etc/sources.list" \
		-o Dir::Etc::sourceparts=/nonexistent -o Dir::State="$cache/apt" \
		-o Dir::State::status="$cache/apt/status" -o Dir::Cache="$cache/apt" \
		-o Dir::Cache::archives="$cache/apt/archives" -o APT::Sandbox::User=root \
		-o APT::Get::List-Cleanup=true "$@"
}

# The machine's mirror for a suite, "" if it has none.
apt_site() {
	# shellcheck disable=SC2016 # the $(...) are apt's own format fields
	apt-get indextargets --format '$(SITE) $(RELEASE) $(COMPONENT)' 'Created-By: Packages' |
		awk -v s="$1" '$2 == s && $3 == "main" { print $1; exit }'
}

apt_sources() {
	local main sec key
	main=$(apt_site $suite)
	sec=$(apt_site $suite-security)
	[ "$main" ] || die "this machine's apt has no $suite main: add it to /etc/apt/sources.list"
	key="signed-by=/usr/share/keyrings/debian-archive-keyring.gpg"
	echo "deb [$key] $main $suite main"
	[ -z "$sec" ] || echo "deb [$key] $sec $suite-security main"
	echo "deb [$key] $main $newer_suite main"
}

apt_fresh() {
	[ "$(find "$cache/apt/fresh" -mmin -1440 2>/dev/null)" ]
}

# Make the package lists usable: fetched at most once a day, and again when "force" is given.
apt_ready() {
	[ "${1:-}" = force ] || ! apt_fresh || return 0
	(
		lock "$cache/lock.apt" "the package lists"
		mkdir -p "$cache/apt/lists/partial" "$cache/apt/archives/partial" \
			"$cache/apt/etc/apt.conf.d" "$cache/apt/etc/preferences.d" "$cache/debs"
		touch "$cache/apt/status"
		list=$cache/apt/etc/sources.list
		apt_sources >"$list.new"
		cmp -s "$list.new" "$list" || rm -f "$cache/apt/fresh"
		mv "$list.new" "$list"
		[ "${1:-}" = force ] || ! apt_fresh || exit 0
		say "fetching the package lists"
		if priv_apt apt-get -q update >"$cache/apt/update.log" 2>&1; then
			touch "$cache/apt/fresh"
		elif [ -e "$cache/apt/fresh" ]; then
			say "warning: package lists not refreshed, the old ones are used ($cache/apt/update.log)"
		else
			tail -n 5 "$cache/apt/update.log" >&2
			die "cannot fetch the package lists: check the machine's network and apt mirror"
		fi
	)
}

# apt_newest REGEX: the package of the highest version in its name.
apt_newest() {
	priv_apt apt-cache search --names-only "^$1\$" | awk '{ print $1 }' | sort -V | tail -n 1
}

apt_field() {
	priv_apt apt-cache show --no-all-versions "$1" 2>/dev/null | sed -n "s/^$2: //p" | head -n 1
}

# apt_fetch PACKAGE...: download what is not there yet, print the .deb files.
apt_fetch() {
	local pkg file tmp
	for pkg in "$@"; do
		file=$(priv_apt apt-get download --print-uris "$pkg" 2>/dev/null | awk 'NR == 1 { print $2 }')
		[ "$file" ] || die "no package $pkg in the package lists; delete $cache/apt/fresh and try again"
		if [ ! -e "$cache/debs/$file" ]; then
			say "downloading $file"
			tmp=$(mktemp -d "$cache/debs/.get.XXXXXX")
			if ! (cd "$tmp" && priv_apt apt-get -q download "$pkg" >log 2>&1); then
				tail -n 3 "$tmp/log" >&2
				rm -rf "$tmp"
				die "cannot download $pkg: check the network, or delete $cache/apt/fresh and try again"
			fi
			mv "$tmp/$file" "$cache/debs/"
			rm -rf "$tmp"
		fi
		echo "$cache/debs/$file"
	done
}
