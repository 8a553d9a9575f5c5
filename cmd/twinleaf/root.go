package main

import (
	"cmp"
	"fmt"
	"log/slog"
	"os"
	"strings"

	"github.com/spf13/cobra"

	"github.com/twinleaf-scan/twinleaf/console/client"
	"github.com/twinleaf-scan/twinleaf/internal/logfile"
)

// defaultServer is where a server listens that nobody configured.
const defaultServer = "http://127.0.0.1:8080"

// app is what all subcommands share.
type app struct {
	std       streams
	server    string
	token     string
	logLevel  string
	logFormat string

	stopSignals func() // gives signals their usual meaning back: the next one kills
}

func newRoot(std streams, stopSignals func()) *cobra.Command {
	a := &app{std: std, stopSignals: stopSignals}
	root := &cobra.Command{
		Use:   "twinleaf",
		Short: "Turns scans into searchable PDFs",
		Long: "Twinleaf turns scans (PDF, TIFF, JPEG, PNG, PNM) into searchable PDFs: once with\n" +
			"`twinleaf ocr`, or as a server with `twinleaf serve`.",
		Version: version, SilenceErrors: true, SilenceUsage: true,
		Args: noCommand, RunE: func(c *cobra.Command, _ []string) error { return c.Help() },
		CompletionOptions: cobra.CompletionOptions{HiddenDefaultCmd: false},
	}
	root.SetIn(std.in)
	root.SetOut(std.out)
	root.SetErr(std.err)
	root.SetFlagErrorFunc(wrongFlag)
	f := root.PersistentFlags()
	f.StringVar(&a.server, "server", "", "the server's address, or several separated by commas, tried in that order\n(or TWINLEAF_SERVER; default "+defaultServer+")")
	f.StringVar(&a.token, "token", "", "token for the server (or TWINLEAF_TOKEN)")
	f.StringVar(&a.logLevel, "log-level", "", "debug, info, warn or error (serve: info, others: error)")
	f.StringVar(&a.logFormat, "log-format", "", "text or json (default: text)")
	root.AddCommand(
		newOCR(a), newServe(a), newSubmit(a), newJobs(a), newJob(a), newBench(a), newDoctor(a), newVersion(a),
		newProfile(a), newDestination(a), newSettings(a), newPlugin(a),
		newUser(a), newToken(a), newLogin(a), newLogout(a), newLicense(a), newActivate(a), newDeactivate(a),
		newPair(a), newWorker(a), newParity(a), newLog(a), newJournal(a), newMan(a),
	)
	return root
}

// noCommand says that a word is no subcommand, and which one may be meant.
func noCommand(c *cobra.Command, args []string) error {
	if len(args) == 0 {
		return nil
	}
	hint := "see " + c.CommandPath() + " --help"
	c.SuggestionsMinimumDistance = 2
	if s := c.SuggestionsFor(args[0]); len(s) > 0 {
		hint = fmt.Sprintf("did you mean %q?", c.CommandPath()+" "+s[0])
	}
	return usage(hint, "%s has no command %q", c.CommandPath(), args[0])
}

// group is a command that is nothing without a subcommand.
func group(use, short string, subs ...*cobra.Command) *cobra.Command {
	c := &cobra.Command{Use: use, Short: short, Args: noCommand, RunE: func(c *cobra.Command, _ []string) error {
		return usage("see "+c.CommandPath()+" --help", "%s needs a command", c.CommandPath())
	}}
	c.AddCommand(subs...)
	return c
}

// exactly wants n arguments, which what names.
func exactly(n int, what string) cobra.PositionalArgs {
	return func(c *cobra.Command, args []string) error {
		if len(args) != n {
			return usage("see "+c.CommandPath()+" --help", "%s takes %s", c.CommandPath(), what)
		}
		return nil
	}
}

// atLeastOne wants one argument or more.
func atLeastOne(what string) cobra.PositionalArgs {
	return func(c *cobra.Command, args []string) error {
		if len(args) == 0 {
			return usage("see "+c.CommandPath()+" --help", "%s needs %s", c.CommandPath(), what)
		}
		return nil
	}
}

// level is from which level on is logged: that of the flag, else fallback.
func (a *app) level(fallback slog.Level) (slog.Level, error) {
	level := fallback
	if a.logLevel != "" {
		if err := level.UnmarshalText([]byte(a.logLevel)); err != nil {
			return 0, usage("use debug, info, warn or error", "--log-level %q is no level", a.logLevel)
		}
	}
	return level, nil
}

// screen writes to standard error in the format of the flag.
func (a *app) screen(level slog.Leveler) (slog.Handler, error) {
	o := &slog.HandlerOptions{Level: level}
	switch a.logFormat {
	case "", "text":
		return slog.NewTextHandler(a.std.err, o), nil
	case "json":
		return slog.NewJSONHandler(a.std.err, o), nil
	}
	return nil, usage("use text or json", "--log-format %q is no format", a.logFormat)
}

// logger writes to standard error.
func (a *app) logger(fallback slog.Level) (*slog.Logger, error) {
	level, err := a.level(fallback)
	if err != nil {
		return nil, err
	}
	h, err := a.screen(level)
	if err != nil {
		return nil, err
	}
	return slog.New(logfile.Failures(h)), nil
}

// servers are the addresses that the flag or the environment gives.
func (a *app) servers() string {
	return cmp.Or(a.server, os.Getenv("TWINLEAF_SERVER"), defaultServer)
}

// client talks to the servers that the flags name.
func (a *app) client() (*client.Client, error) {
	token := cmp.Or(a.token, os.Getenv("TWINLEAF_TOKEN"))
	c, err := client.New(client.Config{
		Servers: strings.FieldsFunc(a.servers(), func(r rune) bool { return r == ',' }), Token: token, Moved: a.moved,
	})
	if err != nil {
		return nil, advised("--server: ", err, "write it as http://host:8080")
	}
	return c, nil
}
