package main

import "math"

// The resolutions that the engine believes, in dots per inch.
const (
	minDPI = 70
	maxDPI = 2400
)

// sheet is the longer side, in inches, of the smallest usual sheet of paper
// (Letter). A scan of unknown resolution is taken to be no smaller.
const sheet = 11

// extent is what an image says of its size.
type extent struct {
	width, height int     // pixels
	dpi           float64 // 0: it does not say
}

// layoutDPI is the resolution with which the engine looks for lines and columns,
// 0 to let it guess. The reader's word counts where the image bears it out. Where
// it does not, the word may be a guess, and too high a guess does harm: small
// print is thrown away as noise. Measured on a page of 1200 x 1461 pixels (really
// some 140 dpi), characters wrong: 0.7 % up to 235 dpi, 6 % at 300, 61 % at 600.
// Too low a guess changes nothing.
func layoutDPI(image extent, said float64) int {
	if !(said >= minDPI && said <= maxDPI) {
		return 0
	}
	if math.Abs(said-image.dpi) <= 0.02*said {
		return int(math.Round(said))
	}
	possible := float64(max(image.width, image.height)) / sheet
	return int(math.Round(max(minDPI, min(said, possible))))
}
