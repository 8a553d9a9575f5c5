package core

import (
	"fmt"
	"maps"
	"slices"
)

// MaxParts is how many documents one job may become.
const MaxParts = 500

// Part is one of the documents that a job becomes, while it is made.
type Part struct {
	Number int    // from 1; 0: the job is one document
	Pages  []Page // with the numbers that they have in the job
	Sheets []Page // separator sheets before the first of Pages, or, where they are kept, among them
}

// PartInfo is one of the documents that a job was split into.
type PartInfo struct {
	Part   int               `json:"part"` // from 1
	Name   string            `json:"name"` // of its outputs, without extension
	From   int               `json:"from"` // first page of the job that is in it
	To     int               `json:"to"`   // last
	Fields map[string]string `json:"fields,omitempty"`
}

// IndexFailure says why the fields of an indexer are missing from a document.
type IndexFailure struct {
	Indexer string  `json:"indexer"`
	Part    int     `json:"part,omitempty"`
	Failure Failure `json:"error"`
}

// FieldSeparator is the field with the value of the code on the sheet that began a part.
const FieldSeparator = "separator"

// PartName is how the outputs of a part are called, without extension.
func PartName(name string, part int) string {
	if part == 0 {
		return name
	}
	return fmt.Sprintf("%s-%03d", name, part)
}

// Parts divides the pages of a job where its options say. There is always one part, and
// none is empty: a job with nothing but separator sheets stays whole.
func (o Options) Parts(pages []Page) []Part {
	if o.Split == nil {
		return []Part{{Pages: pages}}
	}
	d := divider{split: *o.Split}
	for _, p := range pages {
		d.add(p)
	}
	parts := d.done()
	if len(parts) == 0 {
		return []Part{{Pages: pages}}
	}
	if len(parts) > 1 {
		for i := range parts {
			parts[i].Number = i + 1
		}
	}
	return parts
}

// divider puts pages into parts. A sheet ends the part before it; the next page that
// is none begins the next one. Where sheets are kept, a separator sheet is a page like
// others and begins a part by itself, for it may be all of it; a blank page begins
// one only together with a page that is not blank.
type divider struct {
	split  Split
	parts  []Part
	open   bool   // the last part takes the next page
	sheets []Page // since the last part
}

func (d *divider) add(p Page) {
	switch {
	case !d.sheet(p):
		if !d.open {
			d.begin()
		}
		d.append(p)
	case !d.split.Keep || p.Blank() && !p.Clean.Separator:
		d.open = false
		d.sheets = append(d.sheets, p)
	default:
		d.sheets = append(d.sheets, p)
		d.begin()
	}
}

// begin opens a part behind the sheets that were seen.
func (d *divider) begin() {
	part := Part{Sheets: d.sheets}
	if d.split.Keep {
		part.Pages = slices.Clone(d.sheets)
	}
	d.parts, d.sheets, d.open = append(d.parts, part), nil, true
}

func (d *divider) append(p Page) {
	last := &d.parts[len(d.parts)-1]
	last.Pages = append(last.Pages, p)
}

// done gives the parts. Blank pages at the end that are to be kept begin nothing, so
// they stay with the last part.
func (d *divider) done() []Part {
	if d.split.Keep && len(d.parts) > 0 {
		for _, p := range d.sheets {
			d.append(p)
		}
	}
	return d.parts
}

func (d *divider) sheet(p Page) bool { return p.Clean != nil && d.split.sheet(*p.Clean) }

// sheet reports whether a document ends at a page.
func (s Split) sheet(c PageClean) bool {
	return c.Blank && slices.Contains(s.At, SplitBlank) || c.Separator && slices.Contains(s.At, SplitSeparator)
}

// leavesOutSheets reports whether separator sheets are in none of the documents.
func (o Options) leavesOutSheets() bool {
	return o.Split != nil && !o.Split.Keep && slices.Contains(o.Split.At, SplitSeparator)
}

// Separator is the value of the first code on the sheets that began the part.
func (p Part) Separator() string {
	for _, sheet := range p.Sheets {
		if sheet.Clean.Separator && len(sheet.Clean.Codes) > 0 {
			return sheet.Clean.Codes[0].Value
		}
	}
	return ""
}

// What of the fields goes into the journal; the manifest has them all.
const (
	maxFieldName  = 100       // bytes
	maxFieldValue = 500       // bytes
	maxFieldBytes = 256 << 10 // of one job together
)

// fieldRoom counts down what fields may still take in an event.
type fieldRoom struct{ left int }

// trim gives the fields that fit, in the order of their names.
func (r *fieldRoom) trim(fields map[string]string) map[string]string {
	var out map[string]string
	for _, name := range slices.Sorted(maps.Keys(fields)) {
		value := fields[name]
		size := len(name) + len(value) + 8
		if len(name) > maxFieldName || len(value) > maxFieldValue || size > r.left {
			continue
		}
		if out == nil {
			out = map[string]string{}
		}
		out[name], r.left = value, r.left-size
	}
	return out
}

// Bounded is the result with no more fields and index failures than a journal should carry.
func (a DocumentAssembled) Bounded() DocumentAssembled {
	room := fieldRoom{maxFieldBytes}
	a.Fields = room.trim(a.Fields)
	a.Parts = slices.Clone(a.Parts)
	for i := range a.Parts {
		a.Parts[i].Fields = room.trim(a.Parts[i].Fields)
	}
	a.Unindexed = a.Unindexed[:min(len(a.Unindexed), MaxPageFailures)]
	return a
}

// lacking is how much is missing from what was assembled; 0 is a whole document.
func (a *DocumentAssembled) lacking() int { return len(a.Failed) + len(a.Unindexed) }
