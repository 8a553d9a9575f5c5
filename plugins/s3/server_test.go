package main

import (
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"testing"

	"github.com/minio/minio-go/v7"
	"github.com/minio/minio-go/v7/pkg/credentials"

	"github.com/twinleaf-scan/twinleaf/internal/ports"
	"github.com/twinleaf-scan/twinleaf/sdk/deliver/delivertest"
)

const (
	accessKey = "AKIATWINLEAF"
	secretKey = "hunter2/secret+key"
	inBucket  = "scans"
)

// remote is a server of this test's own, with a bucket.
type remote struct {
	endpoint string
	dir      string // of this machine: what the bucket holds
}

// settings are of a prefix that nobody else uses.
func (r remote) settings(prefix string) Settings {
	return Settings{Endpoint: r.endpoint, Bucket: inBucket, Prefix: prefix, Region: "us-east-1", AccessKey: accessKey, SecretKey: secretKey}
}

// store is what another client of the server has: the whole bucket.
func (r remote) store(t testing.TB) *bucket {
	t.Helper()
	u, err := url.Parse(r.endpoint)
	if err != nil {
		t.Fatal(err)
	}
	client, err := minio.New(u.Host, &minio.Options{Creds: credentials.NewStaticV4(accessKey, secretKey, ""), Region: "us-east-1"})
	if err != nil {
		t.Fatal(err)
	}
	return &bucket{client: client, name: inBucket}
}

// program finds the S3 server versitygw: on the PATH, or where make put it.
func program(t testing.TB) string {
	t.Helper()
	if path, err := exec.LookPath("versitygw"); err == nil {
		return path
	}
	path, err := filepath.Abs("../../bin/test/versitygw")
	if err != nil {
		t.Fatal(err)
	}
	if _, err := os.Stat(path); err != nil {
		t.Skip(`the S3 server versitygw is missing: "make s3-server" builds it`)
	}
	return path
}

// versity starts versitygw, which keeps objects as files of a folder.
func versity(t testing.TB) remote {
	t.Helper()
	server := program(t)
	root, side := t.TempDir(), t.TempDir()
	bucket := filepath.Join(root, inBucket)
	if err := os.Mkdir(bucket, 0o755); err != nil {
		t.Fatal(err)
	}
	address := ports.Keep(t)
	cmd := exec.Command(server, "--access", accessKey, "--secret", secretKey, "--region", "us-east-1", "--port", address, "posix", "--sidecar", side, root)
	cmd.Dir = t.TempDir()
	delivertest.Start(t, address, cmd)
	return remote{"http://" + address, bucket}
}

// before puts something before a server that may answer in its stead, and tells it of
// every request.
func before(t testing.TB, server remote, alter func(http.ResponseWriter, *http.Request) bool) remote {
	t.Helper()
	target, err := url.Parse(server.endpoint)
	if err != nil {
		t.Fatal(err)
	}
	proxy := &httputil.ReverseProxy{Rewrite: func(r *httputil.ProxyRequest) {
		r.SetURL(target)
		r.Out.Host = r.In.Host // it is signed
	}}
	front := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if !alter(w, r) {
			proxy.ServeHTTP(w, r)
		}
	}))
	t.Cleanup(front.Close)
	return remote{front.URL, server.dir}
}
