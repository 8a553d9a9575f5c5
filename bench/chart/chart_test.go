package chart

import (
	"bytes"
	"encoding/xml"
	"errors"
	"html/template"
	"io"
	"math"
	"regexp"
	"strings"
	"testing"
)

// wellFormed fails unless text is XML, and gives its elements' names.
func wellFormed(t *testing.T, text string) map[string]int {
	t.Helper()
	names := map[string]int{}
	for d := xml.NewDecoder(strings.NewReader(text)); ; {
		token, err := d.Token()
		if errors.Is(err, io.EOF) {
			return names
		}
		if err != nil {
			t.Fatalf("no XML: %v\n%s", err, text)
		}
		if e, ok := token.(xml.StartElement); ok {
			names[e.Name.Local]++
		}
	}
}

const nasty = `<script>alert("1")</script> & 'x'`

func TestBarsAreAsLongAsTheirValues(t *testing.T) {
	svg := string(Bars(nasty, []Bar{{Label: nasty, Value: 4}, {Label: "b", Value: 1, Text: "one"}, {Label: "c", Value: math.NaN()}}))
	if names := wellFormed(t, svg); names["script"] != 0 || names["rect"] != 3 {
		t.Errorf("got elements %v", names)
	}
	long := regexp.MustCompile(`<rect [^>]*width="([0-9.]+)"`).FindAllStringSubmatch(svg, -1)
	if long[0][1] != "380" || long[1][1] != "95" || long[2][1] != "0" {
		t.Errorf("got bars %v, want 380, 95 and 0", long)
	}
	if !strings.Contains(svg, ">one<") || !strings.Contains(svg, ">–<") {
		t.Errorf("the texts are missing: %s", svg)
	}
}

func TestBarsStandOnAnAxisFromNought(t *testing.T) {
	svg := string(Bars("pages", []Bar{{Label: "a", Value: 100}}, nasty, "Abacus, 2 cores"))
	if names := wellFormed(t, svg); names["script"] != 0 || names["line"] < 3 {
		t.Errorf("got elements %v", names)
	}
	if !strings.Contains(svg, `<line x1="230" x2="230"`) || !strings.Contains(svg, ">0<") || !strings.Contains(svg, ">50<") || !strings.Contains(svg, ">Abacus, 2 cores<") {
		t.Errorf("axis or notes are missing: %s", svg)
	}
	at := regexp.MustCompile(`<line x1="([0-9.]+)"[^\n]*\n<text [^>]*>50<`).FindStringSubmatch(svg)
	if len(at) != 2 || at[1] != "420" {
		t.Errorf("50 of 100 stands at %v, want 420: half of the bar", at)
	}
	if !strings.Contains(svg, "prefers-color-scheme: dark") {
		t.Error("it does not mind a dark screen")
	}
}

func TestNotesAreBrokenBetweenWordsAndGroupsHaveTheirColours(t *testing.T) {
	svg := string(Bars("pages", []Bar{{Value: 1, Group: 1}, {Value: 1, Group: -1}, {Value: 1, Group: 9}}, strings.Repeat("versions, ", 40)))
	if n := strings.Count(svg, `font-size="11"`); n != 3 {
		t.Errorf("400 characters stand on %d lines, want 3: %s", n, svg)
	}
	if strings.Count(svg, colours[1]) != 1 || strings.Count(svg, colours[0]) != 2 {
		t.Errorf("got %s", svg)
	}
	if got := wrap(" "+strings.Repeat("x", 200)+" y", 10); len(got) != 2 || got[1] != "y" {
		t.Errorf("a word that is too long: got %q", got)
	}
}

func TestLinesStayOnThePlane(t *testing.T) {
	var many []Point
	for i := range 10 * maxPoints {
		many = append(many, Point{float64(i), float64(i % 7)})
	}
	many[5001].Y = 31
	svg := string(Lines("memory", "s", Series{nasty, many}, Series{"none", nil}, Series{"odd", []Point{{math.Inf(1), -3}}}))
	if names := wellFormed(t, svg); names["polyline"] != 3 {
		t.Errorf("got elements %v", names)
	}
	points := strings.Fields(regexp.MustCompile(`points="([^"]*)"`).FindStringSubmatch(svg)[1])
	if len(points) > maxPoints || len(points) < maxPoints/2 {
		t.Errorf("a long line has %d points", len(points))
	}
	if !strings.Contains(svg, ">40<") || !regexp.MustCompile(` [0-9.]+,(9\d|10\d)(\.\d)? `).MatchString(strings.Join(points, " ")) {
		t.Errorf("the one high point is lost: %v", points)
	}
	for _, bad := range []string{"NaN", "Inf", "e+"} {
		if strings.Contains(svg, bad) {
			t.Errorf("%s is no place on the plane", bad)
		}
	}
}

func TestColumnsAndEmptyChartsAreDrawn(t *testing.T) {
	svg := string(Columns("latency", "s", []Bar{{Label: "0", Value: 3}, {Label: "1", Value: 0}}))
	if names := wellFormed(t, svg); names["rect"] != 2 {
		t.Errorf("got elements %v", names)
	}
	for _, empty := range []template.HTML{Bars("", nil), Columns("", "", nil), Lines("", "")} {
		wellFormed(t, string(empty))
	}
}

func TestThePageNeedsNothingFromElsewhere(t *testing.T) {
	var b bytes.Buffer
	p := Page{
		Title: nasty, Words: []string{nasty}, Charts: []template.HTML{Bars("pages", []Bar{{Label: "a", Value: 1}})},
		Tables: []Table{{Head: []string{"what", nasty}, Rows: [][]string{{"pages", nasty}}}},
	}
	if err := p.Write(&b); err != nil {
		t.Fatal(err)
	}
	page := b.String()
	if strings.Contains(page, "<script") || strings.Count(page, "<svg") != 1 || strings.Count(page, "<td>") != 2 {
		t.Errorf("got %s", page)
	}
	rest := strings.ReplaceAll(page, `xmlns="http://www.w3.org/2000/svg"`, "")
	if found := regexp.MustCompile(`(?i)https?:|src=|<link|@import|url\(`).FindString(rest); found != "" {
		t.Errorf("the page asks for something: %s", found)
	}
}

func TestAxesEndAtAShortNumber(t *testing.T) {
	for v, want := range map[float64]float64{0: 1, -1: 1, 0.3: 0.4, 1: 1, 3: 4, 9: 10, 79: 80, 120: 200} {
		if got := ceiling(v); math.Abs(got-want) > 1e-9 {
			t.Errorf("ceiling(%v) = %v, want %v", v, got, want)
		}
	}
}
