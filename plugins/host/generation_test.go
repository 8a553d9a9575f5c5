package host

import (
	"context"
	"errors"
	"fmt"
	"image"
	"image/png"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"google.golang.org/grpc"

	"github.com/twinleaf-scan/twinleaf/core"
	"github.com/twinleaf-scan/twinleaf/sdk"
	"github.com/twinleaf-scan/twinleaf/sdk/ocr"
	pluginv1 "github.com/twinleaf-scan/twinleaf/sdk/proto/v1"
)

// buildOld builds the plug-ins of generation 1 once in all tests.
var buildOld = sync.OnceValues(func() (string, error) {
	dir := filepath.Join(programs, "generation1")
	for _, kind := range []string{"filter", "recognizer", "deliverer"} {
		out, err := exec.Command("go", "build", "-ldflags", "-X main.kind="+kind, "-o", filepath.Join(dir, "old-"+kind),
			"github.com/twinleaf-scan/twinleaf/plugins/fault/old").CombinedOutput()
		if err != nil {
			return "", fmt.Errorf("build old: %w\n%s", err, out)
		}
	}
	return dir, nil
})

// openOld opens a host over a plug-in of generation 2 and some of generation 1.
func openOld(t testing.TB, c Config, kinds ...string) *Host {
	t.Helper()
	dir, err := buildOld()
	must(t, err)
	c.Dir = t.TempDir()
	for _, kind := range kinds {
		must(t, os.Symlink(filepath.Join(dir, "old-"+kind), filepath.Join(c.Dir, "old-"+kind)))
	}
	return open(t, c, "fault")
}

func step(plugin, settings string) core.Step {
	return core.Step{Plugin: plugin, Settings: []byte(settings)}
}

// picture is a small page image as the pipeline hands it to a filter.
func picture(t testing.TB) core.Source {
	t.Helper()
	path := filepath.Join(t.TempDir(), "page.png")
	f, err := os.Create(path)
	must(t, err)
	must(t, png.Encode(f, image.NewGray(image.Rect(0, 0, 200, 100))))
	must(t, f.Close())
	return core.Source{Path: path, File: core.File{Name: "page.png", Media: "image/png"}}
}

func TestBothGenerationsServeOneHost(t *testing.T) {
	h := openOld(t, Config{Workers: 1}, "filter", "recognizer", "deliverer")
	protocols := map[string]int{}
	for _, s := range h.List() {
		protocols[s.Name] = s.Protocol
		if s.Problem != "" {
			t.Errorf("%s: %s", s.Name, s.Problem)
		}
	}
	if protocols["fault"] != 2 || protocols["old-filter"] != 1 || protocols["old-recognizer"] != 1 || protocols["old-deliverer"] != 1 {
		t.Errorf("protocols = %v", protocols)
	}
	page, dir := picture(t), t.TempDir()

	if _, err := h.Clean(t.Context(), core.CleanCall{Image: page, Dir: t.TempDir(), Step: step("fault", `{}`)}); err != nil {
		t.Errorf("filter of generation 2: %v", err)
	}
	cleaned, err := h.Clean(t.Context(), core.CleanCall{
		Image: page, Page: core.PageImage{Width: 200, Height: 100, XDPI: 300}, Dir: dir, Step: step("old-filter", `{"blank":true}`),
	})
	if err != nil || cleaned.Image == nil || cleaned.Image.Media != "image/png" || cleaned.Width != 200 || !cleaned.Blank || cleaned.By != "old-filter 1.5.0" {
		t.Fatalf("filter of generation 1 = %+v, %v", cleaned, err)
	}
	want, _ := os.ReadFile(page.Path)
	if got, err := os.ReadFile(filepath.Join(dir, cleaned.Image.Name)); err != nil || !slices.Equal(got, want) {
		t.Errorf("the filtered image has %d bytes, want the %d of the page: %v", len(got), len(want), err)
	}
	wantOldText(t, h, page)
	wantOldDelivery(t, h, page)
}

func wantOldText(t *testing.T, h *Host, page core.Source) {
	t.Helper()
	dir := t.TempDir()
	text, err := h.Recognize(t.Context(), core.RecognizeCall{Image: page, DPI: 300, Dir: dir, Step: step("old-recognizer", `{"word":"bygone"}`)})
	if err != nil || text.Words != 1 || text.Confidence != 90 {
		t.Fatalf("recognizer = %+v, %v", text, err)
	}
	f, err := os.Open(filepath.Join(dir, text.Text.Name))
	must(t, err)
	defer f.Close()
	read, err := ocr.Decode(f, 1<<20)
	if err != nil || read.Width != 200 || read.Blocks[0].Paragraphs[0].Lines[0].Words[0].Text != "bygone" {
		t.Errorf("text = %+v, %v", read, err)
	}
}

func wantOldDelivery(t *testing.T, h *Host, page core.Source) {
	t.Helper()
	dir := t.TempDir()
	got, err := h.Deliver(t.Context(), core.DeliverCall{
		Plugin: "old-deliverer", Settings: fmt.Appendf(nil, `{"dir":%q}`, dir), Key: "k", Name: "page",
		Files: []core.Source{page}, Kinds: []string{"original"},
	})
	if want := (core.Receipt{Location: filepath.Join(dir, "page")}); err != nil || got != want {
		t.Fatalf("deliverer = %+v, %v, want %+v", got, err, want)
	}
	if _, err := os.Stat(filepath.Join(dir, "page.png")); err != nil {
		t.Error(err)
	}
}

func TestAnOldPluginChecksItsSettings(t *testing.T) {
	h := openOld(t, Config{Workers: 1}, "recognizer")
	if err := h.Validate(t.Context(), step("old-recognizer", `{"word":"one"}`), sdk.KindRecognizer); err != nil {
		t.Errorf("good settings: %v", err)
	}
	wantFailure(t, h.Validate(t.Context(), step("old-recognizer", `{"word":"two words"}`), sdk.KindRecognizer), "settings", true, "word is one word")
}

func TestAnOldPluginFailsLikeAnyOther(t *testing.T) {
	h := openOld(t, Config{Workers: 1}, "filter")
	page := picture(t)
	ask := func(ctx context.Context, do string) error {
		_, err := h.Clean(ctx, core.CleanCall{Image: page, Dir: t.TempDir(), Step: step("old-filter", fmt.Sprintf(`{"do":%q}`, do))})
		return err
	}
	wantFailure(t, ask(t.Context(), "fail"), core.CodePlugin, true, "it cannot be done")
	wantFailure(t, ask(t.Context(), "retry"), core.CodePlugin, false, "not now")
	wantFailure(t, ask(t.Context(), "panic"), core.CodePlugin, false, "crashed in clean")

	// It knows no cancelling, so its process is ended at once.
	ctx, cancel := context.WithCancel(t.Context())
	time.AfterFunc(100*time.Millisecond, cancel)
	within(t, 5*time.Second, "a cancelled call and the next one", func() {
		if err := ask(ctx, "hang"); !errors.Is(err, context.Canceled) {
			t.Errorf("cancelled: %v", err)
		}
		if err := ask(t.Context(), ""); err != nil {
			t.Errorf("the call after: %v", err)
		}
	})
}

// told answers Info with what a test says.
type told struct {
	pluginv1.PluginClient
	info *pluginv1.InfoResponse
}

func (c told) Info(context.Context, *pluginv1.InfoRequest, ...grpc.CallOption) (*pluginv1.InfoResponse, error) {
	return c.info, nil
}

func TestWhatAnOldProgramMayNotBe(t *testing.T) {
	for want, info := range map[string]*pluginv1.InfoResponse{
		`cannot be a "reader"`: {Name: "old", Version: "1.0.0", Kind: "reader"},
		`cannot be a ""`:       {Name: "old", Version: "1.0.0"},
		"not JSON":             {Name: "old", Version: "1.0.0", Kind: "filter", SettingsSchema: "{"},
	} {
		if got, err := (generation1{told{info: info}}).describe(t.Context()); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%v: got %s, %v, want %q", info, got, err, want)
		}
	}
}

func TestGenerationsThatThisHostSpeaks(t *testing.T) {
	for number, want := range map[string]bool{"1": true, "2": true, "0": false, "3": false, "77": false, "": false, "01": false} {
		if got := speaks(number); got != want {
			t.Errorf("speaks(%q) = %v, want %v", number, got, want)
		}
	}
}
