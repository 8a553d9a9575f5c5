package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"time"

	"github.com/twinleaf-scan/twinleaf/bench/robust/disk"
	"github.com/twinleaf-scan/twinleaf/bench/robust/room"
	"github.com/twinleaf-scan/twinleaf/bench/robust/site"
)

// profile and destination of all jobs.
const (
	profile     = "robust"
	destination = "sink"
)

// diskSize is that of a server's own disk, where a scene wants one.
const diskSize = 192 << 20

// muster sees to it that there is a pair, that it protects, and that its data lies on
// disks of its own if that is wanted.
func (c *crew) muster(ctx context.Context, disks bool) error {
	if c.pair != nil && disks == (c.disks != nil) {
		err := c.protected(ctx, 30*time.Second)
		if err == nil {
			return nil
		}
		c.keep = true
		c.say("the pair is not well any more, a new one is made: %v", err)
	}
	if err := c.dismiss(); err != nil {
		return err
	}
	c.pairs++
	dir := filepath.Join(c.dir, fmt.Sprintf("pair-%d", c.pairs))
	if err := os.Mkdir(dir, 0o755); err != nil {
		return err
	}
	c.pair = &site.Pair{Programs: c.programs, Dir: dir}
	c.logs = map[string]*site.LogReader{}
	for i, who := range []string{room.North, room.South} {
		s, err := c.server(who, dir)
		if err != nil {
			return err
		}
		if disks {
			if err := c.mount(ctx, s); err != nil {
				return err
			}
		}
		if i == 0 {
			c.pair.Primary = s
		} else {
			c.pair.Secondary = s
		}
		c.logs[who] = &site.LogReader{Path: s.LogFile()}
	}
	return c.found(ctx)
}

// server is one that does not run yet.
func (c *crew) server(who, dir string) (*site.Server, error) {
	s := &site.Server{
		Name: who, Dir: filepath.Join(dir, who), Silence: c.o.silence, Workers: c.o.workers, Programs: c.programs,
	}
	if c.room != nil {
		s.Peer, s.Prefix = c.room.Address(who)+":8443", c.room.Exec(who)
		return s, c.reach(s)
	}
	var err error
	s.Peer, err = site.FreeAddress()
	return s, errors.Join(err, c.reach(s))
}

// reach gives a server an address for clients that no client has heard of.
func (c *crew) reach(s *site.Server) (err error) {
	if c.room == nil {
		s.Web, err = site.FreeAddress()
		return err
	}
	c.doors++
	s.Web = fmt.Sprintf("%s:%d", c.room.Address(s.Name), 8080+c.doors%100)
	return nil
}

func (c *crew) mount(ctx context.Context, s *site.Server) error {
	if err := os.MkdirAll(s.Dir, 0o755); err != nil {
		return err
	}
	d, err := disk.Make(ctx, filepath.Join(s.Dir, "image"), filepath.Join(s.Dir, "disk"), diskSize)
	if err != nil {
		return err
	}
	if c.disks == nil {
		c.disks = map[string]*disk.Disk{}
	}
	c.disks[s.Name] = d
	s.Data = filepath.Join(d.Folder, "data")
	return nil
}

// found makes two running servers a pair and tells it where documents go.
func (c *crew) found(ctx context.Context) error {
	began := time.Now()
	if err := c.pair.Start(ctx); err != nil {
		return err
	}
	if c.o.alone {
		return errors.Join(c.address(ctx, c.pair.Primary), c.address(ctx, c.pair.Secondary))
	}
	if err := c.pair.License(ctx); err != nil {
		return err
	}
	if err := c.pair.Form(ctx); err != nil {
		return err
	}
	if err := c.address(ctx, c.pair.Primary); err != nil {
		return err
	}
	if err := c.protected(ctx, 30*time.Second); err != nil {
		return err
	}
	c.say("a pair was made in %v", time.Since(began).Round(time.Millisecond))
	return c.compare(ctx)
}

// compare wants both servers to find themselves at parity.
func (c *crew) compare(ctx context.Context) error {
	return site.Eventually(ctx, 30*time.Second, "the servers are at parity", func(ctx context.Context) error {
		for _, s := range c.pair.Both() {
			if out, err := c.programs.Run(ctx, "parity", "--server", s.URL()); err != nil {
				return fmt.Errorf("%w: %s", err, out)
			}
		}
		return nil
	})
}

// address tells a server where documents go. On the primary of a pair this is said for both.
func (c *crew) address(ctx context.Context, s *site.Server) error {
	to := []string{"--server", s.URL()}
	for _, args := range [][]string{
		{"destination", "set", destination, "plugin=webhook", "settings.url=" + c.sink.URL, "settings.plain=true", "settings.wait=10"},
		{"profile", "set", profile, "outputs=text", "deliver=text", "destinations=" + destination},
	} {
		if _, err := c.programs.Run(ctx, append(args, to...)...); err != nil {
			return err
		}
	}
	return nil
}
