package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/twinleaf-scan/twinleaf/console"
	"github.com/twinleaf-scan/twinleaf/console/api"
	"github.com/twinleaf-scan/twinleaf/console/client"
	"github.com/twinleaf-scan/twinleaf/internal/logfile"
)

// logFlags are the flags of log.
type logFlags struct {
	since  string
	level  string
	limit  int
	data   string
	follow bool
	asJSON bool
}

func newLog(a *app) *cobra.Command {
	var f logFlags
	c := &cobra.Command{
		Use: "log", Short: "Show the log of a server, and manage it", Args: noCommand,
		Long: "Shows the newest lines of a server's log, from its files and its memory. Each server of a pair has a\n" +
			"log of its own; --server says whose is meant. With --data the files of a data folder are read, whether\n" +
			"its server runs or not.",
		Example: "  twinleaf log --since 2h --level warn\n  twinleaf log --follow --json",
		RunE:    func(c *cobra.Command, _ []string) error { return a.showLog(c.Context(), f) },
	}
	fl := c.Flags()
	fl.StringVar(&f.since, "since", "", "only lines since then: 90m, 2026-03-01 or 2026-03-01T10:00:00Z")
	fl.StringVar(&f.level, "level", "", "only lines of this level or a higher one: debug, info, warn, error")
	fl.IntVar(&f.limit, "limit", 200, "how many at most, 10000 at the most")
	fl.BoolVar(&f.follow, "follow", false, "go on with the lines that come")
	fl.BoolVar(&f.asJSON, "json", false, "print one JSON object a line")
	fl.StringVar(&f.data, "data", "", "read the files in this data folder instead of asking a server")
	c.AddCommand(newLogLevel(a), newLogExport(a), newLogRotate(a))
	return c
}

// reader gives lines of a log.
type reader func(context.Context, api.LogQuery) (api.Log, error)

// logReader is the folder or the server that the flags name.
func (a *app) logReader(data string) (reader, error) {
	if data == "" {
		cl, err := a.client()
		if err != nil {
			return nil, err
		}
		return cl.Log, nil
	}
	dir, err := existingLog(data)
	return func(ctx context.Context, q api.LogQuery) (api.Log, error) {
		level, err := levelOf(cmp.Or(q.Level, "debug"))
		if err != nil {
			return api.Log{}, err
		}
		got, err := logfile.ReadDir(ctx, dir, logfile.Query{Since: q.Since, Level: level, After: q.After, Limit: q.Limit})
		return api.Log{Lines: got.Lines, Next: got.Next}, err
	}, err
}

// existingLog is the folder of the log files in a data folder.
func existingLog(data string) (string, error) {
	dir := filepath.Join(data, logFolder)
	d, err := os.Open(dir)
	if err != nil {
		return "", noLog(dir, err)
	}
	defer d.Close() // read only
	if info, err := d.Stat(); err != nil || !info.IsDir() {
		return "", noLog(dir, err)
	}
	return dir, nil
}

// noLog tells a folder of another user from one that is not there.
func noLog(dir string, err error) error {
	if errors.Is(err, fs.ErrPermission) {
		return fmt.Errorf("%s may not be read by this user\nhint: run it as the server's user", dir)
	}
	return usage("name the data folder of a server that has run", "there are no log files in %s", dir)
}

func (a *app) showLog(ctx context.Context, f logFlags) error {
	if f.limit < 1 || f.limit > 10_000 {
		return usage("leave it out for 200", "--limit %d is not between 1 and 10000", f.limit)
	}
	if f.level != "" {
		if _, err := levelOf(f.level); err != nil {
			return usage("use debug, info, warn or error", "--level %q is no level", f.level)
		}
	}
	since, err := console.ParseSince(f.since, time.Now())
	if err != nil {
		return usage("write it as 90m, 2026-03-01 or 2026-03-01T10:00:00Z", "--since %q is no time", f.since)
	}
	read, err := a.logReader(f.data)
	if err != nil {
		return err
	}
	q := api.LogQuery{Since: since, Level: strings.ToLower(f.level), Limit: f.limit}
	got, err := read(ctx, q)
	if err != nil {
		return fmt.Errorf("read the log: %w", err)
	}
	if got.Lost > 0 {
		fmt.Fprintf(a.std.err, "twinleaf: the log files lack %d lines that the disk did not take\n", got.Lost)
	}
	if err := printLog(a.std.out, got, f.asJSON); err != nil || !f.follow {
		return err
	}
	q.After, q.Since = got.Next, time.Time{}
	return followLog(ctx, a.std.out, read, q, f.asJSON)
}

// Looks at a log that is followed.
const (
	followEvery = time.Second
	followTries = 60 // in a row that may fail, while the server restarts
)

// followLog prints what comes until ctx ends.
func followLog(ctx context.Context, w io.Writer, read reader, q api.LogQuery, asJSON bool) error {
	tick := time.NewTicker(followEvery)
	defer tick.Stop()
	for failed := 0; ; {
		select {
		case <-ctx.Done():
			return nil
		case <-tick.C:
		}
		got, err := read(ctx, q)
		switch {
		case ctx.Err() != nil:
			return nil
		case errors.Is(err, client.ErrUnreachable) && failed < followTries:
			failed++
			continue
		case err != nil:
			return fmt.Errorf("follow the log: %w", err)
		}
		failed, q.After = 0, max(got.Next, 1)
		if err := printLog(w, got, asJSON); err != nil {
			return err
		}
	}
}

func newLogLevel(a *app) *cobra.Command {
	return &cobra.Command{
		Use: "level [LEVEL]", Short: "Show from which level on a server logs, or change it until it restarts",
		Args: func(c *cobra.Command, args []string) error {
			if len(args) > 1 {
				return usage("see "+c.CommandPath()+" --help", "log level takes at most one of debug, info, warn and error")
			}
			return nil
		},
		RunE: func(c *cobra.Command, args []string) error {
			cl, err := a.client()
			if err != nil {
				return err
			}
			var out api.LogLevel
			if len(args) == 0 {
				if err := cl.Get(c.Context(), "log/level", &out); err != nil {
					return fmt.Errorf("ask for the log's level: %w", err)
				}
				_, err = fmt.Fprintln(a.std.out, out.Level)
				return err
			}
			if _, err := levelOf(args[0]); err != nil {
				return usage("use debug, info, warn or error", "%q is no level", args[0])
			}
			in := api.LogLevel{Level: strings.ToLower(args[0])}
			if err := cl.Send(c.Context(), http.MethodPut, "log/level", in, &out); err != nil {
				return fmt.Errorf("set the log's level: %w", err)
			}
			_, err = fmt.Fprintf(a.std.out, "this server logs from %s on until it restarts; log.level in its configuration holds for longer\n", out.Level)
			return err
		},
	}
}

func newLogRotate(a *app) *cobra.Command {
	return &cobra.Command{
		Use: "rotate", Short: "Set the server's log file in use aside and begin another", Args: exactly(0, "no arguments"),
		RunE: func(c *cobra.Command, _ []string) error {
			cl, err := a.client()
			if err == nil {
				err = cl.Send(c.Context(), http.MethodPost, "log/rotate", nil, nil)
			}
			if err != nil {
				return fmt.Errorf("set the log file aside: %w", err)
			}
			_, err = fmt.Fprintln(a.std.out, "the log goes on in a new file")
			return err
		},
	}
}
