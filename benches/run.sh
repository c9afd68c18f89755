#!/bin/sh
# Times whole builds by RBUILD and writes the table in docs/performance.md: benches/run.sh RBUILD [ROW...]
#
# As root it works on a file system of its own, ext4 with a journal in a file: what a used root file system has been
# through would be measured otherwise. As another user it works in a directory, and the table says so.
#   BENCH_DIR     where (some 15 GB)      [default: target/bench]
#   BENCH_ROUNDS  how often each row     [default: 3]
#   BENCH_LIMIT   after how many seconds another builder's run is ended            [default: 120]
#   BENCH_OTHERS  seconds a row and builder, after which no other run is begun     [default: 30]
#   BENCH_SHRINK  contexts and images that many times smaller, to see that every row runs; leaves the page alone
set -eu
rbuild=$(realpath "${1:?usage: run.sh RBUILD [ROW...]}")
shift
here=$(cd "$(dirname "$0")" && pwd)
dir=${BENCH_DIR:-$here/../target/bench}
mkdir -p "$dir"
dir=$(realpath "$dir")
work=$dir/work
mkdir -p "$work"
# Two at once would take each other's disk away, and measure each other.
exec 9>"$dir/lock"
flock -n 9 || { echo "another bench works in $dir" >&2; exit 1; }
mounted=
end() {
    if [ -n "$mounted" ]; then umount -l "$work" && rm -f "$dir/disk.img"; else rm -rf "$work"; fi
}
trap end EXIT
trap 'exit 130' INT TERM
if [ "$(id -u)" = 0 ] && command -v mkfs.ext4 >/dev/null; then
    rm -f "$dir/disk.img"
    fallocate -l 30G "$dir/disk.img" 2>/dev/null || truncate -s 30G "$dir/disk.img"
    mkfs.ext4 -q -F -E lazy_itable_init=0,lazy_journal_init=0 "$dir/disk.img"
    # Past the page cache where the kernel can: all that is written would be kept, and copied, twice otherwise.
    if device=$(losetup --direct-io=on -f --show "$dir/disk.img" 2>/dev/null || losetup -f --show "$dir/disk.img" 2>/dev/null); then
        if mount "$device" "$work" 2>/dev/null; then mounted=yes; fi
        # Goes with the file system.
        losetup -d "$device"
    fi
    [ -n "$mounted" ] || rm -f "$dir/disk.img"
fi
PYTHONDONTWRITEBYTECODE=1 python3 "$here/run.py" "$rbuild" "$work" "$@"
