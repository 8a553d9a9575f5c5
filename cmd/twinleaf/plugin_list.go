package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"slices"
	"strings"
	"text/tabwriter"

	"github.com/spf13/cobra"

	"github.com/twinleaf-scan/twinleaf/plugins/host"
	"github.com/twinleaf-scan/twinleaf/plugins/host/store"
	"github.com/twinleaf-scan/twinleaf/sdk"
)

// installed is a plug-in of this machine: one that runs, or a version in the store
// that does not.
type installed struct {
	host.Status
	Active bool `json:"active"`
}

func newPluginList(a *app, f *pluginFlags) *cobra.Command {
	c := &cobra.Command{
		Use: "list", Short: "List the plug-ins of this machine", Args: exactly(0, "no arguments"),
		Long: "Starts each plug-in of the plug-in folder and each active one of the store once, and says what it is\nand whether it may run. Versions in the store that are not active are listed too.",
		RunE: func(c *cobra.Command, _ []string) error {
			p, err := f.all()
			if err != nil {
				return err
			}
			all, err := p.installed(c.Context())
			if err != nil {
				return err
			}
			if f.asJSON {
				return writeJSON(a.std.out, all)
			}
			return writeInstalled(a.std.out, all)
		},
	}
	c.Flags().BoolVar(&f.asJSON, "json", false, "print JSON")
	return c
}

func (p whereabouts) installed(ctx context.Context) ([]installed, error) {
	running, err := openPlugins(ctx, p.config())
	if err != nil {
		return nil, err
	}
	var all []installed
	for _, s := range running {
		all = append(all, installed{s, true})
	}
	l, err := p.store.Lock()
	if err != nil {
		return all, nil // it is in the list, with the reason
	}
	for _, e := range l.Entries {
		if !e.Active {
			all = append(all, inactive(e))
		}
	}
	slices.SortStableFunc(all, func(a, b installed) int { return cmp.Compare(a.Name, b.Name) })
	return all, nil
}

func inactive(e store.Entry) installed {
	return installed{Status: host.Status{
		Name: e.Name, Version: e.Version, Kinds: e.Kinds, Protocol: e.Protocol,
		Identity: host.Identity{Stored: true, Digest: e.Hash(store.Platform()), Signer: e.Signer, Permissions: e.Permissions, Schema: e.Schema},
	}}
}

func writeInstalled(w io.Writer, all []installed) error {
	t := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	fmt.Fprintln(t, "NAME\tVERSION\tKINDS\tPROTOCOL\tACTIVE\tSIGNER\tSANDBOX\tPERMISSIONS\tSTATE")
	for _, p := range all {
		active, state := "no", "installed"
		if p.Active {
			active, state = "yes", pluginView(p.Status).State
		}
		fmt.Fprintf(t, "%s\t%s\t%s\t%s\t%s\t%s\t%s\t%s\t%s\n", p.Name, cmp.Or(p.Version, "-"), cmp.Or(kinds(p.Kinds), "-"),
			protocol(p.Protocol), active, cmp.Or(p.Signer, "-"), cmp.Or(p.Sandbox, "-"), cmp.Or(p.Permissions, "-"), plain(firstLine(errors.New(state))))
	}
	return t.Flush()
}

func kinds(all []sdk.Kind) string {
	words := make([]string, len(all))
	for i, k := range all {
		words[i] = string(k)
	}
	return strings.Join(words, ",")
}

func protocol(n int) string {
	if n == 0 {
		return "-"
	}
	return fmt.Sprint(n)
}

func newPluginDescribe(a *app, f *pluginFlags) *cobra.Command {
	return &cobra.Command{
		Use: "describe NAME|FILE", Short: "Print what a plug-in says of itself, its settings' schema included", Args: exactly(1, "a plug-in's name, a program or an archive"),
		Long: "Prints what an installed plug-in, a program or an archive says of itself. It is started for that,\nconfined as a server would confine it.",
		RunE: func(c *cobra.Command, args []string) error {
			if isFileName(args[0]) {
				m, err := describeFile(c.Context(), args[0])
				if err != nil {
					return err
				}
				return writeJSON(a.std.out, m)
			}
			p, err := f.all()
			if err != nil {
				return err
			}
			all, err := p.installed(c.Context())
			if err != nil {
				return err
			}
			for _, p := range all {
				if p.Name == args[0] && p.Active {
					return writeJSON(a.std.out, p)
				}
			}
			return fmt.Errorf("there is no plug-in %q\nhint: see twinleaf plugin list; a program is named with its folder, ./%s", args[0], args[0])
		},
	}
}

// isFileName reports whether a word means a file and not a plug-in's name.
func isFileName(arg string) bool {
	return strings.ContainsRune(arg, os.PathSeparator) || strings.HasSuffix(arg, ".zip")
}

func describeFile(ctx context.Context, file string) (sdk.Manifest, error) {
	if !strings.HasSuffix(file, ".zip") {
		d, err := describeProgram(ctx, file)
		return d.Manifest, describeError(file, err)
	}
	var m sdk.Manifest
	err := withTemp(func(tmp string) error {
		return store.Try(ctx, file, tmp, func(ctx context.Context, program string) (sdk.Manifest, error) {
			d, err := describeProgram(ctx, program)
			m = d.Manifest
			return m, err
		})
	})
	return m, describeError(file, err)
}

func describeError(file string, err error) error {
	if errors.Is(err, os.ErrNotExist) {
		return unreadable(file, os.ErrNotExist)
	}
	if err != nil {
		return fmt.Errorf("%w\nhint: see what the program prints when it is started as %q", err, file+" describe")
	}
	return nil
}
