package parity

import (
	"strings"
	"testing"

	"github.com/twinleaf-scan/twinleaf/core"
)

// engineless takes the engine from a server in one of the ways in which it can be lost.
func engineless(way string) Manifest {
	return peer(func(m *Manifest) {
		switch way {
		case "no plug-in":
			m.without("tesseract")
			m.Engines = nil
		case "plug-in without library":
			*m.at("tesseract") = Plugin{Name: "tesseract", Problem: "libtesseract.so.5: cannot open"}
			m.Engines = nil
		case "engine that answers nothing":
			m.Engines[0] = Engine{Plugin: "tesseract", Problem: "no language pack"}
		}
	})
}

// GS22-25 to the letter, whichever way the engine is not there.
func TestTheEngineRule(t *testing.T) {
	for _, way := range []string{"no plug-in", "plug-in without library", "engine that answers nothing"} {
		whole, lacking := server(), engineless(way)
		for name, c := range map[string]struct {
			here, there Manifest
			pair        Pair
			code        Code
			severity    Severity
			forms       bool
			may         bool // an OCR job of the peer runs here
			remedy      string
		}{
			"GS24 secondary only, seen there":             {whole, lacking, Pair{Here: Secondary, There: Primary}, EngineOneSide, Warning, true, true, "OCR jobs run on the secondary alone"},
			"GS24 secondary only, seen from the primary":  {lacking, whole, Pair{Here: Primary, There: Secondary}, EngineOneSide, Warning, true, false, "OCR jobs run on the secondary alone"},
			"GS25 primary only, seen there":               {whole, lacking, Pair{Here: Primary, There: Secondary}, EngineOneSide, BlocksForming, false, false, "only if that is the secondary"},
			"GS25 primary only, seen from the secondary":  {lacking, whole, Pair{Here: Secondary, There: Primary}, EngineOneSide, BlocksForming, false, false, "only if that is the secondary"},
			"GS25 lost later on the secondary":            {lacking, whole, Pair{Here: Secondary, There: Primary, Formed: true}, EngineLost, Differs, true, false, "the secondary takes no OCR job over"},
			"GS25 lost later on the secondary, seen from": {whole, lacking, Pair{Here: Primary, There: Secondary, Formed: true}, EngineLost, Differs, true, false, "the secondary takes no OCR job over"},
			"GS24 lost later on the primary":              {whole, lacking, Pair{Here: Secondary, There: Primary, Formed: true}, EngineOneSide, Warning, true, true, "OCR jobs run on the secondary alone"},
			"roles not known":                             {whole, lacking, Pair{}, EngineOneSide, Differs, true, false, "or make the server that has it the secondary"},
			"GS22 on neither":                             {lacking, lacking, Pair{Here: Primary, There: Secondary}, EngineMissing, BlocksForming, false, false, "on both servers"},
		} {
			r := Compare(c.here, c.there, c.pair)
			if len(r.Differences) != 1 {
				t.Errorf("%s, %s: got %s", way, name, lines(r))
				continue
			}
			d := r.Differences[0]
			if d.Code != c.code || d.Severity != c.severity || !strings.Contains(d.Remedy, c.remedy) {
				t.Errorf("%s, %s: got %s %s %s, want %s %s with %q", way, name, d.Severity, d.Code, d, c.severity, c.code, c.remedy)
			}
			if reason, ok := r.Forms(); ok != c.forms {
				t.Errorf("%s, %s: forms %t (%s)", way, name, ok, reason)
			}
			if reason, ok := r.May(Job{}); ok != c.may {
				t.Errorf("%s, %s: an OCR job may run here is %t (%s)", way, name, ok, reason)
			}
			if reason, ok := r.May(Job{}, core.StepDeliverer, core.StepAssembler); !ok {
				t.Errorf("%s, %s: delivering is held though it needs no engine: %s", way, name, reason)
			}
		}
	}
}

// The line says why the engine is not there.
func TestTheEngineLineSaysWhy(t *testing.T) {
	r := Compare(engineless("plug-in without library"), server(), Pair{})
	if got := r.Differences[0].String(); !strings.HasPrefix(got, "OCR engine: here none (libtesseract.so.5: cannot open), there tesseract 5.3.0; install tesseract 5.3.0 and its plug-in here") {
		t.Errorf("got %s", got)
	}
}

// A recognizer that is not the server's own is a plug-in as any other.
func TestASecondRecognizerIsNoQuestionOfForming(t *testing.T) {
	more := func(m *Manifest) {
		m.Plugins = append(m.Plugins, Plugin{Name: "zz-ocr", Version: "1.0.0", Kinds: []string{"recognizer"}})
		m.Engines = append(m.Engines, Engine{Plugin: "zz-ocr"})
	}
	r := Compare(server(), peer(more), Pair{Here: Secondary, There: Primary})
	if len(r.Differences) != 1 || r.Differences[0].Code != Missing || r.Differences[0].Severity != Differs {
		t.Errorf("got %s", lines(r))
	}
	if reason, ok := r.May(Job{}); !ok {
		t.Errorf("a job that does not name it is held: %s", reason)
	}
	if _, ok := r.May(Job{Options: core.Options{Recognizer: &core.Step{Plugin: "zz-ocr"}}}); ok {
		t.Error("a job that names it runs")
	}
}

// Another code path that may read otherwise, or is not known not to, is a difference.
func TestAnotherCodePathCountsWhereTheTextMayDiffer(t *testing.T) {
	for _, golden := range []string{"", "g2"} {
		r := Compare(server(), peer(func(m *Manifest) { m.Engines[0].SIMD, m.Engines[0].Golden = "sse4.1", golden }), Pair{})
		if r.At || !strings.Contains(lines(r), "difference other-simd") {
			t.Errorf("golden page %q: %s", golden, lines(r))
		}
	}
}
