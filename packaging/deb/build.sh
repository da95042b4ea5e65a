#!/bin/sh
# Builds ../lsf_VERSION_amd64.deb out of what "make install" installs.
# systemd has a dpkg trigger for /usr/lib/binfmt.d: no maintainer scripts.
set -eu
cd "$(dirname "$0")/../.."

command -v dpkg-deb >/dev/null || { echo "make deb needs dpkg-deb" >&2; exit 1; }
version=${VERSION:-0.1~$(git show -s --format=%cd --date=format:%Y%m%d 2>/dev/null || date -u +%Y%m%d)}
out=${OUT:-..}/lsf_${version}_amd64.deb

tmp=$(mktemp -d)
trap 'rm -rf "$tmp"' EXIT
chmod 755 "$tmp"
make install DESTDIR="$tmp"
install -D -m 644 LICENSE "$tmp/usr/share/doc/lsf/copyright"
install -D -m 644 README.md "$tmp/usr/share/doc/lsf/README.md"
mkdir "$tmp/DEBIAN"
sed "s/@VERSION@/$version/" packaging/deb/control.in >"$tmp/DEBIAN/control"
dpkg-deb --root-owner-group --build "$tmp" "$out"
