package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"

	"github.com/twinleaf-scan/twinleaf/console/client"
	"github.com/twinleaf-scan/twinleaf/core/pair/node"
	"github.com/twinleaf-scan/twinleaf/internal/durable"
	"github.com/twinleaf-scan/twinleaf/plugins/host/store"
	"github.com/twinleaf-scan/twinleaf/sdk"
)

// primaryLock is the lock of the primary's plug-in store as it was last seen, in the
// folder of the server's identity.
const primaryLock = "primary.lock"

// followLock makes a store what the lock of the primary says and gives what changed, one
// line each. fetch opens what the primary has of a digest.
func followLock(ctx context.Context, lock []byte, fetch func(ctx context.Context, digest string) (io.ReadCloser, error), p whereabouts, describe store.Describer) ([]string, error) {
	want, err := store.ParseLock(lock)
	if err != nil {
		return nil, fmt.Errorf("the primary's %w", err)
	}
	return p.store.Follow(ctx, want, store.Source{Fetch: fetch, Describe: describe, Policy: p.policy})
}

// followPlugins makes the store of this secondary what the primary's is, and tells what
// changed.
func (a *app) followPlugins(ctx context.Context, cl *client.Client, f *pluginFlags) error {
	p, err := f.added()
	if err != nil {
		return err
	}
	lock, err := cl.PeerLock(ctx)
	if err != nil {
		return fmt.Errorf("ask for the primary's plug-ins: %w", err)
	}
	changes, err := followLock(ctx, lock, cl.PeerPlugin, p, func(ctx context.Context, program string) (sdk.Manifest, error) {
		d, err := describeUnder(ctx, p.wanted, program)
		return d.Manifest, err
	})
	for _, c := range changes {
		fmt.Fprintln(a.std.out, c)
	}
	if err != nil {
		return fmt.Errorf("%w\nhint: these plug-ins stay as they are here; of a signed one the key must be trusted here, too: twinleaf plugin key trust KEY", err)
	}
	if err := p.keepPrimaryLock(lock); err != nil {
		return err
	}
	end := "the plug-ins are those of the primary"
	if len(changes) > 0 {
		end += "; a running server uses them after its next start"
	}
	_, err = fmt.Fprintln(a.std.out, end)
	return err
}

// keepPrimaryLock keeps what the primary's lock says for when the primary is gone.
func (p whereabouts) keepPrimaryLock(lock []byte) error {
	dir := filepath.Join(p.data, serverFolder)
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return fmt.Errorf("keep the primary's lock: %w", err)
	}
	if err := durable.Write(filepath.Join(dir, primaryLock), lock, 0o600); err != nil {
		return fmt.Errorf("keep the primary's lock: %w", err)
	}
	return nil
}

// knownLock is what keepPrimaryLock kept; there is none when nothing was.
func (p whereabouts) knownLock() (l store.Lock, known bool, err error) {
	text, err := os.ReadFile(filepath.Join(p.data, serverFolder, primaryLock))
	if errors.Is(err, fs.ErrNotExist) {
		return store.Lock{}, false, nil
	}
	if err == nil {
		l, err = store.ParseLock(text)
	}
	if err != nil {
		return store.Lock{}, false, fmt.Errorf("the primary's lock as it was last seen: %w\nhint: \"twinleaf pair sync\" writes it anew", err)
	}
	return l, true, nil
}

// offered adds to what the peer may ask this server for the plug-ins that were added to it.
func offered(c config, o node.Offers) node.Offers {
	o.Lock = func(context.Context) ([]byte, error) {
		s, err := store.At(c.Store)
		if err != nil {
			return nil, err
		}
		l, err := s.Lock()
		return l.Bytes(), err
	}
	o.Archive = func(_ context.Context, digest string) (io.ReadCloser, error) {
		s, err := store.At(c.Store)
		if err != nil {
			return nil, err
		}
		return s.Offer(digest)
	}
	return o
}
