package read

import (
	"context"
	"errors"
	"fmt"
	"os"
	"slices"
	"strings"
	"testing"

	"github.com/twinleaf-scan/twinleaf/plugins/pdf/source/sourcetest"
	"github.com/twinleaf-scan/twinleaf/sdk"
)

// runs is a pdftotext whose pages are one word each, their number; it notes its runs.
type runs struct {
	told  []string
	fails func(first, last int) ([]byte, error)
}

func (r *runs) read(_ context.Context, first, last int) ([]byte, error) {
	r.told = append(r.told, fmt.Sprintf("%d-%d", first, last))
	if r.fails != nil && last > first {
		return r.fails(first, last)
	}
	return xhtml(first, last), nil
}

func xhtml(first, last int) []byte {
	var b strings.Builder
	b.WriteString("<html><head><title>x</title></head><body><doc>\n")
	for n := first; n <= last; n++ {
		fmt.Fprintf(&b, "  <page width=\"612.000000\" height=\"792.000000\"><block><line><word xMin=\"1.000000\">page-%d</word></line></block></page>\n", n)
	}
	b.WriteString("</doc></body></html>\n")
	return []byte(b.String())
}

// ask asks for pages of a document of a hundred and holds that each is the right one.
func ask(t *testing.T, a *ahead, r *runs, pages ...int) {
	t.Helper()
	for _, n := range pages {
		got, err := a.text(t.Context(), n, 100, r.read)
		if err != nil || len(got.Blocks) != 1 || got.Blocks[0].Lines[0].Words[0].Text != fmt.Sprintf("page-%d", n) {
			t.Fatalf("page %d: got %+v, %v", n, got, err)
		}
	}
}

func upTo(n, step int) (pages []int) {
	for i := 1; i <= n; i += step {
		pages = append(pages, i)
	}
	return pages
}

func TestTextsAreReadAheadForWhoReadsOn(t *testing.T) {
	for name, c := range map[string]struct {
		pages []int
		want  string
	}{
		"all pages":                    {upTo(100, 1), "1-1 2-5 6-21 22-53 54-85 86-100"},
		"every second":                 {upTo(100, 2), "1-1 3-6 7-22 23-54 55-86 87-100"},
		"every tenth":                  {upTo(60, 10), "1-1 11-11 21-21 31-31 41-41 51-51"},
		"one page":                     {[]int{40}, "40-40"},
		"backwards":                    {[]int{5, 4, 3}, "5-5 4-4 3-3"},
		"one page twice":               {[]int{7, 7}, "7-7 7-7"},
		"a page that was read already": {[]int{1, 2, 3, 3, 4}, "1-1 2-5 3-3"},
	} {
		t.Run(name, func(t *testing.T) {
			r := &runs{}
			ask(t, &ahead{}, r, c.pages...)
			if got := strings.Join(r.told, " "); got != c.want {
				t.Errorf("runs %q, want %q", got, c.want)
			}
		})
	}
}

func TestPagesThatCannotBeReadTogetherAreReadAlone(t *testing.T) {
	for name, fails := range map[string]func(first, last int) ([]byte, error){
		"pdftotext fails":   func(int, int) ([]byte, error) { return nil, errors.New("no") },
		"a page is missing": func(first, last int) ([]byte, error) { return xhtml(first, last-1), nil },
		"a page too many":   func(first, last int) ([]byte, error) { return xhtml(first, last+1), nil },
		"they are too long": func(first, last int) ([]byte, error) {
			return append(xhtml(first, last), make([]byte, bytesAhead)...), nil
		},
	} {
		t.Run(name, func(t *testing.T) {
			r := &runs{fails: fails}
			ask(t, &ahead{}, r, 1, 2, 3, 4)
			if want := []string{"1-1", "2-5", "2-2", "3-3", "4-4"}; !slices.Equal(r.told, want) {
				t.Errorf("runs %q, want %q", r.told, want)
			}
		})
	}
}

func TestAPageThatFailsAloneSaysSo(t *testing.T) {
	a := &ahead{}
	broken := errors.New("broken")
	if _, err := a.text(t.Context(), 3, 9, func(context.Context, int, int) ([]byte, error) { return nil, broken }); !errors.Is(err, broken) {
		t.Errorf("got %v", err)
	}
}

// What is read ahead is what is read page by page.
func TestTextsReadAheadAreThoseOfTheirPages(t *testing.T) {
	sourcetest.Run(t, "pdftotext", "-v")
	kids := &strings.Builder{}
	o := []string{"<</Type/Catalog/Pages 2 0 R>>", "", sourcetest.Helvetica}
	const pages = 12
	for n := range pages {
		fmt.Fprintf(kids, "%d 0 R ", len(o)+1)
		o = append(o, fmt.Sprintf("<</Type/Page/Parent 2 0 R/MediaBox[0 0 612 792]/Resources<</Font<</F 3 0 R>>>>/Contents %d 0 R>>", len(o)+2),
			sourcetest.Stream("", fmt.Sprintf("BT /F 12 Tf 72 700 Td (Page number %d says R&D <tag> \"quoted\") Tj 0 -40 Td (%s) Tj ET", n, strings.Repeat("x", n))))
	}
	o[1] = fmt.Sprintf("<</Type/Pages/Kids[%s]/Count %d>>", kids, pages)
	path := sourcetest.File(t, "", o...)
	on := newDesk(t)
	for n := 1; n <= pages; n++ {
		together, alone := on.text(path, n), newDesk(t).text(path, n)
		if together != alone || !strings.Contains(alone, fmt.Sprintf(`"%d"`, n-1)) || !strings.Contains(alone, `R\u0026D`) {
			t.Errorf("page %d: got %s, want %s", n, together, alone)
		}
	}
	if on.cache.open[0].ahead.size < 4 {
		t.Errorf("the last run had %d pages", on.cache.open[0].ahead.size)
	}
}

// text is the text of a page, as it is written.
func (d desk) text(path string, n int) string {
	d.t.Helper()
	text, err := d.Text(d.t.Context(), sdk.TextRequest{Input: input(path), Page: n}, Settings{})
	if err != nil {
		d.t.Fatal(err)
	}
	data, err := os.ReadFile(text.Text.Path)
	if err != nil {
		d.t.Fatal(err)
	}
	return string(data)
}
