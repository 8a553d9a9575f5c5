package main

import (
	"bytes"
	"context"
	"encoding/binary"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"testing"

	"github.com/twinleaf-scan/twinleaf/console"
	"github.com/twinleaf-scan/twinleaf/core"
	"github.com/twinleaf-scan/twinleaf/core/blob"
	"github.com/twinleaf-scan/twinleaf/core/journal"
	"github.com/twinleaf-scan/twinleaf/pipeline"
)

// busy is every stage, which never ends.
type busy struct{}

func (busy) Run(ctx context.Context, _ core.Task) (core.Result, error) {
	<-ctx.Done()
	return nil, ctx.Err()
}

// shelves are the blobs as the web service knows them.
type shelves struct{ *blob.Store }

func (s shelves) Put(ctx context.Context, r io.Reader) (core.Ref, int64, error) {
	return s.Store.Put(ctx, r, 0)
}

func (s shelves) Open(ref core.Ref) (io.ReadSeekCloser, error) { return s.Store.Open(ref) }

// BenchmarkSubmit is a scan of 50 KB that is sent over HTTP until the answer says that it
// is on disk and queued: HTTP, blob, journal with its syncs. Nothing is recognised.
func BenchmarkSubmit(b *testing.B) {
	url := webWithoutWork(b)
	scan := append([]byte("II*\x00"), make([]byte, 50<<10)...)
	b.SetBytes(int64(len(scan)))
	b.ReportAllocs()
	for n := uint64(1); b.Loop(); n++ {
		binary.LittleEndian.PutUint64(scan[8:], n)
		resp, err := http.Post(url+"/v1/jobs?name=scan", "image/tiff", bytes.NewReader(scan))
		if err != nil {
			b.Fatal(err)
		}
		_, err = io.Copy(io.Discard, resp.Body)
		if resp.Body.Close(); err != nil || resp.StatusCode != http.StatusCreated {
			b.Fatalf("status %d, %v", resp.StatusCode, err)
		}
	}
}

// webWithoutWork is the web service over a pipeline, a journal and blobs on disk.
func webWithoutWork(b *testing.B) (url string) {
	b.Helper()
	quiet := slog.New(slog.DiscardHandler)
	dir := b.TempDir()
	blobs, err := blob.Open(filepath.Join(dir, "blobs"), blob.Config{})
	if err != nil {
		b.Fatal(err)
	}
	log, err := journal.Open(b.Context(), journal.Config{Dir: filepath.Join(dir, "journal"), Logger: quiet})
	if err != nil {
		b.Fatal(err)
	}
	all := map[core.Stage]pipeline.Stage{}
	for _, s := range []core.Stage{core.Ingest, core.Rasterize, core.Clean, core.Recognize, core.Assemble, core.Deliver} {
		all[s] = busy{}
	}
	defaults := core.Defaults{Destinations: map[string]core.Destination{core.DefaultDestination: {Plugin: "folder"}}}
	p, err := pipeline.New(b.Context(), pipeline.Config{Defaults: defaults, Log: quiet}, log, blobs, all)
	if err != nil {
		b.Fatal(err)
	}
	ctx, stop := context.WithCancel(context.Background())
	ended := make(chan error, 1)
	go func() { ended <- p.Run(ctx) }()
	s, err := console.New(console.Config{}, console.Parts{Submit: p, Blobs: shelves{blobs}, Log: quiet, Defaults: defaults})
	if err != nil {
		b.Fatal(err)
	}
	web := httptest.NewServer(s.Handler())
	b.Cleanup(func() {
		web.Close()
		stop()
		if err := <-ended; err != nil {
			b.Error(err)
		}
		if err := log.Close(); err != nil {
			b.Error(err)
		}
		if err := blobs.Close(); err != nil {
			b.Error(err)
		}
	})
	return web.URL
}
