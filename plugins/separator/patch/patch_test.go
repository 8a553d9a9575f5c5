package patch

import (
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
)

// sheet is a white page with a code of the given bars drawn from (x, y), its bars
// long pixels long; across: the bars stand side by side instead of one below the other.
func sheet(dpi float64, bars string, x, y, long int, across bool) Image {
	m := Image{Width: int(8.27 * dpi), Height: int(11.69 * dpi), DPI: dpi}
	m.Gray = slices.Repeat([]byte{240}, m.Width*m.Height)
	at := 0.0
	for _, b := range bars {
		wide := narrowInch * dpi
		if b == 'W' {
			wide = 0.2 * dpi
		}
		for d := int(at); d < int(at+wide); d++ {
			for l := range long {
				px, py := x+l, y+d
				if across {
					px, py = x+d, y+l
				}
				m.Gray[py*m.Width+px] = 20
			}
		}
		at += wide + narrowInch*dpi
	}
	return m
}

func TestEachCodeIsReadFromEachEdge(t *testing.T) {
	for bars, name := range names {
		for _, dpi := range []float64{100, 200, 300} {
			long, margin := int(2*dpi), int(0.4*dpi)
			far := int(0.8*dpi) + margin
			w, h := int(8.27*dpi), int(11.69*dpi)
			for edge, m := range map[string]Image{
				"top":    sheet(dpi, bars, w/3, margin, long, false),
				"bottom": sheet(dpi, reverse(bars), w/3, h-far, long, false),
				"left":   sheet(dpi, bars, margin, h/3, long, true),
				"right":  sheet(dpi, reverse(bars), w-far, h/3, long, true),
			} {
				if got := Find(m); !slices.Equal(got, []string{name}) {
					t.Errorf("patch %s (%s) at the %s edge, %v dpi: got %v", name, bars, edge, dpi, got)
				}
			}
		}
	}
}

func TestMarksThatAreNoPatchCodeAreLeftAlone(t *testing.T) {
	const dpi = 200
	for why, m := range map[string]Image{
		"four wide bars":    sheet(dpi, "WWWW", 400, 100, 400, false),
		"three bars":        sheet(dpi, "WNN", 400, 100, 400, false),
		"five bars":         sheet(dpi, "WNNWN", 400, 100, 400, false),
		"bars of 0.4 inch":  sheet(dpi, "WNNW", 400, 100, 80, false),
		"half the size":     resized(sheet(dpi, "NWNW", 400, 100, 400, false), 2*dpi),
		"no white page":     {Gray: make([]byte, 400*400), Width: 400, Height: 400, DPI: dpi},
		"not an image":      {Gray: make([]byte, 5), Width: 400, Height: 400, DPI: dpi},
		"no resolution":     {Gray: make([]byte, 400), Width: 20, Height: 20},
		"a page of nothing": {DPI: dpi},
	} {
		if got := Find(m); len(got) != 0 {
			t.Errorf("%s: got %v, want nothing", why, got)
		}
	}
}

func resized(m Image, dpi float64) Image {
	m.DPI = dpi
	return m
}

func TestASpeckledScanStillHasItsCode(t *testing.T) {
	m := sheet(200, "NWNW", 500, 80, 500, false)
	r := rand.New(rand.NewPCG(1, 2))
	for range len(m.Gray) / 2000 {
		m.Gray[r.IntN(len(m.Gray))] ^= 0xff
	}
	if got := strings.Join(Find(m), ","); got != "T" {
		t.Errorf("got %q, want T", got)
	}
}

func FuzzFindKeepsToItsImage(f *testing.F) {
	m := sheet(20, "NWNW", 20, 8, 60, false)
	f.Add(m.Gray, m.Width, 20.0)
	f.Add([]byte{1, 2, 3}, 1, 1e9)
	f.Fuzz(func(t *testing.T, gray []byte, width int, dpi float64) {
		if width < 1 || width > 500 || len(gray) > 200_000 {
			return
		}
		height := len(gray) / width
		for _, name := range Find(Image{gray[:width*height], width, height, dpi}) {
			if !slices.Contains(Names(), name) {
				t.Errorf("found %q, which is no patch code", name)
			}
		}
	})
}
