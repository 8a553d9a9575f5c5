package main

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"os"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/spf13/cobra"

	"github.com/twinleaf-scan/twinleaf/console/api"
	"github.com/twinleaf-scan/twinleaf/core/license"
)

func newLicense(a *app) *cobra.Command {
	return group("license", "Licences: make a key, issue one, see how yours stands", newLicenseKeygen(a), newLicenseIssue(a), newLicenseShow(a))
}

// licenseWhere says whose licences are meant: a server's, or those of a data folder.
type licenseWhere struct{ data string }

func (w *licenseWhere) register(c *cobra.Command) {
	c.Flags().StringVar(&w.data, "data", "", "work on this data folder itself instead of asking a server; a server that runs on it notices within seconds")
}

// ask asks the folder or the server.
func (w licenseWhere) ask(ctx context.Context, a *app, method string, in any, local func(*licensing) (api.License, error)) (api.License, error) {
	if w.data != "" {
		return local(newLicensing(w.data, nil, nil))
	}
	var out api.License
	cl, err := a.client()
	if err == nil {
		err = cl.Send(ctx, method, "license", in, &out)
	}
	return out, err
}

func newLicenseShow(a *app) *cobra.Command {
	var where licenseWhere
	var asJSON bool
	c := &cobra.Command{
		Use: "show", Short: "Show the active licence, its state and what is wrong with it", Args: exactly(0, "no arguments"),
		RunE: func(c *cobra.Command, _ []string) error {
			l, err := where.ask(c.Context(), a, http.MethodGet, nil, func(l *licensing) (api.License, error) { return l.view() })
			if err != nil {
				return fmt.Errorf("show the licence: %w", err)
			}
			if asJSON {
				return writeJSON(a.std.out, l)
			}
			return describeLicense(a.std.out, l)
		},
	}
	where.register(c)
	c.Flags().BoolVar(&asJSON, "json", false, "print JSON")
	return c
}

// describeLicense tells a licence line by line.
func describeLicense(w io.Writer, l api.License) error {
	t := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	line := func(name, format string, args ...any) { fmt.Fprintf(t, name+"\t"+format+"\n", args...) }
	line("state", "%d %s", l.Code, l.State)
	if l.Key == "" && len(l.Problems) == 0 {
		line("licence", "none is active; one server needs none")
	}
	if l.Key != "" {
		line("key", "%s", l.Key)
		line("role", "%s", license.Role(l.Role))
		line("kind", "%s", l.Kind)
		if l.Holder != "" {
			line("holder", "%s", printable(l.Holder))
		}
		line("signer", "%s", printable(l.Signer))
		line("cores", "%d, of all servers together", l.Cores)
		line("MAC addresses", "%s", strings.Join(l.MACs, ", "))
		line("from", "%s", l.Begins.Format(time.DateOnly))
		line("until", "%s", until(l))
	}
	line("this server", "%d cores; MAC addresses: %s", l.Machine.Cores, orNone(l.Machine.MACs))
	if l.Machine.Others > 0 {
		line("other server", "%d cores", l.Machine.Others)
	}
	line("imported", "%s", orNone(l.Imported))
	line("trusted", "%s", orNone(l.Trusted))
	for _, p := range l.Problems {
		line("problem", "%s: %s", p.Code, p.Message)
		line("  cause", "%s", printable(p.Cause))
		line("  remedy", "%s", p.Remedy)
	}
	return t.Flush()
}

func until(l api.License) string {
	if l.Expires.IsZero() {
		return "for ever"
	}
	return fmt.Sprintf("%s (%d days left)", l.Expires.Format(time.DateOnly), l.DaysLeft)
}

func orNone(list []string) string {
	if len(list) == 0 {
		return "none"
	}
	return printable(strings.Join(list, ", "))
}

func newActivate(a *app) *cobra.Command {
	var where licenseWhere
	var trust string
	c := &cobra.Command{
		Use: "activate KEY|FILE", Short: "Put a licence in force", Args: exactly(1, "a licence's file, or the key of one that was activated before"),
		Long: "Puts a licence in force: that of a signed file, which the server keeps, or by its key one that it\n" +
			"has kept. The first time, --trust names the signer's public key.",
		Example: "  twinleaf activate north.license --trust acme.key.pub",
		RunE: func(c *cobra.Command, args []string) error {
			in, err := activation(args[0], trust)
			if err != nil {
				return err
			}
			l, err := where.ask(c.Context(), a, http.MethodPost, in, func(l *licensing) (api.License, error) { return l.Activate(c.Context(), in) })
			if err != nil {
				return fmt.Errorf("activate %s: %w", args[0], err)
			}
			return describeLicense(a.std.out, l)
		},
	}
	where.register(c)
	c.Flags().StringVar(&trust, "trust", "", "the signer's public key, or a file with it; needed the first time")
	return c
}

// activation reads what was typed: a key, or the name of a file.
func activation(what, trust string) (api.Activation, error) {
	in := api.Activation{Trust: strings.TrimSpace(trust)}
	if text, err := readSmall(trust); err == nil && trust != "" {
		in.Trust = strings.TrimSpace(text)
	}
	if key, err := license.ParseKey(what); err == nil {
		in.Key = string(key)
		return in, nil
	}
	text, err := readSmall(what)
	if err != nil {
		return in, unreadable(what, err)
	}
	in.File = text
	return in, nil
}

// readSmall reads a file of at most 64 KiB.
func readSmall(name string) (string, error) {
	const most = 64 << 10
	f, err := os.Open(name)
	if err != nil {
		return "", err
	}
	defer f.Close() // read only
	data, err := io.ReadAll(io.LimitReader(f, most+1))
	if err == nil && len(data) > most {
		err = usage("", "%s is too long for a licence or a key", name)
	}
	return string(data), err
}

func newDeactivate(a *app) *cobra.Command {
	var where licenseWhere
	c := &cobra.Command{
		Use: "deactivate", Short: "Take the licence out of force; its file stays", Args: exactly(0, "no arguments"),
		RunE: func(c *cobra.Command, _ []string) error {
			_, err := where.ask(c.Context(), a, http.MethodDelete, nil, func(l *licensing) (api.License, error) { return l.Deactivate(c.Context()) })
			if err != nil {
				return fmt.Errorf("deactivate the licence: %w", err)
			}
			_, err = fmt.Fprintln(a.std.out, "no licence is active any more")
			return err
		},
	}
	where.register(c)
	return c
}
