package testscripts

import (
	"fmt"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
)

// numbers are all requirements that docs/requirements.md answers for.
func numbers() []string {
	var all []string
	for n := 1; n <= 36; n++ {
		if n != 2 && n != 32 {
			all = append(all, fmt.Sprint("GS", n))
		}
	}
	for n := 1; n <= 20; n++ {
		if n != 10 {
			all = append(all, fmt.Sprint("EP", n))
		}
	}
	return append(all, "E4", "P8", "P10")
}

// requirement is one row of the page.
type requirement struct {
	number string
	tests  []string
}

var requirementRow = regexp.MustCompile(`^\| ([A-Z]+[0-9]+) \| [^|]+ \| ([^|]+) \| .*\x60.* \|$`)

// requirements reads the rows of the page.
func requirements(t *testing.T) []requirement {
	t.Helper()
	page, err := os.ReadFile(filepath.Join(root(t), "docs", "requirements.md"))
	if err != nil {
		t.Fatal(err)
	}
	var rows []requirement
	for line := range strings.Lines(string(page)) {
		m := requirementRow.FindStringSubmatch(strings.TrimSpace(line))
		if m == nil {
			if strings.HasPrefix(line, "| GS") || strings.HasPrefix(line, "| E") || strings.HasPrefix(line, "| P") {
				t.Errorf("no row with number, words, tests and command: %s", line)
			}
			continue
		}
		rows = append(rows, requirement{m[1], strings.Split(m[2], "; ")})
	}
	return rows
}

// TestRequirementsAreProven: every number stands on the page once, every test that the page
// names is there, and one of them names the number.
func TestRequirementsAreProven(t *testing.T) {
	rows := requirements(t)
	seen := map[string]int{}
	proofs := provers(t)
	for _, r := range rows {
		seen[r.number]++
		named := false
		for _, test := range r.tests {
			p, ok := proofs[strings.TrimSpace(test)]
			if !ok {
				t.Errorf("%s: there is no test %s", r.number, test)
			}
			named = named || p[r.number]
		}
		if !named {
			t.Errorf("%s: none of its tests names it: %s", r.number, strings.Join(r.tests, "; "))
		}
	}
	want := map[string]int{}
	for _, n := range numbers() {
		want[n] = 1
	}
	if !maps.Equal(seen, want) {
		for _, n := range slices.Sorted(maps.Keys(want)) {
			if seen[n] != 1 {
				t.Errorf("%s stands on the page %d times", n, seen[n])
			}
		}
		for n := range seen {
			if want[n] == 0 {
				t.Errorf("%s is no requirement of this page", n)
			}
		}
	}
}

var (
	goTest     = regexp.MustCompile(`(?m)^func (Test\w+)\(`)
	robustName = regexp.MustCompile(`\{name: "([a-z-]+)"`)
)

// provers gives all tests, scripts and scenes of the tree as the page names them, each with
// the numbers that its file names.
func provers(t *testing.T) map[string]map[string]bool {
	t.Helper()
	top := root(t)
	all := map[string]map[string]bool{}
	err := filepath.WalkDir(top, func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		name, _ := filepath.Rel(top, path) // below top, so there is one
		dir := filepath.ToSlash(filepath.Dir(name))
		isTest, isScript := strings.HasSuffix(name, "_test.go"), strings.HasSuffix(name, ".txtar") && strings.HasPrefix(dir, "testscripts/")
		isRobust := dir == "bench/robust" && strings.HasSuffix(name, ".go")
		if !isTest && !isScript && !isRobust {
			return nil
		}
		text, err := os.ReadFile(path)
		if err != nil {
			return err
		}
		named := namedIn(string(text))
		switch {
		case isScript:
			all[strings.TrimPrefix(dir, "testscripts/")+"/"+filepath.Base(name)] = named
		case isTest:
			for _, m := range goTest.FindAllStringSubmatch(string(text), -1) {
				all[dir+": "+m[1]] = named
			}
		default:
			for _, m := range robustName.FindAllStringSubmatch(string(text), -1) {
				all["robust: "+m[1]] = nil // a run of hours names no numbers
			}
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return all
}

var requirementNumber = regexp.MustCompile(`(GS|EP|E|P)([0-9]+)(?:(?:-| to |To)(?:GS|EP)?([0-9]+))?`)

// namedIn gives the numbers in a text; GS13-15 and GS13 to GS15 name three.
func namedIn(text string) map[string]bool {
	named := map[string]bool{}
	for _, m := range requirementNumber.FindAllStringSubmatch(text, -1) {
		first, _ := strconv.Atoi(m[2]) // digits
		last := first
		if m[3] != "" {
			last, _ = strconv.Atoi(m[3])
		}
		for n := first; n <= min(last, first+40); n++ {
			named[m[1]+strconv.Itoa(n)] = true
		}
	}
	return named
}

func TestRangesOfNumbersNameEach(t *testing.T) {
	got := slices.Sorted(maps.Keys(namedIn("GS13-15, EP1To3: P8 and GS27 to GS28; TestEP17EP19X")))
	want := []string{"EP1", "EP17", "EP19", "EP2", "EP3", "GS13", "GS14", "GS15", "GS27", "GS28", "P8"}
	if !slices.Equal(got, want) {
		t.Errorf("got %v, want %v", got, want)
	}
}
