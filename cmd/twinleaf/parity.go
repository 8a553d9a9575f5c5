package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/url"
	"os"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/twinleaf-scan/twinleaf/console/client"
	"github.com/twinleaf-scan/twinleaf/core/parity"
	"github.com/twinleaf-scan/twinleaf/plugins/host"
)

// parityFlags are the flags of parity.
type parityFlags struct {
	serveFlags
	self   bool
	deep   bool
	asJSON bool
}

func newParity(a *app) *cobra.Command {
	var f parityFlags
	c := &cobra.Command{
		Use: "parity [FILE|URL]", Short: "Say in what the servers of a pair, or any two servers, differ",
		Long: "Asks the running server in what it differs from the other one of its pair: versions, plug-ins, OCR engine,\n" +
			"languages, shared settings, licences, time zone, clock, cores and memory. Each difference is one line: what,\n" +
			"here, there, what to do. The exit code is 0 at parity, warnings or not, and 1 otherwise.\n\n" +
			"With a FILE or URL it asks no server of a pair but compares this machine's installation with the manifest\n" +
			"of another server, which `twinleaf parity --self --json` printed there. A FILE - is standard input; a URL may\n" +
			"be the address of a server that runs.\n\n" +
			"Plug-ins are started for that as the server would start them. The shared settings are read from the\n" +
			"journal, so stop the server first; while it runs they are not compared, and a line says so.",
		Args: func(_ *cobra.Command, args []string) error {
			if f.self && len(args) > 0 || len(args) > 1 {
				return usage(`"twinleaf parity --self --json > alpha.json" writes the manifest of a server`,
					"parity takes a file or an address with the manifest of the other server, or --self, or nothing")
			}
			return nil
		},
	}
	fl := c.Flags()
	fl.BoolVar(&f.self, "self", false, "print what of this server is compared, and compare nothing")
	fl.BoolVar(&f.deep, "deep", false, "look at the OCR engine anew instead of trusting what was found out earlier")
	fl.BoolVar(&f.asJSON, "json", false, "print JSON")
	fl.StringVar(&f.file, "config", os.Getenv("TWINLEAF_CONFIG"), "the server's configuration, a YAML file (or TWINLEAF_CONFIG)")
	fl.StringVar(&f.data, "data", "", "the server's data folder (or TWINLEAF_STATE)")
	fl.StringVar(&f.plugins, "plugins", "", "plug-in folder (or TWINLEAF_PLUGINS; default: beside the program)")
	fl.StringVar(&f.store, "store", "", "folder of the plug-ins that were added (or TWINLEAF_STORE; default: plugins in the data folder)")
	f.native.register(fl)
	c.RunE = func(c *cobra.Command, args []string) error {
		switch {
		case f.self:
			return a.printManifest(c.Context(), f)
		case len(args) == 0:
			return a.liveParity(c.Context(), f)
		}
		return a.compare(c.Context(), f, args[0])
	}
	return c
}

// manifest is this server's, taken without its server program.
func (a *app) manifest(ctx context.Context, f parityFlags) (m parity.Manifest, err error) {
	c, err := f.config(a)
	if err != nil {
		return m, err
	}
	if c.Plugins, err = findPlugins(c.Plugins); err != nil {
		return m, err
	}
	log, err := a.logger(slog.LevelError)
	if err != nil {
		return m, err
	}
	settings, err := readSettings(ctx, c.Data)
	if err != nil {
		fmt.Fprintf(a.std.err, "twinleaf: the shared settings are not compared: %s\n", plain(err.Error()))
	}
	err = withTemp(func(tmp string) error {
		h, err := host.Open(ctx, host.Config{
			Dir: c.Plugins, Store: c.Store, Signed: c.Signatures == signaturesRequired, Sandbox: c.Sandbox, DistributionOnly: c.Native == nativeOff,
			Spool: tmp, Workers: 1, Patience: time.Minute, Logger: log,
		})
		if err != nil {
			return fmt.Errorf("look at the plug-ins in %s: %w", c.Plugins, err)
		}
		m, err = takeManifest(ctx, c, h, settings, f.deep)
		return errors.Join(err, h.Close())
	})
	return m, err
}

func (a *app) compare(ctx context.Context, f parityFlags, where string) error {
	there, at, err := a.otherManifest(ctx, where, f.deep)
	if err != nil {
		return err
	}
	here, err := a.manifest(ctx, f)
	if err != nil {
		return err
	}
	here.Clock = at
	r := parity.Compare(here, there, parity.Pair{})
	if err := writeReport(a.std.out, r, there.Server.Name, f.asJSON); err != nil {
		return err
	}
	if !r.At {
		return &worstError{exitFailed}
	}
	return nil
}

// otherManifest reads the manifest of another server, with the time at which it was taken
// by the clock here. That of a file was taken at some time: its clock says nothing.
func (a *app) otherManifest(ctx context.Context, where string, deep bool) (m parity.Manifest, at time.Time, err error) {
	if u, err := url.Parse(where); err == nil && (u.Scheme == "http" || u.Scheme == "https") {
		return a.fetchManifest(ctx, manifestAddress(u, deep))
	}
	var in io.Reader = a.std.in
	if where != "-" {
		f, err := os.Open(where)
		if err != nil {
			return m, at, unreadable(where, err)
		}
		defer f.Close()
		in = f
	}
	if m, err = parity.Decode(in); err != nil {
		return m, at, fmt.Errorf("%s: %w\nhint: \"twinleaf parity --self --json\" on the other server prints one", where, err)
	}
	m.Clock = time.Time{}
	return m, at, nil
}

// fetchTimeout bounds fetching a manifest: the other server may have to look at its engine.
const fetchTimeout = 30 * time.Second

// fetchManifest gets a manifest from an address. One that must not be stored was made for
// this request, so its clock counts.
func (a *app) fetchManifest(ctx context.Context, address string) (m parity.Manifest, at time.Time, err error) {
	ctx, cancel := context.WithTimeout(ctx, fetchTimeout)
	defer cancel()
	r, err := http.NewRequestWithContext(ctx, http.MethodGet, address, nil)
	if err != nil {
		return m, at, usage("", "%s", err)
	}
	if a.token != "" {
		r.Header.Set("Authorization", "Bearer "+a.token)
	}
	asked := time.Now()
	answer, err := http.DefaultClient.Do(r)
	if err != nil {
		return m, at, fmt.Errorf("%w: %w", client.ErrUnreachable, err)
	}
	defer answer.Body.Close()
	at = asked.Add(time.Since(asked) / 2).UTC()
	if answer.StatusCode != http.StatusOK {
		return m, at, fmt.Errorf("%s answers %s\nhint: does it want --token?", address, answer.Status)
	}
	if m, err = parity.Decode(answer.Body); err != nil {
		return m, at, fmt.Errorf("%s: %w", address, err)
	}
	if !strings.Contains(answer.Header.Get("Cache-Control"), "no-store") {
		m.Clock = time.Time{}
	}
	return m, at, nil
}

// writeReport prints the differences, one a line, and what they come to.
func writeReport(w io.Writer, r parity.Report, other string, asJSON bool) error {
	if asJSON {
		return writeJSON(w, r)
	}
	var b strings.Builder
	for _, d := range r.Differences {
		fmt.Fprintf(&b, "%-14s  %s\n", d.Severity, d)
	}
	word := "at parity"
	if !r.At {
		word = "not at parity"
	}
	fmt.Fprintf(&b, "%s with %s\n", word, other)
	_, err := io.WriteString(w, b.String())
	return err
}
