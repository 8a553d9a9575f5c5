package main

import (
	"strings"
	"testing"
)

func TestProfileTellsWhatIsNotTheEngine(t *testing.T) {
	programs := func(tesseract, twinleaf float64) map[string]float64 {
		return map[string]float64{"tesseract": tesseract, "twinleaf": twinleaf, "pdf": 0.1}
	}
	all := runs{
		{Set: "dense", Program: inside, Share: 0.5, Engine: 9, ByProgram: programs(9, 9)},
		{Set: "dense", Program: inside, Share: 0.9, Engine: 9, ByProgram: programs(9.2, 0.7)},
		{Set: "dense", Program: inside, Share: 0.95, Engine: 9, ByProgram: programs(9, 0)},
		{Set: "dense", Program: ours, CPU: 3},
	}
	p := all.profile()
	if p == nil || p.Engine != 9 || p.Outside < 0.99 || p.Outside > 1.01 || len(p.Programs) != 3 {
		t.Fatalf("got %+v", p)
	}
	for i, want := range []string{"twinleaf", "tesseract, outside recognition", "pdf"} {
		if got := p.Programs[i]; got.Program != want {
			t.Errorf("place %d: got %+v, want %s", i+1, got, want)
		}
	}
	if s := p.Programs[1].Seconds; s < 0.19 || s > 0.21 {
		t.Errorf("the plug-in without its engine: got %v s, want 0.2", s)
	}
	p.NoSymbols = "perf is not installed"
	if rows := p.rows(); len(rows) != 5 || rows[0][3] != "90.00 %" || rows[4][1] != p.NoSymbols {
		t.Errorf("got %q", rows)
	}
	if got := (runs{{Set: "dense", Program: inside, Failed: "exit 1"}}).profile(); got != nil {
		t.Errorf("of a run that failed: got %+v", got)
	}
}

func TestSymbolsOfTheEngineAreLeftOut(t *testing.T) {
	list, err := readSymbols(strings.NewReader(strings.Join([]string{
		"# comm, shared object, symbol",
		"   61.00%|tesseract  |libtesseract.so.5.0.1 |[.] tesseract::LSTM::Forward        |-      -",
		"    3.00%|tesseract  |libc.so.6             |[.] _int_malloc                    |-      -",
		"    2.50%|tesseract  |liblept.so.5.0.4      |[.] rasteropLow                    |-      -",
		"    0.50%|twinleaf   |libc.so.6             |[.] memmove                        |-      -",
		"    2.25%|twinleaf   |[kernel.kallsyms]     |[k] smaps_account                  |-      -",
		"    1.25%|twinleaf   |[kernel.kallsyms]     |[k] __d_lookup                     |-      -",
		"    0.75%|tesseract  |tesseract             |[.] runtime.mallocgc",
		"nonsense", "  x%|a|b|c",
	}, "\n")))
	want := []symbol{
		{"twinleaf", "[kernel.kallsyms]", "__d_lookup", 0.0125}, {"tesseract", "tesseract", "runtime.mallocgc", 0.0075}, {"twinleaf", "libc.so.6", "memmove", 0.005},
	}
	if err != nil || len(list) != len(want) {
		t.Fatalf("got %+v, %v", list, err)
	}
	for i := range want {
		if list[i] != want[i] {
			t.Errorf("place %d: got %+v, want %+v", i+1, list[i], want[i])
		}
	}
}
