package main

import (
	"cmp"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"mime"
	"net/mail"
	"os"
	"path/filepath"
	"slices"
	"strings"

	gomail "github.com/wneessen/go-mail"

	"github.com/twinleaf-scan/twinleaf/sdk"
	lib "github.com/twinleaf-scan/twinleaf/sdk/deliver"
)

// message is a message that lies ready on disk.
type message struct {
	path string
	size int64
	id   string   // without brackets
	from string   // of the envelope
	to   []string // of the envelope, all recipients
}

// compose writes the message of a delivery into the folder dir.
func compose(ctx context.Context, r sdk.DeliverRequest, s Settings, dir string) (*message, error) {
	plan, err := lib.NewPlan(r)
	if err != nil {
		return nil, err
	}
	if err := plan.Choose(r.Name, r.Job, func(string) (bool, error) { return false, nil }); err != nil {
		return nil, err
	}
	slices.SortFunc(plan.Files, func(a, b lib.Item) int { return a.Index - b.Index })
	m := gomail.NewMsg(gomail.WithNoDefaultUserAgent())
	out := &message{path: filepath.Join(dir, "message.eml")}
	if err := out.addHeaders(m, r, s); err != nil {
		return nil, err
	}
	doc, err := describe(r, plan)
	if err != nil {
		return nil, err
	}
	if err := addWords(m, s, doc); err != nil {
		return nil, err
	}
	if err := tooLarge(doc, s.limit()); err != nil {
		return nil, err
	}
	for _, item := range plan.Files {
		attach(ctx, m, r.Files[item.Index], item)
	}
	return out, out.write(m, s.limit())
}

func (out *message) addHeaders(m *gomail.Msg, r sdk.DeliverRequest, s Settings) error {
	from, err := address(s.From)
	if err != nil {
		return err
	}
	out.from = from.Address
	out.id = messageID(r.Key, hostOf(from.Address))
	m.FromMailAddress(from)
	m.SetMessageIDWithValue(out.id)
	m.SetDate()
	m.SetGenHeader("Auto-Submitted", "auto-generated") // RFC 3834: no out-of-office answers
	m.SetGenHeader("X-Twinleaf-Job", oneLine(r.Job))
	for _, group := range []struct {
		list []string
		set  func(...*mail.Address)
	}{{s.To, m.ToMailAddress}, {s.CC, m.CcMailAddress}, {s.BCC, m.BccMailAddress}} {
		list, err := addresses(group.list)
		if err != nil {
			return err
		}
		group.set(list...)
		for _, a := range list {
			out.to = append(out.to, a.Address)
		}
	}
	if s.ReplyTo == "" {
		return nil
	}
	reply, err := address(s.ReplyTo)
	m.ReplyToMailAddress(reply)
	return err
}

func addresses(list []string) (out []*mail.Address, err error) {
	for _, s := range list {
		a, err := address(s)
		if err != nil {
			return nil, err
		}
		out = append(out, a)
	}
	return out, nil
}

// hostOf is the host part of an address, where it can stand in a command.
func hostOf(address string) string {
	host := address[strings.LastIndex(address, "@")+1:]
	if !word(host) {
		return "localhost"
	}
	return host
}

// messageID is the same for every repetition of a delivery.
func messageID(key, host string) string {
	sum := sha256.Sum256([]byte(key))
	return hex.EncodeToString(sum[:16]) + ".twinleaf@" + host
}

func addWords(m *gomail.Msg, s Settings, doc Document) error {
	subject, err := fill(cmp.Or(s.Subject, defaultSubject), doc)
	if err != nil {
		return wrong("/subject", "%s", err)
	}
	text, err := fill(cmp.Or(s.Text, defaultText), doc)
	if err != nil {
		return wrong("/text", "%s", err)
	}
	m.Subject(cmp.Or(oneLine(subject), "Scan"))
	m.SetBodyString(gomail.TypeTextPlain, text)
	return nil
}

// describe is what templates may say of a request's files.
func describe(r sdk.DeliverRequest, plan *lib.Plan) (Document, error) {
	doc := Document{Name: r.Name, Job: r.Job}
	for _, item := range plan.Files {
		info, err := os.Stat(r.Files[item.Index].Path)
		if err != nil {
			return doc, fmt.Errorf("read %s: %w", item.Final, err)
		}
		doc.Kinds = append(doc.Kinds, item.Kind)
		doc.Files = append(doc.Files, FileInfo{item.Final, info.Size()})
		if item.Kind == "manifest" {
			doc.Pages = pagesIn(r.Files[item.Index].Path)
		}
	}
	return doc, nil
}

// maxManifest bounds a manifest that is read for its number of pages, in bytes.
const maxManifest = 32 << 20

// pagesIn counts the pages of a manifest; 0 where it cannot be read.
func pagesIn(path string) int {
	f, err := os.Open(path)
	if err != nil {
		return 0
	}
	defer f.Close()
	var m struct {
		Pages []struct{} `json:"pages"`
	}
	if json.NewDecoder(io.LimitReader(f, maxManifest)).Decode(&m) != nil {
		return 0
	}
	return len(m.Pages)
}

// tooLarge refuses a message whose attachments alone are over the limit: base64 with
// its line ends makes 78 bytes of 57.
func tooLarge(doc Document, limit int64) error {
	var total int64
	for _, f := range doc.Files {
		total += f.Size / 57 * 78
	}
	return overLimit(total, limit, "maxMB")
}

func overLimit(total, limit int64, whose string) error {
	if total <= limit {
		return nil
	}
	return sdk.Refuse("over-limit", "let the profile deliver fewer kinds, raise "+whose+", or send this document by another destination and mail only word of it",
		"a message of %s is larger than the %s that %s allows", size(total), size(limit), whose)
}

// attach adds a file, which is read when the message is written.
func attach(ctx context.Context, m *gomail.Msg, f sdk.File, item lib.Item) {
	a := &gomail.File{Name: item.Final, Header: map[string][]string{
		// RFC 2231, which go-mail does not write; the name in Content-Type is for old programs.
		"Content-Disposition": {mime.FormatMediaType("attachment", map[string]string{"filename": item.Final})},
	}}
	a.ContentType = gomail.ContentType(lib.Media(f, item.Kind))
	a.Writer = func(w io.Writer) (int64, error) {
		in, err := lib.Open(ctx, f, lib.NewProgress(context.WithoutCancel(ctx), sdk.DeliverRequest{}))
		if err != nil {
			return 0, err
		}
		defer in.Close()
		return io.Copy(w, in)
	}
	m.SetAttachments(append(m.GetAttachments(), a))
}

func (out *message) write(m *gomail.Msg, limit int64) (err error) {
	f, err := os.OpenFile(out.path, os.O_CREATE|os.O_EXCL|os.O_WRONLY, 0o600)
	if err != nil {
		return err
	}
	out.size, err = m.WriteTo(f)
	if err = errors.Join(err, f.Close()); err != nil {
		return fmt.Errorf("write the message: %w", err)
	}
	return overLimit(out.size, limit, "maxMB")
}
