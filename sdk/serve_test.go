package sdk

import (
	"bytes"
	"context"
	"encoding/json"
	"log/slog"
	"strings"
	"testing"

	"google.golang.org/grpc"

	pluginv2 "github.com/twinleaf-scan/twinleaf/sdk/proto/v2"
)

func lazy() Component {
	return Filter(func(context.Context, FilterRequest, struct{}) (Filtered, error) { return Filtered{}, nil })
}

func TestAPersonWhoStartsAPluginIsToldWhatItIs(t *testing.T) {
	m, err := Describe(Info{Name: "example.lazy", Version: "1.0.0"}, lazy())
	if err != nil {
		t.Fatal(err)
	}
	for _, test := range []struct {
		args           []string
		code           int
		stdout, stderr string
	}{
		{[]string{"/bin/lazy"}, 2, "", "example.lazy 1.0.0 is a plug-in of Twinleaf"},
		{[]string{"/bin/lazy", "run", "fast"}, 2, "", `hint: "lazy describe"`},
		{[]string{"/bin/lazy", "--help"}, 0, "plug-in folder", ""},
		{[]string{"/bin/lazy", "describe"}, 0, `"name": "example.lazy"`, ""},
	} {
		var stdout, stderr bytes.Buffer
		code := byHand(&stdout, &stderr, m, test.args)
		if code != test.code || !strings.Contains(stdout.String(), test.stdout) || !strings.Contains(stderr.String(), test.stderr) {
			t.Errorf("%q: exit %d, %q, %q, want %d, … %s …, … %s …", test.args, code, stdout.String(), stderr.String(), test.code, test.stdout, test.stderr)
		}
		if test.stdout == "" && stdout.Len() > 0 || test.stderr == "" && stderr.Len() > 0 {
			t.Errorf("%q: %q on standard output, %q on standard error", test.args, stdout.String(), stderr.String())
		}
	}
}

func TestDescribeAnswersWithTheManifest(t *testing.T) {
	m, err := Describe(Info{Name: "example.lazy", Version: "1.0.0"}, lazy())
	if err != nil {
		t.Fatal(err)
	}
	s := &server{manifest: m, components: map[string]Component{"filter": lazy()}}
	got, err := s.Describe(t.Context(), &pluginv2.DescribeRequest{})
	want, _ := json.Marshal(m)
	if err != nil || !bytes.Equal(got.ManifestJson, want) {
		t.Errorf("Describe = %s, %v, want %s", got.GetManifestJson(), err, want)
	}
	bad, err := s.Validate(t.Context(), &pluginv2.ValidateRequest{Component: "filter", SettingsJson: []byte(`{"x":1}`)})
	if err != nil || len(bad.Diagnostics) != 1 || bad.Diagnostics[0].Path != "/x" {
		t.Errorf("Validate = %v, %v, want one diagnostic at /x", bad, err)
	}
}

func TestACancelThatOvertakesItsCallIsKept(t *testing.T) {
	seen := make(chan error, 1)
	look := Filter(func(ctx context.Context, _ FilterRequest, _ struct{}) (Filtered, error) {
		seen <- ctx.Err()
		return Filtered{}, nil
	})
	s := &server{components: map[string]Component{"filter": look}, log: slog.New(slog.DiscardHandler)}
	if _, err := s.Cancel(t.Context(), &pluginv2.CancelRequest{Id: "7"}); err != nil {
		t.Fatal(err)
	}
	for id, want := range map[string]error{"7": context.Canceled, "8": nil} {
		if _, err := s.do(&pluginv2.Job{Id: id, Component: "filter", Op: OpClean, ArgsJson: []byte("{}")}, deafStream{ctx: t.Context()}); err != nil {
			t.Fatal(err)
		}
		if got := <-seen; got != want {
			t.Errorf("call %s: its context says %v, want %v", id, got, want)
		}
	}
}

// deafStream is a stream whose events nobody hears.
type deafStream struct {
	grpc.ServerStreamingServer[pluginv2.Event]
	ctx context.Context
}

func (d deafStream) Context() context.Context   { return d.ctx }
func (d deafStream) Send(*pluginv2.Event) error { return nil }
