package main

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/twinleaf-scan/twinleaf/sdk"
	"github.com/twinleaf-scan/twinleaf/sdk/plugintest"
)

// request is a delivery of a PDF and its text.
func request(t testing.TB, key, name string) sdk.DeliverRequest {
	t.Helper()
	r := sdk.DeliverRequest{Key: key, Job: "here-01", Name: name, Kinds: []string{"pdf", "text"}}
	for _, content := range []string{"the pdf of " + key, "the text of " + key} {
		path := filepath.Join(t.TempDir(), "f")
		if err := os.WriteFile(path, []byte(content), 0o600); err != nil {
			t.Fatal(err)
		}
		sum := sha256.Sum256([]byte(content))
		r.Files = append(r.Files, sdk.File{Path: path, Name: "f", SHA256: hex.EncodeToString(sum[:])})
	}
	return r
}

func send(t testing.TB, dir string, r sdk.DeliverRequest) sdk.Receipt {
	t.Helper()
	receipt, err := plugintest.Call[sdk.DeliverRequest, sdk.Receipt](t, component(), sdk.OpDeliver, r, Settings{Dir: dir})
	if err != nil {
		t.Fatalf("deliver %s: %v", r.Key, err)
	}
	return receipt
}

// delivered gives names and contents of what the folder's readers see.
func delivered(t testing.TB, dir string) map[string]string {
	t.Helper()
	entries, err := os.ReadDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	got := map[string]string{}
	for _, e := range entries {
		if e.IsDir() && e.Name() == privateDir {
			continue
		}
		content, err := os.ReadFile(filepath.Join(dir, e.Name()))
		if err != nil {
			t.Fatal(err)
		}
		got[e.Name()] = string(content)
	}
	return got
}

func wantDelivered(t testing.TB, dir string, want map[string]string) {
	t.Helper()
	if got := delivered(t, dir); !maps.Equal(got, want) {
		t.Errorf("the folder holds %q, want %q", got, want)
	}
}

func TestADeliveryComesOnce(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "made", "by", "us")
	r := request(t, "k", "scan")
	first := send(t, dir, r)
	want := map[string]string{"scan.pdf": "the pdf of k", "scan.txt": "the text of k"}
	wantDelivered(t, dir, want)
	if first.Location != filepath.Join(dir, "scan.pdf") {
		t.Errorf("location = %s", first.Location)
	}
	if second := send(t, dir, r); second != first {
		t.Errorf("second receipt = %+v, want the first, %+v", second, first)
	}
	wantDelivered(t, dir, want)
}

func TestADeliveryDoesNotComeBackWhenSomebodyTookItAway(t *testing.T) {
	dir := t.TempDir()
	r := request(t, "k", "scan")
	send(t, dir, r)
	for name := range delivered(t, dir) {
		if err := os.Remove(filepath.Join(dir, name)); err != nil {
			t.Fatal(err)
		}
	}
	send(t, dir, r)
	wantDelivered(t, dir, map[string]string{})
}

func TestATakenNameIsLeftAlone(t *testing.T) {
	dir := t.TempDir()
	if err := os.WriteFile(filepath.Join(dir, "scan.txt"), []byte("theirs"), 0o600); err != nil {
		t.Fatal(err)
	}
	send(t, dir, request(t, "k", "scan"))
	send(t, dir, request(t, "l", "scan"))
	wantDelivered(t, dir, map[string]string{
		"scan.txt":         "theirs",
		"scan-here-01.pdf": "the pdf of k", "scan-here-01.txt": "the text of k",
		"scan-here-01-2.pdf": "the pdf of l", "scan-here-01-2.txt": "the text of l",
	})
}

// errCrash stands for the end of the process.
var errCrash = errors.New("crash")

// crashAt delivers and stops right after the n-th step; it reports whether there were that many.
func crashAt(t testing.TB, dir string, r sdk.DeliverRequest, n int) (crashed bool) {
	t.Helper()
	defer func() {
		if p := recover(); p != nil {
			if p != errCrash {
				panic(p)
			}
			crashed = true
		}
	}()
	steps := 0
	_, err := handOver(context.Background(), r, Settings{Dir: dir}, func(string) {
		if steps++; steps == n {
			panic(errCrash)
		}
	})
	if err != nil {
		t.Fatal(err)
	}
	return false
}

func TestACrashAtAnyStepLosesAndDoublesNothing(t *testing.T) {
	const steps = 5 // copy, copy, intent, place, place
	for n := 1; n <= steps; n++ {
		for _, taken := range []bool{false, true} {
			t.Run(fmt.Sprintf("step %d, reader takes=%v", n, taken), func(t *testing.T) {
				dir := t.TempDir()
				r := request(t, "k", "scan")
				if !crashAt(t, dir, r, n) {
					t.Fatalf("there are fewer than %d steps", n)
				}
				all := map[string]string{}
				if taken {
					all = delivered(t, dir)
					for name := range all {
						if err := os.Remove(filepath.Join(dir, name)); err != nil {
							t.Fatal(err)
						}
					}
				}
				send(t, dir, r)
				for name, content := range delivered(t, dir) {
					if _, twice := all[name]; twice {
						t.Errorf("%s came twice", name)
					}
					all[name] = content
				}
				if want := map[string]string{"scan.pdf": "the pdf of k", "scan.txt": "the text of k"}; !maps.Equal(all, want) {
					t.Errorf("readers saw %q, want %q", all, want)
				}
			})
		}
	}
	if crashAt(t, t.TempDir(), request(t, "k", "scan"), steps+1) {
		t.Errorf("a delivery has more than %d steps; crash at the others too", steps)
	}
}

func TestANameTakenBetweenIntentAndPlaceIsLeftAlone(t *testing.T) {
	dir := t.TempDir()
	r := request(t, "k", "scan")
	_, err := handOver(context.Background(), r, Settings{Dir: dir}, func(step string) {
		if step == "intent" {
			_ = os.WriteFile(filepath.Join(dir, "scan.pdf"), []byte("theirs"), 0o600)
		}
	})
	if err != nil {
		t.Fatal(err)
	}
	wantDelivered(t, dir, map[string]string{
		"scan.pdf": "theirs", "scan.txt": "the text of k", "scan-here-01.pdf": "the pdf of k",
	})
}

func TestTwoServersDeliverTheSameOnce(t *testing.T) {
	dir := t.TempDir()
	r := request(t, "k", "scan")
	var both sync.WaitGroup
	for range 4 {
		both.Go(func() {
			if _, err := handOver(context.Background(), r, Settings{Dir: dir}, func(string) {}); err != nil {
				t.Error(err)
			}
		})
	}
	both.Wait()
	wantDelivered(t, dir, map[string]string{"scan.pdf": "the pdf of k", "scan.txt": "the text of k"})
}

func TestEveryKindHasItsEnding(t *testing.T) {
	dir := t.TempDir()
	r := sdk.DeliverRequest{Key: "k", Job: "j", Name: "scan", Kinds: []string{"pdf", "text", "hocr", "alto", "manifest", "original", "ümlaut/kind"}}
	for range r.Kinds {
		r.Files = append(r.Files, request(t, "k", "").Files[0])
	}
	send(t, dir, r)
	got := slices.Sorted(maps.Keys(delivered(t, dir)))
	want := []string{"scan-original.pdf", "scan-ümlaut_kind.bin", "scan.alto.xml", "scan.hocr", "scan.json", "scan.pdf", "scan.txt"}
	if !slices.Equal(got, want) {
		t.Errorf("names = %q, want %q", got, want)
	}
}

func TestADamagedInputIsNotDelivered(t *testing.T) {
	dir := t.TempDir()
	r := request(t, "k", "scan")
	r.Files[1].SHA256 = strings.Repeat("0", 64)
	_, err := handOver(context.Background(), r, Settings{Dir: dir}, func(string) {})
	if err == nil || !strings.Contains(err.Error(), "instead of 0000") {
		t.Errorf("error = %v, want the wrong hash named", err)
	}
	wantDelivered(t, dir, map[string]string{})
}

func TestModeIsWhatTheSettingsSay(t *testing.T) {
	dir := t.TempDir()
	if _, err := handOver(context.Background(), request(t, "k", "scan"), Settings{Dir: dir, Mode: "0600"}, func(string) {}); err != nil {
		t.Fatal(err)
	}
	info, err := os.Stat(filepath.Join(dir, "scan.pdf"))
	if err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("mode = %v, %v, want 0600", info.Mode(), err)
	}
}

func TestBadSettingsAreRefused(t *testing.T) {
	for settings, want := range map[string]string{
		`{}`:                             "settings: /dir: is required",
		`{"dir":"out"}`:                  `settings: /dir: "out" is not an absolute path`,
		`{"dir":"/x","mode":"9"}`:        "settings: /mode:",
		`{"dir":"/x","mode":"0444"}`:     "settings: /mode:",
		`{"dir":"/x","directory":"/x"}`:  "settings: /directory: unknown field; known are create, dir, mode",
		`{"dir":"/x","create":"please"}`: "settings: /create: a string cannot be a bool",
	} {
		_, err := component().Do(context.Background(), sdk.Call{Op: sdk.OpDeliver, Args: []byte("{}"), Settings: []byte(settings)})
		if err == nil || !strings.HasPrefix(err.Error(), want) {
			t.Errorf("settings %s: error = %v, want %s …", settings, err, want)
		}
	}
}

func TestAMissingFolderIsTheOperatorsToMakeWhenTheSettingsSaySo(t *testing.T) {
	no := false
	dir := filepath.Join(t.TempDir(), "share")
	_, err := handOver(context.Background(), request(t, "k", "scan"), Settings{Dir: dir, Create: &no}, func(string) {})
	e, ok := errors.AsType[*sdk.Error](err)
	if !ok || !e.Temporary || e.Code != "destination" || !strings.Contains(e.Remedy, "mount the share") {
		t.Errorf("error = %+v, want a temporary one that tells to mount the share", err)
	}
}

func TestEveryFailureOfTheDestinationIsTemporaryAndHasAHint(t *testing.T) {
	for cause, hint := range map[error]string{
		unix.ENOSPC: "make room", unix.EDQUOT: "make room", unix.EROFS: "read-only", unix.EACCES: "let the server's user write", unix.ENOTDIR: "make the folder", unix.EIO: "look at the folder",
	} {
		e, ok := errors.AsType[*sdk.Error](explain(fmt.Errorf("write: %w", cause), "/dest"))
		if !ok || !e.Temporary || !strings.Contains(e.Remedy, hint) {
			t.Errorf("%v: %+v, want … %s …", cause, e, hint)
		}
	}
}

func TestOldReceiptsGo(t *testing.T) {
	dir := t.TempDir()
	send(t, dir, request(t, "old", "old"))
	private := filepath.Join(dir, privateDir)
	before, err := filepath.Glob(filepath.Join(private, "*.json"))
	if err != nil || len(before) != 1 {
		t.Fatalf("receipts = %v, %v", before, err)
	}
	long := time.Now().Add(-keep - time.Hour)
	for _, path := range []string{before[0], filepath.Join(private, "pruned")} {
		if err := os.Chtimes(path, long, long); err != nil {
			t.Fatal(err)
		}
	}
	send(t, dir, request(t, "new", "new"))
	after, err := filepath.Glob(filepath.Join(private, "*.json"))
	if err != nil || len(after) != 1 || after[0] == before[0] {
		t.Errorf("receipts = %v, %v, want only the new one", after, err)
	}
}

func FuzzIntent(f *testing.F) {
	f.Add([]byte(`{"key":"k","job":"j","files":[{"kind":"pdf","part":"a.part","final":"a.pdf"}]}`))
	f.Add([]byte(`{"files":[{"part":"../../x","final":"/etc/passwd"}]}`))
	f.Fuzz(func(t *testing.T, raw []byte) {
		path := filepath.Join(t.TempDir(), "i.json")
		if err := os.WriteFile(path, raw, 0o600); err != nil {
			t.Fatal(err)
		}
		p, err := readIntent(path)
		if err != nil {
			return
		}
		for _, file := range p.Files {
			if strings.Contains(file.Part, "/") || strings.Contains(file.Final, "/") || file.Part == ".." || file.Final == ".." {
				t.Errorf("intent leads out of the folder: %+v", file)
			}
		}
	})
}
