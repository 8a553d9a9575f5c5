package main

import (
	"errors"
	"fmt"
	"path/filepath"
	"strings"

	"github.com/spf13/cobra"

	"github.com/twinleaf-scan/twinleaf/cmd/twinleaf/scaffold"
	"github.com/twinleaf-scan/twinleaf/sdk"
)

// newPluginNew writes the folder of a new plug-in.
func newPluginNew(a *app) *cobra.Command {
	var o scaffold.Options
	var kind string
	c := &cobra.Command{
		Use: "new NAME", Short: "Begin a plug-in: a folder that builds and passes its tests", Args: exactly(1, "a name for the plug-in"),
		Long: "Writes a folder with a small working plug-in of the kind, its tests and a README. It needs nothing that building\n" +
			"Twinleaf did not fetch: a Go plug-in has the SDK's source beside it, a Python one the SDK's one file, a shell\n" +
			"script the program exec, which speaks to the server for it.",
		Example: "  twinleaf plugin new acme.invoice --kind indexer\n  twinleaf plugin new acme.stamp --kind filter --lang python --dir stamp",
		RunE: func(c *cobra.Command, args []string) error {
			o.Name, o.Kind = args[0], sdk.Kind(kind)
			if o.Lang == "shell" {
				dir, err := findPlugins(c.Flag("plugins").Value.String())
				if err != nil {
					return err
				}
				o.Exec = filepath.Join(dir, "_exec")
			}
			dir, err := scaffold.Write(o)
			if wrong, ok := errors.AsType[*scaffold.Error](err); ok {
				return usage(wrong.Hint, "%s", wrong.Text)
			}
			if err != nil {
				return err
			}
			_, err = fmt.Fprint(a.std.out, nextSteps(o, dir))
			return err
		},
	}
	f := c.Flags()
	f.StringVar(&kind, "kind", "filter", strings.Join(scaffold.Kinds(), ", "))
	f.StringVar(&o.Lang, "lang", "go", strings.Join(scaffold.Langs(), ", "))
	f.StringVar(&o.Dir, "dir", "", "the folder to write (default: the name)")
	f.StringVar(&o.SDK, "sdk", "", "version of the published Go SDK, e.g. v1.2.3 (default: its source is put beside the plug-in)")
	return c
}

// nextSteps says what to type next.
func nextSteps(o scaffold.Options, dir string) string {
	steps := [][2]string{{"cd " + dir, ""}}
	if o.SDK != "" {
		steps = append(steps, [2]string{"go mod tidy", "fetches the SDK"})
	}
	archive := "./" + o.Name
	switch o.Lang {
	case "shell":
		archive = "."
		steps = append(steps, [2]string{"sh test.sh", "its own test"})
	case "python":
		steps = append(steps,
			[2]string{"python3 -m unittest", "its own tests"},
			[2]string{"python3 -m zipapp src -p /usr/bin/python3 -o " + o.Name, "makes the program"},
			[2]string{"chmod 755 " + o.Name, "for everyone, as a server has a user for each"})
	default:
		steps = append(steps,
			[2]string{"go build -trimpath -buildvcs=false -o " + o.Name + " .", "makes the program"},
			[2]string{"go test ./...", "its own tests"})
	}
	steps = append(steps,
		[2]string{"twinleaf plugin test ./" + o.Name, "as a server will use it"},
		[2]string{"twinleaf plugin pack " + archive, "makes an archive of it"},
		[2]string{"twinleaf plugin add ARCHIVE", "installs that"})
	var b strings.Builder
	fmt.Fprintf(&b, "%s is a new %s plug-in. Next:\n", dir, o.Kind)
	for _, s := range steps {
		fmt.Fprintln(&b, strings.TrimRight(fmt.Sprintf("  %-62s %s", s[0], s[1]), " "))
	}
	return b.String()
}
