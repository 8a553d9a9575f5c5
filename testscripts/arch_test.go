package testscripts

import (
	"bytes"
	"encoding/json"
	"os/exec"
	"path"
	"strings"
	"testing"
)

const module = "github.com/twinleaf-scan/twinleaf"

// rooms is the plan of the house: what each package may import of ours. A
// package's sub-packages share its line and may import each other. A new package
// brings its own line in the same commit.
var rooms = map[string][]string{
	"internal/shared":    {},
	"internal/durable":   {},
	"internal/strict":    {},
	"internal/procs":     {},
	"internal/ports":     {},
	"internal/logfile":   {"core", "internal/durable"},
	"core":               {},
	"sdk/ocr":            {},
	"sdk":                {"sdk/ocr"},
	"core/journal":       {"core"},
	"core/blob":          {"core", "internal/durable"},
	"core/cache":         {},
	"core/license":       {"core", "internal/durable"},
	"core/pair":          {"core", "core/journal"},
	"core/pair/link":     {"core", "core/journal", "core/pair", "core/pair/identity", "core/parity", "internal/strict"},
	"core/pair/node":     {"core", "core/journal", "core/pair", "core/pair/link", "core/parity", "internal/durable"},
	"core/pair/identity": {"core/pair", "internal/durable", "internal/strict"},
	"core/pair/join":     {"core", "internal/strict", "core/pair", "core/pair/identity", "core/pair/link", "core/parity", "core/license"},
	"core/parity":        {"core"},
	"core/secret":        {"core", "internal/durable"},
	"core/access":        {"core"},
	"plugins/host":       {"core", "sdk/ocr", "sdk", "internal/durable"},
	"plugins/image":      {"sdk", "sdk/ocr"},
	"plugins/pdf":        {"sdk", "sdk/ocr"},
	"plugins/leptonica":  {"sdk", "sdk/ocr"},
	"plugins/separator":  {"sdk", "sdk/ocr", "plugins/leptonica"}, // leptonica/lept reads the images of both
	"plugins/tesseract":  {"sdk", "sdk/ocr"},
	"plugins/exec":       {"sdk", "sdk/ocr"},
	"plugins/folder":     {"sdk", "sdk/ocr"},
	"plugins/webhook":    {"sdk", "sdk/ocr"},
	"plugins/email":      {"sdk", "sdk/ocr"},
	"plugins/paperless":  {"sdk", "sdk/ocr"},
	"plugins/s3":         {"sdk", "sdk/ocr"},
	"plugins/ftp":        {"sdk", "sdk/ocr"},
	"plugins/sftp":       {"sdk", "sdk/ocr"},
	"plugins/webdav":     {"sdk", "sdk/ocr"},
	"plugins/fault":      {"sdk", "sdk/ocr"},
	"plugins/examples":   {"sdk"},
	"pipeline":           {"core", "core/journal", "core/blob"},
	"pipeline/internal":  {"core", "core/blob", "sdk/ocr"},
	"pipeline/reuse":     {"core", "core/cache"},
	"pipeline/ingest":    {"core", "core/blob", "sdk/ocr", "pipeline/internal"},
	"pipeline/rasterize": {"core", "core/blob", "sdk/ocr", "pipeline/internal"},
	"pipeline/clean":     {"core", "core/blob", "sdk/ocr", "pipeline/internal", "pipeline/reuse"},
	"pipeline/recognize": {"core", "core/blob", "sdk/ocr", "pipeline/internal", "pipeline/reuse"},
	"pipeline/farm":      {"core", "internal/strict", "sdk/ocr", "pipeline/recognize", "pipeline/reuse"},
	"pipeline/assemble":  {"core", "core/blob", "sdk/ocr", "pipeline/internal"},
	"pipeline/deliver":   {"core", "core/blob", "sdk/ocr", "pipeline/internal"},
	"receive/watch":      {"core"},
	"console":            {"core", "core/parity"},
	"bench":              {"sdk/ocr", "sdk", "internal/shared", "internal/procs", "bench/latency"},
	"bench/latency":      {"bench", "console", "core", "internal/procs"}, // it asks a server as any client does
	"testscripts":        {},
	"tools":              {},
	"cmd/twinleaf":       {"*"},

	"pipeline/farm/overnats": {"core", "internal/strict", "pipeline/farm", "sdk/ocr"},
}

// engines says which package alone may import a third-party module: the engine
// that it wraps.
var engines = map[string][]string{
	"github.com/nats-io/":                 {"core/journal", "pipeline/farm/overnats"},
	"github.com/pdfcpu/":                  {"plugins/pdf"},
	"github.com/otiai10/gosseract":        {"plugins/tesseract"},
	"github.com/hashicorp/go-plugin":      {"sdk", "plugins/host", "plugins/fault"},
	"google.golang.org/grpc":              {"sdk", "plugins/host", "plugins/fault"},
	"github.com/wneessen/go-mail":         {"plugins/email"},
	"github.com/spf13/cobra":              {"cmd/twinleaf"},
	"gopkg.in/natefinch/lumberjack":       {"internal/logfile"},
	"github.com/danielgtaylor/huma":       {"console"},
	"github.com/prometheus/client_golang": {"console", "cmd/twinleaf"},
}

type listed struct {
	ImportPath   string
	Imports      []string
	TestImports  []string
	XTestImports []string
}

func TestImportsPointDown(t *testing.T) {
	packages := list(t)
	used := map[string]bool{}
	for _, p := range packages {
		from, ok := room(p.ImportPath)
		if !ok {
			t.Errorf("%s has no line in the plan of the house (rooms)", p.ImportPath)
			continue
		}
		used[from] = true
		for _, i := range p.Imports {
			checkOurs(t, p.ImportPath, from, i)
			checkEngine(t, p.ImportPath, from, i)
		}
	}
	for r := range rooms {
		if !used[r] {
			t.Errorf("the plan names %s, which has no package", r)
		}
	}
}

// checkOurs reports an arrow between our packages that the plan does not have.
func checkOurs(t *testing.T, path, from, imported string) {
	t.Helper()
	to, ok := room(imported)
	if !ok || to == from {
		return
	}
	for _, may := range rooms[from] {
		if may == "*" || may == to {
			return
		}
	}
	t.Errorf("%s imports %s: the plan does not allow %s -> %s", path, imported, from, to)
}

// checkEngine reports a third-party engine outside the package that wraps it.
func checkEngine(t *testing.T, path, from, imported string) {
	t.Helper()
	for prefix, may := range engines {
		if !strings.HasPrefix(imported, prefix) {
			continue
		}
		ok := false
		for _, m := range may {
			ok = ok || m == from
		}
		if !ok {
			t.Errorf("%s imports %s: only %s may", path, imported, strings.Join(may, ", "))
		}
	}
}

// room finds the longest line of the plan that holds an import path.
func room(importPath string) (string, bool) {
	rest, ours := strings.CutPrefix(importPath, module+"/")
	if !ours {
		return "", false
	}
	for r := rest; r != "."; r = path.Dir(r) {
		if _, ok := rooms[r]; ok {
			return r, true
		}
	}
	return "", false
}

func list(t *testing.T) []listed {
	t.Helper()
	cmd := exec.Command("go", "list", "-json=ImportPath,Imports,TestImports,XTestImports", "./...", "./sdk/...")
	cmd.Dir = root(t)
	out, err := cmd.Output()
	if err != nil {
		t.Fatalf("go list: %v", err)
	}
	var packages []listed
	for dec := json.NewDecoder(bytes.NewReader(out)); dec.More(); {
		var p listed
		if err := dec.Decode(&p); err != nil {
			t.Fatal(err)
		}
		packages = append(packages, p)
	}
	if len(packages) < 10 {
		t.Fatalf("go list names only %d packages", len(packages))
	}
	return packages
}
