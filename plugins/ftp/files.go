package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net/textproto"
	"path"
	"slices"
	"time"

	"github.com/jlaffaye/ftp"

	"github.com/twinleaf-scan/twinleaf/sdk/deliver"
)

// files is the folder of the server that the session is in, as package deliver sees it.
type files struct {
	ftp  *ftp.ServerConn
	way  *way
	pace pace
	turn turn // that is held
}

func (f *files) close() { _ = f.ftp.Quit() }

// saysNone reports whether a no can mean that there is nothing to list: so some servers put
// it.
func saysNone(err error) bool {
	answer, ok := errors.AsType[*textproto.Error](err)
	return ok && (answer.Code == ftp.StatusFileActionIgnored || answer.Code == ftp.StatusFileUnavailable)
}

// answered reports whether the server said no; any other error is one of the connection.
func answered(err error) bool {
	_, ok := errors.AsType[*textproto.Error](err)
	return ok
}

func (f *files) Put(_ context.Context, name string, content deliver.Content, size int64) error {
	if err := f.ftp.Stor(name, io.LimitReader(content, size)); err != nil {
		return fmt.Errorf("write %s: %w", name, err)
	}
	return nil
}

// Stat asks for a file's size. A no to that can mean that the file is missing, that it is
// none, and much else, in words of the server's own; so the folder is asked then.
func (f *files) Stat(_ context.Context, name string) (deliver.Entry, error) {
	size, err := f.ftp.FileSize(name)
	if err == nil {
		return deliver.Entry{Name: path.Base(name), Size: size}, nil
	}
	if !answered(err) {
		return deliver.Entry{}, fmt.Errorf("look for %s: %w", name, err)
	}
	if err := f.missing(name); err != nil {
		return deliver.Entry{}, fmt.Errorf("look for %s: %w", name, err)
	}
	entries, err := f.ftp.List(folderOf(name))
	if err != nil {
		return deliver.Entry{}, fmt.Errorf("look for %s: %w", name, err)
	}
	for _, e := range entries {
		if e.Name == path.Base(name) {
			return entry(e), nil
		}
	}
	return deliver.Entry{Name: path.Base(name), Size: -1}, nil // something that has no size
}

// missing is fs.ErrNotExist where the folder's list lacks a name. The private folder has the
// turns in it, so that there a no is one.
func (f *files) missing(name string) error {
	names, err := f.ftp.NameList(folderOf(name))
	if err != nil && (!saysNone(err) || folderOf(name) != "") {
		return err
	}
	if err == nil && slices.ContainsFunc(names, func(there string) bool { return path.Base(there) == path.Base(name) }) {
		return nil
	}
	return fs.ErrNotExist
}

// folderOf is the folder of a name; the session's own is "".
func folderOf(name string) string {
	if dir := path.Dir(name); dir != "." {
		return dir
	}
	return ""
}

// entry puts right a year that was guessed. Some lists leave it out and give the server's own
// time; where the server's new year has begun and ours has not, a file of just now looks a
// year old, and one to sweep.
func entry(e *ftp.Entry) deliver.Entry {
	modified := e.Time
	if next := modified.AddDate(1, 0, 0); time.Until(next).Abs() < 24*time.Hour {
		modified = next
	}
	return deliver.Entry{Name: path.Base(e.Name), Size: int64(min(e.Size, 1<<62)), Modified: modified}
}

func (f *files) Read(_ context.Context, name string) ([]byte, error) {
	in, err := f.retrieve(name)
	if err != nil {
		return nil, fmt.Errorf("read %s: %w", name, err)
	}
	raw, err := io.ReadAll(io.LimitReader(in, deliver.MaxPlan))
	if err := errors.Join(err, in.Close()); err != nil {
		return nil, fmt.Errorf("read %s: %w", name, err)
	}
	return raw, nil
}

// retrieve asks again for a file that the server has said no to and lists: it may have come
// in between.
func (f *files) retrieve(name string) (*ftp.Response, error) {
	in, err := f.ftp.Retr(name)
	if !answered(err) {
		return in, err
	}
	if absent := f.missing(name); absent != nil {
		return nil, absent
	}
	return f.ftp.Retr(name)
}

// List leaves out what the library cannot read of a server's list.
func (f *files) List(_ context.Context, folder string) ([]deliver.Entry, error) {
	entries, err := f.ftp.List(folder)
	var out []deliver.Entry
	for _, e := range entries {
		if e.Type == ftp.EntryTypeFile {
			out = append(out, entry(e))
		}
	}
	return out, err
}

func (f *files) Remove(_ context.Context, name string) error { return f.ftp.Delete(name) }

// Move looks first and moves then, as the rename of most servers replaces what is there.
// The turn that is held keeps other deliveries from coming in between; so it has to go on
// after the look, which takes as long as the server likes.
func (f *files) Move(ctx context.Context, from, to string) error {
	_, err := f.Stat(ctx, to)
	if err == nil {
		return fmt.Errorf("rename to %s: %w", to, fs.ErrExist)
	}
	if !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	if !time.Now().Before(f.turn.end) {
		return errTurnOver
	}
	err = f.ftp.Rename(from, to)
	if answered(err) {
		if _, absent := f.Stat(ctx, from); errors.Is(absent, fs.ErrNotExist) {
			err = fs.ErrNotExist
		} else if _, there := f.Stat(ctx, to); there == nil {
			err = fs.ErrExist
		}
	}
	if err != nil {
		return fmt.Errorf("rename %s to %s: %w", from, to, err)
	}
	return nil
}
