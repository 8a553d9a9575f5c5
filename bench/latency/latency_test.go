package latency

import (
	"context"
	"encoding/json"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

func record(t *testing.T, text string) manifest {
	t.Helper()
	var m manifest
	if err := json.Unmarshal([]byte(text), &m); err != nil {
		t.Fatal(err)
	}
	return m
}

func TestRecognitionIsToldOnlyOfAPageThatWasRecognised(t *testing.T) {
	const one = `{"pages":[{"words":3,"ms":{"clean":4,"recognize":321}}]}`
	if d, err := record(t, one).recognition(); d != 321*time.Millisecond || err != nil {
		t.Errorf("got %v, %v", d, err)
	}
	for _, bad := range []string{
		`{}`, `{"pages":[{"cached":true,"ms":{"recognize":1}}]}`, `{"pages":[{"ms":{"clean":4}}]}`,
		`{"pages":[{"ms":{"recognize":1}},{"ms":{"recognize":1}}]}`,
	} {
		if d, err := record(t, bad).recognition(); err == nil {
			t.Errorf("%s: got %v", bad, d)
		}
	}
}

func TestCostCountsPagesWordsAndWhatWasKept(t *testing.T) {
	var c Cost
	c.add(record(t, `{"pages":[{"words":3,"cached":true},{"words":4}]}`))
	c.add(record(t, `{"pages":[{"words":5,"cached":true}]}`))
	if c.Pages != 3 || c.Words != 12 || c.Kept != 2 {
		t.Errorf("got %+v", c)
	}
}

// built is the program with its plug-ins; the test is skipped where it was not built.
func built(t *testing.T) string {
	t.Helper()
	path, err := filepath.Abs("../../bin/twinleaf")
	if err != nil {
		t.Fatal(err)
	}
	if _, err := os.Stat(path); errors.Is(err, os.ErrNotExist) {
		t.Skip("bin/twinleaf is not built")
	}
	return path
}

func TestARunningServerIsMeasured(t *testing.T) {
	if testing.Short() {
		t.Skip("it runs the engine")
	}
	ctx, cancel := context.WithTimeout(t.Context(), 5*time.Minute)
	defer cancel()
	s, err := Start(ctx, Config{Twinleaf: built(t), Dir: t.TempDir(), Native: "off", Workers: 2, Lang: "eng", Patience: 4 * time.Minute})
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	pages := []string{"../../testdata/label.pgm", "../../testdata/note.pbm"}
	got, err := s.Each(ctx, pages[:1])
	if err != nil || len(got) != 1 || got[0].Recognition <= 0 || got[0].Wall < got[0].Recognition {
		t.Errorf("one page: got %+v, %v", got, err)
	}
	first, err := s.Batch(ctx, pages[1:])
	if err != nil || first.Pages != 1 || first.Words == 0 || first.Kept != 0 || first.Wall <= 0 || first.CPU <= 0 || first.Peak <= 0 {
		t.Errorf("first: got %+v, %v", first, err)
	}
	again, err := s.Batch(ctx, pages)
	if err != nil || again.Pages != 2 || again.Kept != 2 {
		t.Errorf("again: got %+v, %v", again, err)
	}
	if _, err := s.Each(ctx, pages[:1]); err == nil || !strings.Contains(err.Error(), "was not recognised") {
		t.Errorf("a page that was read before: got %v", err)
	}
	if _, _, err := s.Beside(ctx, pages[0], nil); !errors.Is(err, ErrOver) {
		t.Errorf("beside a job that is over at once: got %v", err)
	}
}
