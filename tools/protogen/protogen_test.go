package main

import (
	"context"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// checkout is the root of the repository.
const checkout = "../.."

func TestTheCommittedCodeIsWhatTheContractSays(t *testing.T) {
	if err := checkAll(t.Context(), checkout); err != nil {
		t.Error(err)
	}
}

// copyContract makes a contract in a folder that a test may spoil.
func copyContract(t *testing.T) string {
	t.Helper()
	dir := t.TempDir()
	if err := os.CopyFS(dir, os.DirFS(filepath.Join(checkout, protoDir))); err != nil {
		t.Fatal(err)
	}
	return dir
}

func edit(t *testing.T, path, from, to string) {
	t.Helper()
	raw, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if !strings.Contains(string(raw), from) {
		t.Fatalf("%s does not contain %q", path, from)
	}
	if err := os.WriteFile(path, []byte(strings.ReplaceAll(string(raw), from, to)), 0o600); err != nil {
		t.Fatal(err)
	}
}

func wantRefusal(t *testing.T, err error, words string) {
	t.Helper()
	if err == nil || !strings.Contains(err.Error(), words) {
		t.Errorf("got %v, want an error with %q", err, words)
	}
}

func TestCodeThatDiffersFromTheContractIsFound(t *testing.T) {
	dir := copyContract(t)
	edit(t, filepath.Join(dir, "v2", "plugin.pb.go"), "InDir", "InFolder")
	wantRefusal(t, checkGenerated(t.Context(), checkout, dir), "sdk/proto/v2/plugin.pb.go is not what its .proto says")

	dir = copyContract(t)
	if err := os.Remove(filepath.Join(dir, "v1", "plugin_grpc.pb.go")); err != nil {
		t.Fatal(err)
	}
	wantRefusal(t, checkGenerated(t.Context(), checkout, dir), "v1/plugin_grpc.pb.go")

	dir = copyContract(t)
	if err := os.WriteFile(filepath.Join(dir, "v2", "old.pb.go"), []byte("package pluginv2\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	wantRefusal(t, checkGenerated(t.Context(), checkout, dir), "v2/old.pb.go has no .proto")
}

func TestGenerationOneIsFrozenToTheByte(t *testing.T) {
	dir := copyContract(t)
	if err := checkFrozen(dir); err != nil {
		t.Fatal(err)
	}
	edit(t, filepath.Join(dir, "v1", "plugin.proto"), "// Info says", "// Info tells")
	wantRefusal(t, checkFrozen(dir), "frozen")
}

func TestABrokenContractIsRefused(t *testing.T) {
	dir := copyContract(t)
	edit(t, filepath.Join(dir, "v2", "plugin.proto"), "string idempotency_key = 9;", "string idempotency_key = 19;")
	wantRefusal(t, checkReleased(t.Context(), dir), "Job.idempotency_key = 9 is gone")
}

const small = `syntax = "proto3"; package p;
service S { rpc A(M) returns (M); rpc B(M) returns (stream M); }
message M { string a = 1; repeated int32 b = 2; E e = 3; oneof one { string x = 4; string y = 5; } message In { string i = 1; } In in = 6; map<string, string> m = 7; }
enum E { ZERO = 0; ONE = 1; }
`

func TestBreaks(t *testing.T) {
	for name, c := range map[string]struct{ from, to, want string }{
		"package":           {"package p;", "package q;", "package p became q"},
		"field removed":     {"string a = 1;", "reserved 1;", "field p.M.a = 1 is gone"},
		"field renumbered":  {"string a = 1;", "string a = 8;", "field p.M.a = 1 is gone"},
		"field renamed":     {"string a = 1;", "string z = 1;", "field p.M.a = 1 is called z"},
		"field retyped":     {"string a = 1;", "bytes a = 1;", "field p.M.a = 1 was optional string and is optional bytes"},
		"cardinality":       {"repeated int32 b", "int32 b", "field p.M.b = 2 was repeated int32 and is optional int32"},
		"presence":          {"string a = 1;", "optional string a = 1;", "field p.M.a = 1 was optional string and is optional string with presence"},
		"out of a oneof":    {"string y = 5; }", "} string y = 5;", "field p.M.y = 5 was optional string with presence in oneof one and is optional string"},
		"other message":     {"In in = 6;", "M in = 6;", "field p.M.in = 6 was optional message p.M.In and is optional message p.M"},
		"map value":         {"map<string, string>", "map<string, bytes>", "field p.M.MEntry.value = 2 was optional string and is optional bytes"},
		"message renamed":   {"In", "Inn", "message p.M.In is gone"},
		"enum value":        {"ONE = 1;", "ONE = 2;", "value ONE = 1 of enum p.E is gone"},
		"enum value away":   {" ONE = 1;", "", "value ONE = 1 of enum p.E is gone"},
		"enum renamed":      {"E", "F", "enum p.E is gone"},
		"service renamed":   {"service S", "service T", "service p.S is gone"},
		"rpc removed":       {"rpc A(M) returns (M);", "", "rpc p.S.A is gone"},
		"rpc streams":       {"rpc A(M) returns (M)", "rpc A(M) returns (stream M)", "rpc p.S.A was p.M -> p.M and is p.M -> stream p.M"},
		"rpc streams less":  {"stream M", "M", "rpc p.S.B was p.M -> stream p.M and is p.M -> p.M"},
		"rpc other message": {"rpc A(M) returns (M)", "rpc A(M) returns (M.In)", "rpc p.S.A was p.M -> p.M and is p.M -> p.M.In"},
	} {
		t.Run(name, func(t *testing.T) {
			if got := changed(t, strings.ReplaceAll(small, c.from, c.to)); !slices.Contains(got, c.want) {
				t.Errorf("got %q, want %q", got, c.want)
			}
		})
	}
}

func TestWhatIsOnlyNewBreaksNothing(t *testing.T) {
	more := strings.NewReplacer("string a = 1;", "string a = 1; string more = 9;", "ONE = 1;", "ONE = 1; TWO = 2;",
		"rpc A(M)", "rpc C(M) returns (New); rpc A(M)").Replace(small) + "message New {}\n"
	if got := changed(t, more); len(got) > 0 {
		t.Errorf("got %q, want nothing", got)
	}
}

// changed lists what a changed contract breaks of the small one.
func changed(t *testing.T, text string) []string {
	t.Helper()
	if text == small {
		t.Fatal("the text was not changed")
	}
	old, err := compileText(context.Background(), "p.proto", small)
	if err != nil {
		t.Fatal(err)
	}
	now, err := compileText(context.Background(), "p.proto", text)
	if err != nil {
		t.Fatal(err)
	}
	return breaks(old, now)
}
