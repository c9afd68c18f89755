#!/bin/sh
# Makes a small base image from Debian's busybox, builds examples/hello on it twice, and runs the result.
# Nothing stays behind: the store is a temporary directory. As root, or as a user with subordinate ids.
set -eu
rbuild=$(realpath "${1:?usage: demo.sh RBUILD}")
here=$(cd "$(dirname "$0")" && pwd)
work=$(mktemp -d)
export RBUILD_ROOT="$work/store" BUILDKIT_PROGRESS=plain
end() {
    # What a user's subordinate ids own, only rbuild can remove.
    "$rbuild" prune --all >/dev/null 2>&1 || :
    rm -rf "$work" 2>/dev/null || :
}
trap end EXIT
trap 'exit 130' INT TERM
if [ -t 1 ] && [ -z "${NO_COLOR:-}" ]; then bold=$(printf '\033[1m') plain=$(printf '\033[0m'); else bold='' plain=''; fi
say() { printf '\n%s==> %s%s\n' "$bold" "$*" "$plain"; }
build() { "$rbuild" build --build-context busybox=docker-image://demo/busybox:1 -t app:1 "$here/hello"; }

say "A base image, made from $(command -v busybox)"
mkdir -p "$work/root/bin" "$work/root/etc" "$work/root/tmp" "$work/root/dev" "$work/root/proc" "$work/root/sys"
cp "$(command -v busybox)" "$work/root/bin/busybox"
for applet in $("$work/root/bin/busybox" --list); do
    [ -e "$work/root/bin/$applet" ] || ln -s busybox "$work/root/bin/$applet"
done
echo 'root:x:0:0:root:/root:/bin/sh' > "$work/root/etc/passwd"
echo 'root:x:0:' > "$work/root/etc/group"
tar -C "$work/root" --owner=0 --group=0 --mtime=@0 -cf "$work/busybox.tar" .
"$rbuild" import "$work/busybox.tar" demo/busybox:1

say "The Dockerfile"
cat "$here/hello/Dockerfile"

say "First build"
first=$(build)
echo "$first"

say "The image: digest, layers and their sizes"
"$rbuild" inspect app:1

say "Second build: nothing changed"
second=$(build 2>"$work/second.log")
cat "$work/second.log"
echo "$second"
# A step is a line like `#5 [build 2/4] RUN …`; what became of it is the line `#5 CACHED` or `#5 DONE`.
steps=$(grep -cE '^#[0-9]+ \[[^]]+ [0-9]+/[0-9]+\] ' "$work/second.log" || :)
cached=$(sed -nE 's/^(#[0-9]+) \[[^]]+ [0-9]+\/[0-9]+\] .*/\1/p' "$work/second.log" | while read -r number; do
    grep -x "$number CACHED" "$work/second.log" || :
done | wc -l)
say "$cached of $steps steps came from the cache, and the digest is the same"
[ "$steps" -gt 0 ] && [ "$cached" = "$steps" ] && [ "$first" = "$second" ] || { echo "demo: the second build is not what it should be" >&2; exit 1; }

say "Run it: rbuild run app:1"
"$rbuild" run app:1
