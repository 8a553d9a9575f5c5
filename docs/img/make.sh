#!/usr/bin/env bash
# Makes before-after.png: left the top of a sample scan, right the same part of the searchable PDF, with every
# word of its text layer marked where pdftotext finds it, and the hits of a search for SEARCH marked in orange.
# Needs `make build`, poppler-utils, ImageMagick and DejaVu Sans (`make deps deps-test`).
set -euo pipefail
cd "$(dirname "$0")/../.."

scan=testdata/minutes-g4.tif
search=binders
dpi=100
part=760x370+40+40
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

bin/twinleaf ocr "$scan" -o "$work/scan.pdf"

# Before: the first page of the scan as it came, in grey so that it can be made smaller.
convert "$scan[0]" -colorspace gray -resize $((100 * dpi / 300))% "$work/before.png"
# After: the first page of the PDF, drawn by poppler.
pdftoppm -f 1 -l 1 -r "$dpi" -png -singlefile "$work/scan.pdf" "$work/page"

# One rectangle for each word, from points to pixels.
pdftotext -bbox -f 1 -l 1 "$work/scan.pdf" "$work/words.html"
marks() { # marks PATTERN: the rectangles of the words that match it, and of no others
  sed -nE 's|.*xMin="([0-9.]+)" yMin="([0-9.]+)" xMax="([0-9.]+)" yMax="([0-9.]+)">(.*)</word>|\1 \2 \3 \4 \5|p' "$work/words.html" |
    awk -v dpi="$dpi" -v pattern="$1" '$5 ~ pattern {
      printf "rectangle %.1f,%.1f %.1f,%.1f\n", $1*dpi/72, $2*dpi/72, $3*dpi/72, $4*dpi/72 }'
}
marks . >"$work/all.mvg"
marks "^$search" >"$work/hits.mvg"
convert "$work/page.png" \
  -fill '#4a90d950' -stroke '#2f6fb0' -strokewidth 0.6 -draw "$(<"$work/all.mvg")" \
  -fill '#ff990060' -stroke '#c05f00' -strokewidth 1.4 -draw "$(<"$work/hits.mvg")" "$work/after.png"

label() { # label IN OUT TEXT: the part that is shown, in a thin frame, with a line above it
  convert "$1" -crop "$part" +repage -bordercolor '#b8c0c4' -border 1 \
    \( -background white -fill '#24323a' -font DejaVu-Sans -pointsize 15 label:"$3" -bordercolor white -border 0x6 \) \
    +swap -background white -gravity west -append "$2"
}
label "$work/before.png" "$work/left.png" "The scan"
label "$work/after.png" "$work/right.png" "The PDF: words that can be selected, and a search for \"$search\""
convert "$work/left.png" \( -size 24x1 xc:white \) "$work/right.png" -background white +append \
  -bordercolor white -border 12 +dither -colors 64 -strip -define png:compression-level=9 PNG8:docs/img/before-after.png
