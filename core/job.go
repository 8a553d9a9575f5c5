package core

import (
	"encoding/json"
	"time"
)

// JobID names a job: the accepting server's name, a dash and a ULID, so that ids
// of two servers never collide and sort by time within one server.
type JobID string

// Ref names a blob by its SHA-256, 64 lower-case hexadecimal digits.
type Ref string

// File is a blob with the name and type it had outside.
type File struct {
	Name  string `json:"name"`            // base name, never a path
	Ref   Ref    `json:"ref"`             // content
	Size  int64  `json:"size"`            // bytes
	Media string `json:"media,omitempty"` // media type; empty until ingest has looked at the content
}

// Mode says what happens to pages that already carry text (P4).
type Mode string

// The modes of P4.
const (
	ModeSkip  Mode = "skip"  // leave pages with text alone (default)
	ModeRedo  Mode = "redo"  // replace an invisible text layer, keep visible text
	ModeForce Mode = "force" // draw every page as an image and recognise all of it
)

// Options is a profile as it was when the job was submitted. It is frozen into
// JobSubmitted, so a later change of the profile never changes a running job.
// The zero value asks for the defaults that each field names.
type Options struct {
	Languages []string `json:"languages,omitempty"` // Tesseract names; default eng
	Mode      Mode     `json:"mode,omitempty"`      // default skip
	PDFA      string   `json:"pdfa,omitempty"`      // 2u (default), 2b, 1b, none
	Optimize  string   `json:"optimize,omitempty"`  // none (default) or lossless: bilevel pages become JBIG2
	Outputs   []string `json:"outputs,omitempty"`   // of pdf, text, hocr, alto; default all. What is delivered is Deliver
	Deliver   []string `json:"deliver,omitempty"`   // of pdf, text, hocr, alto, manifest; default pdf
	Password  string   `json:"-"`                   // never journaled; only for a run without a journal
	Limits    Limits   `json:"limits,omitzero"`

	Readers    []string `json:"readers,omitempty"`    // reader plug-ins that are asked first, each for the media types that it reads
	Filters    []Step   `json:"filters,omitempty"`    // in this order, each on the image of the one before; default: the server's own filter alone
	Recognizer *Step    `json:"recognizer,omitempty"` // default: the server's own
	Indexers   []Step   `json:"indexers,omitempty"`   // their fields go into the manifest and the document; default: none
	Assembler  *Step    `json:"assembler,omitempty"`  // default: the server's own
	Split      *Split   `json:"split,omitempty"`      // nil: all pages are one document
}

// Step is a plug-in that does one thing for a job, with its settings.
type Step struct {
	Plugin    string          `json:"plugin"`              // its name; empty: the server's own of the kind
	Component string          `json:"component,omitempty"` // of the plug-in; default: its only one of the kind
	Settings  json.RawMessage `json:"settings,omitempty"`  // as the component's schema says; default: none
}

// Split says where one job's pages become several documents (P12). Every one of
// them has all that the job has: profile, destinations, fields and name, with its number.
type Split struct {
	At   []string `json:"at"`             // SplitBlank, SplitSeparator
	Keep bool     `json:"keep,omitempty"` // the sheet stays as the first page of the document that it begins; default: it is left out
}

// Where a job is split.
const (
	SplitBlank     = "blank"     // at a blank page
	SplitSeparator = "separator" // at a page that a filter calls a separator sheet: a barcode or patch code
)

// Limits bound one job. Zero means the default that the comment names.
type Limits struct {
	Bytes       int64         `json:"bytes,omitempty"`       // of all inputs together; default 2 GiB
	Pages       int           `json:"pages,omitempty"`       // default 10,000
	Pixels      int64         `json:"pixels,omitempty"`      // of one page; default 150 million
	PageTimeout time.Duration `json:"pageTimeout,omitempty"` // of one stage of one page; default 120 s
	JobTimeout  time.Duration `json:"jobTimeout,omitempty"`  // of ingest or assemble; default 30 min
}

// WithDefaults fills in every zero field.
func (l Limits) WithDefaults() Limits {
	if l.Bytes == 0 {
		l.Bytes = 2 << 30
	}
	if l.Pages == 0 {
		l.Pages = 10_000
	}
	if l.Pixels == 0 {
		l.Pixels = 150_000_000
	}
	if l.PageTimeout == 0 {
		l.PageTimeout = 120 * time.Second
	}
	if l.JobTimeout == 0 {
		l.JobTimeout = 30 * time.Minute
	}
	return l
}

// WithDefaults fills in every zero field.
func (o Options) WithDefaults() Options {
	if len(o.Languages) == 0 {
		o.Languages = []string{"eng"}
	}
	if o.Mode == "" {
		o.Mode = ModeSkip
	}
	if o.PDFA == "" {
		o.PDFA = "2u"
	}
	if o.Optimize == "" {
		o.Optimize = "none"
	}
	if len(o.Outputs) == 0 {
		o.Outputs = []string{OutputPDF, OutputText, OutputHOCR, OutputALTO}
	}
	if len(o.Deliver) == 0 {
		o.Deliver = []string{OutputPDF}
	}
	o.Limits = o.Limits.WithDefaults()
	return o
}

// Names of outputs.
const (
	OutputPDF      = "pdf"
	OutputText     = "text"
	OutputHOCR     = "hocr"
	OutputALTO     = "alto"
	OutputManifest = "manifest"
	OutputOriginal = "original" // only for signed PDFs: the input, untouched (P4)
)

// Inspection is what a reader found out about one input without drawing it.
type Inspection struct {
	Media string     `json:"media"` // of the content, e.g. application/pdf
	Pages []PageInfo `json:"pages"`
	PDF   *PDFInfo   `json:"pdf,omitempty"` // only for PDF
	By    string     `json:"by,omitempty"`  // plug-in and version
}

// PDFInfo is what decides how a PDF is treated.
type PDFInfo struct {
	Version   string `json:"version,omitempty"`   // e.g. 1.7
	Encrypted bool   `json:"encrypted,omitempty"` // with an empty user password; others are refused
	Signed    bool   `json:"signed,omitempty"`
	Rebuild   bool   `json:"rebuild,omitempty"` // every page is one image and nothing else is lost by writing anew
	PDFA      string `json:"pdfa,omitempty"`    // conformance claimed, e.g. 2u
	Repaired  bool   `json:"repaired,omitempty"`
}

// PageInfo is one page as ingest sees it.
type PageInfo struct {
	Width    int     `json:"w,omitempty"`    // pixels of the image, 0 where a page is more than one image
	Height   int     `json:"h,omitempty"`    //
	XDPI     float64 `json:"xdpi,omitempty"` // 0: unknown
	YDPI     float64 `json:"ydpi,omitempty"`
	WidthPt  float64 `json:"wpt,omitempty"` // displayed size of a PDF page in points (1/72 inch)
	HeightPt float64 `json:"hpt,omitempty"`
	Text     bool    `json:"text,omitempty"`   // carries text that is left alone: born digital, or with our own layer
	Hidden   bool    `json:"hidden,omitempty"` // carries an invisible text layer; where Text is false it is replaced
	Image    bool    `json:"image,omitempty"`  // the page is exactly one image, which can be taken out losslessly
}

// PageImage is what a reader gives for one page: the image that is recognised
// and, where that differs, the image that is shown in a new document.
type PageImage struct {
	Image     File    `json:"image"`            // upright as the file says (EXIF, /Rotate), square pixels, no alpha
	Shown     *File   `json:"shown,omitempty"`  // original bytes to embed; nil: Image itself is embedded
	Orient    int     `json:"orient,omitempty"` // EXIF orientation 1..8 by which Shown becomes Image; 0 and 1: as it is
	Width     int     `json:"w"`                // of Image, pixels
	Height    int     `json:"h"`
	XDPI      float64 `json:"xdpi"` // of Image; never 0
	YDPI      float64 `json:"ydpi"`
	Unchanged bool    `json:"unchanged,omitempty"` // what is embedded is the very bytes of the input (P3)
	By        string  `json:"by,omitempty"`        // plug-in and version
}

// PageClean is what the clean stage found.
type PageClean struct {
	Image  *File   `json:"image,omitempty"` // for recognition only: turned, halved; nil: the rasterized image serves
	Blank  bool    `json:"blank,omitempty"`
	Turn   int     `json:"turn,omitempty"`   // clockwise degrees that bring the page upright: 0, 90, 180, 270
	Skew   float64 `json:"skew,omitempty"`   // degrees, clockwise positive, as measured; nothing is deskewed by default
	Deskew float64 `json:"deskew,omitempty"` // degrees counter-clockwise by which Image was turned about its centre to level its lines
	Scale  float64 `json:"scale,omitempty"`  // pixels of the recognised image per pixel of the rasterized one; 0 means 1
	Width  int     `json:"w,omitempty"`      // of the recognised image
	Height int     `json:"h,omitempty"`
	By     string  `json:"by,omitempty"`     // plug-ins and versions, in the order of their work, separated by ByComma
	Cached bool    `json:"cached,omitempty"` // the filters found it for another page with the same image, or in an earlier attempt

	Shown     *File  `json:"shown,omitempty"`     // shown instead of the scan, because the profile says so: the recognised image at any resolution, same frame
	Separator bool   `json:"separator,omitempty"` // the page is a separator sheet
	Codes     []Code `json:"codes,omitempty"`     // barcodes and patch codes on the page
}

// ByComma stands between several plug-ins that worked on one thing.
const ByComma = ", "

// Code is a machine-readable mark on a page.
type Code struct {
	Type  string `json:"type"` // e.g. code-128, qr, patch
	Value string `json:"value"`
}

// Upright is the size in pixels of the page's image after Turn and Scale, before
// Deskew: the frame that the boxes of its text refer to.
func (c PageClean) Upright(i PageImage) (width, height float64) {
	width, height = float64(i.Width), float64(i.Height)
	if c.Scale > 0 {
		width, height = width*c.Scale, height*c.Scale
	}
	if c.Turn == 90 || c.Turn == 270 {
		width, height = height, width
	}
	return width, height
}

// PageText is what the recognize stage made of one page.
type PageText struct {
	Text       File    `json:"text"`       // an ocr.Page as JSON
	Confidence float64 `json:"confidence"` // mean over words, 0..100
	Words      int     `json:"words"`
	By         string  `json:"by,omitempty"`     // plug-in, version and engine
	Cached     bool    `json:"cached,omitempty"` // the engine gave it for another page with the same image, or for an earlier attempt

	Basis string `json:"-"` // of text that another machine read: what it rests on; empty once it is checked
}

// Output is one thing that assemble made.
type Output struct {
	Kind string `json:"kind"` // pdf, text, hocr, alto, manifest, original
	File File   `json:"file"`
	PDFA string `json:"pdfa,omitempty"` // what the PDF claims; "kept" or "none" for a graft
	Why  string `json:"why,omitempty"`  // why a PDF is not PDF/A-2u
	Part int    `json:"part,omitempty"` // 1-based, of a job that is split; 0: the job is one document
}

// Receipt is a destination's word that it has the document.
type Receipt struct {
	Location string `json:"location,omitempty"` // where it lies there, e.g. a path
	Detail   string `json:"detail,omitempty"`
}
