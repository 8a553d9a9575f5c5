package assemble

import (
	"encoding/json"
	"fmt"
	"math"
	"slices"
	"strings"
	"time"

	"github.com/twinleaf-scan/twinleaf/core"
)

// Manifest says what a job's outputs were made of and how. It depends on the
// job's events alone, so assembling again gives the same bytes.
type Manifest struct {
	Format    string   `json:"format"`
	Job       string   `json:"job"`
	Name      string   `json:"name"`
	Submitted string   `json:"submitted"`
	Languages []string `json:"languages"`
	Mode      string   `json:"mode"`
	Inputs    []Input  `json:"inputs"`
	Outputs   []Made   `json:"outputs"`
	Engines   Engines  `json:"engines"`
	Pages     []Page   `json:"pages"`

	Profile      string            `json:"profile,omitempty"`
	Destinations []string          `json:"destinations,omitempty"`
	Fields       map[string]string `json:"fields,omitempty"` // what indexers found
	Unindexed    []IndexError      `json:"unindexed,omitempty"`
	Part         *Split            `json:"part,omitempty"` // of a job that was split, or that lost a sheet
}

// IndexError says why fields are missing.
type IndexError struct {
	Indexer string `json:"indexer"`
	PageError
}

// Split says which of the job's documents this is.
type Split struct {
	Number int     `json:"number"`
	Of     int     `json:"of"`
	Job    string  `json:"job_name"`
	Sheets []Sheet `json:"sheets,omitempty"` // that began it
}

// Sheet is a separator sheet.
type Sheet struct {
	Input     int         `json:"input"` // 1-based
	InputPage int         `json:"input_page"`
	Blank     bool        `json:"blank,omitempty"`
	Codes     []core.Code `json:"codes,omitempty"`
}

// Input is a file that was submitted.
type Input struct {
	Name   string `json:"name"`
	SHA256 string `json:"sha256"`
	Size   int64  `json:"size"`
	Media  string `json:"media"`
	Pages  int    `json:"pages"`
	PDFA   string `json:"pdfa,omitempty"`   // that the input claims
	Signed bool   `json:"signed,omitempty"` // the original lies beside the searchable copy
}

// Made is a file that was made.
type Made struct {
	Kind   string `json:"kind"`
	Name   string `json:"name"`
	SHA256 string `json:"sha256"`
	Size   int64  `json:"size"`
	PDFA   string `json:"pdfa,omitempty"` // conformance written, or kept, or none
	Why    string `json:"why,omitempty"`  // it is not PDF/A-2u
}

// Engines are the plug-ins with their versions that worked on the job.
type Engines struct {
	Inspect   []string `json:"inspect,omitempty"`
	Rasterize []string `json:"rasterize,omitempty"`
	Clean     []string `json:"clean,omitempty"`
	Recognize []string `json:"recognize,omitempty"`
	Assemble  string   `json:"assemble,omitempty"`
}

// Page is one page of the document. Sizes are those of its image; they are 0
// where a born-digital page was left alone.
type Page struct {
	Page           int              `json:"page"`
	Input          int              `json:"input"` // 1-based
	InputPage      int              `json:"input_page"`
	Width          int              `json:"width"` // pixels
	Height         int              `json:"height"`
	DPI            [2]float64       `json:"dpi"`
	Rotation       int              `json:"rotation"` // clockwise degrees that bring it upright
	Skew           float64          `json:"skew"`     // degrees, clockwise positive
	Blank          bool             `json:"blank"`
	Born           bool             `json:"born_digital,omitempty"`
	Confidence     float64          `json:"confidence"` // mean over words, 0 to 100
	Words          int              `json:"words"`
	Cached         bool             `json:"cached,omitempty"` // the engine read this image before; ms is what looking that up took
	Milliseconds   map[string]int64 `json:"ms"`
	ImageUnchanged bool             `json:"image_unchanged"` // the bytes of its image are the input's
	Error          *PageError       `json:"error,omitempty"` // the page is there as an image only

	Separator bool        `json:"separator,omitempty"` // a separator sheet that is kept
	Codes     []core.Code `json:"codes,omitempty"`     // barcodes and patch codes on it
	Cleaned   bool        `json:"cleaned,omitempty"`   // it is shown as a filter made it, not as it was scanned
}

// PageError says why a page has no text.
type PageError struct {
	Stage  string `json:"stage"`
	Code   string `json:"code"`
	Detail string `json:"detail"`
	Remedy string `json:"remedy,omitempty"`
}

// manifestFormat names the shape of the manifest.
const manifestFormat = "twinleaf manifest 1"

func manifestOf(t part, outputs []core.Output, by string) Manifest {
	d, o := t.Document, t.Options.WithDefaults()
	m := Manifest{
		Format: manifestFormat, Job: string(t.Job), Name: t.Name, Submitted: d.Submitted.UTC().Format(time.RFC3339Nano),
		Languages: o.Languages, Mode: string(o.Mode), Engines: Engines{Assemble: by},
		Profile: d.Profile, Destinations: d.Destinations, Fields: t.fields, Part: splitOf(t),
	}
	for _, u := range t.unindexed {
		m.Unindexed = append(m.Unindexed, IndexError{u.Indexer, pageError(core.Assemble, u.Failure)})
	}
	for i, f := range d.Inputs {
		m.Inputs = append(m.Inputs, inputOf(f, d.Inspections[i]))
		note(&m.Engines.Inspect, d.Inspections[i].By)
	}
	for _, out := range outputs {
		m.Outputs = append(m.Outputs, Made{out.Kind, out.File.Name, string(out.File.Ref), out.File.Size, out.PDFA, out.Why})
	}
	for _, p := range d.Pages {
		m.Pages = append(m.Pages, pageOf(p, d.Graft()))
		m.Engines.note(p)
	}
	return m
}

func splitOf(p part) *Split {
	if p.number == 0 && len(p.sheets) == 0 {
		return nil
	}
	s := &Split{Number: max(p.number, 1), Of: p.of, Job: p.job}
	for _, sheet := range p.sheets {
		s.Sheets = append(s.Sheets, Sheet{sheet.Input + 1, sheet.InputPage, sheet.Blank(), sheet.Clean.Codes})
	}
	return s
}

func inputOf(f core.File, in core.Inspection) Input {
	v := Input{Name: f.Name, SHA256: string(f.Ref), Size: f.Size, Media: in.Media, Pages: len(in.Pages)}
	if in.PDF != nil {
		v.PDFA, v.Signed = in.PDF.PDFA, in.PDF.Signed
	}
	return v
}

func (e *Engines) note(p core.Page) {
	if p.Image != nil {
		note(&e.Rasterize, p.Image.By)
	}
	if p.Clean != nil {
		for by := range strings.SplitSeq(p.Clean.By, core.ByComma) {
			note(&e.Clean, by)
		}
	}
	if p.Text != nil {
		note(&e.Recognize, p.Text.By)
	}
}

func note(list *[]string, by string) {
	if by != "" && !slices.Contains(*list, by) {
		*list = append(*list, by)
	}
}

func pageOf(p core.Page, graft bool) Page {
	v := Page{
		Page: p.Number, Input: p.Input + 1, InputPage: p.InputPage, Width: p.Info.Width, Height: p.Info.Height,
		DPI: [2]float64{round(p.Info.XDPI), round(p.Info.YDPI)}, Blank: p.Blank(), Born: p.Born,
		Milliseconds: map[string]int64{}, ImageUnchanged: graft,
	}
	if i := p.Image; i != nil {
		v.Width, v.Height, v.DPI = i.Width, i.Height, [2]float64{round(i.XDPI), round(i.YDPI)}
		v.ImageUnchanged = graft || i.Unchanged
	}
	if p.Clean != nil {
		v.Rotation, v.Skew = p.Clean.Turn, round(p.Clean.Skew)
		v.Separator, v.Codes, v.Cleaned = p.Clean.Separator, p.Clean.Codes, p.Clean.Shown != nil && !graft
	}
	if p.Text != nil && p.Failure == nil && !v.Blank {
		v.Confidence, v.Words, v.Cached = round(p.Text.Confidence), p.Text.Words, p.Text.Cached
	}
	for stage, took := range p.Took {
		v.Milliseconds[string(stage)] = took.Milliseconds()
	}
	if f := p.Failure; f != nil {
		e := pageError(p.FailedStage, *f)
		v.Error = &e
	}
	return v
}

func pageError(stage core.Stage, f core.Failure) PageError {
	return PageError{string(stage), f.Code, f.Detail, f.Remedy}
}

// round keeps two digits after the point.
func round(v float64) float64 { return math.Round(v*100) / 100 }

func (m Manifest) encode() ([]byte, error) {
	data, err := json.MarshalIndent(m, "", "  ")
	if err != nil {
		return nil, fmt.Errorf("write the manifest: %w", err)
	}
	return append(data, '\n'), nil
}
