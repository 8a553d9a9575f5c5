package main

import (
	"encoding/json"
	"fmt"

	"github.com/spf13/cobra"
)

func newSettings(a *app) *cobra.Command {
	get := &cobra.Command{
		Use: "get [KEY]", Short: "Print all shared settings, or one",
		Args: func(c *cobra.Command, args []string) error {
			if len(args) > 1 {
				return usage("see "+c.CommandPath()+" --help", "%s takes at most one key", c.CommandPath())
			}
			return nil
		},
		RunE: func(c *cobra.Command, args []string) error {
			var all map[string]json.RawMessage
			if err := a.get(c.Context(), "settings", &all); err != nil {
				return fmt.Errorf("read the settings: %w", err)
			}
			if len(args) == 0 {
				return writeJSON(a.std.out, all)
			}
			v, ok := all[args[0]]
			if !ok {
				return fmt.Errorf("there is no setting %q\nhint: see twinleaf settings get", args[0])
			}
			return writeJSON(a.std.out, v)
		},
	}
	set := &cobra.Command{
		Use: "set KEY VALUE", Short: "Set a shared setting to a JSON or YAML value; null removes it", Args: exactly(2, "a key and a value"),
		RunE: func(c *cobra.Command, args []string) error {
			v, err := parseYAML(args[0], []byte(args[1]))
			if err != nil {
				return err
			}
			cl, err := a.client()
			if err != nil {
				return err
			}
			return wrap("set "+args[0], cl.Put(c.Context(), "settings", map[string]any{args[0]: v}))
		},
	}
	return group("settings", "The server's shared settings, profiles and destinations among them", get, set)
}
