// Command s3 is the deliverer that puts documents into a bucket of an object store
// that speaks S3: AWS, MinIO, Ceph, Garage and others. A document comes exactly once
// for each idempotency key, and no object is ever replaced.
package main

import (
	"context"
	"fmt"
	"net/url"
	"slices"
	"strings"

	"github.com/minio/minio-go/v7/pkg/s3utils"

	"github.com/twinleaf-scan/twinleaf/sdk"
	"github.com/twinleaf-scan/twinleaf/sdk/deliver"
)

// Settings say where documents go and who we are there.
type Settings struct {
	Endpoint   string `json:"endpoint" grant:"net" jsonschema:"address of the store, e.g. https://s3.eu-central-1.amazonaws.com; or https://BUCKET.s3.example.org where the bucket belongs into the host name"`
	Bucket     string `json:"bucket" jsonschema:"bucket that takes the documents; it must exist"`
	Prefix     string `json:"prefix,omitempty" jsonschema:"what the names of all objects begin with, e.g. scans/2026; a slash follows it"`
	Region     string `json:"region,omitempty" jsonschema:"region of the bucket; default: the store is asked"`
	AccessKey  string `json:"accessKey" jsonschema:"access key id"`
	SecretKey  string `json:"secretKey" secret:"true" jsonschema:"secret access key"`
	Encryption string `json:"encryption,omitempty" jsonschema:"have the store encrypt: AES256 with its own key, or aws:kms; default: as the bucket says"`
	KMSKey     string `json:"kmsKey,omitempty" jsonschema:"key id for aws:kms; default: the account's own"`
	CA         string `json:"ca,omitempty" jsonschema:"certificate (PEM) of the authority that signed the store's, where that is one of your own"`
	Plain      bool   `json:"plain,omitempty" jsonschema:"allow http:// to other machines, which everybody on the way can read"`
}

// The encryptions that a store is asked for.
const (
	sseS3  = "AES256"
	sseKMS = "aws:kms"
)

// maxPrefix leaves room for a name in the 1024 bytes that a key may have.
const maxPrefix = 700

// Validate is part of the strict reading of settings.
func (s *Settings) Validate() error {
	refuse := func(field, format string, a ...any) error {
		return &sdk.SettingsError{Path: "/" + field, Detail: fmt.Sprintf(format, a...)}
	}
	u, err := url.Parse(s.Endpoint)
	_, trusted := deliver.Roots(s.CA)
	switch {
	case err != nil || u.Host == "" || u.Scheme != "http" && u.Scheme != "https" || strings.Trim(u.Path, "/") != "" || u.RawQuery != "" || u.Fragment != "":
		return refuse("endpoint", "is not an address such as https://s3.example.org; bucket and prefix have their own fields")
	case u.User != nil:
		return refuse("endpoint", "give the keys in their own fields")
	case u.Scheme == "http" && !s.Plain && !deliver.Loopback(u.Hostname()):
		return refuse("endpoint", "http to another machine shows the documents to everybody on the way; write https, or plain: true where the network is trusted")
	case s3utils.CheckValidBucketName(s.Bucket) != nil:
		return refuse("bucket", "%.100q is no bucket's name: 3 to 63 letters, digits, dots and dashes", s.Bucket)
	case len(s.Prefix) > maxPrefix || strings.HasPrefix(s.Prefix, "/") || slices.ContainsFunc(strings.Split(s.Prefix, "/"), odd):
		return refuse("prefix", "%.100q is not the beginning of a name such as scans/2026", s.Prefix)
	case s.AccessKey == "" || s.SecretKey == "":
		return refuse("accessKey", "give accessKey and secretKey; without them nobody gets in")
	case s.Encryption != "" && s.Encryption != sseS3 && s.Encryption != sseKMS:
		return refuse("encryption", "%.50q is neither %s nor %s", s.Encryption, sseS3, sseKMS)
	case s.KMSKey != "" && s.Encryption != sseKMS:
		return refuse("kmsKey", "is for encryption: %s", sseKMS)
	case !trusted:
		return refuse("ca", "is not a certificate in PEM, from BEGIN CERTIFICATE to END CERTIFICATE")
	}
	return nil
}

// odd reports whether a part of a prefix would confuse stores that keep objects as files.
func odd(part string) bool {
	return part == "." || part == ".." || strings.ContainsFunc(part, func(r rune) bool { return r < ' ' || r == '\\' })
}

// prefix ends with a slash, or is empty.
func (s *Settings) prefix() string {
	if p := strings.TrimRight(s.Prefix, "/"); p != "" {
		return p + "/"
	}
	return ""
}

func main() {
	sdk.Serve(sdk.Info{Name: "s3", Version: "1.0.0", Summary: "puts documents into a bucket of an S3 store", License: "Apache-2.0"}, component(nil))
}

func component(reached func(step string)) sdk.Component {
	return sdk.Deliverer(func(ctx context.Context, r sdk.DeliverRequest, s Settings) (sdk.Receipt, error) {
		receipt, err := send(ctx, r, s, reached)
		return receipt, explain(ctx, err, s)
	})
}

func send(ctx context.Context, r sdk.DeliverRequest, s Settings, reached func(string)) (sdk.Receipt, error) {
	to, hangUp, err := open(ctx, s)
	if err != nil {
		return sdk.Receipt{}, err
	}
	defer hangUp()
	if reached == nil {
		reached = func(string) {}
	}
	d := &delivery{r, to, reached}
	plan, err := d.run(ctx)
	if err != nil {
		return sdk.Receipt{}, err
	}
	return sdk.Receipt{Location: "s3://" + s.Bucket + "/" + to.prefix + plan.Main(), Detail: fmt.Sprintf("%d files", len(plan.Files))}, nil
}
