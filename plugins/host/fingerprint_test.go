package host

import (
	"context"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// fingerprints opens a host over a recognizer whose fingerprint does what the file says.
func fingerprints(t *testing.T) (h *Host, does string) {
	t.Helper()
	does = filepath.Join(t.TempDir(), "does")
	must(t, os.Chmod(filepath.Dir(does), 0o755)) // plug-ins may run as other users
	h = open(t, Config{Workers: 1, Read: []string{filepath.Dir(does)}, Env: map[string][]string{"fault": {"FAULT_FINGERPRINT=" + does}}}, "fault")
	return h, does
}

func oneFingerprint(t *testing.T, h *Host, ctx context.Context, deep bool) Fingerprint {
	t.Helper()
	found, err := h.Fingerprint(ctx, deep)
	must(t, err)
	if len(found) != 1 || found[0].Plugin != "fault" {
		t.Fatalf("got %+v", found)
	}
	return found[0]
}

// What a plug-in wants kept comes back, whichever process is asked; its words are cleaned.
func TestAFingerprintRemembers(t *testing.T) {
	h, _ := fingerprints(t)
	for i, want := range []string{".", "..", "..."} {
		f := oneFingerprint(t, h, t.Context(), false)
		if f.Golden != want || f.Engine != "none" || f.Version != "0" || f.Data["eng"] != "e" || f.Libraries["bad·"] != "1" || f.Problem != "" {
			t.Errorf("time %d: got %+v", i+1, f)
		}
	}
	if f := oneFingerprint(t, h, t.Context(), true); f.Golden != "deep" {
		t.Errorf("a deep look gave %+v", f)
	}
}

func TestAFingerprintThatCannotBeHadIsAProblem(t *testing.T) {
	h, does := fingerprints(t)
	for deed, want := range map[string]string{
		"crash": "crashed", "fail": "the engine is gone", "big": "kept, at most", "wide": "2001 languages",
	} {
		must(t, os.WriteFile(does, []byte(deed), 0o644))
		if f := oneFingerprint(t, h, t.Context(), false); !strings.Contains(f.Problem, want) || f.Engine != "none 0" {
			t.Errorf("%s: got %+v, want %q", deed, f, want)
		}
	}
}

// An engine that is busy is not an engine that is lost: its last word stands.
func TestABusyEngineKeepsItsFingerprint(t *testing.T) {
	h, does := fingerprints(t)
	first := oneFingerprint(t, h, t.Context(), false)
	must(t, os.WriteFile(does, []byte("hang"), 0o644))
	short, cancel := context.WithTimeout(t.Context(), 300*time.Millisecond)
	defer cancel()
	target, ok := h.plugins[0].recognizer(t.Context())
	if !ok {
		t.Fatal("fault is no recognizer")
	}
	if f := h.fingerprint(short, target, false); f.Golden != first.Golden || f.Problem != "" {
		t.Errorf("got %+v, want %+v", f, first)
	}
}

// A recognizer that gives none is named by its manifest: one of generation 1, say.
func TestARecognizerNeedNotTell(t *testing.T) {
	h := openOld(t, Config{}, "recognizer")
	found, err := h.Fingerprint(t.Context(), false)
	must(t, err)
	if len(found) != 2 || found[0].Plugin != "fault" || found[1].Problem != "" || found[1].Golden != "" {
		t.Errorf("got %+v", found)
	}
	must(t, h.Close())
	if _, err := h.Fingerprint(t.Context(), false); err == nil {
		t.Error("a closed host gave fingerprints")
	}
}
