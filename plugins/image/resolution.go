package main

import "math"

// minDPI is the least resolution that is believed.
const minDPI = 10

// square reports whether pixels of this resolution count as square.
func square(xdpi, ydpi float64) bool { return math.Abs(xdpi-ydpi) <= 0.02*max(xdpi, ydpi) }

// resolution gives the dots per inch of an image of w x h pixels whose file says
// xdpi and ydpi. What cannot be is replaced: a missing or absurd value by the
// other one, or by a guess from the size.
func resolution(w, h int, xdpi, ydpi float64) (float64, float64) {
	if xdpi < minDPI || xdpi > maxDPI {
		xdpi = 0
	}
	if ydpi < minDPI || ydpi > maxDPI {
		ydpi = 0
	}
	switch {
	case xdpi == 0 && ydpi == 0, screen(w, h, xdpi, ydpi):
		d := guess(w, h)
		return d, d
	case xdpi == 0 || ydpi == 0 || max(xdpi, ydpi) > 3*min(xdpi, ydpi):
		d := max(xdpi, ydpi)
		return d, d
	}
	return xdpi, ydpi
}

// maxDPI is the greatest resolution that is believed.
const maxDPI = 9600

// screen reports whether the resolution is the 72 or 96 dpi that cameras and
// screen programs write without meaning it: the sheet would be larger than A3.
func screen(w, h int, xdpi, ydpi float64) bool {
	meant := near(xdpi, 72) || near(xdpi, 96)
	return meant && square(xdpi, ydpi) && float64(max(w, h)) > 17.5*xdpi
}

// papers are the sizes that scanners feed, in inches.
var papers = [...][2]float64{{8.27, 11.69}, {8.5, 11}, {8.5, 14}, {5.83, 8.27}, {11.69, 16.54}, {11, 17}}

// guess takes the usual resolution at which the image is a usual sheet, within
// 3 %; 300 comes first, and last when none fits.
func guess(w, h int) float64 {
	short, long := float64(min(w, h)), float64(max(w, h))
	for _, dpi := range [...]float64{300, 200, 150, 600, 400, 240, 100} {
		for _, p := range papers {
			if near(short/dpi, p[0]) && near(long/dpi, p[1]) {
				return dpi
			}
		}
	}
	return 300
}

func near(got, want float64) bool { return math.Abs(got-want) <= 0.03*want }
