// Package ocr is recognised text: pages of blocks, paragraphs, lines and words
// with boxes, baselines and confidences, and its forms as plain text, hOCR and
// ALTO. Recognizers make an [Page]; assemblers place it on the page.
//
// The package does no I/O of its own: it reads from and writes to what it is given.
package ocr

// Box is a rectangle in pixels: X0, Y0 is the upper left corner, X1, Y1 lies one
// past the lower right one. y grows downwards.
type Box struct {
	X0 int `json:"x0"`
	Y0 int `json:"y0"`
	X1 int `json:"x1"`
	Y1 int `json:"y1"`
}

// Page is the text of one upright page image.
type Page struct {
	Width  int     `json:"w"`   // pixels of the image that the boxes refer to
	Height int     `json:"h"`   //
	DPI    float64 `json:"dpi"` // of that image
	Lang   string  `json:"lang,omitempty"`
	Engine string  `json:"engine,omitempty"` // e.g. "tesseract 5.3.0"; "pdf" for text that the page carried
	Blocks []Block `json:"blocks"`
}

// Block is an area of paragraphs in reading order, e.g. a column.
type Block struct {
	Box        Box         `json:"box"`
	Paragraphs []Paragraph `json:"paragraphs"`
}

// Paragraph is lines that belong together.
type Paragraph struct {
	Box   Box    `json:"box"`
	RTL   bool   `json:"rtl,omitempty"`
	Lang  string `json:"lang,omitempty"`
	Lines []Line `json:"lines"`
}

// Line is words on one baseline in logical (reading) order.
type Line struct {
	Box      Box      `json:"box"`
	Baseline Baseline `json:"baseline"`
	Angle    int      `json:"angle,omitempty"`   // hOCR textangle: counter-clockwise degrees of the text; 0, 90, 180, 270
	Size     float64  `json:"size,omitempty"`    // x_size: height of the font in pixels
	Descent  float64  `json:"descent,omitempty"` // x_descenders, pixels
	Ascent   float64  `json:"ascent,omitempty"`  // x_ascenders, pixels
	Words    []Word   `json:"words"`
}

// Baseline is the line y = Slope·(x−X0) + Y1 + Offset in the line's box, as hOCR
// defines it. Offset is at most 0.
type Baseline struct {
	Slope  float64 `json:"slope"`
	Offset float64 `json:"offset"`
}

// Word is one word.
type Word struct {
	Text       string  `json:"text"` // UTF-8, logical order, NFC as the engine gave it
	Box        Box     `json:"box"`
	Confidence float64 `json:"conf"` // 0..100
	Lang       string  `json:"lang,omitempty"`
}
