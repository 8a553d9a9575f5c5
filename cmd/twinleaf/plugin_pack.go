package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"github.com/spf13/cobra"

	"github.com/twinleaf-scan/twinleaf/plugins/host/store"
	"github.com/twinleaf-scan/twinleaf/sdk"
)

// describer starts a program as a server would and gives its manifest.
func describer(ctx context.Context, program string) (sdk.Manifest, error) {
	d, err := describeProgram(ctx, program)
	return d.Manifest, err
}

func newPluginPack(a *app) *cobra.Command {
	var out, program, key string
	c := &cobra.Command{
		Use: "pack PROGRAM [FILE...] | FOLDER", Short: "Make an archive of a plug-in, for plugin add", Args: atLeastOne("a program or a folder"),
		Long: "Puts a program and the files that belong to it into NAME_VERSION_OS_ARCH.zip (a script: NAME_VERSION_any.zip) and\n" +
			"its checksums into SHA256SUMS beside it; with --key they are signed. The program is started once, confined as a\n" +
			"server would confine it. The same files give the same archive.",
		Example: "  twinleaf plugin pack ./invert README.md LICENSE -o dist --key acme.key\n  twinleaf plugin pack ./hello.py sdk/ -o dist",
		RunE: func(c *cobra.Command, args []string) error {
			secret, err := readKey(key)
			if err != nil {
				return err
			}
			contents, err := store.Gather(args, program)
			if err != nil {
				return packError(err)
			}
			archive, e, err := store.Pack(c.Context(), contents, out, secret, describer)
			if err != nil {
				return packError(err)
			}
			if secret == "" {
				fmt.Fprintf(a.std.err, "%s is not signed; --key signs it\n", e)
			}
			_, err = fmt.Fprintf(a.std.out, "%s\n%s\n", archive, filepath.Join(out, store.SumsFile))
			return err
		},
	}
	c.Flags().StringVarP(&out, "output", "o", ".", "folder for the archive")
	c.Flags().StringVar(&program, "program", "", "which file is the program (default: the first one, or a folder's only executable)")
	c.Flags().StringVar(&key, "key", "", "file with the secret key that signs; see plugin key new")
	return c
}

func packError(err error) error {
	switch {
	case errors.Is(err, os.ErrNotExist):
		return fmt.Errorf("%w\nhint: is the name right?", err)
	case errors.Is(err, store.ErrProgram):
		return usage("make the program executable, or name it with --program", "%s", err)
	}
	return err
}

func readKey(file string) (string, error) {
	if file == "" {
		return "", nil
	}
	text, err := os.ReadFile(file)
	if err != nil {
		return "", unreadable(file, err)
	}
	return strings.TrimSpace(string(text)), nil
}
