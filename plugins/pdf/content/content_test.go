package content

import (
	"fmt"
	"strings"
	"testing"
)

// ops writes the operators of a content stream with the kinds of their operands.
func ops(body string) string {
	var out []string
	scan := NewScanner([]byte(body))
	for {
		op, ok := scan.Next()
		if !ok {
			return strings.Join(out, " ")
		}
		out = append(out, fmt.Sprintf("%s/%d", op.Name, len(op.Args)))
	}
}

func TestOperatorsAreTakenApart(t *testing.T) {
	for body, want := range map[string]string{
		"q 1 0 0 1 0 0 cm /Im0 Do Q":                  "q/0 cm/6 Do/1 Q/0",
		"1 0 0 -1 .5 5. cm%comment ) q\n/A#20b gs":    "cm/6 gs/1",
		`(a \) b (c) \\) Tj <48 65> Tj`:               "Tj/1 Tj/1",
		"[(a)-250(b)<63>]TJ":                          "TJ/6",
		"/OC /MC0 BDC EMC":                            "BDC/2 EMC/0",
		"/Span <</Lang (en) /N [1 2]>> BDC":           "BDC/10",
		"BI /W 2 /H 1 /BPC 8 ID \x80EI\xff EI Q":      "BI/6 Q/0",
		"BI /W 2 ID xEI":                              "BI/2",
		"BI /W 2 q":                                   "BI/2",
		"(never closed Tj":                            "",
		"T* ' \"":                                     "T*/0 '/0 \"/0",
		"true false null d1":                          "d1/3",
		"--5 4-3 1e5 n":                               "1e5/2 n/0",
		"0 g\x00\x0c0 G":                              "g/1 G/1",
		"} ] >> ) f":                                  "f/4",
		strings.Repeat("1 ", 70000) + "re":            "re/65536",
		"BI /W 1 /H 1 ID \x00\x01 EI\x90\x91 EI\nS n": "BI/4 S/0 n/0",
	} {
		if got := ops(body); got != want {
			t.Errorf("%.60q: got %s, want %s", body, got, want)
		}
	}
}

func TestNumbersAreReadAsViewersDo(t *testing.T) {
	for s, want := range map[string]float64{"0": 0, "-1.25": -1.25, "+3": 3, ".5": 0.5, "5.": 5, "--5": -5, "4-3": 4, "-": 0, "1e5": 0, "1.2.3": 0, ".": 0} {
		got, ok := number([]byte(s))
		if valid := s != "-" && s != "1e5" && s != "1.2.3"; got != want || ok != valid {
			t.Errorf("%s: got %v %v, want %v %v", s, got, ok, want, valid)
		}
	}
}

func TestBytesOfStringsAreCounted(t *testing.T) {
	for s, want := range map[string]int{
		"(abc)": 3, "()": 0, `(\(\))`: 2, `(\101\7\\)`: 3, "(a\\\r\nb)": 2, "(a\\\nb)": 2, "<48656C>": 3, "<4>": 1, "<>": 0, `(\`: 0, "(a(b)c)": 5, `(\1234)`: 2,
	} {
		if got := stringLen([]byte(s)); got != want {
			t.Errorf("%q: got %d, want %d", s, got, want)
		}
	}
}

func TestHiddenTextIsStripped(t *testing.T) {
	for body, want := range map[string]string{
		"BT 3 Tr (a) Tj ET":                      "BT 3 Tr  ET",
		"BT 3 Tr (a) ' 1 2 (b) \" ET":            "BT 3 Tr T* 1 Tw 2 Tc T* ET",
		"BT (a) Tj 3 Tr (b) Tj 0 Tr (c) Tj ET":   "BT (a) Tj 3 Tr (b) Tj 0 Tr (c) Tj ET",
		"BT 3 Tr (b) Tj 0 Tr T* (c) Tj ET":       "BT 3 Tr  0 Tr T* (c) Tj ET",
		"q 3 Tr Q BT (a) Tj ET":                  "q 3 Tr Q BT (a) Tj ET",
		"BT 7 Tr (a) Tj ET":                      "BT 7 Tr (a) Tj ET",
		"/Gone Do /Stays Do":                     " /Stays Do",
		"BT 3 Tr [(a) 3 (b)] TJ 9 0 Td (c)Tj ET": "BT 3 Tr  9 0 Td  ET",
	} {
		got, _ := StripHidden([]byte(body), func(name string) bool { return name == "Gone" })
		if string(got) != want {
			t.Errorf("%q: got %q, want %q", body, got, want)
		}
	}
}

// FuzzScanner holds that operators come in order, inside the content, and that
// stripping never makes anything longer but by the operators it must put in.
func FuzzScanner(f *testing.F) {
	for _, s := range []string{"q 1 0 0 1 0 0 cm /Im0 Do Q", "BI /W 2 /H 1 ID \x80EI\xff EI Q", "BT 3 Tr (a\\)) ' <4> \" [(x)] TJ ET", "(", "<", "<<>>", "BI ID", "BI"} {
		f.Add([]byte(s))
	}
	f.Fuzz(func(t *testing.T, body []byte) {
		scan := NewScanner(body)
		at := 0
		for {
			op, ok := scan.Next()
			if !ok {
				break
			}
			if op.Start < at || op.End <= op.Start || op.End > len(body) {
				t.Fatalf("%q: operator %q at %d to %d, after %d", body, op.Name, op.Start, op.End, at)
			}
			at = op.End
			op.Bytes()
		}
		StripHidden(body, func(string) bool { return true })
	})
}
