#!/bin/sh
# Builds lsf_VERSION_amd64.deb by debhelper from a copy of the tracked files, so
# that nothing else in this directory gets in. Started by "make deb".
#
#   OUT      directory for the package, by itself the one above
#   VERSION  by itself that of debian/changelog, with the date of the last commit
#            unless that commit is tagged as vVERSION
#   SOURCE_DATE_EPOCH  date of the files inside, by itself the last commit's. Two
#            builds of the same version and date are the same to the byte.
set -eu
cd "$(dirname "$0")/../.."
top=$PWD
: "${GO:=go}"

die() { echo "make deb: $*" >&2; exit 1; }

missing=
while read -r command package; do
	command -v "$command" >/dev/null || missing="$missing $package"
done <<END
dpkg-buildpackage dpkg-dev
dh debhelper
END
[ -z "$missing" ] || die "missing programs; try: apt-get install$missing"
command -v "$GO" >/dev/null || die "no Go in PATH (or GO=…): LSF needs Go 1.26, newer than Debian 12's"

git() { command git -C "$top" "$@" 2>/dev/null; }

tmp=$(mktemp -d)
trap 'rm -rf "$tmp"' EXIT
trap 'exit 1' HUP INT TERM
tree=$tmp/lsf
mkdir "$tree"
if git ls-files -z >"$tmp/tracked" && [ -s "$tmp/tracked" ]; then
	while IFS= read -r file; do # names are plain
		[ ! -e "$file" ] || printf '%s\0' "$file"
	done <<END >"$tmp/files"
$(tr '\0' '\n' <"$tmp/tracked")
END
else # a tarball
	find . -path ./.git -prune -o -path ./bin -prune -o ! -type d -print0 >"$tmp/files"
fi
tar -cf - --null -T "$tmp/files" | tar -xf - -C "$tree"
mv "$tree/packaging/deb/debian" "$tree/debian"
cd "$tree"

release=$(dpkg-parsechangelog -S Version)
: "${SOURCE_DATE_EPOCH:=$(git log -1 --format=%ct || dpkg-parsechangelog -S Timestamp)}"
export SOURCE_DATE_EPOCH
if [ -z "${VERSION:-}" ]; then
	VERSION=$release
	if git rev-parse HEAD >/dev/null && ! git describe --exact-match --match "v$release" >/dev/null; then
		VERSION=$release~$(date -u -d "@$SOURCE_DATE_EPOCH" +%Y%m%d.%H%M%S)
	fi
fi
if [ "$VERSION" != "$release" ]; then
	{
		cat <<END
lsf ($VERSION) unstable; urgency=medium

  * Built from the source between releases.

 -- $(sed -n 's/^Maintainer: //p' debian/control)  $(date -u -R -d "@$SOURCE_DATE_EPOCH")

END
		cat debian/changelog
	} >debian/changelog.new
	mv debian/changelog.new debian/changelog
fi

# debhelper gives the build an empty home directory.
GOCACHE=$("$GO" env GOCACHE) GOMODCACHE=$("$GO" env GOMODCACHE)
export GO GOCACHE GOMODCACHE
unset MAKEFLAGS MFLAGS MAKELEVEL
umask 022
# Not checked: build-essential, whose compilers are not needed here.
dpkg-buildpackage --build=binary --unsigned-changes --no-check-builddeps >"$tmp/log" 2>&1 || { cat "$tmp/log" >&2; exit 1; }

out=${OUT:-$top/..}
mkdir -p "$out"
deb=lsf_${VERSION}_amd64.deb
mv "$tmp/$deb" "$out/$deb"
echo "$(cd "$out" && pwd)/$deb"
