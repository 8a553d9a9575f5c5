package logfile

import (
	"archive/tar"
	"compress/gzip"
	"context"
	"errors"
	"fmt"
	"io"
	"path/filepath"
	"time"
)

// Export writes all files, and the lines in memory, as a compressed tar archive.
func (l *Log) Export(ctx context.Context, w io.Writer) error {
	var recent []byte
	for _, one := range l.sink.newest() {
		recent = append(recent, one.text...)
	}
	return export(ctx, l.config.Dir, recent, w)
}

// ExportDir writes all files of a folder whose server does not run.
func ExportDir(ctx context.Context, dir string, w io.Writer) error { return export(ctx, dir, nil, w) }

func export(ctx context.Context, dir string, recent []byte, w io.Writer) error {
	z := gzip.NewWriter(w)
	t := tar.NewWriter(z)
	names, err := list(dir)
	if err != nil && recent == nil {
		return err
	}
	for _, name := range names {
		if err := ctx.Err(); err != nil {
			return err
		}
		if err := pack(t, filepath.Join(dir, name)); err != nil {
			return fmt.Errorf("export %s: %w", name, err)
		}
	}
	if recent != nil {
		err := t.WriteHeader(&tar.Header{Name: "twinleaf-log/recent.log", Mode: 0o600, Size: int64(len(recent)), ModTime: time.Now()})
		if err == nil {
			_, err = t.Write(recent)
		}
		if err != nil {
			return fmt.Errorf("export the newest lines: %w", err)
		}
	}
	return errors.Join(t.Close(), z.Close())
}

// pack adds a file as long as it is now: the one in use grows.
func pack(t *tar.Writer, path string) error {
	f, err := open(path)
	if err != nil || f == nil {
		return err
	}
	defer f.Close() // read only
	info, err := f.Stat()
	if err != nil {
		return err
	}
	name := "twinleaf-log/" + filepath.Base(f.Name())
	if err := t.WriteHeader(&tar.Header{Name: name, Mode: 0o600, Size: info.Size(), ModTime: info.ModTime()}); err != nil {
		return err
	}
	_, err = io.CopyN(t, f, info.Size())
	return err
}
