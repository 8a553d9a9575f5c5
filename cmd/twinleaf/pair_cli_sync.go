package main

import (
	"cmp"
	"context"
	"fmt"
	"net"
	"net/http"
	"net/url"
	"os"
	"strings"

	"github.com/spf13/cobra"

	"github.com/twinleaf-scan/twinleaf/console/api"
	"github.com/twinleaf-scan/twinleaf/core/pair"
)

func newPairSync(a *app) *cobra.Command {
	var f pluginFlags
	var settingsOnly bool
	c := &cobra.Command{
		Use: "sync", Short: "Bring over now what the secondary takes from the primary", Args: exactly(0, "no arguments"),
		Long: "Has the server bring over at once what flows by itself, settings and jobs, and compare both servers anew. Run\n" +
			"on the secondary it then makes the store of added plug-ins what the primary's is: it fetches what is missing,\n" +
			"holds every plug-in against the primary's plugins.lock and the keys trusted here, and only then lets it run.\n" +
			"The server uses it after its next start. Clocks or time zones that differ keep it from happening.",
		RunE: func(c *cobra.Command, _ []string) error {
			return a.syncPair(c.Context(), &f, settingsOnly)
		},
	}
	fl := c.Flags()
	fl.BoolVar(&settingsOnly, "no-plugins", false, "leave the plug-ins as they are")
	fl.StringVar(&f.store, "store", "", "folder of the plug-ins that were added (or TWINLEAF_STORE; default: plugins in the data folder)")
	fl.StringVar(&f.config, "config", os.Getenv("TWINLEAF_CONFIG"), "the server's configuration, which may name it (or TWINLEAF_CONFIG)")
	return c
}

func (a *app) syncPair(ctx context.Context, f *pluginFlags, settingsOnly bool) error {
	cl, err := a.firstServer()
	if err != nil {
		return err
	}
	var p api.Pair
	if err := cl.Send(ctx, http.MethodPost, "pair/sync", nil, &p); err != nil {
		return fmt.Errorf("synchronise: %w", err)
	}
	if _, err := fmt.Fprintln(a.std.out, "the servers are synchronised and were compared"); err != nil {
		return err
	}
	switch {
	case settingsOnly || p.Here == nil || p.Here.Role != string(pair.Secondary):
		return nil
	case !a.onThisMachine():
		_, err := fmt.Fprintln(a.std.err, "twinleaf: the plug-ins stay as they are: the server is on another machine\nhint: run \"twinleaf pair sync\" there")
		return err
	}
	return a.followPlugins(ctx, cl, f)
}

// onThisMachine reports whether the first server is one whose plug-ins lie here.
func (a *app) onThisMachine() bool {
	first, _, _ := strings.Cut(cmp.Or(a.server, os.Getenv("TWINLEAF_SERVER"), defaultServer), ",")
	if !strings.Contains(first, "://") {
		first = "http://" + first
	}
	u, err := url.Parse(first)
	if err != nil {
		return false
	}
	ip := net.ParseIP(u.Hostname())
	return u.Hostname() == "localhost" || ip != nil && ip.IsLoopback()
}
