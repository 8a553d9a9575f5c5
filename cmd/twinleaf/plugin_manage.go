package main

import (
	"errors"
	"fmt"
	"path/filepath"

	"github.com/spf13/cobra"

	"github.com/twinleaf-scan/twinleaf/plugins/host/store"
)

func newPluginUse(a *app, f *pluginFlags) *cobra.Command {
	return &cobra.Command{
		Use: "use NAME VERSION", Short: "Make an installed version of a plug-in the active one", Args: exactly(2, "a plug-in's name and a version"),
		RunE: func(_ *cobra.Command, args []string) error {
			p, err := f.added()
			if err != nil {
				return err
			}
			if err := p.changeable("use"); err != nil {
				return err
			}
			if err := p.store.Use(args[0], args[1]); err != nil {
				return fmt.Errorf("%w\nhint: see twinleaf plugin list", err)
			}
			_, err = fmt.Fprintf(a.std.out, "%s %s is active. A running server uses it after its next start.\n", args[0], args[1])
			return err
		},
	}
}

func newPluginRemove(a *app, f *pluginFlags) *cobra.Command {
	var all bool
	c := &cobra.Command{
		Use: "remove NAME [VERSION]", Short: "Remove a plug-in from the store",
		Long: "Removes one version, or the only one. The active version goes last; make another one active first.",
		Args: func(c *cobra.Command, args []string) error {
			if len(args) < 1 || len(args) > 2 || all && len(args) != 1 {
				return usage("see "+c.CommandPath()+" --help", "%s takes a plug-in's name, and a version unless --all is given", c.CommandPath())
			}
			return nil
		},
		RunE: func(_ *cobra.Command, args []string) error {
			p, err := f.added()
			if err != nil {
				return err
			}
			if err := p.changeable("remove"); err != nil {
				return err
			}
			doomed, err := p.doomed(args, all)
			if err != nil {
				return err
			}
			for _, e := range doomed {
				if err := p.store.Remove(e.Name, e.Version); err != nil {
					return removeError(e, err)
				}
				fmt.Fprintf(a.std.out, "%s removed\n", e)
			}
			_, err = fmt.Fprintln(a.std.out, "A running server must be started again.")
			return err
		},
	}
	c.Flags().BoolVar(&all, "all", false, "every version")
	return c
}

// doomed are the versions that remove means, the active one last.
func (p whereabouts) doomed(args []string, all bool) ([]store.Entry, error) {
	l, err := p.store.Lock()
	if err != nil {
		return nil, err
	}
	versions := l.Versions(args[0])
	if len(versions) == 0 {
		return nil, fmt.Errorf("no plug-in %q is in the store %s\nhint: see twinleaf plugin list; programs of the plug-in folder are deleted by hand", args[0], p.store.Dir())
	}
	if len(args) == 2 {
		e, there := l.Find(args[0], args[1])
		if !there {
			return nil, fmt.Errorf("%s %s is not installed\nhint: see twinleaf plugin list", args[0], args[1])
		}
		return []store.Entry{e}, nil
	}
	if len(versions) > 1 && !all {
		return nil, usage("name one, or give --all", "several versions of %s are installed", args[0])
	}
	for i, e := range versions {
		if e.Active {
			versions = append(append(versions[:i:i], versions[i+1:]...), e)
			break
		}
	}
	return versions, nil
}

func removeError(e store.Entry, err error) error {
	if errors.Is(err, store.ErrActive) {
		return fmt.Errorf("%w\nhint: twinleaf plugin use %s OTHER-VERSION first, or remove --all", err, e.Name)
	}
	return err
}

func newPluginVerify(a *app, f *pluginFlags) *cobra.Command {
	c := &cobra.Command{
		Use: "verify", Short: "Check every byte and signature of the plug-ins that were added", Args: exactly(0, "no arguments"),
		Long: "Reads all plug-ins of the store, active or not, and holds them against plugins.lock and the trusted keys.\nEach difference is a line: what, how it is here, how it should be, what to do. Ends with 1 if there is one.",
		RunE: func(*cobra.Command, []string) error {
			p, err := f.added()
			if err != nil {
				return err
			}
			found, err := p.store.Audit(p.policy)
			if err != nil {
				return err
			}
			return a.tellFindings(p, found, f.asJSON)
		},
	}
	c.Flags().BoolVar(&f.asJSON, "json", false, "print JSON")
	return c
}

func (a *app) tellFindings(p whereabouts, found []store.Finding, asJSON bool) error {
	if asJSON {
		if err := writeJSON(a.std.out, append([]store.Finding{}, found...)); err != nil {
			return err
		}
	} else {
		for _, x := range found {
			fmt.Fprintln(a.std.out, x)
		}
	}
	if len(found) > 0 {
		return &worstError{exitFailed}
	}
	if asJSON {
		return nil
	}
	l, err := p.store.Lock()
	if err != nil {
		return err
	}
	_, err = fmt.Fprintf(a.std.out, "all in %s is as %s says; plug-ins: %d\n", p.store.Dir(), store.LockFile, len(l.Entries))
	return err
}

func newPluginLock(a *app, f *pluginFlags) *cobra.Command {
	return &cobra.Command{
		Use: "lock", Short: "Write plugins.lock into the plug-in folder", Args: exactly(0, "no arguments"),
		Long: "Starts every program of the plug-in folder once and writes down what each is. From then on a server runs\nonly these programs of the folder, and only while not a byte of them changes. Delete the file to undo it.",
		RunE: func(c *cobra.Command, _ []string) error {
			p, err := f.all()
			if err != nil {
				return err
			}
			l, err := store.LockFolder(c.Context(), p.folder, describer)
			if err != nil {
				return fmt.Errorf("%w\nhint: mend or remove that program first; nothing was written", err)
			}
			_, err = fmt.Fprintf(a.std.out, "wrote %s; programs: %d\n", filepath.Join(p.folder, store.LockFile), len(l.Entries))
			return err
		},
	}
}
