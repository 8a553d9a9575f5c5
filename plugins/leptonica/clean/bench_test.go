package clean

import (
	"syscall"
	"testing"
	"time"

	"github.com/twinleaf-scan/twinleaf/internal/shared"
	"github.com/twinleaf-scan/twinleaf/plugins/leptonica/lept"
)

// perCall runs f as often as the benchmark asks and tells its CPU time, which
// other programs on the machine do not lengthen.
func perCall(b *testing.B, f func()) {
	b.Helper()
	before := cpu(b)
	for b.Loop() {
		f()
	}
	b.ReportMetric(float64((cpu(b)-before).Microseconds())/1000/float64(b.N), "cpu-ms/op")
}

func cpu(b *testing.B) time.Duration {
	var u syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &u); err != nil {
		b.Fatal(err)
	}
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}

// BenchmarkLook is what the common upright page costs.
func BenchmarkLook(b *testing.B) {
	for _, c := range []struct {
		name, file string
		dpi        float64
	}{
		{"G4 Letter 300 dpi", "scans-with-truth/eng-magazine-8087_054-g4.tif", 300},
		{"G4 A4 300 dpi", "odd/g4-stripbytecounts-0.tif", 300},
		{"blank JPEG Letter 300 dpi", "odd/blank-scan-noise.jpg", 300},
		{"LZW 600 dpi", "scans-with-truth/deu-fraktur-grenzboten-179400.tif", 600},
		{"PNG gray 240 dpi", "scans-with-truth/eng-court-filing_01.png", 240},
	} {
		b.Run(c.name, func(b *testing.B) {
			path := shared.File(b, c.file)
			perCall(b, func() { look(b, path, c.dpi, nil) })
		})
	}
	sheet := a4(b).fillText(11, prose...).noise(4)
	for name, path := range map[string]string{"PGM A4 300 dpi": sheet.pgm(), "JPEG A4 300 dpi": sheet.jpeg(75)} {
		b.Run(name, func(b *testing.B) {
			perCall(b, func() { look(b, path, paperDPI, nil) })
		})
	}
}

// BenchmarkStep is what each step of that costs.
func BenchmarkStep(b *testing.B) {
	path := a4(b).fillText(11, prose...).noise(4).jpeg(75)
	page := Page{Path: path, DPI: paperDPI}
	w, err := working(page)
	if err != nil {
		b.Fatal(err)
	}
	defer w.Close()
	shapes, _, err := w.Shapes(maxShapes)
	if err != nil {
		b.Fatal(err)
	}
	d := model(b)
	for _, s := range []struct {
		name string
		do   func() error
	}{
		{"read small and level", func() error {
			v, err := working(page)
			v.Close()
			return err
		}},
		{"shapes", func() error { _, _, err := w.Shapes(maxShapes); return err }},
		{"blank", func() error { _, err := blank(w, shapes); return err }},
		{"ascenders", func() error { _, _, err := w.UpDown(); return err }},
		{"skew", func() error { _, _, err := w.Skew(); return err }},
		{"model, only when unsure", func() error { d.Turn(w.Image, paperDPI/2); return nil }},
	} {
		b.Run(s.name, func(b *testing.B) {
			perCall(b, func() {
				if err := s.do(); err != nil {
					b.Fatal(err)
				}
			})
		})
	}
}

// BenchmarkPrepare is what a 600-dpi page costs besides.
func BenchmarkPrepare(b *testing.B) {
	page := Page{Path: shared.File(b, "scans-with-truth/deu-fraktur-grenzboten-179400.tif"), DPI: 600}
	out := b.TempDir() + "/clean.tif"
	perCall(b, func() {
		img, err := Prepare(page, Finding{Halve: 1}, Tidy{})
		if err != nil {
			b.Fatal(err)
		}
		defer func(i lept.Image) { i.Close() }(img)
		if err := img.Write(out); err != nil {
			b.Fatal(err)
		}
	})
}
