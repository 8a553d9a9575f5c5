package write

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/pdfcpu/pdfcpu/pkg/api"
	"github.com/pdfcpu/pdfcpu/pkg/pdfcpu/model"
	"github.com/pdfcpu/pdfcpu/pkg/pdfcpu/types"
)

// document writes n empty pages.
func document(t testing.TB, w io.Writer, f Flavour, n int) error {
	t.Helper()
	d := New(w, f)
	tree := NewTree(d)
	for i := range n {
		body := d.Alloc()
		page := types.Dict{"Contents": body, "Resources": types.Dict{},
			"MediaBox": types.Array{types.Integer(0), types.Integer(0), types.Integer(100 + i), types.Float(99.5)}}
		if err := d.Deflated(body, types.Dict{}, fmt.Appendf(nil, "q %d 0 0 1 0 0 cm Q\n", i)); err != nil {
			return err
		}
		if err := tree.Add(page); err != nil {
			return err
		}
	}
	if tree.Count() != n {
		t.Errorf("%d pages are counted, want %d", tree.Count(), n)
	}
	pages, err := tree.Close()
	if err != nil {
		return err
	}
	root := d.Add(types.Dict{"Type": types.Name("Catalog"), "Pages": pages})
	return d.Finish(root, d.Add(types.Dict{"Title": Text("Ünï")}), [16]byte{7})
}

func TestDocumentsOfAnySizeAreReadByOthers(t *testing.T) {
	api.DisableConfigDir()
	for _, flavour := range []Flavour{Modern, Classic} {
		for _, n := range []int{1, 63, 64, 65, 200, 1000} {
			var out bytes.Buffer
			if err := document(t, &out, flavour, n); err != nil {
				t.Fatal(err)
			}
			conf := model.NewDefaultConfiguration()
			conf.Offline = true
			ctx, err := api.ReadAndValidate(bytes.NewReader(out.Bytes()), conf)
			if err != nil {
				t.Fatalf("flavour %d, %d pages: %v", flavour, n, err)
			}
			if ctx.PageCount != n {
				t.Errorf("flavour %d: pdfcpu counts %d pages, want %d", flavour, ctx.PageCount, n)
			}
			if used := ctx.Read.UsingXRefStreams; used != (flavour == Modern) {
				t.Errorf("flavour %d: cross-reference stream %v", flavour, used)
			}
			checkWithQPDF(t, out.Bytes())
		}
	}
}

func checkWithQPDF(t *testing.T, pdf []byte) {
	t.Helper()
	if _, err := exec.LookPath("qpdf"); err != nil {
		t.Log("qpdf is not installed: not checked with it")
		return
	}
	path := filepath.Join(t.TempDir(), "x.pdf")
	if err := os.WriteFile(path, pdf, 0o600); err != nil {
		t.Fatal(err)
	}
	if out, err := exec.Command("qpdf", "--check", path).CombinedOutput(); err != nil || strings.Contains(string(out), "WARNING") {
		t.Errorf("qpdf: %v\n%s", err, out)
	}
}

func TestObjectsAreWrittenShort(t *testing.T) {
	ref := *types.NewIndirectRef(3, 0)
	tests := []struct {
		o    types.Object
		want string
	}{
		{types.Dict{"B": types.Integer(1), "A": types.Name("x y"), "C": types.Array{}}, "<</A/x#20y/B 1/C[]>>"},
		{types.Array{types.Float(0.5), types.Float(-1e-9), types.Float(612), types.Float(1.23456789), ref, ref, nil}, "[0.5 0 612 1.2346 3 0 R 3 0 R null]"},
		{types.Array{types.StringLiteral("a"), types.HexLiteral("ff"), types.Boolean(true), types.Name("N"), types.Dict{}}, "[(a)<ff> true/N<<>>]"},
		{Text(`a (b) \`), `(a \(b\) \\)`},
		{Text("ä"), "<feff00e4>"},
	}
	for _, tt := range tests {
		if got := string(Append(nil, tt.o)); got != tt.want {
			t.Errorf("got %s, want %s", got, tt.want)
		}
	}
}

// failing takes n bytes.
type failing struct{ n int }

var errFull = errors.New("full")

func (f *failing) Write(p []byte) (int, error) {
	if f.n -= len(p); f.n < 0 {
		return 0, errFull
	}
	return len(p), nil
}

func TestAFullDiskIsToldAtOnceAndAtTheEnd(t *testing.T) {
	for _, n := range []int{0, 10, 100, 1000, 2000} {
		if err := document(t, &failing{n}, Classic, 30); !errors.Is(err, errFull) {
			t.Errorf("room for %d bytes: got %v, want %v", n, err, errFull)
		}
	}
}

func TestMistakesOfTheCallerAreErrors(t *testing.T) {
	info := func(d *Writer) types.IndirectRef { return d.Add(types.Dict{}) }
	tests := []struct {
		name string
		make func(d *Writer) error
	}{
		{"never written", func(d *Writer) error { d.Alloc(); return nil }},
		{"written twice", func(d *Writer) error { r := d.Add(types.Integer(1)); return d.Put(r, types.Integer(2)) }},
		{"not allocated", func(d *Writer) error { return d.Put(*types.NewIndirectRef(9, 0), types.Integer(1)) }},
		{"stream is short", func(d *Writer) error { return d.Stream(d.Alloc(), types.Dict{}, 9, strings.NewReader("x")) }},
	}
	for _, tt := range tests {
		d := New(io.Discard, Modern)
		tt.make(d)
		r := info(d)
		if err := d.Finish(r, r, [16]byte{}); err == nil {
			t.Errorf("%s: no error", tt.name)
		}
	}
}
