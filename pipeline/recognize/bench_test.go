package recognize

import (
	"fmt"
	"strings"
	"testing"

	"github.com/twinleaf-scan/twinleaf/core"
	"github.com/twinleaf-scan/twinleaf/core/blob"
	"github.com/twinleaf-scan/twinleaf/core/cache"
	"github.com/twinleaf-scan/twinleaf/pipeline/reuse"
	"github.com/twinleaf-scan/twinleaf/sdk/ocr"
)

// BenchmarkStage is what a dense page costs around the engine's call, which takes no time
// here: folder, check, blob. "kept" is a page whose text is known already.
func BenchmarkStage(b *testing.B) {
	for _, kept := range []bool{false, true} {
		b.Run(map[bool]string{false: "read", true: "kept"}[kept], func(b *testing.B) {
			blobs, err := blob.Open(b.TempDir(), blob.Config{NoSync: true, Reserve: -1})
			if err != nil {
				b.Fatal(err)
			}
			defer blobs.Close()
			raw := dense(b)
			s := New(blobs, &engine{json: raw, words: 700, name: "page.json"}, nil)
			if kept {
				s.Reusing(memoryOf(b))
			}
			ref, size, err := blobs.Put(b.Context(), strings.NewReader("image"), 0)
			if err != nil {
				b.Fatal(err)
			}
			task := core.Task{Job: "a-1", Page: 1, Image: core.PageImage{Image: core.File{Name: "i.tif", Ref: ref, Size: size}, Width: 2550, Height: 3300, XDPI: 300, YDPI: 300}}
			b.SetBytes(int64(len(raw)))
			b.ReportAllocs()
			for b.Loop() {
				if _, err := s.Run(b.Context(), task); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}

func memoryOf(b *testing.B) *reuse.Memory {
	b.Helper()
	store, err := cache.Open(b.TempDir(), cache.Config{})
	if err != nil {
		b.Fatal(err)
	}
	b.Cleanup(store.Close)
	m, err := reuse.New(store, same{}, 1<<24)
	if err != nil {
		b.Fatal(err)
	}
	return m
}

// dense is the text of a page of seventy lines with ten words each.
func dense(b *testing.B) string {
	b.Helper()
	p := ocr.Page{Width: 2550, Height: 3300, DPI: 300}
	var para ocr.Paragraph
	for y := range 70 {
		line := ocr.Line{Box: ocr.Box{X0: 100, Y0: 40 + y*45, X1: 2400, Y1: 80 + y*45}, Size: 40, Descent: 9}
		for x := range 10 {
			line.Words = append(line.Words, ocr.Word{Text: fmt.Sprintf("word%dof%d", x, y), Confidence: 91.5, Box: ocr.Box{X0: 100 + x*230, Y0: 40 + y*45, X1: 310 + x*230, Y1: 80 + y*45}})
		}
		para.Lines = append(para.Lines, line)
	}
	whole := ocr.Box{X0: 100, Y0: 40, X1: 2400, Y1: 3230}
	para.Box = whole
	p.Blocks = []ocr.Block{{Box: whole, Paragraphs: []ocr.Paragraph{para}}}
	var raw strings.Builder
	if err := p.Encode(&raw); err != nil {
		b.Fatal(err)
	}
	return raw.String()
}
