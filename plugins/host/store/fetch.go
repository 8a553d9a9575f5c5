package store

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"os"
	"path"
	"path/filepath"
	"strings"
	"time"
)

// fetchTimeout bounds getting a release over the network.
const fetchTimeout = 10 * time.Minute

// errAbsent is that a server has no such file.
var errAbsent = errors.New("there is no such file")

// IsURL reports whether the name of an archive is an address.
func IsURL(ref string) bool { return strings.Contains(ref, "://") }

// Local is the release of an archive on disk.
func Local(archive string) (Release, error) {
	r := Release{Archive: archive}
	var err error
	if r.Sums, err = readSmall(filepath.Join(filepath.Dir(archive), SumsFile)); err != nil {
		return r, fmt.Errorf("the checksums of %s: %w", filepath.Base(archive), err)
	}
	r.Signed, err = readSmall(filepath.Join(filepath.Dir(archive), SignatureFile))
	return r, ignoreAbsent(err)
}

func readSmall(file string) ([]byte, error) {
	f, err := os.Open(file)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	return readUpTo(f, maxSums)
}

func readUpTo(r io.Reader, most int64) ([]byte, error) {
	text, err := io.ReadAll(io.LimitReader(r, most+1))
	if err == nil && int64(len(text)) > most {
		err = fmt.Errorf("more than %d bytes", most)
	}
	return text, err
}

// Fetch gets the release of an archive at an https address into a folder. client
// may be nil; redirects lead to https only.
func Fetch(ctx context.Context, client *http.Client, address, dir string) (Release, error) {
	u, err := url.Parse(address)
	if err != nil {
		return Release{}, fmt.Errorf("address of an archive: %w", err)
	}
	name := path.Base(u.Path)
	if _, _, _, err := splitArchiveName(name); err != nil {
		return Release{}, err
	}
	if u.Scheme != "https" {
		return Release{}, fmt.Errorf("%s: only https addresses are fetched", address)
	}
	ctx, cancel := context.WithTimeout(ctx, fetchTimeout)
	defer cancel()
	f := fetcher{client: secure(client), base: u}
	r := Release{Archive: filepath.Join(dir, name)}
	if r.Sums, err = f.small(ctx, SumsFile); err != nil {
		return r, err
	}
	if r.Signed, err = f.small(ctx, SignatureFile); err != nil && !errors.Is(err, errAbsent) {
		return r, err
	}
	return r, f.save(ctx, r.Archive)
}

// secure is a client that leaves https for nothing and follows five redirects.
func secure(client *http.Client) *http.Client {
	if client == nil {
		client = http.DefaultClient
	}
	own := *client
	own.CheckRedirect = func(r *http.Request, via []*http.Request) error {
		if r.URL.Scheme != "https" || len(via) > 5 {
			return fmt.Errorf("it leads to %s, or on and on", r.URL)
		}
		return nil
	}
	return &own
}

type fetcher struct {
	client *http.Client
	base   *url.URL // of the archive
}

// get opens a file that lies beside the archive.
func (f fetcher) get(ctx context.Context, name string) (io.ReadCloser, error) {
	u := *f.base
	u.Path, u.RawPath = path.Join(path.Dir(u.Path), name), ""
	r, err := http.NewRequestWithContext(ctx, http.MethodGet, u.String(), nil)
	if err != nil {
		return nil, err
	}
	resp, err := f.client.Do(r)
	if err != nil {
		return nil, fmt.Errorf("fetch %s: %w", u.Redacted(), err)
	}
	if resp.StatusCode == http.StatusOK {
		return resp.Body, nil
	}
	_ = resp.Body.Close() // it is not what was asked for
	if resp.StatusCode == http.StatusNotFound {
		return nil, fmt.Errorf("fetch %s: %w", u.Redacted(), errAbsent)
	}
	return nil, fmt.Errorf("fetch %s: the server says %s", u.Redacted(), resp.Status)
}

func (f fetcher) small(ctx context.Context, name string) ([]byte, error) {
	body, err := f.get(ctx, name)
	if err != nil {
		return nil, err
	}
	defer body.Close()
	text, err := readUpTo(body, maxSums)
	if err != nil {
		return nil, fmt.Errorf("fetch %s: %w", name, err)
	}
	return text, nil
}

func (f fetcher) save(ctx context.Context, to string) error {
	body, err := f.get(ctx, path.Base(f.base.Path))
	if err != nil {
		return err
	}
	defer body.Close()
	w, err := os.OpenFile(to, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	if err != nil {
		return err
	}
	n, err := io.Copy(w, io.LimitReader(body, maxArchive+1))
	if err == nil && n > maxArchive {
		err = fmt.Errorf("it has more than %d bytes", maxArchive)
	}
	if err = errors.Join(err, w.Close()); err != nil {
		return fmt.Errorf("fetch %s: %w", filepath.Base(to), err)
	}
	return nil
}
