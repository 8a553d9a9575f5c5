package console

import (
	"bytes"
	"encoding/json"
	"errors"
	"io"
	"mime/multipart"
	"net"
	"net/http"
	"net/textproto"
	"runtime"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/twinleaf-scan/twinleaf/console/api"
	"github.com/twinleaf-scan/twinleaf/core"
)

func TestRawScanBecomesAJob(t *testing.T) {
	b := newBackend()
	url := serve(t, b, Config{})
	code, head, body := ask(t, "POST", url+"/v1/jobs?profile=invoices&lang=eng%2Bdeu&name=March&destination=a,b", "II*\x00scan",
		"X-Filename", "C%3A%5Cscans%5CPr%C3%BCfung.tif", "Idempotency-Key", "k1")
	if code != 201 {
		t.Fatalf("got %d %s, want 201", code, body)
	}
	var acc api.Accepted
	if err := json.Unmarshal([]byte(body), &acc); err != nil || acc.ID != "a-1" || acc.State != core.Queued || acc.Server != "a" {
		t.Errorf("got %s, want the job a-1, queued, of server a", body)
	}
	if got := head.Get("Location"); got != "/v1/jobs/a-1" {
		t.Errorf("Location: got %q, want /v1/jobs/a-1", got)
	}
	s := b.received[0]
	if s.Profile != "invoices" || s.Name != "March" || strings.Join(s.Languages, " ") != "eng deu" || strings.Join(s.Destinations, " ") != "a b" || s.Key != "k1" {
		t.Errorf("got submission %+v", s)
	}
	if len(s.Files) != 1 || s.Files[0].Name != "Prüfung.tif" || s.Files[0].Size != 8 || string(b.blobs[s.Files[0].Ref]) != "II*\x00scan" {
		t.Errorf("got files %+v, want Prüfung.tif with the scan's 8 bytes", s.Files)
	}
}

func TestFormKeepsPageOrder(t *testing.T) {
	b := newBackend()
	url := serve(t, b, Config{})
	var form bytes.Buffer
	w := multipart.NewWriter(&form)
	for _, p := range []string{"page2.jpg", "page1.jpg", `C:\in\page3.jpg`} {
		h := textproto.MIMEHeader{"Content-Disposition": {`form-data; name="scan"; filename="` + strings.ReplaceAll(p, `\`, `\\`) + `"`}}
		part, err := w.CreatePart(h)
		if err != nil {
			t.Fatal(err)
		}
		io.WriteString(part, "content of "+p)
	}
	w.WriteField("lang", "deu")
	w.Close()
	if code, _, body := ask(t, "POST", url+"/v1/jobs", form.String(), "Content-Type", w.FormDataContentType()); code != 201 {
		t.Fatalf("got %d %s, want 201", code, body)
	}
	var names []string
	for _, f := range b.received[0].Files {
		names = append(names, f.Name)
	}
	if got, want := strings.Join(names, " "), "page2.jpg page1.jpg page3.jpg"; got != want {
		t.Errorf("files: got %s, want %s", got, want)
	}
	if got := b.received[0].Languages; len(got) != 1 || got[0] != "deu" {
		t.Errorf("languages: got %v, want deu", got)
	}
}

func TestSubmissionsThatAreTurnedAway(t *testing.T) {
	form := "--x\r\nContent-Disposition: form-data; name=\"profile\"\r\n\r\n" + strings.Repeat("p", 5000) + "\r\n--x--\r\n"
	cases := []struct {
		name   string
		set    func(*backend)
		query  string
		body   string
		head   []string
		status int
		code   string
	}{
		{name: "empty", status: 400, code: "empty"},
		{name: "over the limit", body: strings.Repeat("x", 101), status: 413, code: "over-limit"},
		{name: "unknown field", query: "?page=3", body: "x", status: 400, code: "bad-request"},
		{name: "no language", query: "?lang=e/../x", body: "x", status: 422, code: "bad-request"},
		{name: "long field", body: form, head: []string{"Content-Type", "multipart/form-data; boundary=x"}, status: 413, code: "over-limit"},
		{name: "no file in the form", body: "--x--\r\n", head: []string{"Content-Type", "multipart/form-data; boundary=x"}, status: 400, code: "bad-request"},
		{name: "cut form", body: "--x\r\nContent-Disposition: form-data; name=\"f\"; filename=\"a\"\r\n\r\nabc", head: []string{"Content-Type", "multipart/form-data; boundary=x"}, status: 400, code: "bad-request"},
		{name: "long key", body: "x", head: []string{"Idempotency-Key", strings.Repeat("k", 256)}, status: 400, code: "bad-request"},
		{name: "data down", body: "x", set: func(b *backend) { b.health.Data = core.Item{State: "down", Cause: "disk full"} }, status: 503, code: "data-down"},
		{name: "draining", body: "x", set: func(b *backend) { b.health.Mode = core.Item{State: "draining"} }, status: 503, code: "maintenance"},
		{name: "journal refuses", body: "x", set: func(b *backend) {
			b.submit = &core.Failure{Code: core.CodeDataDown, Detail: "the journal cannot write"}
		}, status: 503, code: "data-down"},
		{name: "unknown profile", body: "x", set: func(b *backend) { b.submit = core.Refuse("no-profile", "r", "there is no profile x") }, status: 422, code: "no-profile"},
		{name: "bug", body: "x", set: func(b *backend) { b.submit = errors.New("secret path /var/x") }, status: 500, code: "internal"},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			b := newBackend()
			if c.set != nil {
				c.set(b)
			}
			limit := int64(100)
			if c.name == "long field" {
				limit = 0
				c.status, c.code = 400, "bad-request"
			}
			code, head, body := ask(t, "POST", serve(t, b, Config{MaxUpload: limit})+"/v1/jobs"+c.query, c.body, c.head...)
			var p api.Problem
			if err := json.Unmarshal([]byte(body), &p); err != nil {
				t.Fatalf("answer is no problem: %s", body)
			}
			if code != c.status || p.Code != c.code || p.Detail == "" || p.Status != code || head.Get("Content-Type") != api.ProblemMedia {
				t.Errorf("got %d %s (%s), want %d with code %s", code, body, head.Get("Content-Type"), c.status, c.code)
			}
			if (code == 503) != (head.Get("Retry-After") != "") {
				t.Errorf("status %d came with Retry-After %q", code, head.Get("Retry-After"))
			}
			if len(b.received) != 0 {
				t.Errorf("a job was made: %+v", b.received)
			}
			if strings.Contains(body, "/var/x") {
				t.Errorf("the answer tells an inner error: %s", body)
			}
			if p.Remedy == "" || strings.Contains(body, "other server") { // a server may be alone (GS3)
				t.Errorf("the remedy helps nobody: %s", body)
			}
		})
	}
}

func TestSameKeyGivesSameJobAndOtherScanConflicts(t *testing.T) {
	url := serve(t, newBackend(), Config{}) + "/v1/jobs"
	for i, c := range []struct {
		scan string
		want int
		says string
	}{{"one", 201, `"id":"a-1"`}, {"one", 201, `"duplicate":true`}, {"two", 409, core.CodeKeyReused}} {
		code, _, body := ask(t, "POST", url, c.scan, "Idempotency-Key", "k")
		if code != c.want || !strings.Contains(body, c.says) {
			t.Errorf("submission %d: got %d %s, want %d and %s", i, code, body, c.want, c.says)
		}
	}
}

// A scan of 200 MB must not lie in memory.
func TestBigUploadStaysOutOfMemory(t *testing.T) {
	b := newBackend()
	b.discard = true
	url := serve(t, b, Config{})
	const size = 200 << 20
	var peak uint64
	src := &zeros{left: size, each: func() {
		var m runtime.MemStats
		runtime.ReadMemStats(&m)
		peak = max(peak, m.HeapAlloc)
	}}
	resp, err := http.Post(url+"/v1/jobs", "application/octet-stream", src)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	if resp.StatusCode != 201 || b.received[0].Files[0].Size != size {
		t.Fatalf("got %d, %+v; want 201 and %d bytes", resp.StatusCode, b.received, size)
	}
	if peak > 48<<20 {
		t.Errorf("heap peaked at %d MB during an upload of 200 MB, want under 48", peak>>20)
	}
}

type zeros struct {
	left int64
	n    int
	each func()
}

func (z *zeros) Read(p []byte) (int, error) {
	if z.left == 0 {
		return 0, io.EOF
	}
	if z.n++; z.n%512 == 0 {
		z.each()
	}
	n := min(int64(len(p)), z.left)
	clear(p[:n])
	z.left -= n
	return int(n), nil
}

func TestBodyThatStandsStillIsGivenUp(t *testing.T) {
	b := newBackend()
	url := serve(t, b, Config{BodyIdle: 50 * time.Millisecond})
	conn, err := net.Dial("tcp", strings.TrimPrefix(url, "http://"))
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	io.WriteString(conn, "POST /v1/jobs HTTP/1.1\r\nHost: localhost\r\nContent-Length: 100\r\n\r\nhalf of it")
	conn.SetReadDeadline(time.Now().Add(10 * time.Second))
	answer, err := io.ReadAll(conn)
	if err != nil || !strings.HasPrefix(string(answer), "HTTP/1.1 408 ") {
		t.Errorf("got %q, %v; want 408 and a closed connection", answer, err)
	}
	if len(b.received) != 0 {
		t.Errorf("half a scan became a job: %+v", b.received)
	}
}

func TestBusyServerSaysSo(t *testing.T) {
	b := newBackend()
	s, err := New(Config{MaxUploads: 1, UploadWait: time.Millisecond}, b.parts())
	if err != nil {
		t.Fatal(err)
	}
	s.uploads <- struct{}{} // one upload is running
	code, body := answer(s, "POST", "/v1/jobs", "x")
	if code != 503 || !strings.Contains(body, `"code":"busy"`) {
		t.Errorf("got %d %s, want 503 busy", code, body)
	}
}

func TestBurstOfSubmissionsWaitsItsTurn(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s, err := New(Config{MaxUploads: 1}, newBackend().parts())
		if err != nil {
			t.Fatal(err)
		}
		s.uploads <- struct{}{} // one upload is running
		time.AfterFunc(5*time.Second, func() { <-s.uploads })
		if code, body := answer(s, "POST", "/v1/jobs", "x"); code != 201 {
			t.Errorf("got %d %s, want 201 after the first one's end", code, body)
		}
	})
}

func TestCleanNameIsNeverAPath(t *testing.T) {
	cases := map[string]string{
		"scan.pdf": "scan.pdf", "../../etc/passwd": "passwd", `C:\x\a b.tif`: "a b.tif", "..": "scan", "": "scan", "a/": "scan",
		"x\x00\ny.pdf": "xy.pdf", ".hidden": "hidden", "Prüfung №1.pdf": "Prüfung №1.pdf", "\xff\xfe.pdf": "pdf",
		strings.Repeat("é", 150) + ".jpeg": strings.Repeat("é", 97) + ".jpeg",
	}
	for in, want := range cases {
		if got := CleanName(in, "scan"); got != want {
			t.Errorf("CleanName(%q): got %q, want %q", in, got, want)
		}
	}
}
