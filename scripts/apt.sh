# SPDX-License-Identifier: GPL-2.0-only
# shellcheck shell=bash disable=SC2154,SC2120
# Debian packages without installing them: a private apt state in the cache, from the mirror
# that the machine's own apt uses. Sourced after common.sh.

# Kernels for bookworm, and the newest kernel from the backports of the release after it. With
# T1X_SUITE=trixie that release itself, apart from the rest: for clients that bookworm is too old for.
suite=bookworm
newer_suite=trixie-backports
apt=$cache/apt
[ "${T1X_SUITE:-}" != trixie ] || apt=$cache/apt-trixie

priv_apt() {
	local tool=$1
	shift
	"$tool" -o Dir::Etc="$apt/etc" -o Dir::Etc::sourcelist="$apt/etc/sources.list" \
		-o Dir::Etc::sourceparts=/nonexistent -o Dir::State="$apt" \
		-o Dir::State::status="$apt/status" -o Dir::Cache="$apt" \
		-o Dir::Cache::archives="$apt/archives" -o APT::Sandbox::User=root \
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
	if [ "$apt" != "$cache/apt" ]; then
		echo "deb [$key] $main trixie main"
		[ -z "$sec" ] || echo "deb [$key] $sec trixie-security main"
		return
	fi
	echo "deb [$key] $main $suite main"
	[ -z "$sec" ] || echo "deb [$key] $sec $suite-security main"
	echo "deb [$key] $main $newer_suite main"
}

apt_fresh() {
	[ "$(find "$apt/fresh" -mmin -1440 2>/dev/null)" ]
}

# Make the package lists usable: fetched at most once a day, and again when "force" is given.
apt_ready() {
	[ "${1:-}" = force ] || ! apt_fresh || return 0
	(
		lock "$cache/lock.apt" "the package lists"
		mkdir -p "$apt/lists/partial" "$apt/archives/partial" \
			"$apt/etc/apt.conf.d" "$apt/etc/preferences.d" "$cache/debs"
		touch "$apt/status"
		list=$apt/etc/sources.list
		apt_sources >"$list.new"
		cmp -s "$list.new" "$list" || rm -f "$apt/fresh"
		mv "$list.new" "$list"
		[ "${1:-}" = force ] || ! apt_fresh || exit 0
		say "fetching the package lists"
		if priv_apt apt-get -q update >"$apt/update.log" 2>&1; then
			touch "$apt/fresh"
		elif [ -e "$apt/fresh" ]; then
			say "warning: package lists not refreshed, the old ones are used ($apt/update.log)"
		else
			tail -n 5 "$apt/update.log" >&2
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
	local pkg file
	for pkg in "$@"; do
		file=$(priv_apt apt-get download --print-uris "$pkg" 2>/dev/null | awk 'NR == 1 { print $2 }')
		[ "$file" ] || die "no package $pkg in the package lists; delete $apt/fresh and try again"
		if [ ! -e "$cache/debs/$file" ]; then
			say "downloading $file"
			(
				tmp=$(mktemp -d "$cache/debs/.get.XXXXXX")
				trap 'rm -rf "$tmp"' EXIT
				if ! (cd "$tmp" && priv_apt apt-get -q download "$pkg" >log 2>&1); then
					tail -n 3 "$tmp/log" >&2
					die "cannot download $pkg: check the network, or delete $apt/fresh and try again"
				fi
				mv "$tmp/$file" "$cache/debs/"
			) || exit
		fi
		echo "$cache/debs/$file"
	done
}
