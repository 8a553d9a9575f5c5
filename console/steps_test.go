package console

import (
	"strings"
	"testing"

	"github.com/twinleaf-scan/twinleaf/console/client"
)

func TestAProfileKeepsItsPlugins(t *testing.T) {
	b := newBackend()
	url := serve(t, b, Config{})
	const want = `{"filters":[{"plugin":"leptonica"},{"plugin":"acme","component":"clean","settings":{"level":3}}],` +
		`"indexers":[{"plugin":"dates"}],"split":{"at":["blank","separator"],"keep":true}}`
	if code, _, body := ask(t, "PUT", url+"/v1/profiles/mail", want); code != 200 || strings.TrimSpace(body) != want {
		t.Errorf("answer %d:\n got %s\nwant %s", code, body, want)
	}
	if _, _, body := ask(t, "GET", url+"/v1/profiles/mail", ""); strings.TrimSpace(body) != want {
		t.Errorf("it is shown as %s\nwant %s", body, want)
	}
	for _, bad := range []string{
		`{"filters":["leptonica"]}`, `{"filters":[{"plugin":"a","setings":{}}]}`, `{"split":{"at":["never"]}}`,
		`{"split":{"at":[]}}`, `{"recognizer":{"plugin":"../evil"}}`, `{"indexers":[{"plugin":"a","settings":[1]}]}`,
	} {
		if code, _, body := ask(t, "PUT", url+"/v1/profiles/mail", bad); code != 422 || !strings.Contains(body, `"remedy"`) {
			t.Errorf("%s: got %d %s", bad, code, body)
		}
	}
}

func TestOutputsOfAPart(t *testing.T) {
	b := newBackend()
	url := serve(t, b, Config{})
	if code, _, _ := ask(t, "POST", url+"/v1/jobs", "scan"); code != 201 {
		t.Fatal(code)
	}
	for query, want := range map[string]string{"": "%PDF-1.7 whole", "?part=2": "%PDF-1.7 part 2"} {
		if code, _, body := ask(t, "GET", url+"/v1/jobs/a-1/outputs/pdf"+query, ""); code != 200 || body != want {
			t.Errorf("%q: got %d %q, want %q", query, code, body, want)
		}
	}
	for _, query := range []string{"?part=0", "?part=-1", "?part=two", "?part=1e3", "?part=99999999999999999999"} {
		if code, _, body := ask(t, "GET", url+"/v1/jobs/a-1/outputs/pdf"+query, ""); code != 422 || !strings.Contains(body, "numbered from 1") {
			t.Errorf("%q: got %d %q", query, code, body)
		}
	}
	c, err := client.New(client.Config{Servers: []string{url}})
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	body, size, err := c.Output(t.Context(), "a-1", "pdf", 2)
	if err != nil || size != int64(len("%PDF-1.7 part 2")) {
		t.Fatalf("the client gets %d bytes, %v", size, err)
	}
	_ = body.Close()
}
