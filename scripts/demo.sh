#!/bin/sh
# Shows a FreeBSD program that runs on this machine. Started by "make demo",
# which has built LSF into bin/. As root it registers LSF with the kernel, and
# takes that back at the end unless it was registered before.
set -eu
cd "$(dirname "$0")/.."

tmp=$(mktemp -d)
registered=
cleanup() {
	[ -z "$registered" ] || bin/lsf-install uninstall
	rm -rf "$tmp"
}
trap cleanup EXIT
trap 'exit 1' HUP INT TERM

say() { printf '\n# %s\n' "$*"; }

hello=$tmp/hello
say "a FreeBSD program: GOOS=freebsd go build ./examples/hello"
GOOS=freebsd GOARCH=amd64 CGO_ENABLED=0 go build -buildvcs=false -o "$hello" ./examples/hello
od -A d -t x1z -N 16 "$hello" | head -n 1
echo "                  (the eighth byte, 09: FreeBSD)"

run="bin/lsf --"
if [ "$(id -u)" = 0 ]; then
	say "bin/lsf-install install --no-boot"
	if bin/lsf-install status >"$tmp/status" 2>&1; then
		cat "$tmp/status"
		run=
	elif [ "$(sed -n 's/.*: registered.*/registered/p' "$tmp/status")" ]; then
		# Somebody else's entry that is not as it should be: leave it alone.
		cat "$tmp/status"
	elif bin/lsf-install install --no-boot; then
		registered=yes
		run=
	fi
fi
[ -z "$run" ] || say "not registered with the kernel: programs are run as $run PROGRAM"

say "what it sees"
$run "$hello" facts

if command -v ps >/dev/null; then
	say "it is a process like any other, started by $$: ps sees it, kill ends it"
	mkfifo "$tmp/input"
	$run "$hello" count <"$tmp/input" &
	job=$!
	exec 9>"$tmp/input" # opens when the program's side does
	n=0
	until ps -o pid=,ppid=,args= -p $job | grep "hello count"; do
		n=$((n + 1))
		[ $n -lt 50 ] || { echo "it did not start"; exit 1; }
		sleep 0.1
	done
	kill $job
	wait $job 2>/dev/null || echo "exit status $? (128 + SIGTERM)"
	exec 9>&-
fi

say "a pipeline with Linux programs: hello lines 100000 | hello upper | head -n 2"
$run "$hello" lines 100000 | $run "$hello" upper | head -n 2

say "exit statuses"
$run "$hello" exit 42 || echo "hello exit 42: $?"
