#!/bin/sh
# Makes the test scans of this folder anew. They are committed, so this is only
# needed after a change of testdata/gen.
set -eu
cd "$(dirname "$0")/.."
for tool in go tiffcp convert qpdf; do
  command -v "$tool" >/dev/null || {
    echo "make test scans: $tool is missing" >&2
    echo "hint: apt install libtiff-tools imagemagick qpdf" >&2
    exit 1
  }
done
go run ./testdata/gen -o testdata
