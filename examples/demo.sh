#!/bin/sh
# Makes a small base image from Debian's busybox, builds examples/hello on it twice, and runs the result.
set -eu
rbuild=$1
here=$(dirname "$0")
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
export RBUILD_ROOT="$work/store"
say() { printf '\n\033[1m%s\033[0m\n' "$*"; }

say "A base image from $(command -v busybox)"
mkdir -p "$work/root/bin" "$work/root/etc" "$work/root/tmp"
cp "$(command -v busybox)" "$work/root/bin/busybox"
for applet in $("$work/root/bin/busybox" --list); do
    [ -e "$work/root/bin/$applet" ] || ln -s busybox "$work/root/bin/$applet"
done
echo 'root:x:0:0:root:/root:/bin/sh' > "$work/root/etc/passwd"
echo 'root:x:0:' > "$work/root/etc/group"
tar -C "$work/root" --owner=0 --group=0 -cf "$work/busybox.tar" .
"$rbuild" import "$work/busybox.tar" demo/busybox:1

say "First build"
"$rbuild" --build-context busybox=docker-image://demo/busybox:1 -t app:1 "$here/hello"

say "The image"
"$rbuild" inspect app:1

say "Second build: nothing changed"
"$rbuild" --build-context busybox=docker-image://demo/busybox:1 -t app:1 "$here/hello"

say "Run it"
"$rbuild" run app:1
