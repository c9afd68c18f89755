#!/bin/sh
# Runs each NAME.quill and compares what it prints, and its exit code, with NAME.expected.
quill=$1
cd "$(dirname "$0")" || exit 1
case $quill in /*) ;; *) quill=../$quill ;; esac
passed=0 failed=0
for program in *.quill; do
    name=${program%.quill}
    actual=$("$quill" "$program" one two 2>&1; echo "exit $?")
    if [ "$actual" = "$(cat "$name.expected")" ]; then
        passed=$((passed + 1))
    else
        failed=$((failed + 1))
        echo "FAILED: $name"
        echo "$actual" | diff "$name.expected" - || :
    fi
done
echo "$passed passed, $failed failed"
[ "$failed" = 0 ]
