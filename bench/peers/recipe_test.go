package main

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/twinleaf-scan/twinleaf/internal/shared"
)

func TestRecipeOfTheProjectIsWhole(t *testing.T) {
	f, err := os.Open("../sets.tsv")
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	sets, err := readRecipe(f)
	if err != nil {
		t.Fatal(err)
	}
	sizes := map[string]int{}
	where := folders{repo: "../.."}
	where.data, where.why = shared.Dir()
	for _, s := range sets {
		sizes[s.Name] = len(s.Pages) * s.Laid
		if err := where.check(s); where.why == nil && err != nil {
			t.Error(err)
		}
	}
	if sizes["dense"] < 16 || sizes["mixed"] < 20 || sizes["short"] < 20 || sizes["thousand"] != 1000 || sizes["again"] < 100 || sizes["single"] < 32 {
		t.Errorf("got sets of %v pages", sizes)
	}
	for name, want := range map[string]int{"dense": 4, "again": 10, "single": 1, "thousand": 0} {
		if got := find(sets, name).Document; got != want {
			t.Errorf("set %s: documents of %d pages, want %d", name, got, want)
		}
	}
	mixed := find(sets, "mixed")
	blank, turned, seen := 0, 0, map[page]int{}
	for _, p := range mixed.Pages {
		if strings.Contains(p.File, "blank-scan") || p.Number == 3 {
			blank++
		} else {
			seen[p]++
		}
		if p.Turn == 180 {
			turned++
		}
	}
	if n := len(mixed.Pages); blank*3 != n || turned == 0 || len(seen) == n-blank {
		t.Errorf("of %d pages %d are blank, %d upside down, %d of their own; want a third blank, some turned, some twice", n, blank, turned, len(seen))
	}
}

func TestRecipeIsReadAndWhatIsWrongIsNamed(t *testing.T) {
	const head = "# words\n\nset\ta\teng\t2\t3\t4\twhat it is\n"
	sets, err := readRecipe(strings.NewReader(head + "page\ta\tx/y.tif#4\t180\t300\npage\ta\tz.png\t0\t0\npage\ta\ty.pdf#2\t0\t200\n"))
	if err != nil || len(sets) != 1 {
		t.Fatalf("got %v, %v", sets, err)
	}
	want := []page{{"x/y.tif", 4, 180, 300}, {"z.png", 0, 0, 0}, {"y.pdf", 2, 0, 200}}
	if s := sets[0]; s.Name != "a" || s.Lang != "eng" || s.Rounds != 2 || s.Laid != 3 || s.Document != 4 || s.What != "what it is" || !slices.Equal(s.Pages, want) {
		t.Errorf("got %+v", s)
	}
	for _, bad := range []string{
		"set\ta\teng\t2\t3\t0\twhat\n", // no page
		head + "page\tb\tx.tif\t0\t0\n", head + "page\ta\t../x.tif\t0\t0\n", head + "page\ta\t/x.tif\t0\t0\n",
		head + "page\ta\tx.tif\t45\t0\n", head + "page\ta\tx.tif#0\t0\t0\n", head + "page\ta\tx.tif\t0\t-1\n",
		head + "page\ta\tx.tif\t0\n", head + "leaf\ta\tx.tif\t0\t0\n", head + head,
		"set\ta/b\teng\t1\t1\t0\tw\npage\ta/b\tx\t0\t0\n", "set\ta\teng\t0\t1\t0\tw\npage\ta\tx\t0\t0\n",
		"set\ta\teng\t1\t9999\t0\tw\npage\ta\tx\t0\t0\n", "set\ta\teng\t1\t1\t-1\tw\npage\ta\tx\t0\t0\n",
		"set\ta\teng\t1\t1\tw\npage\ta\tx\t0\t0\n", head + "page\ta\tx.pdf\t0\t300\n", head + "page\ta\tx.PDF#1\t0\t0\n",
		"set\ta\teng\t1\t3000\t0\tw\npage\ta\tx\t0\t0\npage\ta\ty\t0\t0\n",
	} {
		if sets, err := readRecipe(strings.NewReader(bad)); err == nil {
			t.Errorf("%q was read as %+v", bad, sets)
		}
	}
}

func FuzzReadRecipe(f *testing.F) {
	f.Add("set\ta\teng\t2\t3\t4\twhat\npage\ta\tx/y.tif#4\t180\t300\n")
	f.Fuzz(func(t *testing.T, text string) {
		sets, err := readRecipe(strings.NewReader(text))
		if err != nil {
			return
		}
		for _, s := range sets {
			if n := len(s.Pages) * s.Laid; n < 1 || n > maxPages || !plain(s.Name) {
				t.Errorf("a set %q of %d pages", s.Name, n)
			}
			for _, p := range s.Pages {
				if !filepath.IsLocal(p.File) {
					t.Errorf("a page outside: %q", p.File)
				}
			}
		}
	})
}

func TestSetsAreChosenByName(t *testing.T) {
	sets := []*set{{Name: "a"}, {Name: "b"}}
	if got, err := choose(sets, []string{"b"}); err != nil || len(got) != 1 || got[0].Name != "b" {
		t.Errorf("got %v, %v", got, err)
	}
	if got, err := choose(sets, nil); err != nil || len(got) != 2 {
		t.Errorf("got %v, %v", got, err)
	}
	if _, err := choose(sets, []string{"c"}); err == nil || !strings.Contains(err.Error(), `"c"`) {
		t.Errorf("got %v", err)
	}
}

func TestFilesThatAreNotThereAreNamedBeforeAnythingIsMeasured(t *testing.T) {
	where := folders{repo: "../..", why: os.ErrNotExist}
	if err := where.check(&set{Name: "a", Pages: []page{{File: "testdata/note.pbm"}}}); err != nil {
		t.Errorf("a file of this repository: %v", err)
	}
	for _, file := range []string{"testdata/nowhere.tif", "odd/blank.jpg"} {
		err := where.check(&set{Name: "a", Pages: []page{{File: file}}})
		if err == nil || !strings.Contains(err.Error(), filepath.Base(file)) || !strings.Contains(err.Error(), "set a") {
			t.Errorf("%s: got %v", file, err)
		}
	}
}

func TestATrialHasFewerRoundsAndNeverMore(t *testing.T) {
	for rounds, want := range map[int][2]int{0: {3, 1}, 2: {2, 1}, 9: {3, 1}} {
		sets := []*set{{Rounds: 3}, {Rounds: 1}}
		options{rounds: rounds}.limit(sets)
		if got := [2]int{sets[0].Rounds, sets[1].Rounds}; got != want {
			t.Errorf("at most %d rounds: got %v, want %v", rounds, got, want)
		}
	}
}
