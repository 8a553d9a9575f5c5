package main

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"syscall"

	"github.com/twinleaf-scan/twinleaf/core"
	"github.com/twinleaf-scan/twinleaf/core/blob"
	"github.com/twinleaf-scan/twinleaf/core/journal"
	"github.com/twinleaf-scan/twinleaf/pipeline"
)

// readSettings reads the shared settings of a server that is stopped from its journal.
// One that never ran has none. With an error they are nil.
func readSettings(ctx context.Context, data string) (_ []core.Setting, err error) {
	dir := filepath.Join(data, "journal")
	info, err := os.Stat(dir)
	if errors.Is(err, fs.ErrNotExist) {
		return []core.Setting{}, nil
	}
	if err != nil {
		return nil, err
	}
	// Opening a journal may mend its files, which must stay those of the server's user.
	if s, ok := info.Sys().(*syscall.Stat_t); ok && int(s.Uid) != os.Geteuid() {
		return nil, fmt.Errorf("the journal in %s belongs to another user: run this as that user", data)
	}
	log, err := journal.Open(ctx, journal.Config{Dir: dir})
	if errors.Is(err, journal.ErrLocked) {
		return nil, errors.New("the server is running: stop it first")
	}
	if err != nil {
		return nil, explainJournal(err)
	}
	defer func() { err = errors.Join(err, log.Close()) }()
	blobs, err := blob.Open(filepath.Join(data, "blobs"), blob.Config{})
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, blobs.Close()) }()
	p, err := pipeline.New(ctx, pipeline.Config{}, log, blobs, nil)
	if err != nil {
		return nil, err
	}
	return append([]core.Setting{}, p.Journaled()...), nil
}
