package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path"

	"github.com/pkg/sftp"
	"golang.org/x/crypto/ssh"

	"github.com/twinleaf-scan/twinleaf/sdk/deliver"
)

// files is a folder of the server, as package deliver sees it.
type files struct {
	sftp    *sftp.Client
	ssh     *ssh.Client
	dir     string
	perm    os.FileMode // of delivered files; 0: as the server likes
	keeps   bool        // its rename is known to replace nothing
	unwatch func() bool
}

func (f *files) close() {
	f.unwatch()
	_ = f.sftp.Close()
	_ = f.ssh.Close()
}

func (f *files) at(name string) string { return path.Join(f.dir, name) }

// inFlight bounds the writes that the server has not confirmed yet, of 32 kB each.
const inFlight = 32

func (f *files) Put(_ context.Context, name string, content deliver.Content, size int64) error {
	out, err := f.sftp.OpenFile(f.at(name), os.O_WRONLY|os.O_CREATE|os.O_TRUNC)
	if err != nil {
		return fmt.Errorf("write %s: %w", f.at(name), err)
	}
	_, err = out.ReadFromWithConcurrency(io.LimitReader(content, size), inFlight)
	if err == nil && f.perm != 0 {
		err = out.Chmod(f.perm)
	}
	if _, can := f.sftp.HasExtension("fsync@openssh.com"); can && err == nil {
		err = out.Sync()
	}
	if err := errors.Join(err, out.Close()); err != nil {
		return fmt.Errorf("write %s: %w", f.at(name), err)
	}
	return nil
}

func (f *files) Stat(_ context.Context, name string) (deliver.Entry, error) {
	info, err := f.sftp.Lstat(f.at(name))
	if err != nil {
		return deliver.Entry{}, fmt.Errorf("look for %s: %w", f.at(name), err)
	}
	return entry(info), nil
}

func entry(info fs.FileInfo) deliver.Entry {
	return deliver.Entry{Name: info.Name(), Size: info.Size(), Modified: info.ModTime()}
}

func (f *files) Read(_ context.Context, name string) ([]byte, error) {
	in, err := f.sftp.Open(f.at(name))
	if err != nil {
		return nil, fmt.Errorf("read %s: %w", f.at(name), err)
	}
	raw, err := io.ReadAll(io.LimitReader(in, deliver.MaxPlan))
	return raw, errors.Join(err, in.Close())
}

func (f *files) List(ctx context.Context, folder string) ([]deliver.Entry, error) {
	infos, err := f.sftp.ReadDirContext(ctx, f.at(folder))
	var out []deliver.Entry
	for _, info := range infos {
		if info.Mode().IsRegular() {
			out = append(out, entry(info))
		}
	}
	return out, err
}

func (f *files) Remove(_ context.Context, name string) error { return f.sftp.Remove(f.at(name)) }
