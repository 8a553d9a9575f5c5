package main

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"os"
	"path/filepath"

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
	if settingsOnly || p.Here == nil || p.Here.Role != string(pair.Secondary) {
		return nil
	}
	here, err := f.keeps(p.Here.ID)
	if err != nil {
		return err
	}
	if !here {
		_, err := fmt.Fprintf(a.std.err, "twinleaf: the plug-ins stay as they are: the data folder here is not that of %s\n"+
			"hint: run \"twinleaf pair sync\" on its machine, as the server's user, with the server's --config or TWINLEAF_STATE\n", printable(p.Here.Name))
		return err
	}
	return a.followPlugins(ctx, cl, f)
}

// keeps reports whether the data folder that the flags name is that of the server of an id.
// A folder that says nothing, or that another user's is, is not.
func (f *pluginFlags) keeps(id string) (bool, error) {
	c, err := f.settings()
	if err != nil {
		return false, err
	}
	text, err := os.ReadFile(filepath.Join(c.Data, serverFolder, "identity.json"))
	if err != nil {
		return false, nil
	}
	var is struct {
		ID string `json:"id"`
	}
	err = json.Unmarshal(text, &is)
	return err == nil && id != "" && is.ID == id, nil
}
