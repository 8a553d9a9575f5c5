package ocr

import (
	"bytes"
	"math"
	"strconv"
)

// attrs is what the attributes of an hOCR element say.
type attrs struct {
	level      level
	box        Box
	lang       string
	rtl        bool
	confidence float64
	resolution float64

	baseline    Baseline
	hasBaseline bool
	angle       int
	hasAngle    bool
	size        float64
	ascent      float64
	descent     float64
}

func (a *attrs) set(name string, value []byte) {
	switch name {
	case "class":
		a.level = levelOf(value)
	case "title":
		a.properties(value)
	case "lang", "xml:lang":
		if len(value) <= MaxWordSize {
			a.lang = cleanText(unescape(value))
		}
	case "dir":
		a.rtl = string(value) == "rtl"
	}
}

// levelOf knows the classes of Tesseract and the common ones of other engines.
func levelOf(class []byte) level {
	switch string(class) {
	case "ocr_page":
		return pageLevel
	case "ocr_carea", "ocrx_block":
		return blockLevel
	case "ocr_par":
		return paragraphLevel
	case "ocr_line", "ocrx_line", "ocr_header", "ocr_caption", "ocr_textfloat":
		return lineLevel
	case "ocrx_word":
		return wordLevel
	}
	return other
}

// properties reads the list of an hOCR title: "bbox 1 2 3 4; x_wconf 96".
func (a *attrs) properties(title []byte) {
	for len(title) > 0 {
		property, rest, _ := bytes.Cut(title, []byte{';'})
		title = rest
		name, values := cutWord(property)
		a.property(name, values)
	}
}

func (a *attrs) property(name, values []byte) {
	switch string(name) {
	case "bbox":
		var n [4]int
		for i := range n {
			n[i], values = cutInt(values)
		}
		a.box = Box{n[0], n[1], n[2], n[3]}
	case "baseline":
		a.hasBaseline = true
		a.baseline.Slope, values = cutFloat(values)
		a.baseline.Offset, _ = cutFloat(values)
	case "textangle":
		a.hasAngle = true
		degrees, _ := cutInt(values)
		a.angle = ((degrees % 360) + 360) % 360
	case "x_size":
		a.size = length(values)
	case "x_ascenders":
		a.ascent = length(values)
	case "x_descenders":
		a.descent = length(values)
	case "x_wconf":
		c, _ := cutFloat(values)
		a.confidence = min(max(c, 0), 100)
	case "scan_res":
		a.resolution, values = cutFloat(values)
		if y, _ := cutFloat(values); y > 0 {
			a.resolution = y
		}
	}
}

// line is the line that the attributes describe. A line that runs up or down the
// page without saying so has Angle -1 until its words are known.
func (a *attrs) line() Line {
	l := Line{Box: a.box, Angle: a.angle, Size: a.size, Ascent: a.ascent, Descent: a.descent}
	steep := math.Abs(a.baseline.Slope) > maxSlope
	if a.hasBaseline && !steep && !a.hasAngle {
		l.Baseline = Baseline{Slope: a.baseline.Slope, Offset: max(min(a.baseline.Offset, 0), -MaxSide)}
		return l
	}
	l.Baseline.Offset = 0 - a.descent // not -0
	if !a.hasAngle {
		l.Angle = -1
	}
	return l
}

func cutWord(b []byte) (word, rest []byte) {
	b = bytes.TrimLeft(b, " \t\r\n")
	n := bytes.IndexAny(b, " \t\r\n")
	if n < 0 {
		return b, nil
	}
	return b[:n], b[n:]
}

// cutFloat reads the next number; what is no finite number counts as 0.
func cutFloat(b []byte) (float64, []byte) {
	word, rest := cutWord(b)
	x, err := strconv.ParseFloat(string(word), 64)
	if err != nil || math.IsNaN(x) || math.IsInf(x, 0) {
		return 0, rest
	}
	return x, rest
}

func cutInt(b []byte) (int, []byte) {
	word, rest := cutWord(b)
	if n, err := strconv.Atoi(string(word)); err == nil {
		return min(max(n, -MaxSide), MaxSide), rest
	}
	x, _ := cutFloat(word)
	return int(math.Round(min(max(x, -MaxSide), MaxSide))), rest
}

func length(b []byte) float64 {
	x, _ := cutFloat(b)
	return min(max(x, 0), MaxSide)
}
