package main

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"

	"github.com/spf13/cobra"

	"github.com/twinleaf-scan/twinleaf/plugins/host/store"
)

func newPluginKey(a *app, f *pluginFlags) *cobra.Command {
	return group("key", "The keys that sign plug-ins", newKeyNew(a), newKeyTrust(a, f), newKeyDistrust(a, f), newKeyList(a, f))
}

func newKeyNew(a *app) *cobra.Command {
	var out string
	c := &cobra.Command{
		Use: "new NAME", Short: "Make a key that signs plug-ins", Args: exactly(1, "a name, such as that of a firm or a host"),
		Long: "Writes a secret key into a file that only you can read, and prints the verifier key, which everybody may know.",
		RunE: func(_ *cobra.Command, args []string) error {
			secret, verifier, err := store.NewKey(args[0])
			if err != nil {
				return usage("use letters, digits, dots and dashes", "%s", err)
			}
			if out == "" {
				out = args[0] + ".key"
			}
			if err := writeSecret(out, secret+"\n"); err != nil {
				return err
			}
			fmt.Fprintf(a.std.err, "the secret key is in %s; who has it can sign as %s\n", out, store.KeyID(verifier))
			_, err = fmt.Fprintln(a.std.out, verifier)
			return err
		},
	}
	c.Flags().StringVarP(&out, "output", "o", "", "file for the secret key (default NAME.key)")
	return c
}

func writeSecret(file, text string) error {
	w, err := os.OpenFile(file, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	if errors.Is(err, os.ErrExist) {
		return fmt.Errorf("%s is there already\nhint: name another file with -o", file)
	}
	if err != nil {
		return unwritable(filepath.Dir(file), err)
	}
	_, err = w.WriteString(text)
	return errors.Join(err, w.Sync(), w.Close())
}

func newKeyTrust(a *app, f *pluginFlags) *cobra.Command {
	return &cobra.Command{
		Use: "trust KEY|FILE", Short: "Let a key vouch for plug-ins", Args: exactly(1, "a verifier key, or a file with one"),
		RunE: func(_ *cobra.Command, args []string) error {
			p, err := f.added()
			if err != nil {
				return err
			}
			key := args[0]
			if text, err := os.ReadFile(key); err == nil {
				key = string(text)
			}
			id, err := p.store.Trust(key)
			if err != nil {
				return fmt.Errorf("%w\nhint: \"twinleaf plugin key new\" prints such a key", err)
			}
			_, err = fmt.Fprintf(a.std.out, "%s is trusted\n", id)
			return err
		},
	}
}

func newKeyDistrust(a *app, f *pluginFlags) *cobra.Command {
	return &cobra.Command{
		Use: "distrust NAME+HASH", Short: "Trust a key no more; what it signed does not run any longer", Args: exactly(1, "a key as plugin key list shows it"),
		RunE: func(_ *cobra.Command, args []string) error {
			p, err := f.added()
			if err != nil {
				return err
			}
			if err := p.store.Distrust(args[0]); err != nil {
				return fmt.Errorf("%w\nhint: see twinleaf plugin key list", err)
			}
			_, err = fmt.Fprintf(a.std.out, "%s is not trusted any more. A running server learns it at its next start.\n", args[0])
			return err
		},
	}
}

func newKeyList(a *app, f *pluginFlags) *cobra.Command {
	return &cobra.Command{
		Use: "list", Short: "List the keys that are trusted", Args: exactly(0, "no arguments"),
		RunE: func(*cobra.Command, []string) error {
			p, err := f.added()
			if err != nil {
				return err
			}
			keys, err := p.store.Keys()
			if err != nil {
				return err
			}
			for _, k := range keys {
				fmt.Fprintf(a.std.out, "%s  %s\n", store.KeyID(k), k)
			}
			return nil
		},
	}
}
