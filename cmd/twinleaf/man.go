package main

import (
	"bytes"
	"fmt"
	"os"

	"github.com/spf13/cobra"
	"github.com/spf13/cobra/doc"
)

// newMan prints the manual page, or writes one page for each command into a folder.
func newMan(a *app) *cobra.Command {
	var dir string
	c := &cobra.Command{Use: "man", Short: "Print the manual page", Args: exactly(0, "no arguments")}
	c.Flags().StringVar(&dir, "dir", "", "write one page for each command into this folder")
	c.RunE = func(c *cobra.Command, _ []string) error {
		root := c.Root()
		root.DisableAutoGenTag = true
		head := &doc.GenManHeader{Title: "TWINLEAF", Section: "1", Source: "Twinleaf " + version, Manual: "Twinleaf"}
		if dir != "" {
			err := os.MkdirAll(dir, 0o755)
			if err == nil {
				err = doc.GenManTree(root, head, dir)
			}
			if err != nil {
				return unwritable(dir, err)
			}
			return nil
		}
		var page bytes.Buffer
		if err := doc.GenMan(root, head, &page); err != nil {
			return fmt.Errorf("make the manual page: %w", err)
		}
		_, err := a.std.out.Write(page.Bytes())
		return err
	}
	return c
}
