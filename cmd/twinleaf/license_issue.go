package main

import (
	"cmp"
	"crypto/rand"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/twinleaf-scan/twinleaf/core/license"
)

func newLicenseKeygen(a *app) *cobra.Command {
	var out string
	c := &cobra.Command{
		Use: "keygen [NAME]", Short: "Make the key that signs licences", Args: cobra.MaximumNArgs(1),
		Long: "Writes the private key, which signs, into FILE, which only you can read, and the public key,\n" +
			"which servers trust, into FILE.pub. NAME says whose key it is (default twinleaf).",
		RunE: func(_ *cobra.Command, args []string) error {
			name := append(args, "twinleaf")[0]
			private, public, err := license.NewSigner(rand.Reader, name)
			if err != nil {
				return usage("", "%s", err)
			}
			file := cmp.Or(out, name+".key")
			if err := writeSecret(file, private+"\n"); err != nil {
				return err
			}
			if err := writeNew(file+".pub", public+"\n", 0o644); err != nil {
				return err
			}
			fmt.Fprintf(a.std.err, "the private key is in %s; who has it can issue licences as %s\n", file, license.NameOf(public))
			_, err = fmt.Fprintln(a.std.out, public)
			return err
		},
	}
	c.Flags().StringVarP(&out, "output", "o", "", "file for the private key (default NAME.key)")
	return c
}

// writeNew writes a file that must not be there.
func writeNew(name, text string, mode os.FileMode) error {
	f, err := os.OpenFile(name, os.O_WRONLY|os.O_CREATE|os.O_EXCL, mode)
	if os.IsExist(err) {
		return fmt.Errorf("%s is there already\nhint: name another file with -o", name)
	}
	if err != nil {
		return unwritable(filepath.Dir(name), err)
	}
	_, err = f.WriteString(text)
	return errors.Join(err, f.Close())
}

// issueFlags is what a licence shall say.
type issueFlags struct {
	key, role      string
	cores          int
	macs           []string
	trial          bool
	expires, start string
	holder         string
	signer         string
	out            string
}

func newLicenseIssue(a *app) *cobra.Command {
	var f issueFlags
	c := &cobra.Command{
		Use: "issue", Short: "Issue a signed licence", Args: exactly(0, "no arguments"),
		Long: "Signs a licence with the private key of \"twinleaf license keygen\" and prints it. A pair takes two permanent\n" +
			"ones, with the roles 03 and 04; cores and MAC addresses are those of both servers together.",
		Example: "  twinleaf license issue --signer acme.key --role 03 --cores 8 --mac 00:16:3e:00:00:01 --mac 00:16:3e:00:00:02 -o north.license",
		RunE:    func(*cobra.Command, []string) error { return a.issue(f) },
	}
	fl := c.Flags()
	fl.StringVar(&f.signer, "signer", "", "file of the private key")
	fl.StringVar(&f.key, "key", "", "activation key: seven letters, 03 or 04, seven digits (default: a new one for --role)")
	fl.StringVar(&f.role, "role", "", "03 or primary, 04 or secondary")
	fl.IntVar(&f.cores, "cores", 0, "cores of all servers together")
	fl.StringSliceVar(&f.macs, "mac", nil, "MAC address of a server; say it for each")
	fl.BoolVar(&f.trial, "trial", false, "a trial licence: for one server, for 30 days unless --expires says otherwise")
	fl.StringVar(&f.expires, "expires", "", "last day, such as 2030-12-31 (default: none)")
	fl.StringVar(&f.start, "from", "", "first day (default: now)")
	fl.StringVar(&f.holder, "holder", "", "whose licence it is")
	fl.StringVarP(&f.out, "output", "o", "", "file for the licence (default: standard output)")
	return c
}

func (a *app) issue(f issueFlags) error {
	if f.signer == "" {
		return usage(`make one with "twinleaf license keygen NAME"`, "--signer names no private key")
	}
	private, err := readSmall(f.signer)
	if err != nil {
		return unreadable(f.signer, err)
	}
	l, err := f.license(time.Now(), rand.Reader)
	if err != nil {
		return err
	}
	signed, err := license.Issue(l, private)
	if err != nil {
		return usage(`"twinleaf license show" on each server tells its cores and MAC addresses`, "%s", err)
	}
	if f.out == "" {
		_, err = a.std.out.Write(signed)
		return err
	}
	if err := writeNew(f.out, string(signed), 0o644); err != nil {
		return err
	}
	_, err = fmt.Fprintf(a.std.out, "%s: %s, %s, in %s\n", l.Key, l.Key.Role(), l.Kind, f.out)
	return err
}

// license is what the flags say at a time.
func (f issueFlags) license(now time.Time, random io.Reader) (license.License, error) {
	l := license.License{Kind: license.Permanent, Holder: f.holder, Cores: f.cores, MACs: f.macs, NotBefore: now}
	var err error
	if l.Key, err = f.activationKey(random); err != nil {
		return l, err
	}
	if f.start != "" {
		if l.NotBefore, err = time.Parse(time.DateOnly, f.start); err != nil {
			return l, usage("write it like 2030-12-31", "--from %q is no day", f.start)
		}
	}
	if l.Expires, err = parseEnd(f.expires, now); err != nil {
		return l, err
	}
	if f.trial {
		l.Kind = license.Trial
		if l.Expires.IsZero() {
			l.Expires = l.NotBefore.AddDate(0, 0, 30)
		}
	}
	return l, nil
}

// activationKey is the key that was named, or a new one of the role.
func (f issueFlags) activationKey(random io.Reader) (license.Key, error) {
	role := map[string]license.Role{"03": license.Primary, "primary": license.Primary, "04": license.Secondary, "secondary": license.Secondary}[strings.ToLower(f.role)]
	if f.role != "" && role == "" {
		return "", usage("use 03 for the primary, 04 for the secondary", "--role %q is no role of a licence", f.role)
	}
	if f.key == "" && role == "" {
		return "", usage("use 03 for the primary, 04 for the secondary", "--role says nothing, and --key neither")
	}
	if f.key == "" {
		return newActivationKey(role, random)
	}
	key, err := license.ParseKey(f.key)
	if err != nil {
		return "", usage("", "%s", err)
	}
	if role != "" && key.Role() != role {
		return "", usage("leave one of them out", "key %s has the role %s, --role says %s", key, key.Role(), role)
	}
	return key, nil
}

func newActivationKey(role license.Role, random io.Reader) (license.Key, error) {
	raw := make([]byte, 14)
	if _, err := io.ReadFull(random, raw); err != nil {
		return "", fmt.Errorf("make an activation key: %w", err)
	}
	for i := range raw[:7] {
		raw[i] = 'A' + raw[i]%26
	}
	for i := range raw[7:] {
		raw[7+i] = '0' + raw[7+i]%10
	}
	return license.ParseKey(string(raw[:7]) + string(role) + string(raw[7:]))
}
