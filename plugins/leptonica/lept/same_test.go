package lept

import (
	"bytes"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"testing"

	"github.com/twinleaf-scan/twinleaf/internal/shared"
)

// TestPagesAreSeenAsLeptonicaSeesThem compares ascenders and shapes with what the library
// finds on real pages, all four ways up.
func TestPagesAreSeenAsLeptonicaSeesThem(t *testing.T) {
	spoke := 0
	for _, path := range append(shared.Files(t, "scans-with-truth/*.tif"), shared.Files(t, "odd/*.tif")...) {
		info, err := Stat(path, 100e6)
		if err != nil {
			continue
		}
		img, err := Read(path, info, 1)
		if err != nil || img.Depth() != 1 {
			img.Close()
			continue
		}
		for img.Height() > 2000 {
			half, err := img.Half()
			if err != nil {
				t.Fatal(err)
			}
			img.Close()
			img = half
		}
		for _, degrees := range []int{0, 90, 180, 270} {
			turned := img
			if degrees > 0 {
				if turned, err = img.Turn(degrees); err != nil {
					t.Fatal(err)
				}
			}
			spoke += same(t, fmt.Sprintf("%s turned by %d", filepath.Base(path), degrees), turned)
			if degrees > 0 {
				turned.Close()
			}
		}
		img.Close()
	}
	if spoke < 20 {
		t.Errorf("%d pages weigh anything, want 20 or more", spoke)
	}
}

// TestNoiseIsSeenAsLeptonicaSeesIt draws strokes and bars at random, in sizes
// that end anywhere in a word and a square of four.
func TestNoiseIsSeenAsLeptonicaSeesIt(t *testing.T) {
	random := rand.New(rand.NewPCG(1, 2))
	spoke := 0
	for n := range 60 {
		w, h := 1+random.IntN(700), 1+random.IntN(700)
		if n > 20 {
			w, h = 500+random.IntN(400), 500+random.IntN(400)
		}
		spoke += same(t, fmt.Sprintf("%d x %d", w, h), drawn(t, random, w, h))
	}
	if spoke < 10 {
		t.Errorf("%d pictures weigh anything, want 10 or more", spoke)
	}
}

func same(t *testing.T, name string, img Image) (spoke int) {
	t.Helper()
	up, left, err := img.UpDown()
	if err != nil {
		t.Fatal(err)
	}
	wantUp, wantLeft := img.slowUpDown()
	if up != wantUp || left != wantLeft {
		t.Errorf("%s: got %v up, %v left; want %v, %v", name, up, left, wantUp, wantLeft)
	}
	shapes, more, err := img.Shapes(1 << 30)
	if err != nil || more || !slices.Equal(shapes, img.slowShapes()) {
		t.Errorf("%s: got %d shapes, %v; want %d, or others", name, len(shapes), err, len(img.slowShapes()))
	}
	if up != 0 || left != 0 {
		return 1
	}
	return 0
}

// drawn is a picture of bars with strokes that rise from them, some at its very edge.
func drawn(t *testing.T, random *rand.Rand, w, h int) Image {
	t.Helper()
	gray := bytes.Repeat([]byte{255}, w*h)
	fill := func(x, y, dx, dy int) {
		for j := max(y, 0); j < min(y+dy, h); j++ {
			for i := max(x, 0); i < min(x+dx, w); i++ {
				gray[j*w+i] = 0
			}
		}
	}
	for range w * h / 600 {
		x, y, flip := random.IntN(w+8)-8, random.IntN(h+8)-8, random.IntN(2)
		fill(x, y, 5+random.IntN(9), 1+random.IntN(3))
		fill(x+random.IntN(6), y-flip*random.IntN(9), 1, 3+random.IntN(8))
	}
	path := filepath.Join(t.TempDir(), "p.pgm")
	var file bytes.Buffer
	fmt.Fprintf(&file, "P5\n%d %d\n255\n", w, h)
	file.Write(gray)
	if err := os.WriteFile(path, file.Bytes(), 0o600); err != nil {
		t.Fatal(err)
	}
	info, err := Stat(path, 0)
	if err != nil {
		t.Fatal(err)
	}
	img, err := Read(path, info, 1)
	if err != nil {
		t.Fatal(err)
	}
	defer img.Close()
	black, err := img.Below(128)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(black.Close)
	return black
}
