package main

import (
	"context"
	"encoding/xml"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net/http"
	"net/url"
	"path"
	"strconv"
	"strings"
	"time"

	"github.com/twinleaf-scan/twinleaf/sdk/deliver"
)

func (c *client) Put(ctx context.Context, name string, content deliver.Content, size int64) error {
	answer, err := c.do(ctx, request{
		method: "PUT", path: c.base.Path + name, body: content, size: size,
		header: map[string]string{"Content-Type": "application/octet-stream"},
	}, http.StatusOK, http.StatusCreated, http.StatusNoContent)
	if err != nil {
		return err
	}
	drain(answer)
	return nil
}

// Move asks the server for what WebDAV calls just that. Servers answer in several
// ways when the old name is gone, so that is asked for.
func (c *client) Move(ctx context.Context, from, to string) error {
	answer, err := c.do(ctx, request{
		method: "MOVE", path: c.base.Path + from,
		header: map[string]string{"Destination": c.target(to), "Overwrite": "F"},
	}, http.StatusCreated, http.StatusNoContent)
	if err == nil {
		drain(answer)
		return nil
	}
	if _, refused := errors.AsType[*statusError](err); refused && !errors.Is(err, fs.ErrExist) {
		if _, there := c.Stat(ctx, from); missing(there) {
			return there
		}
	}
	return err
}

func (c *client) Read(ctx context.Context, name string) ([]byte, error) {
	answer, err := c.do(ctx, request{method: "GET", path: c.base.Path + name}, http.StatusOK)
	if err != nil {
		return nil, err
	}
	defer drain(answer)
	return io.ReadAll(io.LimitReader(answer.Body, deliver.MaxPlan))
}

func (c *client) Remove(ctx context.Context, name string) error {
	answer, err := c.do(ctx, request{method: "DELETE", path: c.base.Path + name}, http.StatusOK, http.StatusNoContent)
	if err != nil {
		return err
	}
	drain(answer)
	return nil
}

// makeTries bounds how often a folder is made that others hold.
const makeTries = 5

// makeFolder makes a folder of an existing one. It may be there, or come to be there
// by somebody else, which servers answer in several ways; while that goes on, some say
// that the folder is locked.
func (c *client) makeFolder(ctx context.Context, path string) error {
	for try := 1; ; try++ {
		answer, err := c.do(ctx, request{method: "MKCOL", path: path}, http.StatusCreated)
		if err == nil {
			drain(answer)
			return nil
		}
		if there, statErr := c.statPath(ctx, path); statErr == nil && there.folder {
			return nil
		}
		refused, ok := errors.AsType[*statusError](err)
		if !ok || refused.status != http.StatusLocked || try == makeTries {
			return err
		}
		if err := deliver.Pause(ctx, lockPoll); err != nil {
			return err
		}
	}
}

// resource is what a server tells of a file or folder.
type resource struct {
	deliver.Entry
	folder bool
	status int // what it says instead of properties, where that is no success; 0: it is there
}

func (c *client) Stat(ctx context.Context, name string) (deliver.Entry, error) {
	r, err := c.stat(ctx, name)
	return r.Entry, err
}

func (c *client) stat(ctx context.Context, name string) (resource, error) {
	return c.statPath(ctx, c.base.Path+name)
}

func (c *client) statPath(ctx context.Context, path string) (resource, error) {
	all, err := c.propfind(ctx, path, "0")
	if err != nil {
		return resource{}, err
	}
	if len(all) == 0 {
		return resource{}, fmt.Errorf("PROPFIND %s: the answer names nothing", path)
	}
	if all[0].status != 0 {
		return resource{}, &statusError{method: "PROPFIND", path: path, status: all[0].status}
	}
	return all[0], nil
}

func (c *client) List(ctx context.Context, folder string) ([]deliver.Entry, error) {
	all, err := c.propfind(ctx, c.base.Path+folder+"/", "1")
	var out []deliver.Entry
	for _, r := range all {
		if !r.folder && r.status == 0 {
			out = append(out, r.Entry)
		}
	}
	return out, err
}

const asked = `<?xml version="1.0" encoding="utf-8"?>` +
	`<propfind xmlns="DAV:"><prop><resourcetype/><getcontentlength/><getlastmodified/></prop></propfind>`

// maxAnswer bounds what is heard of a folder, in bytes: some 20,000 files. The others are left
// out.
const maxAnswer = 16 << 20

func (c *client) propfind(ctx context.Context, path, depth string) ([]resource, error) {
	answer, err := c.do(ctx, request{
		method: "PROPFIND", path: path, body: deliver.Bytes([]byte(asked)), size: int64(len(asked)),
		header: map[string]string{"Depth": depth, "Content-Type": "application/xml; charset=utf-8"},
	}, http.StatusMultiStatus)
	if err != nil {
		return nil, err
	}
	defer drain(answer)
	all, err := parseMultiStatus(answer.Body, maxAnswer)
	if err != nil {
		return nil, fmt.Errorf("PROPFIND %s: %w", path, err)
	}
	return all, nil
}

// response is what an answer to PROPFIND says of one file, RFC 4918 section 14.24.
type response struct {
	Href      string `xml:"DAV: href"`
	Status    string `xml:"DAV: status"` // of the whole, without properties
	PropStats []struct {
		Status string `xml:"DAV: status"`
		Prop   struct {
			Folder   *struct{} `xml:"DAV: resourcetype>collection"`
			Length   string    `xml:"DAV: getcontentlength"`
			Modified string    `xml:"DAV: getlastmodified"`
		} `xml:"DAV: prop"`
	} `xml:"DAV: propstat"`
}

// parseMultiStatus reads the answer to PROPFIND, RFC 4918 section 14.16: what is told in its
// first most bytes.
func parseMultiStatus(r io.Reader, most int64) ([]resource, error) {
	within := &io.LimitedReader{R: r, N: most}
	d := xml.NewDecoder(within)
	if err := enter(d); err != nil {
		return nil, err
	}
	var out []resource
	for {
		one, err := next(d)
		if err != nil && within.N <= 0 {
			return out, nil
		}
		if err != nil {
			return nil, fmt.Errorf("the answer is not WebDAV: %w", err)
		}
		if one == nil {
			return out, nil
		}
		found, err := one.resource()
		if err != nil {
			return nil, err
		}
		out = append(out, found)
	}
}

// enter reads up to what is inside of the multistatus.
func enter(d *xml.Decoder) error {
	for {
		token, err := d.Token()
		if err != nil {
			return fmt.Errorf("the answer is not WebDAV: %w", err)
		}
		start, ok := token.(xml.StartElement)
		if !ok {
			continue
		}
		if start.Name != (xml.Name{Space: "DAV:", Local: "multistatus"}) {
			return fmt.Errorf("the answer is not WebDAV: it begins with %.100q", start.Name.Local)
		}
		return nil
	}
}

// next is the next file's response, nil at the end of the multistatus.
func next(d *xml.Decoder) (*response, error) {
	for {
		token, err := d.Token()
		if err != nil {
			return nil, err
		}
		switch token := token.(type) {
		case xml.EndElement:
			return nil, nil
		case xml.StartElement:
			if token.Name != (xml.Name{Space: "DAV:", Local: "response"}) {
				if err := d.Skip(); err != nil {
					return nil, err
				}
				continue
			}
			var one response
			return &one, d.DecodeElement(&one, &token)
		}
	}
}

func (r *response) resource() (resource, error) {
	u, err := url.Parse(strings.TrimSpace(r.Href))
	if err != nil {
		return resource{}, errors.New("the answer names an address that is none")
	}
	found := resource{Entry: deliver.Entry{Name: path.Base(u.Path)}}
	if found.status, err = refusal(r.Status); err != nil {
		return resource{}, err
	}
	for _, p := range r.PropStats {
		if !strings.Contains(p.Status, " 200") {
			continue // properties that it does not have
		}
		found.folder = found.folder || p.Prop.Folder != nil
		if n, err := strconv.ParseInt(strings.TrimSpace(p.Prop.Length), 10, 64); err == nil {
			found.Size = n
		}
		if at, err := http.ParseTime(strings.TrimSpace(p.Prop.Modified)); err == nil {
			found.Modified = at.In(time.UTC)
		}
	}
	return found, nil
}

// refusal reads a status line as HTTP/1.1 404 Not Found; 0 where there is none, or it says
// success.
func refusal(line string) (int, error) {
	if strings.TrimSpace(line) == "" {
		return 0, nil
	}
	_, rest, _ := strings.Cut(strings.TrimSpace(line), " ")
	code, _, _ := strings.Cut(rest, " ")
	status, err := strconv.Atoi(code)
	if err != nil {
		return 0, fmt.Errorf("the answer's status %.100q is none", line)
	}
	if status >= 200 && status <= 299 {
		return 0, nil
	}
	return status, nil
}
