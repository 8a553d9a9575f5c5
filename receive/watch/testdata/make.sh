#!/bin/sh
# Makes the small files of this folder anew. Needs imagemagick, libtiff-tools, qpdf.
set -eu
cd "$(dirname "$0")"
t=$(mktemp -d)
trap 'rm -rf "$t"' EXIT
convert -size 40x30 xc:white -fill black -draw 'rectangle 5,5 20,12' -density 100 "$t/a.tif"
convert -size 33x17 gradient:black-white -density 100 "$t/b.tif"
convert "$t/a.tif" -monochrome -compress group4 "$t/a4.tif"
tiffcp -c g4 "$t/a4.tif" "$t/a4.tif" g4-two-pages.tif
tiffcp -B -c lzw -t -w 16 -l 16 "$t/b.tif" lzw-tiled-bigendian.tif
tiffcp -8 -c zip -r 4 "$t/b.tif" "$t/a.tif" bigtiff.tif
convert "$t/b.tif" -compress jpeg jpeg.tif
convert "$t/b.tif" -quality 60 baseline.jpg
convert "$t/b.tif" -interlace JPEG -quality 60 progressive.jpg
convert "$t/b.tif" -depth 8 gray.png
convert "$t/b.tif" -interlace PNG -depth 16 interlaced.png
convert "$t/b.tif" -depth 8 "$t/b8.tif"
tiff2pdf -z -o "$t/b.pdf" "$t/b8.tif"
qpdf --static-id "$t/b.pdf" classic.pdf
qpdf --static-id --object-streams=generate "$t/b.pdf" streams.pdf
qpdf --static-id --linearize "$t/b.pdf" linearized.pdf
