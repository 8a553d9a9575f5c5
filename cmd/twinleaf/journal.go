package main

import (
	"bufio"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"github.com/spf13/cobra"

	"github.com/twinleaf-scan/twinleaf/core"
	"github.com/twinleaf-scan/twinleaf/core/journal"
)

// newJournal is `twinleaf journal`: what happened on a server that is stopped,
// one event a line. It checks the whole journal on the way.
func newJournal(a *app) *cobra.Command {
	var data string
	c := &cobra.Command{
		Use:   "journal --data DIR",
		Short: "Prints the journal of a stopped server, one event a line as JSON",
		Args:  exactly(0, "no argument"),
		RunE: func(c *cobra.Command, _ []string) error {
			return a.printJournal(c, data)
		},
	}
	c.Flags().StringVar(&data, "data", "", "data folder of the server")
	return c
}

func (a *app) printJournal(c *cobra.Command, data string) (err error) {
	if data == "" {
		return usage("see "+c.CommandPath()+" --help", "--data is missing")
	}
	dir := filepath.Join(data, "journal")
	info, err := os.Stat(dir)
	if errors.Is(err, fs.ErrPermission) {
		return fmt.Errorf("%s may not be read by this user\nhint: run it as the server's user", dir)
	}
	if err != nil || !info.IsDir() { // Open would make one
		return usage("name the folder that serve has as --data", "there is no journal in %s", data)
	}
	log, err := journal.Open(c.Context(), journal.Config{Dir: dir})
	if errors.Is(err, journal.ErrLocked) {
		cause, _, _ := strings.Cut(err.Error(), "\n") // its hint is for whoever starts a second server
		return fmt.Errorf("%s\nhint: stop the server first; while it runs, \"twinleaf job ID --json\" tells what happened to a job", cause)
	}
	if err != nil {
		return explainJournal(err)
	}
	defer log.Close()
	out := bufio.NewWriter(a.std.out)
	for entry, err := range log.Read(c.Context(), 0) {
		if err != nil {
			return err
		}
		line, err := core.EncodeEvent(entry.Event)
		if err != nil {
			return err
		}
		if _, err := out.Write(append(line, '\n')); err != nil {
			return err
		}
	}
	return out.Flush()
}
