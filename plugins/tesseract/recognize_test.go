package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/twinleaf-scan/twinleaf/sdk"
	"github.com/twinleaf-scan/twinleaf/sdk/ocr"
	"github.com/twinleaf-scan/twinleaf/sdk/ocr/score"
	"github.com/twinleaf-scan/twinleaf/sdk/plugintest"
)

// recognised asks the component for the text of a page.
func recognised(t *testing.T, c sdk.Component, r sdk.RecognizeRequest) ocr.Page {
	t.Helper()
	text, err := plugintest.Call[sdk.RecognizeRequest, sdk.Text](t, c, sdk.OpRecognize, r, settings{})
	if err != nil {
		t.Fatalf("recognise %s: %v", r.Image.Name, err)
	}
	f, err := os.Open(text.Text.Path)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	p, err := ocr.Decode(f, ocr.MaxJSON)
	if err != nil {
		t.Fatal(err)
	}
	if got := p.CountWords(); got != text.Words || p.Confidence() != text.Confidence {
		t.Errorf("the answer says %d words at %v, its file has %d at %v", text.Words, text.Confidence, got, p.Confidence())
	}
	return p
}

func TestTheAnswerSaysWhatTheEngineItselfTook(t *testing.T) {
	began := time.Now()
	text, err := plugintest.Call[sdk.RecognizeRequest, sdk.Text](t, component(newEngine()), sdk.OpRecognize, english(scan("note-rgba.png")), settings{})
	if all := time.Since(began).Seconds(); err != nil || text.EngineSeconds <= 0 || text.EngineSeconds > all {
		t.Errorf("got %v s of the engine, %v; want more than 0 and at most the %v s of the call", text.EngineSeconds, err, all)
	}
}

func english(image string) sdk.RecognizeRequest {
	return sdk.RecognizeRequest{Image: sdk.File{Path: image, Name: filepath.Base(image)}, DPI: 300, Languages: []string{"eng"}}
}

// scan is a scan of the project's own test data.
func scan(name string) string { return filepath.Join("..", "..", "testdata", name) }

// file writes a file that lives as long as the test.
func file(t *testing.T, name string, content []byte) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), name)
	if err := os.WriteFile(path, content, 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

func TestWhatCannotBeReadIsRefusedAndNeverEmpty(t *testing.T) {
	whole, err := os.ReadFile(scan("note-rgba.png"))
	if err != nil {
		t.Fatal(err)
	}
	c := component(newEngine())
	for _, r := range []struct {
		name    string
		request sdk.RecognizeRequest
		code    string
		detail  string
	}{
		{"no image", english(file(t, "letter.jpg", []byte("Dear Sir"))), "damaged", "letter.jpg"},
		{"empty file", english(file(t, "empty.png", nil)), "damaged", "empty.png"},
		{"missing file", english("/nowhere/page.tif"), "damaged", "page.tif"},
		{"head only", english(file(t, "cut.png", whole[:60])), "damaged", "cut.png"},
		{"over the limit of pixels", limited(english(scan("note-rgba.png")), 1000), "over-limit", "limit of 1000"},
		{"too long for the engine", english(file(t, "long.pbm", stripe(40_000))), "over-limit", "32767"},
		{"language that is not installed", inLanguage(english(scan("note-rgba.png")), "eng", "tlh"), "no-language", `"tlh" is not installed`},
		{"language that is a path", inLanguage(english(scan("note-rgba.png")), "../eng"), "no-language", "not the name of a language"},
		{"language that is none", inLanguage(english(scan("note-rgba.png")), "osd"), "no-language", "not the name of a language"},
		{"no language", inLanguage(english(scan("note-rgba.png"))), "no-language", "0 languages"},
	} {
		t.Run(r.name, func(t *testing.T) {
			got, err := plugintest.Call[sdk.RecognizeRequest, sdk.Text](t, c, sdk.OpRecognize, r.request, nil)
			refusal, ok := errors.AsType[*sdk.Error](err)
			if !ok || refusal.Code != r.code || refusal.Temporary || refusal.Remedy == "" || !strings.Contains(refusal.Detail, r.detail) {
				t.Errorf("got %+v, %#v, want a lasting %s with a remedy and %q in its words", got, err, r.code, r.detail)
			}
		})
	}
	if text := recognised(t, c, english(scan("note-rgba.png"))); text.CountWords() < 40 {
		t.Errorf("after the refusals a good page has %d words", text.CountWords())
	}
}

func limited(r sdk.RecognizeRequest, pixels int64) sdk.RecognizeRequest {
	r.Limits.Pixels = pixels
	return r
}

func inLanguage(r sdk.RecognizeRequest, languages ...string) sdk.RecognizeRequest {
	r.Languages = languages
	return r
}

// stripe is a white PBM of that width and 8 lines.
func stripe(width int) []byte {
	return append(fmt.Appendf(nil, "P4\n%d 8\n", width), make([]byte, (width+7)/8*8)...)
}

func TestAnImageThatCannotBeDecodedIsNoEmptyPage(t *testing.T) {
	whole, err := os.ReadFile(scan("note-rgba.png"))
	if err != nil {
		t.Fatal(err)
	}
	e := newEngine()
	dir, err := tessdata(settings{})
	if err != nil {
		t.Fatal(err)
	}
	_, err = e.read(packOf(dir, []string{"eng"}), page{image: file(t, "cut.png", whole[:len(whole)/3]), segmentation: 3})
	if _, ok := errors.AsType[*unreadable](err); !ok {
		t.Errorf("got %v, want the image called unreadable", err)
	}
}

func TestASheetWithoutTextIsAnEmptyPage(t *testing.T) {
	c := component(newEngine())
	p := recognised(t, c, english(file(t, "white.pbm", append([]byte("P4\n800 600\n"), make([]byte, 100*600)...))))
	if p.CountWords() != 0 || p.Width != 800 || p.Height != 600 || p.Confidence() != 0 {
		t.Errorf("got %d words on %d x %d, want none on 800 x 600", p.CountWords(), p.Width, p.Height)
	}
}

func TestThePageSaysWhereItsTextIsFrom(t *testing.T) {
	r := english(scan("note-rgba.png"))
	r.DPI = 200
	p := recognised(t, component(newEngine()), r)
	if p.DPI != 200 || p.Lang != "eng" || !strings.HasPrefix(p.Engine, "tesseract ") || !strings.Contains(p.Engine, ", leptonica ") {
		t.Errorf("got %v dpi, language %q, engine %q", p.DPI, p.Lang, p.Engine)
	}
	for l := range p.Lines() {
		if l.Size == 0 || l.Baseline.Offset == 0 && l.Descent > 0 && l.Baseline.Slope == 0 && l.Box.Height() > 2*int(l.Size) {
			t.Errorf("line %+v has neither font size nor baseline", l)
		}
	}
}

// TestColumnsAreReadOneByOneAfterAnotherLanguage guards against the library's
// habit of falling back to one block when it loads a language.
func TestColumnsAreReadOneByOneAfterAnotherLanguage(t *testing.T) {
	c := component(newEngine())
	want := recognised(t, c, english(scan("two-columns.png"))).Text()
	recognised(t, c, inLanguage(english(scan("note-rgba.png")), "deu"))
	if got := recognised(t, c, english(scan("two-columns.png"))).Text(); got != want {
		t.Errorf("after another language the text changed:\ngot  %q\nwant %q", got, want)
	}
	truth, err := os.ReadFile(scan("two-columns.png.gt.txt"))
	if err != nil {
		t.Fatal(err)
	}
	if s := score.Compare(string(truth), want, score.Options{Dehyphen: true}); s.WER > 0.05 {
		t.Errorf("two columns have a word error rate of %.3f in reading order:\n%s", s.WER, want)
	}
}

func TestTheEngineRunsOnOneThread(t *testing.T) {
	c := component(newEngine())
	recognised(t, c, english(scan("note-rgba.png")))
	var before, after unix.Rusage
	e := newEngine()
	dir, err := tessdata(settings{})
	if err != nil {
		t.Fatal(err)
	}
	if err := unix.Getrusage(unix.RUSAGE_SELF, &before); err != nil {
		t.Fatal(err)
	}
	a, err := e.read(packOf(dir, []string{"eng"}), page{image: scan("note-rgba.png"), dpi: 300, segmentation: 3})
	if err != nil {
		t.Fatal(err)
	}
	if err := unix.Getrusage(unix.RUSAGE_SELF, &after); err != nil {
		t.Fatal(err)
	}
	all := time.Duration(after.Utime.Nano() - before.Utime.Nano())
	if a.cpu < all*7/10 {
		t.Errorf("the engine's thread used %v of the process's %v: others worked too", a.cpu, all)
	}
}

func TestSettingsAreChecked(t *testing.T) {
	for _, c := range []struct {
		settings string
		ok       bool
	}{
		{`{}`, true}, {`{"segmentation":6,"tessdata":"/usr/share/tessdata"}`, true},
		{`{"segmentation":2}`, false}, {`{"tessdata":"data"}`, false}, {`{"psm":3}`, false},
	} {
		_, err := plugintest.Call[sdk.RecognizeRequest, sdk.Text](t, component(newEngine()), sdk.OpRecognize,
			sdk.RecognizeRequest{}, json.RawMessage(c.settings))
		e, _ := errors.AsType[*sdk.Error](err)
		if refused := e != nil && e.Code == "settings"; refused == c.ok {
			t.Errorf("%s: got %v, want taken: %v", c.settings, err, c.ok)
		}
	}
}

func TestAGuessedResolutionDoesNoHarm(t *testing.T) {
	for _, c := range []struct {
		name  string
		image extent
		said  float64
		want  int
	}{
		{"the image bears it out", extent{1748, 2480, 300}, 300, 300},
		{"rounded in the image", extent{2480, 3508, 299}, 300, 300},
		{"A4 that says nothing", extent{2480, 3508, 0}, 300, 300},
		{"photograph that says nothing", extent{1200, 1461, 0}, 300, 133},
		{"photograph that says 72", extent{1200, 1461, 72}, 300, 133},
		{"small print", extent{400, 300, 0}, 300, 70},
		{"unknown", extent{2480, 3508, 0}, 0, 0},
		{"absurd", extent{2480, 3508, 0}, 9600, 0},
		{"no number", extent{2480, 3508, 0}, math.NaN(), 0},
	} {
		if got := layoutDPI(c.image, c.said); got != c.want {
			t.Errorf("%s: got %d, want %d", c.name, got, c.want)
		}
	}
}
