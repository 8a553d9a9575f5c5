package main

import (
	"bufio"
	"cmp"
	"context"
	"errors"
	"fmt"
	"os"
	"strings"
	"unicode"

	"github.com/spf13/cobra"
	"golang.org/x/term"

	"github.com/twinleaf-scan/twinleaf/plugins/host"
	"github.com/twinleaf-scan/twinleaf/plugins/host/store"
	"github.com/twinleaf-scan/twinleaf/sdk"
)

func newPluginAdd(a *app, f *pluginFlags) *cobra.Command {
	var yes, inactive bool
	c := &cobra.Command{
		Use: "add FILE|URL", Short: "Add a plug-in to the store", Args: exactly(1, "an archive or its https address"),
		Long: "Checks an archive against the SHA256SUMS beside it and these against SHA256SUMS.sig, tries its program\n" +
			"in the sandbox, shows what it is and what it asks for, and puts it into the store after a question.\n" +
			"A running server uses it after its next start.",
		Example: "  twinleaf plugin add dist/example.invert_1.0.0_linux_amd64.zip\n" +
			"  twinleaf plugin add --yes https://example.com/releases/example.invert_1.0.0_linux_amd64.zip",
		RunE: func(c *cobra.Command, args []string) error {
			p, err := f.added()
			if err != nil {
				return err
			}
			return withTemp(func(tmp string) error {
				r, err := release(c.Context(), args[0], tmp)
				if err != nil {
					return err
				}
				return a.add(c.Context(), p, r, addChoice{yes, inactive})
			})
		},
	}
	c.Flags().BoolVarP(&yes, "yes", "y", false, "do not ask")
	c.Flags().BoolVar(&inactive, "inactive", false, "leave the version active that is")
	return c
}

// release gets an archive and what lies beside it.
func release(ctx context.Context, ref, tmp string) (store.Release, error) {
	if store.IsURL(ref) {
		r, err := store.Fetch(ctx, nil, ref, tmp)
		return r, wrap("fetch "+ref, err)
	}
	if _, err := os.Stat(ref); err != nil {
		return store.Release{}, unreadable(ref, err)
	}
	r, err := store.Local(ref)
	if errors.Is(err, os.ErrNotExist) {
		return r, fmt.Errorf("%s has no %s beside it\nhint: get it from where the archive came from; \"twinleaf plugin pack\" writes it", ref, store.SumsFile)
	}
	return r, err
}

type addChoice struct{ yes, inactive bool }

func (a *app) add(ctx context.Context, p whereabouts, r store.Release, choice addChoice) (err error) {
	v, err := p.store.Verify(r)
	if err != nil {
		return fmt.Errorf("%w\nhint: get the archive and its checksums again; do not use what does not match", err)
	}
	if p.policy.Signed && !v.Trusted {
		return fmt.Errorf("%s: this server requires signatures\nhint: %s", signedBy(v), trustHint(v))
	}
	var tried host.Description
	candidate, err := p.store.Unpack(ctx, v, func(ctx context.Context, program string) (sdk.Manifest, error) {
		tried, err = describeUnder(ctx, p.wanted, program)
		return tried.Manifest, err
	})
	if errors.Is(err, store.ErrTaken) {
		return fmt.Errorf("%w\nhint: nothing was added; a changed program needs a version of its own, or \"twinleaf plugin remove NAME --all\" first", err)
	}
	if err != nil {
		return fmt.Errorf("%w\nhint: nothing was added; tell the author", err)
	}
	defer func() { err = errors.Join(err, candidate.Discard()) }()
	active, err := p.mayAdd(candidate.Entry, !choice.inactive)
	if err != nil {
		return err
	}
	a.show(candidate, v, tried.Status)
	if !choice.yes {
		if err := a.ask(ctx); err != nil {
			return err
		}
	}
	if err := candidate.Accept(active); err != nil {
		return err
	}
	what := "added, not active"
	if candidate.Entry.Active {
		what = "added and active"
	}
	_, err = fmt.Fprintf(a.std.out, "%s: %s\nA running server uses it after its next start.\n", candidate.Entry, what)
	return err
}

// show tells what is about to be added.
func (a *app) show(c *store.Candidate, v store.Vouched, s host.Status) {
	e := c.Entry
	fmt.Fprintf(a.std.out, "%s: %s\n", e, cmp.Or(plain(c.Manifest.Summary), "no summary"))
	for _, line := range [][2]string{
		{"kinds", kinds(e.Kinds)},
		{"protocol", fmt.Sprint(e.Protocol)},
		{"permissions", e.Permissions},
		{"signer", signedBy(v)},
		{"sandbox", cmp.Or(s.Sandbox, "none")},
		{"digest", e.Hash(store.Platform())},
		{"installed", versions(c.Replaces)},
	} {
		fmt.Fprintf(a.std.out, "  %-12s %s\n", line[0], line[1])
	}
}

func versions(all []store.Entry) string {
	if len(all) == 0 {
		return "no version"
	}
	words := make([]string, len(all))
	for i, e := range all {
		words[i] = e.Version
		if e.Active {
			words[i] += " (active)"
		}
	}
	return strings.Join(words, ", ")
}

func signedBy(v store.Vouched) string {
	switch {
	case v.Signer == "":
		return "nobody signed it"
	case !v.Trusted:
		return v.Signer + ", who is not trusted here"
	}
	return v.Signer + ", trusted"
}

func trustHint(v store.Vouched) string {
	if v.Signer == "" {
		return "ask the author for a signed release"
	}
	return "get the verifier key of " + v.Signer + " from its owner, then: twinleaf plugin key trust KEY"
}

// ask wants a yes from a person.
func (a *app) ask(ctx context.Context) error {
	in, ok := a.std.in.(*os.File)
	if !ok || !term.IsTerminal(int(in.Fd())) {
		return usage("look at what it asks for, then add --yes", "nobody is there to say yes")
	}
	fmt.Fprint(a.std.err, "Add it? [y/N] ")
	answer := make(chan string, 1)
	go func() { // reading cannot be interrupted; it ends with the program
		line, _ := bufio.NewReader(in).ReadString('\n') // without an answer it is no
		answer <- line
	}()
	select {
	case <-ctx.Done():
		return ctx.Err()
	case line := <-answer:
		if word := strings.ToLower(strings.TrimSpace(line)); word != "y" && word != "yes" {
			return errors.New("nothing was added")
		}
		return nil
	}
}

// plain makes a stranger's words fit for one line of a terminal.
func plain(s string) string {
	const most = 300
	out := []rune(strings.Map(func(r rune) rune {
		if !unicode.IsPrint(r) {
			return '?'
		}
		return r
	}, strings.ToValidUTF8(s, "?")))
	if len(out) > most {
		out = append(out[:most], '…')
	}
	return string(out)
}
