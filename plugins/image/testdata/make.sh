#!/bin/bash
# Makes the test images in this folder: one small page in every variant that the
# reader knows. Needs Debian's imagemagick and libtiff-tools. The results
# are committed; run it again only to add a variant.
set -eu
cd "$(dirname "$0")"
t=$(mktemp -d)
trap 'rm -rf "$t"' EXIT

# The page: not symmetric in any way, with text, a grey field and a colour field.
convert -size 200x120 xc:white -fill black -font DejaVu-Sans -pointsize 22 -annotate +10+40 'Scan 47' \
  -fill 'gray(170)' -draw 'rectangle 10,60 70,110' -density 300 -units PixelsPerInch "$t/gray.png"
convert "$t/gray.png" -fill '#c02040' -draw 'rectangle 120,70 180,100' "$t/rgb.png"
convert "$t/gray.png" -colorspace gray -threshold 50% -type bilevel -depth 1 "$t/bw.tif"
convert "$t/gray.png" -colorspace gray -depth 8 -type grayscale -compress none "$t/gray.tif"
convert "$t/rgb.png" -depth 8 -type truecolor -compress none "$t/rgb.tif"
cp "$t/rgb.png" ref-rgb.png
convert "$t/gray.tif" ref-gray.png
convert "$t/bw.tif" ref-bw.png

for c in none packbits lzw:1 zip g3:1d g3:2d; do tiffcp -c $c -r 16 "$t/bw.tif" "bw-${c//:/-}.tif"; done
tiffcp -c g4 -r 400 "$t/bw.tif" g4-one-strip.tif
tiffcp -c g4 -r 16 "$t/bw.tif" g4-many-strips.tif
tiffcp -c g4 -r 400 -f lsb2msb "$t/bw.tif" g4-lsb.tif
tiffcp -c g4 -r 400 -B -8 "$t/bw.tif" g4-big-big.tif
tiffcp -c lzw:2 -r 16 "$t/gray.tif" gray-lzw.tif
tiffcp -c zip:2 -B "$t/rgb.tif" rgb-deflate-big.tif
tiffcp -c zip -p separate "$t/rgb.tif" rgb-planar.tif
tiffcp -c lzw -t -w 64 -l 48 "$t/rgb.tif" rgb-tiled.tif
tiffcp -c jpeg:r -r 400 "$t/rgb.tif" jpeg-rgb.tif
tiffcp -c jpeg -r 400 "$t/rgb.tif" jpeg-ycbcr.tif
tiffcp -c jpeg -r 16 "$t/gray.tif" jpeg-strips.tif
tiffcp -c jpeg -t -w 64 -l 48 "$t/rgb.tif" jpeg-tiled.tif
convert "$t/gray.tif" -depth 16 -compress lzw gray-16.tif
convert "$t/rgb.tif" -depth 16 -compress zip rgb-16.tif
convert "$t/gray.tif" -depth 4 -compress zip gray-4.tif
convert "$t/gray.tif" -negate -define quantum:polarity=min-is-white -compress zip gray-min-is-white.tif
convert "$t/rgb.png" -colors 16 -type palette -compress zip palette.tif
convert "$t/rgb.png" -colorspace cmyk -compress zip cmyk.tif
convert "$t/rgb.png" -transparent white -type truecoloralpha -compress zip rgba.tif
for o in TopRight BottomRight BottomLeft LeftTop RightTop RightBottom LeftBottom; do
  convert "$t/bw.tif" -orient $o -compress group4 "$t/o.tif" && tiffcp -c g4 -r 400 "$t/o.tif" "orient-$o.tif"
done
convert "$t/bw.tif" -resize '200x60!' -threshold 50% -units PixelsPerInch -density 204x102 -compress fax "$t/f.tif" && tiffcp -c g3 "$t/f.tif" fax-204x102.tif
convert "$t/gray.tif" -resize 25% -compress zip "$t/thumb.tif" && tiffset -s 254 1 "$t/thumb.tif"
tiffcp "$t/thumb.tif" g4-one-strip.tif gray-lzw.tif jpeg-ycbcr.tif pages-3-and-thumbnail.tif

convert "$t/gray.tif" -quality 85 gray.jpg
convert "$t/rgb.png" -quality 85 rgb.jpg
convert "$t/rgb.png" -quality 85 -interlace plane progressive.jpg
convert "$t/rgb.png" -colorspace cmyk -quality 90 cmyk.jpg

convert "$t/gray.png" -colorspace gray -interlace png -depth 8 interlaced-gray.png
convert "$t/rgb.png" -interlace png -depth 16 PNG48:interlaced-16.png
convert "$t/rgb.png" -colors 16 PNG8:palette.png
convert "$t/rgb.png" -interlace png -colors 4 PNG8:interlaced-palette.png
convert "$t/gray.png" -colorspace gray -depth 16 -define png:bit-depth=16 -define png:color-type=0 gray-16.png
convert "$t/gray.png" -colorspace gray -alpha copy -channel A -negate +channel -fill black -colorize 100 PNG32:alpha.png
convert "$t/bw.tif" -define png:bit-depth=2 -define png:color-type=0 gray-2.png
convert "$t/bw.tif" -define png:bit-depth=1 -define png:color-type=0 bw.png
convert "$t/rgb.png" -transparent white PNG8:palette-trns.png
