package read

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/twinleaf-scan/twinleaf/internal/shared"
	"github.com/twinleaf-scan/twinleaf/plugins/pdf/source/sourcetest"
	"github.com/twinleaf-scan/twinleaf/sdk"
)

// desk is a reader with its folder.
type desk struct {
	*Reader
	t   testing.TB
	dir string
}

func newDesk(t testing.TB) desk {
	d := desk{t: t, dir: t.TempDir()}
	d.Reader = &Reader{
		out:  func(_ context.Context, name string) string { return filepath.Join(d.dir, name) },
		temp: func(context.Context) string { return d.dir },
	}
	t.Cleanup(func() { d.cache.drop() })
	return d
}

func (d desk) inspect(path, mode string) sdk.Inspection {
	d.t.Helper()
	i, err := d.Inspect(context.Background(), sdk.InspectRequest{Input: input(path), Mode: mode}, Settings{})
	if err != nil {
		d.t.Fatal(err)
	}
	return i
}

func (d desk) page(path string, n int, info sdk.PageInfo, mode string, graft bool) sdk.PageImage {
	d.t.Helper()
	p, err := d.Page(context.Background(), sdk.PageRequest{Input: input(path), Page: n, Info: info, Mode: mode, Graft: graft}, Settings{})
	if err != nil {
		d.t.Fatal(err)
	}
	return p
}

func input(path string) sdk.File {
	return sdk.File{Path: path, Name: filepath.Base(path), SHA256: path}
}

// brief writes an inspection in one line a page.
func brief(i sdk.Inspection) string {
	var b strings.Builder
	fmt.Fprintf(&b, "encrypted %v, signed %v, rebuild %v, pdfa %q", i.PDF.Encrypted, i.PDF.Signed, i.PDF.Rebuild, i.PDF.PDFA)
	for _, p := range i.Pages {
		fmt.Fprintf(&b, "\n%.0fx%.0f", p.WidthPt, p.HeightPt)
		if p.Image {
			fmt.Fprintf(&b, " image %dx%d %.0f dpi", p.Width, p.Height, p.XDPI)
		}
		if p.Text {
			b.WriteString(" text")
		}
		if p.Hidden {
			b.WriteString(" hidden")
		}
	}
	return b.String()
}

func TestSharedDocumentsAreUnderstood(t *testing.T) {
	for name, want := range map[string]string{
		"mfd/brother-ads1700w-fax-3p.pdf":          "encrypted false, signed false, rebuild true, pdfa \"\"\n590x838 image 2457x3491 300 dpi\n590x838 image 2458x3491 300 dpi\n590x838 image 2458x3490 300 dpi",
		"mfd/canon-iradv-c2230-form.pdf":           "encrypted false, signed false, rebuild false, pdfa \"\"\n612x792",
		"mfd/docsplit-letter-mixed-4p.pdf":         "encrypted false, signed false, rebuild false, pdfa \"\"\n612x792 image 2528x3296 300 dpi\n612x792 image 2528x3296 300 dpi\n612x792 text\n612x792 image 2528x3296 300 dpi",
		"mfd/epson-wikipedia.pdf":                  "encrypted false, signed false, rebuild true, pdfa \"\"\n595x841 image 2480x3507 300 dpi",
		"mfd/mrc-jbig2-layers-lorem.pdf":           "encrypted false, signed false, rebuild false, pdfa \"\"\n595x842",
		"mfd/ricoh-mp-c3003-skewed-rotate270.pdf":  "encrypted false, signed false, rebuild false, pdfa \"1b\"\n420x595 image 1748x2480 300 dpi hidden",
		"mfd/xerox-wc5030-jbig2-stencil.pdf":       "encrypted false, signed false, rebuild false, pdfa \"\"\n612x792",
		"odd/rotated-4p.pdf":                       "encrypted false, signed false, rebuild true, pdfa \"\"\n769x594 image 2200x1700 206 dpi\n594x769 image 1700x2200 206 dpi\n769x594 image 2200x1700 206 dpi\n594x769 image 1700x2200 206 dpi",
		"odd/signed.pdf":                           "encrypted true, signed true, rebuild false, pdfa \"\"\n612x792 text",
		"scans-with-truth/eng-slip-opinion-2p.pdf": "encrypted false, signed false, rebuild false, pdfa \"\"\n612x792\n612x792",
		"hostile/pdf-external-refs.pdf":            "encrypted false, signed false, rebuild false, pdfa \"\"\n612x792",
		"hostile/pdf-form-draws-itself.pdf":        "encrypted false, signed false, rebuild false, pdfa \"\"\n612x792",
	} {
		t.Run(name, func(t *testing.T) {
			got := brief(newDesk(t).inspect(shared.File(t, name), "skip"))
			if got != want {
				t.Errorf("got\n%s\nwant\n%s", got, want)
			}
		})
	}
}

func TestInspectionRefuses(t *testing.T) {
	protected := sourcetest.QPDF(t, sourcetest.File(t, "/ID[<01><02>]", sourcetest.One("/MediaBox[0 0 99 99]", "")...), "--encrypt", "", "owner", "256", "--modify=none", "--")
	cases := map[string]struct{ path, code string }{
		"an immense sheet":       {sourcetest.File(t, "", sourcetest.One("/MediaBox[0 0 900000 900000]", "")...), "over-limit"},
		"an endless strip":       {sourcetest.File(t, "", sourcetest.One("/MediaBox[0 0 1000000 .001]", "")...), "over-limit"},
		"a page that is guarded": {protected, "encrypted"},
		"no PDF":                 {sourcetest.Write(t, []byte("GIF89a")), "damaged"},
	}
	for name, c := range cases {
		var refused *sdk.Error
		_, err := newDesk(t).Inspect(context.Background(), sdk.InspectRequest{Input: input(c.path)}, Settings{})
		if !errors.As(err, &refused) || refused.Code != c.code || refused.Remedy == "" {
			t.Errorf("%s: got %v, want a refusal %s", name, err, c.code)
		}
	}
}

func TestHostileFilesTakeSeconds(t *testing.T) {
	for _, path := range shared.Files(t, "hostile/*.pdf") {
		t.Run(filepath.Base(path), func(t *testing.T) {
			d := newDesk(t)
			before := spent(t)
			i, err := d.Inspect(context.Background(), sdk.InspectRequest{Input: input(path)}, Settings{})
			if err == nil {
				for n, info := range i.Pages {
					if _, err := d.Page(context.Background(), sdk.PageRequest{Input: input(path), Page: n + 1, Info: info, Graft: true}, Settings{}); err != nil {
						t.Logf("page %d: %v", n+1, err)
					}
				}
			}
			if took := spent(t) - before; took > 30*time.Second {
				t.Errorf("it took %v of CPU time", took)
			}
			var children, self syscall.Rusage
			if err := errors.Join(syscall.Getrusage(syscall.RUSAGE_CHILDREN, &children), syscall.Getrusage(syscall.RUSAGE_SELF, &self)); err != nil {
				t.Fatal(err)
			}
			// Until a child becomes the program it counts the memory of this process as its own.
			if mb := children.Maxrss >> 10; mb > max(1024, self.Maxrss>>10) {
				t.Errorf("a program took %d MiB", mb)
			}
		})
	}
}

// spent is the CPU time of this process and of the programs that it ran.
func spent(t *testing.T) (sum time.Duration) {
	t.Helper()
	for _, who := range []int{syscall.RUSAGE_SELF, syscall.RUSAGE_CHILDREN} {
		var u syscall.Rusage
		if err := syscall.Getrusage(who, &u); err != nil {
			t.Fatal(err)
		}
		sum += time.Duration(u.Utime.Nano() + u.Stime.Nano())
	}
	return sum
}
