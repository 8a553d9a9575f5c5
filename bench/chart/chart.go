// Package chart draws measurements as SVG, and lays charts and tables on one page that
// needs nothing from elsewhere: no script, no style sheet, no font.
package chart

import (
	"bytes"
	"html/template"
	"math"
	"strconv"
	"strings"
	"unicode/utf8"
)

// Bar is one bar, from 0 to Value.
type Bar struct {
	Label string
	Value float64
	Text  string // at its end, e.g. "12.3 s"; empty: the value
	Group int    // which of the four colours it has, from 0; others: the first
}

// Series is one line of a chart.
type Series struct {
	Name   string
	Points []Point
}

// Point is one place on a line.
type Point struct{ X, Y float64 }

// Bounds of a chart; what is more is left out, or thinned out.
const (
	maxBars   = 200
	maxPoints = 600
	maxSeries = 4
)

// The colours of bars and lines, to be told apart on white and on black.
var colours = [maxSeries]string{"#0969da", "#bf6a00", "#1a7f37", "#8250df"}

// Measures of a chart in pixels.
const (
	width    = 720
	left     = 230 // of the bars: their labels stand before
	barStep  = 26
	barsWide = 380 // of the longest
	barsText = 190 // at its end
	noteMost = 140 // characters of a line of notes
	height   = 260 // of lines and columns
	margin   = 64
	charSize = 12
)

// Bars draws horizontal bars, one below the other, over an axis that begins at 0. Notes
// stand below, a line each: what was measured, where and with what.
func Bars(title string, bars []Bar, notes ...string) template.HTML {
	type row struct {
		Bar
		Y, Text, Long float64
		Shown         string
		Fill          string
	}
	bars = bars[:min(len(bars), maxBars)]
	most := 0.0
	for _, b := range bars {
		most = math.Max(most, finite(b.Value))
	}
	var rows []row
	for i, b := range bars {
		r := row{Bar: b, Y: float64(44 + i*barStep), Fill: b.colour(), Shown: b.Text}
		if r.Shown == "" {
			r.Shown = Number(b.Value)
		}
		if most > 0 {
			r.Long = round(finite(b.Value) / most * barsWide)
		}
		r.Text = left + r.Long + 6
		rows = append(rows, r)
	}
	type line struct {
		Y    int
		Text string
	}
	foot := 44 + len(rows)*barStep
	var lines []line
	for _, n := range notes {
		for _, part := range wrap(n, noteMost) {
			lines = append(lines, line{foot + 28 + len(lines)*18, part})
		}
	}
	return draw(barsForm, map[string]any{
		"Title": title, "Width": left + barsWide + barsText, "Height": foot + 24 + len(lines)*18, "Rows": rows, "Left": left, "Label": left - 8, "Size": charSize,
		"Ticks": ticks(most), "Foot": foot - 8, "Below": foot + 6, "Notes": lines,
	})
}

func (b Bar) colour() string {
	if b.Group < 0 || b.Group >= len(colours) {
		return colours[0]
	}
	return colours[b.Group]
}

// wrap breaks a text between words into lines of at most so many characters, where words
// allow it.
func wrap(text string, most int) []string {
	var lines []string
	for _, word := range strings.Fields(text) {
		last := len(lines) - 1
		if last < 0 || utf8.RuneCountInString(lines[last])+1+utf8.RuneCountInString(word) > most {
			lines = append(lines, word)
			continue
		}
		lines[last] += " " + word
	}
	return lines
}

// tick is a value that an axis names, and where it stands.
type tick struct {
	At   float64
	Text string
}

// ticks are those of an axis of bars, from 0.
func ticks(most float64) []tick {
	all := []tick{{left, "0"}}
	if most <= 0 {
		return all
	}
	step := ceiling(most) / 4
	for v := step; v <= most && len(all) < 6; v += step {
		all = append(all, tick{round(left + v/most*barsWide), Number(v)})
	}
	return all
}

// Columns draws upright bars side by side, as of a histogram. Each label stands below
// its column.
func Columns(title, xName string, columns []Bar) template.HTML {
	type column struct {
		X, Y, Wide, High, Middle float64
		Label                    string
	}
	columns = columns[:min(len(columns), maxBars)]
	most := 0.0
	for _, b := range columns {
		most = math.Max(most, finite(b.Value))
	}
	s := scale{x1: 1, y1: ceiling(most)}
	var rows []column
	each := float64(width-2*margin) / float64(max(len(columns), 1))
	every := 1 + len(columns)/8 // labels do not run into each other
	for i, b := range columns {
		c := column{X: round(margin + float64(i)*each), Wide: round(each * 0.86), Y: s.y(finite(b.Value))}
		c.High, c.Middle = round(s.y(0)-c.Y), round(c.X+each/2)
		if i%every == 0 {
			c.Label = b.Label
		}
		rows = append(rows, c)
	}
	f := s.frame(title, xName)
	f["XTicks"], f["Columns"], f["Fill"] = nil, rows, colours[0]
	return draw(planeForm, f)
}

// Lines draws values over one axis, at most four series. Long ones are thinned out.
func Lines(title, xName string, series ...Series) template.HTML {
	type line struct {
		Name, Fill, Points string
		X                  float64
	}
	series = series[:min(len(series), maxSeries)]
	s := scale{}
	for _, one := range series {
		for _, p := range one.Points {
			s.x1, s.y1 = math.Max(s.x1, finite(p.X)), math.Max(s.y1, finite(p.Y))
		}
	}
	s.y1 = ceiling(s.y1)
	if s.x1 == 0 {
		s.x1 = 1
	}
	var lines []line
	for i, one := range series {
		var at bytes.Buffer
		for _, p := range thin(one.Points) {
			at.WriteString(Number(s.x(finite(p.X))) + "," + Number(s.y(finite(p.Y))) + " ")
		}
		lines = append(lines, line{one.Name, colours[i], at.String(), float64(margin + i*150)})
	}
	f := s.frame(title, xName)
	f["Lines"] = lines
	return draw(planeForm, f)
}

// thin keeps every so many points, and the last; of those between, the highest stays.
func thin(points []Point) []Point {
	step := (len(points) + maxPoints - 1) / maxPoints
	if step <= 1 {
		return points
	}
	var out []Point
	for i := 0; i < len(points); i += step {
		best := points[i]
		for _, p := range points[i:min(i+step, len(points))] {
			if p.Y > best.Y {
				best = p
			}
		}
		out = append(out, best)
	}
	return out
}

// scale maps values from 0 to x1 and y1 onto the plane.
type scale struct{ x1, y1 float64 }

func (s scale) x(v float64) float64 { return round(margin + v/s.x1*(width-2*margin)) }
func (s scale) y(v float64) float64 { return round(height - 44 - v/s.y1*(height-100)) }

func (s scale) frame(title, xName string) map[string]any {
	var xs, ys []tick
	for i := range 5 {
		part := float64(i) / 4
		xs = append(xs, tick{s.x(s.x1 * part), Number(s.x1 * part)})
		ys = append(ys, tick{s.y(s.y1 * part), Number(s.y1 * part)})
	}
	return map[string]any{
		"Title": title, "XName": xName, "Width": width, "Height": height, "Size": charSize, "Left": margin, "Right": width - margin,
		"Bottom": s.y(0), "Below": s.y(0) + 18, "Foot": height - 6, "Before": margin - 6, "XTicks": xs, "YTicks": ys, "Middle": width / 2,
	}
}

// ceiling is the next of 1, 2, 4, 8 and 10 times a power of ten, so that quarters of it
// are short numbers.
func ceiling(v float64) float64 {
	if v <= 0 {
		return 1
	}
	power := math.Pow(10, math.Floor(math.Log10(v)))
	for _, n := range []float64{1, 2, 4, 8} {
		if v <= n*power {
			return n * power
		}
	}
	return 10 * power
}

// finite is v where it can be drawn, else 0.
func finite(v float64) float64 {
	if math.IsNaN(v) || math.IsInf(v, 0) || v < 0 {
		return 0
	}
	return v
}

func round(v float64) float64 { return math.Round(v*10) / 10 }

// Number is a value as short as a chart wants it; a dash where it is none.
func Number(v float64) string {
	if math.IsNaN(v) || math.IsInf(v, 0) {
		return "–"
	}
	digits := 2
	if math.Abs(v) >= 100 {
		digits = 1
	}
	p := math.Pow(10, float64(digits))
	return strconv.FormatFloat(math.Round(v*p)/p, 'f', -1, 64)
}

func draw(form *template.Template, data map[string]any) template.HTML {
	var b bytes.Buffer
	if err := form.Execute(&b, data); err != nil {
		return template.HTML("<!-- " + template.HTMLEscapeString(err.Error()) + " -->")
	}
	return template.HTML(b.String())
}
