// Package sdk is all that the author of a Twinleaf plug-in imports. A plug-in is
// a program of its own that serves one or more components:
//
//	func main() {
//		sdk.Serve(sdk.Info{Name: "example.invert", Version: "1.0.0"}, sdk.Filter(invert))
//	}
//
// The host starts the program, hands it files by path and takes files back; a
// crash, a hang or a wrong answer costs one attempt at one page, nothing else.
// `PROGRAM describe` prints the manifest as JSON.
package sdk

import "context"

// Kind is what a component does.
type Kind string

// The kinds of D2.
const (
	KindReader     Kind = "reader"     // document to page images
	KindFilter     Kind = "filter"     // page image to page image
	KindRecognizer Kind = "recognizer" // page image to text
	KindIndexer    Kind = "indexer"    // text to metadata
	KindAssembler  Kind = "assembler"  // pages and text to documents
	KindDeliverer  Kind = "deliverer"  // documents to a destination
)

// Info is what a plug-in says of itself.
type Info struct {
	Name        string      `json:"name"`    // reverse-dotted or plain, lower case
	Version     string      `json:"version"` // semantic, without v
	Summary     string      `json:"summary,omitempty"`
	License     string      `json:"license,omitempty"` // SPDX
	Permissions Permissions `json:"permissions,omitzero"`
	Engine      string      `json:"engine,omitempty"` // of a recognizer: engine and version, for people
}

// Permissions is what a plug-in asks of the sandbox. The zero value asks for nothing.
type Permissions struct {
	Net        []string `json:"net,omitempty"`        // host:port, public hosts only
	Exec       []string `json:"exec,omitempty"`       // programs it runs, e.g. pdftoppm
	SharedMem  bool     `json:"sharedMem,omitempty"`  // memory shared between its own processes
	MemoryMB   int      `json:"memoryMB,omitempty"`   // default 1024
	CPUSeconds int      `json:"cpuSeconds,omitempty"` // over the life of a process; default unlimited
}

// File is a file that crosses the border, by path.
type File struct {
	Path   string `json:"path"`             // absolute. Inputs are read only; outputs lie below [Out]
	Name   string `json:"name"`             // base name, as it was outside
	Media  string `json:"media,omitempty"`  // media type
	SHA256 string `json:"sha256,omitempty"` // of inputs, lower-case hex
}

// Limits bound a call.
type Limits struct {
	Pages  int   `json:"pages"`  // of a document
	Pixels int64 `json:"pixels"` // of a page
	Bytes  int64 `json:"bytes"`  // of any decoded stream
}

// InspectRequest asks what a document is, before anything of it is decoded.
type InspectRequest struct {
	Input     File     `json:"input"`
	Mode      string   `json:"mode"` // skip, redo, force
	Languages []string `json:"languages,omitempty"`
	Password  string   `json:"password,omitempty"`
	Limits    Limits   `json:"limits"`
}

// Inspection is a document's pages and what decides its treatment.
type Inspection struct {
	Media string     `json:"media"`
	Pages []PageInfo `json:"pages"`
	PDF   *PDFInfo   `json:"pdf,omitempty"`
}

// PDFInfo is what matters of a PDF as a whole.
type PDFInfo struct {
	Version   string `json:"version,omitempty"`
	Encrypted bool   `json:"encrypted,omitempty"` // with an empty user password
	Signed    bool   `json:"signed,omitempty"`
	Rebuild   bool   `json:"rebuild,omitempty"` // every page is one image; nothing else is lost by writing the document anew
	PDFA      string `json:"pdfa,omitempty"`
	Repaired  bool   `json:"repaired,omitempty"`
}

// PageInfo is one page before it is decoded.
type PageInfo struct {
	Width    int     `json:"w,omitempty"` // pixels; 0: more than one image
	Height   int     `json:"h,omitempty"`
	XDPI     float64 `json:"xdpi,omitempty"` // 0: unknown
	YDPI     float64 `json:"ydpi,omitempty"`
	WidthPt  float64 `json:"wpt,omitempty"` // displayed size of a PDF page, 1/72 inch
	HeightPt float64 `json:"hpt,omitempty"`
	Text     bool    `json:"text,omitempty"`   // carries text that is left alone
	Hidden   bool    `json:"hidden,omitempty"` // carries invisible text; where Text is false it is replaced
	Image    bool    `json:"image,omitempty"`  // exactly one image, which can be taken out losslessly
}

// PageRequest asks for one page as an image.
type PageRequest struct {
	Input    File     `json:"input"`
	Page     int      `json:"page"` // 1-based
	Info     PageInfo `json:"info"`
	Graft    bool     `json:"graft"` // only the image for recognition is wanted
	Mode     string   `json:"mode"`
	Password string   `json:"password,omitempty"`
	Limits   Limits   `json:"limits"`
}

// PageImage is a page: the image to recognise and, where it differs, the one to show.
type PageImage struct {
	Image     File    `json:"image"`            // upright as the file says, square pixels, no alpha
	Shown     *File   `json:"shown,omitempty"`  // original bytes to embed; nil: Image
	Orient    int     `json:"orient,omitempty"` // EXIF orientation 1..8 that turns Shown into Image
	Width     int     `json:"w"`                // of Image
	Height    int     `json:"h"`
	XDPI      float64 `json:"xdpi"` // of Image, never 0
	YDPI      float64 `json:"ydpi"`
	Unchanged bool    `json:"unchanged,omitempty"` // what is shown is the very bytes of the input
}

// TextRequest asks for the text that a page carries.
type TextRequest struct {
	Input    File   `json:"input"`
	Page     int    `json:"page"`
	Password string `json:"password,omitempty"`
	Limits   Limits `json:"limits"`
}

// Text is the text of a page: a JSON file in the form of package ocr's Page.
type Text struct {
	Text       File    `json:"text"`
	Confidence float64 `json:"confidence"` // mean over words, 0..100
	Words      int     `json:"words"`

	EngineSeconds float64 `json:"engineSeconds,omitempty"` // processor time of the recognition itself, without decoding and writing; measurements show it, nothing depends on it
}

// FilterRequest asks a filter to look at a page image.
type FilterRequest struct {
	Image  File    `json:"image"`
	Width  int     `json:"w"`
	Height int     `json:"h"`
	XDPI   float64 `json:"xdpi"`
	YDPI   float64 `json:"ydpi"`
	Limits Limits  `json:"limits"`
}

// Filtered is what a filter found and made.
type Filtered struct {
	Image  *File   `json:"image,omitempty"` // for recognition; nil: the input serves
	Blank  bool    `json:"blank,omitempty"`
	Turn   int     `json:"turn,omitempty"`   // clockwise degrees that bring the page upright
	Skew   float64 `json:"skew,omitempty"`   // degrees, clockwise positive
	Deskew float64 `json:"deskew,omitempty"` // degrees counter-clockwise by which Image was turned about its centre, into a larger frame, to level its lines
	Scale  float64 `json:"scale,omitempty"`  // pixels of Image per pixel of the input; 0: 1

	Shown     *File  `json:"shown,omitempty"`     // to show instead of the scan, where the settings ask for that: in the frame of Image (turned, levelled), at any resolution
	Separator bool   `json:"separator,omitempty"` // the page is a sheet between two documents
	Codes     []Code `json:"codes,omitempty"`     // barcodes and patch codes on the page
	Width     int    `json:"w,omitempty"`         // of Image
	Height    int    `json:"h,omitempty"`
}

// Code is a machine-readable mark on a page.
type Code struct {
	Type  string `json:"type"` // e.g. code-128, qr, patch
	Value string `json:"value"`
}

// RecognizeRequest asks for the text of an image.
type RecognizeRequest struct {
	Image     File     `json:"image"`
	DPI       float64  `json:"dpi"`
	Languages []string `json:"languages"`
	Limits    Limits   `json:"limits"`
}

// AssembleRequest asks for documents. It travels as the file Document, whose JSON
// is a [Document].
type AssembleRequest struct {
	Document File `json:"document"`
}

// Document is everything that an assembler needs.
type Document struct {
	Job         string       `json:"job"`
	Name        string       `json:"name"`
	Submitted   string       `json:"submitted"` // RFC 3339; the only time that may go into outputs
	Mode        string       `json:"mode"`
	PDFA        string       `json:"pdfa"`     // 2u, 2b, 1b, none
	Optimize    string       `json:"optimize"` // none, lossless
	Outputs     []string     `json:"outputs"`  // pdf, text, hocr, alto
	Languages   []string     `json:"languages,omitempty"`
	Password    string       `json:"password,omitempty"`
	Inputs      []File       `json:"inputs"`
	Inspections []Inspection `json:"inspections"`
	Pages       []DocPage    `json:"pages"`
	Limits      Limits       `json:"limits"`

	Fields map[string]string `json:"fields,omitempty"` // what indexers found
}

// DocPage is one page of a Document.
type DocPage struct {
	Number    int        `json:"number"` // 1-based, in the document
	Input     int        `json:"input"`  // 0-based index into Inputs
	InputPage int        `json:"inputPage"`
	Info      PageInfo   `json:"info"`
	Kept      bool       `json:"kept,omitempty"` // carries its own text: left alone
	Blank     bool       `json:"blank,omitempty"`
	Image     *PageImage `json:"image,omitempty"` // nil: could not be read, or kept
	Filtered  *Filtered  `json:"filtered,omitempty"`
	Text      *File      `json:"text,omitempty"` // nil: blank, failed
}

// Assembled is what an assembler made.
type Assembled struct {
	Outputs []Output `json:"outputs"`
}

// Output is one file of an assembler.
type Output struct {
	Kind string `json:"kind"` // pdf, text, hocr, alto
	File File   `json:"file"`
	PDFA string `json:"pdfa,omitempty"` // 2u, 2b, 1b, kept, none
	Why  string `json:"why,omitempty"`
}

// DeliverRequest asks a deliverer to hand over files. A Key that comes twice is
// the same delivery: the second must find itself done.
type DeliverRequest struct {
	Key   string   `json:"key"`
	Job   string   `json:"job"`
	Name  string   `json:"name"` // document name, without extension
	Files []File   `json:"files"`
	Kinds []string `json:"kinds"` // pdf, text, hocr, alto, manifest, original; parallel to Files
}

// Receipt is a destination's word that it has the document.
type Receipt struct {
	Location string `json:"location,omitempty"`
	Detail   string `json:"detail,omitempty"`
}

// IndexRequest asks for metadata of a text.
type IndexRequest struct {
	Name  string `json:"name"`
	Texts []File `json:"texts"` // ocr.Page JSON, in page order
}

// Metadata is what an indexer found.
type Metadata struct {
	Fields map[string]string `json:"fields"`
}

// ReaderFuncs is what a reader does. Inspect must not decode pixels; Page and
// Text may be called in any order, for any page, more than once.
type ReaderFuncs[S any] struct {
	Media   []string // media types that it reads
	Inspect func(context.Context, InspectRequest, S) (Inspection, error)
	Page    func(context.Context, PageRequest, S) (PageImage, error)
	Text    func(context.Context, TextRequest, S) (Text, error) // nil: pages never carry text
}
