#!/bin/sh
# Prints the licences of what is linked into LSF's programs: Go's own library
# and the modules. They all want to be passed on with binaries.
set -eu
cd "$(dirname "$0")/.."
: "${GO:=go}"

notice() { # name directory
	name=$1
	set -- "$1" "$2"/*LICEN[CS]E* "$2"/COPYING* "$2"/NOTICE*
	printf "%s\n\n" "==== $name"
	shift
	found=
	for file; do
		[ -f "$file" ] || continue
		cat "$file"
		echo
		found=yes
	done
	[ "$found" ] || { echo "notices: $name: no licence in its directory" >&2; exit 1; }
}

notice "Go $("$GO" env GOVERSION)" "$("$GO" env GOROOT)"
modules=$(GOOS=linux GOARCH=amd64 CGO_ENABLED=0 "$GO" list -deps -f \
	'{{with .Module}}{{if not .Main}}{{.Path}} {{.Version}}|{{.Dir}}{{end}}{{end}}' ./cmd/... | sort -u)
while IFS='|' read -r name dir; do
	[ -z "$name" ] || notice "$name" "$dir"
done <<END
$modules
END
