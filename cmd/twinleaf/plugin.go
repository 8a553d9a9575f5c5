package main

import (
	"context"
	"fmt"
	"os"
	"strings"
	"text/tabwriter"

	"github.com/spf13/cobra"

	"github.com/twinleaf-scan/twinleaf/plugins/host"
)

func newPlugin(a *app) *cobra.Command {
	var dir string
	var asJSON bool
	list := &cobra.Command{Use: "list", Short: "List the plug-ins of this machine", Args: exactly(0, "no arguments"), RunE: func(c *cobra.Command, _ []string) error {
		all, err := a.localPlugins(c.Context(), dir)
		if err != nil {
			return err
		}
		if asJSON {
			return writeJSON(a.std.out, all)
		}
		t := tabwriter.NewWriter(a.std.out, 0, 0, 2, ' ', 0)
		fmt.Fprintln(t, "NAME\tVERSION\tKINDS\tSTATE\tSUMMARY")
		for _, p := range all {
			p := pluginView(p)
			fmt.Fprintf(t, "%s\t%s\t%s\t%s\t%s\n", p.Name, p.Version, strings.Join(p.Kinds, ","), p.State, p.Summary)
		}
		return t.Flush()
	}}
	describe := &cobra.Command{Use: "describe NAME", Short: "Print what a plug-in says of itself, its settings' schema included", Args: exactly(1, "a plug-in's name"), RunE: func(c *cobra.Command, args []string) error {
		all, err := a.localPlugins(c.Context(), dir)
		if err != nil {
			return err
		}
		for _, p := range all {
			if p.Name == args[0] {
				return writeJSON(a.std.out, p)
			}
		}
		return fmt.Errorf("there is no plug-in %q\nhint: see twinleaf plugin list", args[0])
	}}
	list.Flags().BoolVar(&asJSON, "json", false, "print JSON")
	c := group("plugin", "The plug-ins", list, describe)
	c.PersistentFlags().StringVar(&dir, "plugins", "", "plug-in folder (or TWINLEAF_PLUGINS; default: beside the program)")
	return c
}

func (a *app) localPlugins(ctx context.Context, dir string) ([]host.Status, error) {
	dir, err := findPlugins(dir)
	if err != nil {
		return nil, err
	}
	return listPlugins(ctx, dir)
}

// listPlugins starts each plug-in of a folder once and asks what it is.
func listPlugins(ctx context.Context, dir string) (list []host.Status, err error) {
	tmp, err := os.MkdirTemp("", "twinleaf-plugins-")
	if err != nil {
		return nil, fmt.Errorf("make a temporary folder: %w", err)
	}
	defer os.RemoveAll(tmp) // temporary; the system clears what stays
	h, err := host.Open(ctx, host.Config{Dir: dir, Spool: tmp, Workers: 1})
	if err != nil {
		return nil, fmt.Errorf("look at the plug-ins in %s: %w", dir, err)
	}
	list = h.List()
	return list, h.Close()
}
