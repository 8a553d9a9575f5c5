package main

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"io"
	"mime"
	"mime/multipart"
	"net/textproto"
	"os"
	"sync"

	"github.com/twinleaf-scan/twinleaf/sdk"
	"github.com/twinleaf-scan/twinleaf/sdk/deliver"
)

// body is what is sent. It is never held in memory: it is read from the files each
// time it is needed, once for the signature and once for each try, and is the same
// bytes each time.
type body struct {
	media       string // Content-Type
	disposition string // Content-Disposition of a raw body
	segments    []segment
	size        int64
}

// segment is a stretch of a body: text, or else the file at path.
type segment struct {
	text []byte
	path string
}

// metadata is the first part of a multipart body.
type metadata struct {
	Type  string `json:"type"` // documentDelivered
	Key   string `json:"key"`  // the same for every repetition
	Job   string `json:"job"`
	Name  string `json:"name"` // of the document, without extension
	Files []file `json:"files"`
}

const documentDelivered = "document.delivered"

// file is one file of a delivery.
type file struct {
	Kind   string `json:"kind"` // pdf, text, hocr, alto, manifest, original: the name of its part, too
	Name   string `json:"name"`
	Media  string `json:"media"`
	Size   int64  `json:"size"`
	SHA256 string `json:"sha256"` // lower-case hex

	path string
}

// describe looks at the files of a request: each is read once, so that a damaged one
// is found before anything is sent.
func describe(ctx context.Context, r sdk.DeliverRequest) ([]file, error) {
	plan, err := deliver.NewPlan(r)
	if err != nil {
		return nil, err
	}
	if err := plan.Choose(r.Name, r.Job, func(string) (bool, error) { return false, nil }); err != nil {
		return nil, err
	}
	files := make([]file, len(r.Files))
	for _, item := range plan.Files {
		f := r.Files[item.Index]
		sum, size, err := digest(ctx, f.Path)
		if err != nil {
			return nil, fmt.Errorf("read %s: %w", item.Final, err)
		}
		if f.SHA256 != "" && f.SHA256 != sum {
			return nil, fmt.Errorf("%s has SHA-256 %s instead of %s", item.Final, sum, f.SHA256)
		}
		files[item.Index] = file{Kind: item.Kind, Name: item.Final, Media: deliver.Media(f, item.Kind), Size: size, SHA256: sum, path: f.Path}
	}
	return files, nil
}

func digest(ctx context.Context, path string) (sum string, size int64, err error) {
	f, err := os.Open(path)
	if err != nil {
		return "", 0, err
	}
	defer f.Close()
	h := sha256.New()
	size, err = io.Copy(h, &stopping{ctx, f})
	return hex.EncodeToString(h.Sum(nil)), size, err
}

// rawBody is the file alone.
func rawBody(f file) *body {
	return &body{
		media: f.Media, size: f.Size, segments: []segment{{path: f.path}},
		disposition: mime.FormatMediaType("attachment", map[string]string{"filename": f.Name}),
	}
}

// multipartBody is the metadata and the files, as multipart/form-data.
func multipartBody(m metadata) (*body, error) {
	about, err := json.Marshal(m)
	if err != nil {
		return nil, err
	}
	var b body
	var text bytes.Buffer
	w := multipart.NewWriter(&text)
	if err := w.SetBoundary(boundary(m)); err != nil {
		return nil, err
	}
	b.media = w.FormDataContentType()
	part, err := w.CreatePart(header(`form-data; name="metadata"`, "application/json"))
	if err != nil {
		return nil, err
	}
	if _, err := part.Write(about); err != nil {
		return nil, err
	}
	for _, f := range m.Files {
		if _, err := w.CreatePart(header(multipart.FileContentDisposition(f.Kind, f.Name), f.Media)); err != nil {
			return nil, err
		}
		b.addText(&text)
		b.addFile(f)
	}
	if err := w.Close(); err != nil {
		return nil, err
	}
	b.addText(&text)
	return &b, nil
}

func header(disposition, media string) textproto.MIMEHeader {
	return textproto.MIMEHeader{"Content-Disposition": {disposition}, "Content-Type": {media}}
}

// boundary parts the files. It follows from their content, so that no file can hold
// it, whoever made the file and chose the key.
func boundary(m metadata) string {
	h := sha256.New()
	fmt.Fprintf(h, "%q", m.Key)
	for _, f := range m.Files {
		fmt.Fprintf(h, " %s %s", f.Kind, f.SHA256)
	}
	return hex.EncodeToString(h.Sum(nil))
}

func (b *body) addText(text *bytes.Buffer) {
	b.segments = append(b.segments, segment{text: bytes.Clone(text.Bytes())})
	b.size += int64(text.Len())
	text.Reset()
}

func (b *body) addFile(f file) {
	b.segments = append(b.segments, segment{path: f.path})
	b.size += f.Size
}

// open gives the body from its beginning.
func (b *body) open() io.ReadCloser { return &reader{left: b.segments} }

// reader reads segments one after the other. It has at most one file open.
type reader struct {
	mu     sync.Mutex // guards what follows: a request may be closed while it is being written
	left   []segment
	now    io.ReadCloser
	closed bool
}

func (r *reader) Read(p []byte) (int, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	for {
		if err := r.next(); err != nil {
			return 0, err
		}
		n, err := r.now.Read(p)
		if err == io.EOF {
			err = r.drop()
		}
		if n > 0 || err != nil {
			return n, err
		}
	}
}

// next sees to it that a segment is open.
func (r *reader) next() error {
	switch {
	case r.closed:
		return os.ErrClosed
	case r.now != nil:
		return nil
	case len(r.left) == 0:
		return io.EOF
	}
	s := r.left[0]
	r.left = r.left[1:]
	if s.path == "" {
		r.now = io.NopCloser(bytes.NewReader(s.text))
		return nil
	}
	f, err := os.Open(s.path)
	if err != nil {
		return err
	}
	r.now = f
	return nil
}

func (r *reader) drop() error {
	if r.now == nil {
		return nil
	}
	err := r.now.Close()
	r.now = nil
	return err
}

func (r *reader) Close() error {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.closed = true
	return r.drop()
}

// stopping is a reader that ends with its context.
type stopping struct {
	ctx context.Context
	r   io.Reader
}

func (s *stopping) Read(p []byte) (int, error) {
	if err := s.ctx.Err(); err != nil {
		return 0, err
	}
	return s.r.Read(p)
}
