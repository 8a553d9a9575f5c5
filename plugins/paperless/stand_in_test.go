package main

import (
	"context"
	"crypto/md5"
	"encoding/hex"
	"encoding/json"
	"encoding/pem"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/twinleaf-scan/twinleaf/sdk"
	"github.com/twinleaf-scan/twinleaf/sdk/deliver/delivertest"
	"github.com/twinleaf-scan/twinleaf/sdk/plugintest"
)

// standIn behaves as docs/api.md of paperless-ngx describes paperless, in the API
// version 9 or 10: an upload makes a task, which ends after some looks at it.
type standIn struct {
	*httptest.Server
	version int

	mu     sync.Mutex // guards what follows
	tasks  []*work    // newest first
	docs   []doc
	posts  int
	looks  int    // until a task ends
	fails  string // how tasks end; empty: well
	absent bool   // the next upload is taken and not answered
	status int    // answered to everything, where not 0
}

type work struct {
	id, file string
	looks    int
	fails    string
	document int
}

type doc struct {
	id              int
	file, title     string
	sum             string
	tags            []string
	kind, from, dir string
}

const token = "t0ken-of-ours"

func newStandIn(t testing.TB, version int) *standIn {
	t.Helper()
	p := &standIn{version: version, looks: 2}
	mux := http.NewServeMux()
	mux.HandleFunc("POST /sub/api/documents/post_document/", p.upload)
	mux.HandleFunc("GET /sub/api/documents/", p.documents)
	mux.HandleFunc("GET /sub/api/tasks/", p.list)
	for path, names := range map[string][]string{"tags": {"Inbox", "Scan"}, "correspondents": {"BANK", "Bank"}, "document_types": {"Letter"}, "storage_paths": {"Archive"}} {
		mux.HandleFunc("GET /sub/api/"+path+"/", func(w http.ResponseWriter, r *http.Request) {
			var out []any
			for i, n := range names { // all of them: some versions do not know every filter
				out = append(out, map[string]any{"id": i + 1, "name": n})
			}
			reply(w, map[string]any{"count": len(out), "results": out})
		})
	}
	p.Server = httptest.NewTLSServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		p.mu.Lock()
		defer p.mu.Unlock()
		switch {
		case p.status != 0:
			http.Error(w, `{"detail":"no, `+token+`"}`, p.status)
		case r.Header.Get("Authorization") != "Token "+token:
			http.Error(w, `{"detail":"Invalid token."}`, http.StatusUnauthorized)
		default:
			mux.ServeHTTP(w, r)
		}
	}))
	t.Cleanup(p.Close)
	return p
}

func reply(w io.Writer, v any) { _ = json.NewEncoder(w).Encode(v) }

func (p *standIn) upload(w http.ResponseWriter, r *http.Request) {
	f, about, err := r.FormFile("document")
	if err != nil {
		http.Error(w, err.Error(), http.StatusBadRequest)
		return
	}
	content, _ := io.ReadAll(f)
	sum := md5.Sum(content)
	p.posts++
	d := doc{
		id: 100 + p.posts, file: about.Filename, title: r.FormValue("title"), sum: hex.EncodeToString(sum[:]), tags: r.MultipartForm.Value["tags"],
		kind: r.FormValue("document_type"), from: r.FormValue("correspondent"), dir: r.FormValue("storage_path"),
	}
	j := &work{id: fmt.Sprintf("uuid-%d", p.posts), file: d.file, looks: p.looks, fails: p.fails, document: d.id}
	for _, have := range p.docs {
		if have.sum == d.sum {
			j.fails = fmt.Sprintf("%s: Not consuming %s: It is a duplicate of %s (#%d).", d.file, d.file, have.title, have.id)
		}
	}
	if j.fails == "" {
		p.docs = append(p.docs, d)
	}
	p.tasks = append([]*work{j}, p.tasks...)
	if p.absent {
		p.absent = false
		panic(http.ErrAbortHandler)
	}
	reply(w, j.id)
}

func (p *standIn) documents(w http.ResponseWriter, r *http.Request) {
	out := []any{}
	for _, d := range p.docs {
		if p.consumed(d.id) && strings.EqualFold(d.file, r.FormValue("original_filename__iexact")) {
			out = append(out, map[string]any{"id": d.id, "original_file_name": d.file})
		}
	}
	reply(w, map[string]any{"count": len(out), "results": out})
}

func (p *standIn) consumed(document int) bool {
	for _, j := range p.tasks {
		if j.document == document && j.looks > 0 {
			return false
		}
	}
	return true
}

func (p *standIn) list(w http.ResponseWriter, r *http.Request) {
	out := []any{}
	for _, j := range p.tasks {
		if id := r.FormValue("task_id"); id != "" && id != j.id {
			continue
		}
		out = append(out, p.describe(j))
		j.looks--
	}
	if p.version < 10 {
		reply(w, out)
		return
	}
	reply(w, map[string]any{"count": len(out), "results": out})
}

func (p *standIn) describe(j *work) map[string]any {
	status, document := "STARTED", 0
	switch {
	case j.looks > 0:
	case j.fails != "":
		status = "FAILURE"
	default:
		status, document = "SUCCESS", j.document
	}
	words := map[string]string{"FAILURE": j.fails, "SUCCESS": "Success. New document id " + strconv.Itoa(document) + " created"}[status]
	if p.version < 10 {
		about := map[string]any{"task_id": j.id, "task_file_name": j.file, "status": status, "result": words, "related_document": nil}
		if document > 0 {
			about["related_document"] = strconv.Itoa(document)
		}
		return about
	}
	about := map[string]any{
		"task_id": j.id, "task_type": "consume_file", "status": strings.ToLower(status), "input_data": map[string]any{"filename": j.file},
		"result_message": words, "related_document_ids": []int{},
	}
	if document > 0 {
		about["related_document_ids"] = []int{document}
	}
	return about
}

func (p *standIn) settings() Settings {
	ca := pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: p.Certificate().Raw})
	return Settings{URL: p.URL + "/sub/", Token: token, CA: string(ca), Wait: 20}
}

// request is a delivery of files of these kinds.
func request(t testing.TB, key string, kinds ...string) sdk.DeliverRequest {
	t.Helper()
	r := sdk.DeliverRequest{Key: key, Job: "here-01", Name: "Rechnung Müller"}
	for i, kind := range kinds {
		delivertest.Add(t, &r, kind, kind+" of "+key+" "+strconv.Itoa(i))
	}
	return r
}

func send(t testing.TB, r sdk.DeliverRequest, s Settings) (sdk.Receipt, error) {
	t.Helper()
	c := component(func(context.Context, time.Duration) error { return nil })
	return plugintest.Call[sdk.DeliverRequest, sdk.Receipt](t, c, sdk.OpDeliver, r, s)
}
