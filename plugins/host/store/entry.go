package store

import (
	"bytes"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"maps"
	"path"
	"regexp"
	"runtime"
	"slices"
	"strings"

	"github.com/twinleaf-scan/twinleaf/sdk"
)

// Entry is one version of a plug-in: all of it that must not change unnoticed.
type Entry struct {
	Name        string            `json:"name"`
	Version     string            `json:"version"`
	Program     string            `json:"program"`          // path of the program below the plug-in's folder
	Protocol    int               `json:"protocol"`         // generation
	Kinds       []sdk.Kind        `json:"kinds"`            // sorted, without repetition
	Signer      string            `json:"signer,omitempty"` // NAME+HASH of the key; empty: nobody signed
	Permissions string            `json:"permissions"`      // as [Permissions] writes them
	Schema      string            `json:"schema"`           // as [SchemaDigest] gives it
	Active      bool              `json:"active"`           // this version is the one that runs
	Hashes      map[string]string `json:"hashes"`           // h1 digest of the folder by platform
}

// AnyPlatform stands for programs that run everywhere, as scripts do.
const AnyPlatform = "any"

// Platform is this machine's, as the lock and the names of archives tell it.
func Platform() string { return runtime.GOOS + "/" + runtime.GOARCH }

var (
	validName     = regexp.MustCompile(`^[a-z0-9]+([.-][a-z0-9]+)*$`)
	validVersion  = regexp.MustCompile(`^[0-9]+\.[0-9]+\.[0-9]+(-[0-9A-Za-z.-]+)?(\+[0-9A-Za-z.-]+)?$`)
	validPlatform = regexp.MustCompile(`^(any|[a-z0-9]{1,20}/[a-z0-9]{1,20})$`)
	validSigner   = regexp.MustCompile(`^[^\s+\pC]+\+[0-9a-f]{8}$`)
	validSchema   = regexp.MustCompile(`^sha256:[0-9a-f]{64}$`)
	validKind     = regexp.MustCompile(`^[a-z]{1,20}$`)
)

// maxSigner bounds a signer, NAME+HASH, in bytes.
const maxSigner = 120

func goodSigner(s string) bool { return len(s) <= maxSigner && validSigner.MatchString(s) }

// EntryOf is what a plug-in says of itself, as an entry without digests.
func EntryOf(m sdk.Manifest, program string) (Entry, error) {
	schema, err := SchemaDigest(m.Components)
	if err != nil {
		return Entry{}, err
	}
	e := Entry{
		Name: m.Name, Version: m.Version, Program: program, Protocol: m.Protocol, Schema: schema,
		Permissions: Permissions(m.Permissions), Hashes: map[string]string{},
	}
	for _, c := range m.Components {
		e.Kinds = append(e.Kinds, c.Kind)
	}
	slices.Sort(e.Kinds)
	e.Kinds = slices.Compact(e.Kinds)
	return e, e.check()
}

// check says what of an entry could not be written and read again.
func (e Entry) check() error {
	switch {
	case len(e.Name) > 100 || !validName.MatchString(e.Name):
		return fmt.Errorf("%.100q is no name of a plug-in: want lower-case letters, digits, dots and dashes", e.Name)
	case len(e.Version) > 100 || !validVersion.MatchString(e.Version):
		return fmt.Errorf("%.100q is no version: want 1.2.3", e.Version)
	case e.Protocol < 1 || e.Protocol > 99:
		return fmt.Errorf("%d is no generation of the protocol", e.Protocol)
	case len(e.Kinds) == 0 || len(e.Kinds) > 20:
		return fmt.Errorf("%s has no components", e.Name)
	case e.Signer != "" && !goodSigner(e.Signer):
		return fmt.Errorf("%.100q is no signer: want NAME+HASH", e.Signer)
	case !validSchema.MatchString(e.Schema):
		return fmt.Errorf("%.100q is no digest: want sha256 and 64 hexadecimal digits", e.Schema)
	}
	for _, k := range e.Kinds {
		if !validKind.MatchString(string(k)) {
			return fmt.Errorf("%.40q is no kind of plug-in", k)
		}
	}
	for platform, h1 := range e.Hashes {
		if err := checkHash(platform, h1); err != nil {
			return err
		}
	}
	if strings.ContainsAny(e.Program, " =") {
		return fmt.Errorf("program %.100q: spaces and equals signs cannot be written", e.Program)
	}
	return errorsFirst(checkName(e.Program), checkPermissions(e.Permissions))
}

func errorsFirst(errs ...error) error {
	for _, err := range errs {
		if err != nil {
			return err
		}
	}
	return nil
}

func checkHash(platform, h1 string) error {
	if !validPlatform.MatchString(platform) {
		return fmt.Errorf("%.60q is no platform: want OS/ARCH or any", platform)
	}
	if _, err := hexOf(h1); err != nil {
		return err
	}
	return nil
}

// hexOf is an h1 digest as the name of a folder.
func hexOf(h1 string) (string, error) {
	coded, found := strings.CutPrefix(h1, "h1:")
	sum, err := base64.StdEncoding.Strict().DecodeString(coded)
	if !found || err != nil || len(sum) != sha256.Size {
		return "", fmt.Errorf("%.80q is no h1 digest", h1)
	}
	return hex.EncodeToString(sum), nil
}

// Hash is the digest for a platform; "" if there is none.
func (e Entry) Hash(platform string) string {
	if h1 := e.Hashes[platform]; h1 != "" {
		return h1
	}
	return e.Hashes[AnyPlatform]
}

// String is the plug-in's name and version.
func (e Entry) String() string { return e.Name + " " + e.Version }

// Equal reports whether two entries are the same.
func (e Entry) Equal(o Entry) bool {
	return len(e.Differences(o)) == 0 && e.Signer == o.Signer && e.Active == o.Active && maps.Equal(e.Hashes, o.Hashes)
}

// Difference is one thing of a plug-in that is not as the lock says.
type Difference struct{ What, Here, Lock string }

func (d Difference) String() string {
	return fmt.Sprintf("%s is %s, %s says %s", d.What, d.Here, LockFile, d.Lock)
}

// Differences names what a plug-in says of itself otherwise than its entry e in
// the lock does.
func (e Entry) Differences(here Entry) []Difference {
	var all []Difference
	for _, d := range []Difference{
		{"name", here.Name, e.Name},
		{"version", here.Version, e.Version},
		{"program", here.Program, e.Program},
		{"protocol", fmt.Sprint(here.Protocol), fmt.Sprint(e.Protocol)},
		{"kind", joinKinds(here.Kinds), joinKinds(e.Kinds)},
		{"permissions", here.Permissions, e.Permissions},
		{"schema", here.Schema, e.Schema},
	} {
		if d.Here != d.Lock {
			all = append(all, d)
		}
	}
	return all
}

func joinKinds(kinds []sdk.Kind) string {
	words := make([]string, len(kinds))
	for i, k := range kinds {
		words[i] = string(k)
	}
	return strings.Join(words, ",")
}

// SchemaDigest is the SHA-256 of the components of a plug-in, with their operations
// and the schemas of their settings, whatever the order of components and fields.
func SchemaDigest(components []sdk.ComponentManifest) (string, error) {
	lines := make([]string, 0, len(components))
	for _, c := range components {
		c.Ops, c.Media = slices.Sorted(slices.Values(c.Ops)), slices.Sorted(slices.Values(c.Media))
		raw, err := json.Marshal(c)
		if err != nil {
			return "", fmt.Errorf("component %.100q: %w", c.ID, err)
		}
		canonical, err := canonicalJSON(raw)
		if err != nil {
			return "", fmt.Errorf("component %.100q: %w", c.ID, err)
		}
		lines = append(lines, string(canonical)+"\n")
	}
	slices.Sort(lines)
	sum := sha256.Sum256([]byte(strings.Join(lines, "")))
	return "sha256:" + hex.EncodeToString(sum[:]), nil
}

// canonicalJSON writes a document with its fields sorted and without spaces.
func canonicalJSON(raw []byte) ([]byte, error) {
	d := json.NewDecoder(bytes.NewReader(raw))
	d.UseNumber()
	var v any
	if err := d.Decode(&v); err != nil {
		return nil, err
	}
	return json.Marshal(v)
}

// archivePlatform is a platform as the names of archives tell it.
func archivePlatform(platform string) string { return strings.ReplaceAll(platform, "/", "_") }

// ArchiveName is the file name of a plug-in's archive.
func ArchiveName(name, version, platform string) string {
	return name + "_" + version + "_" + archivePlatform(platform) + ".zip"
}

// splitArchiveName takes the name of an archive apart.
func splitArchiveName(file string) (name, version, platform string, err error) {
	base, found := strings.CutSuffix(path.Base(file), ".zip")
	parts := strings.Split(base, "_")
	if !found || len(parts) != 3 && len(parts) != 4 {
		return "", "", "", fmt.Errorf("%.120q is no name of an archive: want NAME_VERSION_OS_ARCH.zip", path.Base(file))
	}
	platform = strings.Join(parts[2:], "/")
	if !validName.MatchString(parts[0]) || !validVersion.MatchString(parts[1]) || !validPlatform.MatchString(platform) {
		return "", "", "", fmt.Errorf("%.120q is no name of an archive: want NAME_VERSION_OS_ARCH.zip", path.Base(file))
	}
	return parts[0], parts[1], platform, nil
}
