package sink_test

import (
	"bytes"
	"mime/multipart"
	"net/http"
	"testing"

	"github.com/twinleaf-scan/twinleaf/bench/robust/history"
	"github.com/twinleaf-scan/twinleaf/bench/robust/sink"
)

func TestDeliveryIsWrittenDown(t *testing.T) {
	got := make(chan history.Arrival, 1)
	s, err := sink.Open("127.0.0.1:0", func(a history.Arrival) { got <- a })
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = s.Close() })

	var body bytes.Buffer
	w := multipart.NewWriter(&body)
	meta, _ := w.CreateFormField("metadata")
	_, _ = meta.Write([]byte(`{"key":"k","job":"north-1","name":"` + sink.Name(7) + `"}`))
	text, _ := w.CreateFormFile("text", "job.txt")
	_, _ = text.Write([]byte("job7page1\n\fjob7page2\n"))
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	post := func(data []byte) int {
		t.Helper()
		req, err := http.NewRequest(http.MethodPost, s.URL, bytes.NewReader(data))
		if err != nil {
			t.Fatal(err)
		}
		req.Header.Set("Content-Type", w.FormDataContentType())
		req.Header.Set("Idempotency-Key", "k")
		resp, err := http.DefaultClient.Do(req)
		if err != nil {
			t.Fatal(err)
		}
		defer resp.Body.Close()
		return resp.StatusCode
	}
	if status := post(body.Bytes()[:body.Len()-40]); status != http.StatusBadRequest {
		t.Errorf("a delivery that was cut off: status %d", status)
	}
	if status := post(body.Bytes()); status != http.StatusOK {
		t.Errorf("status %d", status)
	}
	a := <-got
	a.At = a.At.UTC().Truncate(1 << 62)
	want := history.Arrival{Job: 7, ID: "north-1", Key: "k", Text: "job7page1 job7page2"}
	want.At = a.At
	if a != want {
		t.Errorf("wrote down %+v, want %+v", a, want)
	}
}

func TestNumberOfName(t *testing.T) {
	for name, want := range map[string]int{sink.Name(1): 1, sink.Name(1234567): 1234567, "job-": 0, "minutes": 0, "job-1-2": 0} {
		if got := sink.Number(name); got != want {
			t.Errorf("%s is job %d, want %d", name, got, want)
		}
	}
}
