package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"

	"github.com/spf13/cobra"

	"github.com/twinleaf-scan/twinleaf/internal/logfile"
)

func newLogExport(a *app) *cobra.Command {
	var to, data string
	c := &cobra.Command{
		Use: "export", Short: "Write all lines of a server's log into an archive", Args: exactly(0, "no arguments"),
		Long: "Writes the log files of a server, and the newest lines that it has in memory, as a .tar.gz archive.\n" +
			"There are no secrets in it and no text of documents, but names: of users, of machines and of scans. What\n" +
			"a plug-in writes to its standard error stands in the log too, the secrets of its settings masked.",
		RunE: func(c *cobra.Command, _ []string) error {
			if err := a.exportLog(c.Context(), data, to); err != nil {
				return fmt.Errorf("export the log: %w", err)
			}
			if to != "-" {
				fmt.Fprintln(a.std.out, to)
			}
			return nil
		},
	}
	c.Flags().StringVarP(&to, "output", "o", "twinleaf-log.tar.gz", "the archive's file, - for standard output")
	c.Flags().StringVar(&data, "data", "", "take the files in this data folder instead of asking a server")
	return c
}

// exportLog writes an archive. A file that could not be written whole is removed, and one
// that is there already is left alone.
func (a *app) exportLog(ctx context.Context, data, to string) error {
	write, err := a.logArchive(ctx, data)
	if err != nil {
		return err
	}
	if to == "-" {
		return write(a.std.out)
	}
	f, err := os.OpenFile(to, os.O_CREATE|os.O_EXCL|os.O_WRONLY, 0o600)
	if errors.Is(err, os.ErrExist) {
		return usage("choose another name with -o", "there is a file %s already", to)
	}
	if err != nil {
		return unwritable(filepath.Dir(to), err)
	}
	if err := errors.Join(write(intoFolder{f, filepath.Dir(to)}), f.Close()); err != nil {
		return errors.Join(err, os.Remove(to))
	}
	return nil
}

// logArchive writes the archive of a folder or of a server.
func (a *app) logArchive(ctx context.Context, data string) (func(io.Writer) error, error) {
	if data != "" {
		dir, err := existingLog(data)
		return func(w io.Writer) error { return logfile.ExportDir(ctx, dir, w) }, err
	}
	cl, err := a.client()
	if err != nil {
		return nil, err
	}
	return func(w io.Writer) error {
		body, err := cl.ExportLog(ctx)
		if err != nil {
			return err
		}
		_, err = io.Copy(w, body)
		return errors.Join(err, body.Close())
	}, nil
}
