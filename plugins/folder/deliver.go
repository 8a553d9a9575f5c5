package main

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strconv"

	"github.com/twinleaf-scan/twinleaf/sdk"
)

// The protocol, whose every step may be the last before a crash:
//
//  1. copy: the files go to DIR/.twinleaf/KEY-N.part and to disk.
//  2. intent: DIR/.twinleaf/KEY.json names the final names, and goes to disk.
//  3. place: each part is renamed to its final name, never over another file. The
//     part is gone in the very moment in which the final file is there.
//
// So, on a second call: without an intent nothing was delivered; with one, a part
// that is there was not delivered yet, and one that is gone was, even if a reader
// of the folder has taken the document away since.

// delivery is one call.
type delivery struct {
	request  sdk.DeliverRequest
	settings Settings
	private  string            // DIR/.twinleaf
	reached  func(step string) // told after each step; tests crash there
}

// handOver hands files over and says where the main one lies.
func handOver(ctx context.Context, r sdk.DeliverRequest, s Settings, reached func(string)) (sdk.Receipt, error) {
	if r.Key == "" || len(r.Files) == 0 || len(r.Files) != len(r.Kinds) {
		return sdk.Receipt{}, fmt.Errorf("a delivery needs a key and files with their kinds; got %q, %d files, %d kinds", r.Key, len(r.Files), len(r.Kinds))
	}
	d := &delivery{r, s, filepath.Join(s.Dir, privateDir), reached}
	receipt, err := d.run(ctx)
	return receipt, explain(err, s.Dir)
}

func (d *delivery) run(ctx context.Context) (sdk.Receipt, error) {
	if err := d.makeFolders(); err != nil {
		return sdk.Receipt{}, err
	}
	unlock, err := lock(ctx, filepath.Join(d.private, "lock"))
	if err != nil {
		return sdk.Receipt{}, err
	}
	defer unlock()
	plan, err := readIntent(d.intentPath())
	if errors.Is(err, os.ErrNotExist) {
		plan, err = d.prepare(ctx)
	}
	if err != nil {
		return sdk.Receipt{}, err
	}
	if err := d.place(plan); err != nil {
		return sdk.Receipt{}, err
	}
	prune(d.private)
	return sdk.Receipt{Location: filepath.Join(d.settings.Dir, plan.main()), Detail: fmt.Sprintf("%d files", len(plan.Files))}, nil
}

func (d *delivery) makeFolders() error {
	if d.settings.Create == nil || *d.settings.Create {
		if err := os.MkdirAll(d.settings.Dir, 0o755); err != nil {
			return err
		}
	}
	if err := os.Mkdir(d.private, 0o700); err != nil && !errors.Is(err, os.ErrExist) {
		return err
	}
	return nil
}

func (d *delivery) id() string {
	sum := sha256.Sum256([]byte(d.request.Key))
	return hex.EncodeToString(sum[:16])
}

func (d *delivery) intentPath() string { return filepath.Join(d.private, d.id()+".json") }

// prepare copies the files and makes the intent durable.
func (d *delivery) prepare(ctx context.Context) (*intent, error) {
	plan := &intent{Key: d.request.Key, Job: d.request.Job}
	for i, f := range d.request.Files {
		part := filepath.Join(d.private, d.id()+"-"+strconv.Itoa(i)+".part")
		if err := d.copy(ctx, f, part); err != nil {
			return nil, err
		}
		d.reached("copy")
		plan.Files = append(plan.Files, placed{Kind: d.request.Kinds[i], Part: filepath.Base(part)})
	}
	plan.sort()
	plan.choose(d.request.Name, d.request.Job, d.taken)
	if err := plan.write(d.intentPath()); err != nil {
		return nil, err
	}
	d.reached("intent")
	return plan, nil
}

func (d *delivery) taken(name string) bool {
	_, err := os.Lstat(filepath.Join(d.settings.Dir, name))
	return err == nil
}

// copy brings a file to disk under the name part, and checks that it is whole.
func (d *delivery) copy(ctx context.Context, f sdk.File, part string) error {
	mode, err := d.settings.mode()
	if err != nil {
		return err
	}
	in, err := os.Open(f.Path)
	if err != nil {
		return err
	}
	defer in.Close()
	if err := os.Remove(part); err != nil && !errors.Is(err, os.ErrNotExist) {
		return err
	}
	out, err := os.OpenFile(part, os.O_CREATE|os.O_EXCL|os.O_WRONLY, mode)
	if err != nil {
		return err
	}
	sum := sha256.New()
	_, err = io.Copy(io.MultiWriter(out, sum), &stopping{ctx, in})
	if got := hex.EncodeToString(sum.Sum(nil)); err == nil && f.SHA256 != "" && got != f.SHA256 {
		err = fmt.Errorf("%s has SHA-256 %s instead of %s", f.Name, got, f.SHA256)
	}
	if err = errors.Join(err, out.Sync(), out.Close()); err != nil {
		return errors.Join(err, os.Remove(part))
	}
	return nil
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

// maxChoices bounds how often other names are chosen because somebody was faster.
const maxChoices = 100

// place gives every part that is still there its final name.
func (d *delivery) place(plan *intent) error {
	for range maxChoices {
		again, err := d.placeAll(plan)
		if err != nil {
			return err
		}
		if !again {
			return syncDir(d.settings.Dir)
		}
		plan.choose(d.request.Name, d.request.Job, d.taken)
		if err := plan.write(d.intentPath()); err != nil {
			return err
		}
		d.reached("intent")
	}
	return fmt.Errorf("no free name for %s in %s", d.request.Name, d.settings.Dir)
}

// placeAll reports whether a name was taken and others have to be chosen.
func (d *delivery) placeAll(plan *intent) (again bool, err error) {
	for i := range plan.Files {
		f := &plan.Files[i]
		if f.done {
			continue
		}
		err := renameNew(filepath.Join(d.private, f.Part), filepath.Join(d.settings.Dir, f.Final))
		switch {
		case errors.Is(err, os.ErrExist):
			return true, nil
		case errors.Is(err, os.ErrNotExist) && d.gone(f.Part):
			f.done = true
		case err != nil:
			return false, err
		default:
			f.done = true
			d.reached("place")
		}
	}
	return false, nil
}

// gone reports whether a part was placed before. The private folder is there, so
// the part's absence means something.
func (d *delivery) gone(part string) bool {
	_, err := os.Lstat(d.private)
	_, partErr := os.Lstat(filepath.Join(d.private, part))
	return err == nil && errors.Is(partErr, os.ErrNotExist)
}
