package main

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/twinleaf-scan/twinleaf/bench/robust/disk"
	"github.com/twinleaf-scan/twinleaf/bench/robust/history"
	"github.com/twinleaf-scan/twinleaf/bench/robust/site"
)

// kept is what a wiped data folder still has: who the server is, and what it may. The rest
// was on the disk that is lost.
var kept = []string{"server", "license", "secret.key", "plugins", "log"}

// wipe takes journal and blobs of a server away, and lets it come back with nothing. In
// some rounds the other one is away at that time, too, and comes back before or after it.
func wipe(ctx context.Context, a *act) error {
	if err := a.rest(ctx, time.Second, 3*time.Second); err != nil {
		return err
	}
	order := []*site.Server{a.either()}
	wiped := order[0]
	if a.random.IntN(2) == 0 {
		order = append(order, a.pair.Other(wiped))
		a.random.Shuffle(len(order), func(i, j int) { order[i], order[j] = order[j], order[i] })
	}
	places := map[*site.Server]int{}
	for _, s := range order {
		places[s] = a.kill(s, false)
	}
	a.say("wipe %s", wiped.Name)
	if err := empty(wiped.DataDir()); err != nil {
		return err
	}
	a.record.DiskLost(history.Lost{Server: wiped.Name, At: time.Now()})
	for _, s := range order {
		if err := a.rest(ctx, 0, a.o.silence+2*time.Second); err != nil {
			return err
		}
		if err := a.launch(s, places[s]); err != nil {
			return err
		}
	}
	for _, s := range order {
		if err := s.Await(ctx, 30*time.Second); err != nil {
			return err
		}
	}
	return a.rest(ctx, 2*time.Second, 4*time.Second)
}

func empty(folder string) error {
	entries, err := os.ReadDir(folder)
	if err != nil {
		return err
	}
	for _, e := range entries {
		if slices.Contains(kept, e.Name()) {
			continue
		}
		if err := os.RemoveAll(filepath.Join(folder, e.Name())); err != nil {
			return err
		}
	}
	return nil
}

// flip changes one byte of a journal while its server is down: of its own, or of its copy
// of the other one's.
func flip(ctx context.Context, a *act) error {
	if err := a.rest(ctx, 2*time.Second, 4*time.Second); err != nil {
		return err
	}
	s := a.either()
	place := a.kill(s, false)
	blocks, err := blocksOf(s.DataDir())
	if err != nil {
		return err
	}
	if len(blocks) == 0 {
		return fmt.Errorf("there is no journal block in %s", s.DataDir())
	}
	if err := a.flipIn(blocks[a.random.IntN(len(blocks))]); err != nil {
		return err
	}
	if err := a.rest(ctx, 0, a.o.silence+2*time.Second); err != nil {
		return err
	}
	if err := a.launch(s, place); err != nil {
		return err
	}
	if err := s.Await(ctx, 30*time.Second); err != nil {
		return err
	}
	return a.rest(ctx, 2*time.Second, 4*time.Second)
}

// blocksOf are the files of the journals below a folder, without those that were set aside.
func blocksOf(folder string) (out []string, err error) {
	err = filepath.WalkDir(folder, func(path string, d fs.DirEntry, err error) error {
		if err == nil && d.IsDir() && strings.HasPrefix(d.Name(), "adopted-") {
			return fs.SkipDir
		}
		if err == nil && strings.HasSuffix(path, ".blk") {
			if info, err := d.Info(); err == nil && info.Size() > 0 {
				out = append(out, path)
			}
		}
		return err
	})
	return out, err
}

func (a *act) flipIn(path string) error {
	data, err := os.ReadFile(path)
	if err != nil {
		return err
	}
	at := a.random.IntN(len(data))
	a.say("flip byte %d of %d in %s", at, len(data), path)
	data[at] ^= 1 << a.random.IntN(8)
	return os.WriteFile(path, data, 0o600)
}

// full fills the primary's disk: its data service goes down, and the web service tells why.
func full(ctx context.Context, a *act) error {
	if err := a.rest(ctx, time.Second, 2*time.Second); err != nil {
		return err
	}
	d := a.disks[a.pair.Primary.Name]
	a.say("fill the disk of %s", a.pair.Primary.Name)
	if err := d.Fill(); err != nil {
		return err
	}
	err := a.rest(ctx, 3*time.Second, 8*time.Second)
	a.say("free it")
	return errors.Join(err, d.Free(), a.rest(ctx, time.Second, 3*time.Second))
}

// power cuts the power of both servers at one moment: they go on from what had reached
// their disks.
func power(ctx context.Context, a *act) error {
	for range 3 {
		if err := a.rest(ctx, time.Second, 4*time.Second); err != nil {
			return err
		}
		if err := a.blackout(ctx); err != nil {
			return err
		}
		if err := a.protected(ctx, 60*time.Second); err != nil {
			return err
		}
	}
	return nil
}

func (a *act) blackout(ctx context.Context) error {
	for _, s := range a.pair.Both() {
		if err := s.Freeze(); err != nil {
			return err
		}
	}
	a.say("the power is cut")
	var errs []error
	for _, s := range a.pair.Both() {
		d := a.disks[s.Name]
		errs = append(errs, d.Cut(ctx, d.Image+".cut"))
	}
	for _, s := range a.pair.Both() {
		s.Kill()
	}
	if err := errors.Join(errs...); err != nil {
		return err
	}
	for _, s := range a.pair.Both() {
		if err := a.replace(ctx, s); err != nil {
			return err
		}
	}
	a.say("the power is back")
	return a.pair.Start(ctx)
}

// replace mounts the copy of a disk in its place.
func (a *act) replace(ctx context.Context, s *site.Server) error {
	d := a.disks[s.Name]
	closed := site.Eventually(ctx, 10*time.Second, "unmount", func(context.Context) error { return d.Close() })
	if err := errors.Join(closed, os.Rename(d.Image+".cut", d.Image)); err != nil {
		return err
	}
	after, err := disk.Mount(ctx, d.Image, d.Folder)
	if err != nil {
		delete(a.disks, s.Name)
		return err
	}
	a.disks[s.Name] = after
	return nil
}
