package main

import (
	"bytes"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	"github.com/otiai10/gosseract/v2"
	"golang.org/x/sys/unix"
)

// installed gives the pack of English.
func installed(t testing.TB) pack {
	t.Helper()
	dir, err := tessdata(settings{})
	if err != nil {
		t.Fatal(err)
	}
	return packOf(dir, []string{"eng"})
}

func TestAPanicCostsThePageAndNotTheProcess(t *testing.T) {
	e := newEngine()
	err := e.use(installed(t), func(*gosseract.Client) error { panic("bad font") })
	if err == nil || !strings.Contains(err.Error(), "bad font") {
		t.Errorf("got %v, want the panic as an error", err)
	}
	if a, err := e.read(installed(t), page{image: scan("label.pgm"), segmentation: 3}); err != nil || !strings.Contains(a.hocr, "Archive") {
		t.Errorf("the next page gave %v and %q", err, a.hocr)
	}
}

func TestALanguageThatCannotBeLoadedIsAnError(t *testing.T) {
	dir := t.TempDir()
	if err := os.WriteFile(filepath.Join(dir, "xyz.traineddata"), []byte("no data"), 0o600); err != nil {
		t.Fatal(err)
	}
	e := newEngine()
	if a, err := e.read(packOf(dir, []string{"xyz"}), page{image: scan("label.pgm"), segmentation: 3}); err == nil {
		t.Errorf("a broken language pack gave %q", a.hocr)
	}
	if _, err := e.read(installed(t), page{image: scan("label.pgm"), segmentation: 3}); err != nil {
		t.Errorf("after it a good pack gives %v", err)
	}
}

func TestWarmingUpLoadsEnglish(t *testing.T) {
	e := newEngine()
	e.warmUp()
	if e.client == nil || e.loaded != installed(t) {
		t.Errorf("loaded %+v, want English", e.loaded)
	}
}

func TestAPackNamesEachLanguageOnce(t *testing.T) {
	if got, want := packOf("/d", []string{"deu", "eng", "deu"}), (pack{"/d", "deu+eng"}); got != want {
		t.Errorf("got %v, want %v", got, want)
	}
}

// BenchmarkPage recognises one page again and again in one process and tells the
// engine's share of the CPU and how much memory each page leaves behind.
// TWINLEAF_PAGE names another page than the project's own.
func BenchmarkPage(b *testing.B) {
	image := os.Getenv("TWINLEAF_PAGE")
	if image == "" {
		image = scan("invoice-g3.tif")
	}
	e, p := newEngine(), installed(b)
	pg := page{image: image, dpi: 300, segmentation: 3}
	for range 3 { // until the engine's own caches are filled
		if _, err := e.read(p, pg); err != nil {
			b.Fatal(err)
		}
	}
	before, cpu, engine := resident(b), processCPU(b), 0.
	for b.Loop() {
		a, err := e.read(p, pg)
		if err != nil {
			b.Fatal(err)
		}
		if _, err := parse(a.hocr, english(image), p, e.version()); err != nil {
			b.Fatal(err)
		}
		engine += a.cpu.Seconds()
	}
	b.ReportMetric(100*engine/(processCPU(b)-cpu), "engine-%")
	b.ReportMetric(float64(resident(b)-before)/float64(b.N)/1024, "left-KB/op")
	b.ReportMetric(float64(resident(b))/(1<<20), "resident-MB")
}

// resident is the memory of this process in bytes.
func resident(t testing.TB) int {
	t.Helper()
	status, err := os.ReadFile("/proc/self/status")
	if err != nil {
		t.Skip("memory is read from /proc")
	}
	_, rest, _ := bytes.Cut(status, []byte("VmRSS:"))
	kilobytes, err := strconv.Atoi(strings.Fields(string(rest))[0])
	if err != nil {
		t.Fatal(err)
	}
	return kilobytes * 1024
}

// processCPU is the CPU time of this process in seconds.
func processCPU(t testing.TB) float64 {
	t.Helper()
	var u unix.Rusage
	if err := unix.Getrusage(unix.RUSAGE_SELF, &u); err != nil {
		t.Fatal(err)
	}
	return float64(u.Utime.Nano()+u.Stime.Nano()) / 1e9
}

// A warm engine reads with the language packs that lie there now, not with those that it
// once loaded: what the fingerprint says of them is true of the text.
func TestAnExchangedLanguagePackIsLoadedAnew(t *testing.T) {
	dir := packsHere(t, "eng")
	e := newEngine()
	first, err := e.readGolden(pack{dir, "eng"})
	if err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(dir, "eng.traineddata")
	good, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, []byte("no pack"), 0o600); err != nil {
		t.Fatal(err)
	}
	if sum, err := e.readGolden(pack{dir, "eng"}); err == nil {
		t.Errorf("the old pack read %s, want no answer", sum)
	}
	if err := os.WriteFile(path, good, 0o600); err != nil {
		t.Fatal(err)
	}
	if again, err := e.readGolden(pack{dir, "eng"}); err != nil || again != first {
		t.Errorf("got %s, %v, want %s", again, err, first)
	}
}
