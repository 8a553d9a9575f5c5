package console

import (
	"encoding/json"
	"go/ast"
	"go/parser"
	"go/token"
	"net/http/httptest"
	"os"
	"strconv"
	"strings"
	"testing"

	"github.com/twinleaf-scan/twinleaf/core"
)

// serveParts runs a server and gives its address.
func serveParts(t *testing.T, s *Server) string {
	t.Helper()
	hs := httptest.NewServer(s.Handler())
	t.Cleanup(hs.Close)
	return hs.URL
}

// routesOf are all routes that a server has: those that describe themselves and those that
// are registered by hand.
func routesOf(t *testing.T, s *Server) map[string]bool {
	t.Helper()
	_, body := answer(s, "GET", "/openapi.json", "")
	var doc struct{ Paths map[string]map[string]any }
	if err := json.Unmarshal([]byte(body), &doc); err != nil {
		t.Fatal(err)
	}
	all := map[string]bool{}
	for path, methods := range doc.Paths {
		for method := range methods {
			all[strings.ToUpper(method)+" "+path] = true
		}
	}
	for route := range words(t, "routes.go", "routes") {
		all[route] = true
	}
	for _, path := range []string{"/openapi.json", "/openapi.yaml", "/openapi-3.0.json", "/openapi-3.0.yaml"} {
		all["GET "+path] = true // the framework's own
	}
	return all
}

// words are the texts in a function that look like routes, with how often each stands there.
func words(t *testing.T, file, function string) map[string]int {
	t.Helper()
	tree, err := parser.ParseFile(token.NewFileSet(), file, nil, 0)
	if err != nil {
		t.Fatal(err)
	}
	found := map[string]int{}
	for _, d := range tree.Decls {
		f, ok := d.(*ast.FuncDecl)
		if !ok || f.Name.Name != function {
			continue
		}
		ast.Inspect(f, func(n ast.Node) bool {
			if l, ok := n.(*ast.BasicLit); ok && l.Kind == token.STRING {
				if text, err := strconv.Unquote(l.Value); err == nil && strings.Contains(text, " /") {
					found[text]++
				}
			}
			return true
		})
	}
	if len(found) == 0 {
		t.Fatalf("%s in %s names no route", function, file)
	}
	return found
}

// GS10, GS11: every route is in exactly one class, and the table has no row of a route that
// is not there.
func TestEveryRouteSaysWhetherASecondaryRefusesIt(t *testing.T) {
	s := paired(t, &couple{}, nil)
	all, table := routesOf(t, s), words(t, "readonly.go", "does")
	for route := range all {
		if _, listed := does(route); !listed || table[route] != 1 {
			t.Errorf("%s: the table says %d times what it does", route, table[route])
		}
	}
	for route := range table {
		if !all[route] {
			t.Errorf("%s: the table has a row for it, and there is no such route", route)
		}
		method, _, _ := strings.Cut(route, " ")
		if what, _ := does(route); (what == asks) != (method == "GET") {
			t.Errorf("%s: its class and its method do not go together", route)
		}
	}
	if len(all) < 50 {
		t.Errorf("only %d routes were found", len(all))
	}
	if what, listed := does("PUT /v1/secrets"); listed || what != shared {
		t.Error("a route that is not listed is not refused on a secondary")
	}
}

func TestNoRouteIsRegisteredBesideTheTable(t *testing.T) {
	entries, err := os.ReadDir(".")
	if err != nil {
		t.Fatal(err)
	}
	for _, e := range entries {
		if !strings.HasSuffix(e.Name(), ".go") || strings.HasSuffix(e.Name(), "_test.go") || e.Name() == "routes.go" {
			continue
		}
		text, err := os.ReadFile(e.Name())
		if err != nil {
			t.Fatal(err)
		}
		if strings.Contains(string(text), "mux.Handle") {
			t.Errorf("%s registers a route; routes.go does that", e.Name())
		}
	}
}

const primary = "https://north.example:8080"

// GS10, GS11: a secondary refuses what changes shared data, says why and where it is done,
// and does all the rest.
func TestASecondaryChangesNothingShared(t *testing.T) {
	readOnly := true
	s := paired(t, &couple{}, func(p *Parts) { p.ReadOnly = func() (string, bool) { return primary, readOnly } })
	url := serveParts(t, s)
	fill := strings.NewReplacer("{$}", "", "{id}", "none", "{kind}", "pdf", "{name}", "x", "{digest}", "d")
	for route := range routesOf(t, s) {
		method, path, _ := strings.Cut(route, " ")
		what, _ := does(route)
		code, head, body := ask(t, method, url+fill.Replace(path), "{}")
		refused := code == 409 && strings.Contains(body, `"code":"read-only"`)
		if refused != (what == shared) {
			t.Errorf("%s: got %d %.200s", route, code, body)
		}
		if refused && (head.Get("Twinleaf-Primary") != primary || !strings.Contains(body, `"remedy":"change it on the primary (`+primary+`)`) || !strings.Contains(body, "secondary")) {
			t.Errorf("%s: got %s, %q", route, body, head.Get("Twinleaf-Primary"))
		}
		if !refused && head.Get("Twinleaf-Primary") != "" {
			t.Errorf("%s is not refused and names the primary", route)
		}
	}
	readOnly = false
	if code, _, body := ask(t, "PUT", url+"/v1/profiles/x", "{}"); code != 200 {
		t.Errorf("on a primary: got %d %s", code, body)
	}
}

func TestASecondaryThatDoesNotKnowItsPrimarySaysSo(t *testing.T) {
	s := paired(t, &couple{}, func(p *Parts) { p.ReadOnly = func() (string, bool) { return "", true } })
	code, head, body := ask(t, "DELETE", serveParts(t, s)+"/v1/profiles/x", "")
	if _, set := head["Twinleaf-Primary"]; code != 409 || set || !strings.Contains(body, "does not know yet") {
		t.Errorf("got %d %v %s", code, head, body)
	}
}

// Who may not change something is told that, and not where it could be done.
func TestTheRoleComesBeforeThePrimary(t *testing.T) {
	d := &door{closed: true}
	s := paired(t, &couple{}, func(p *Parts) {
		p.Access, p.Sessions = d, d
		p.ReadOnly = func() (string, bool) { return primary, true }
	})
	url := serveParts(t, s)
	for role, want := range map[core.Role]int{core.Operator: 403, core.Administrator: 409} {
		if code, _, body := ask(t, "PUT", url+"/v1/profiles/x", "{}", "Authorization", "Bearer eve-"+string(role)); code != want {
			t.Errorf("%s: got %d %s, want %d", role, code, body, want)
		}
	}
}
