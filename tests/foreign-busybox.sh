#!/bin/sh
# Debian's static busybox for another architecture, as $2, from the machine's own package sources. Neither dpkg nor apt is
# told of that architecture: lists and cache are in a directory of their own.
set -eu
arch=$1 out=$2
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
mkdir -p "$dir/state/lists/partial" "$dir/cache/archives/partial"
: >"$dir/status"
apt() {
    apt-get -qq -o APT::Architecture="$arch" -o APT::Architectures::="$arch" -o APT::Sandbox::User= \
        -o Dir::State="$dir/state" -o Dir::State::status="$dir/status" -o Dir::Cache="$dir/cache" \
        -o Acquire::Languages=none "$@"
}
cd "$dir"
apt update
apt download busybox-static
dpkg-deb -x busybox-static_*.deb root
cp root/bin/busybox "$out.new$$"
mv "$out.new$$" "$out"
