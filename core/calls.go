package core

import (
	"encoding/json"
	"errors"
)

// The calls below are what stages ask of plug-ins, in the server's own words; the
// plug-in host turns them into messages of the plug-in's protocol generation.
//
// Files come in as a Source: a blob with its path, which is read and never
// written. Files of an answer lie in the call's Dir under File.Name with Ref and
// Size empty; the stage checks them, puts them into the blob store and fills in Ref.

// Source is a blob on disk.
type Source struct {
	File
	Path string // absolute, read only
}

// InspectCall asks a reader what an input is and which pages it has.
type InspectCall struct {
	Input   Source // Media is set
	Options Options
}

// PageCall asks a reader for one page.
type PageCall struct {
	Input   Source
	Page    int // 1-based, inside Input
	Info    PageInfo
	Graft   bool // the document keeps its own page; only the image for recognition is wanted
	Options Options
	Dir     string
}

// TextCall asks a reader for the text that a born-digital page carries.
type TextCall struct {
	Input   Source
	Page    int
	Options Options
	Dir     string
}

// CleanCall asks a filter to look at a page image and to prepare it for recognition.
type CleanCall struct {
	Job     JobID // for which it is made; one job does not make a plug-in a bad one
	Step    Step
	Image   Source
	Page    PageImage
	Options Options
	Dir     string
}

// RecognizeCall asks a recognizer for the text of a page image.
type RecognizeCall struct {
	Job           JobID
	Step          Step
	Image         Source
	Width, Height int // of the image in pixels; 0: not said
	DPI           float64
	Options       Options
	Dir           string
}

// ErrNoPlace is the error of a call for which there was no place in time, because whoever
// was to do it has left. The attempt is no failure and is begun again.
var ErrNoPlace = errors.New("there is no place for the page at present")

// IndexCall asks an indexer for metadata.
type IndexCall struct {
	Job   JobID
	Step  Step
	Name  string   // of the document
	Texts []Source // an ocr.Page as JSON each, in page order; pages without text are left out
}

// AssembleCall asks an assembler for the outputs named in Options.Outputs.
type AssembleCall struct {
	Step        Step
	Job         JobID
	Name        string
	Submitted   string // RFC 3339; the only time that goes into the outputs, so that doing it again gives the same bytes
	Options     Options
	Inputs      []Source
	Inspections []Inspection
	Pages       []PageParts
	Fields      map[string]string // what the indexers found
	Dir         string
}

// PageParts is one page with its files.
type PageParts struct {
	Page  Page
	Image *Source // the rasterized image; nil where the input's page is kept or could not be read
	Shown *Source // as PageImage.Shown
	Clean *Source // as PageClean.Shown; nil where the input's page is kept
	Text  *Source // an ocr.Page as JSON; nil for blank and failed pages
}

// DeliverCall asks a deliverer to hand over files. The same Key may come twice;
// the second time the destination must find itself done.
type DeliverCall struct {
	Destination string          // its name
	Plugin      string          // name of the deliverer
	Settings    json.RawMessage // the destination's
	Key         string          // idempotency key
	Job         JobID
	Name        string // document name without extension
	Files       []Source
	Kinds       []string // kind of each file: pdf, text …
}
