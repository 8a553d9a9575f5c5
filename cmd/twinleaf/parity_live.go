package main

import (
	"cmp"
	"context"
	"fmt"
	"net/url"

	"github.com/twinleaf-scan/twinleaf/core/parity"
)

// liveParity asks the running server in what it differs from the other one of its pair.
func (a *app) liveParity(ctx context.Context, f parityFlags) error {
	cl, err := a.client()
	if err != nil {
		return err
	}
	p, err := cl.Parity(ctx, f.deep)
	if err != nil {
		return fmt.Errorf("compare the servers: %w", err)
	}
	if f.asJSON {
		err = writeJSON(a.std.out, p)
	} else {
		err = writeReport(a.std.out, parity.Report{At: p.At, Differences: p.Differences}, cmp.Or(p.Peer, "the other server"), false)
	}
	if err == nil && !p.At {
		err = &worstError{exitFailed}
	}
	return err
}

// manifestAddress is where a server that is named by its address alone has its manifest.
func manifestAddress(u *url.URL, deep bool) string {
	if u.Path != "" && u.Path != "/" || u.RawQuery != "" {
		return u.String()
	}
	at := u.JoinPath("/v1/parity")
	query := url.Values{"manifest": {"true"}}
	if deep {
		query.Set("deep", "true")
	}
	at.RawQuery = query.Encode()
	return at.String()
}
