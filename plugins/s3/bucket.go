package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net/http"
	"net/url"
	"path"
	"strings"

	"github.com/minio/minio-go/v7"
	"github.com/minio/minio-go/v7/pkg/credentials"
	"github.com/minio/minio-go/v7/pkg/encrypt"

	"github.com/twinleaf-scan/twinleaf/sdk/deliver"
)

// bucket is a bucket of the store. Names are relative to the prefix.
type bucket struct {
	client       *minio.Client
	name, prefix string
	encryption   encrypt.ServerSide // nil: as the bucket says
	unguarded    bool               // the store refuses conditions
}

// maxRetries bounds what the client tries by itself when a store is busy; the server
// tries whole deliveries again.
const maxRetries = 3

// open connects to nothing yet.
func open(ctx context.Context, s Settings) (b *bucket, hangUp func(), err error) {
	u, err := url.Parse(s.Endpoint)
	if err != nil {
		return nil, nil, errors.New("the endpoint cannot be read") // the cause would repeat it
	}
	_, transport, err := deliver.Client(ctx, s.CA)
	if err != nil {
		return nil, nil, err
	}
	// The bucket is part of the host name only where the operator wrote it there:
	// connections to other hosts than the one in the settings are not granted.
	host, lookup := u.Host, minio.BucketLookupPath
	if rest, ok := strings.CutPrefix(host, s.Bucket+"."); ok {
		host, lookup = rest, minio.BucketLookupDNS
	}
	client, err := minio.New(host, &minio.Options{
		Creds: credentials.NewStaticV4(s.AccessKey, s.SecretKey, ""), Secure: u.Scheme == "https",
		Transport: transport, Region: s.Region, BucketLookup: lookup, MaxRetries: maxRetries,
	})
	if err != nil {
		return nil, nil, fmt.Errorf("endpoint %s: %w", u.Host, err)
	}
	client.SetAppInfo("twinleaf", "1")
	encryption, err := s.sse()
	return &bucket{client: client, name: s.Bucket, prefix: s.prefix(), encryption: encryption}, transport.CloseIdleConnections, err
}

func (s *Settings) sse() (encrypt.ServerSide, error) {
	switch s.Encryption {
	case sseS3:
		return encrypt.NewSSE(), nil
	case sseKMS:
		return encrypt.NewSSEKMS(s.KMSKey, nil)
	}
	return nil, nil
}

// object is what is put.
type object struct {
	content deliver.Content
	size    int64 // bytes
	media   string
	sign    string // whose it is; goes into the metadata
}

// signName is the name under which the metadata says whose an object is.
const signName = "Twinleaf-Delivery"

func (b *bucket) put(ctx context.Context, name string, o object, onlyNew bool) error {
	if _, err := o.content.Seek(0, io.SeekStart); err != nil {
		return err
	}
	var err error
	if o.size > partSize {
		err = b.putParts(ctx, b.prefix+name, o, onlyNew)
	} else {
		options := b.options(o)
		options.DisableMultipart = true
		if onlyNew {
			options.SetMatchETagExcept("*")
		}
		_, err = b.client.PutObject(ctx, b.name, b.prefix+name, struct{ io.ReadSeeker }{o.content}, o.size, options)
	}
	if err != nil {
		return known(fmt.Errorf("put %s: %w", b.prefix+name, err))
	}
	return nil
}

func (b *bucket) options(o object) minio.PutObjectOptions {
	options := minio.PutObjectOptions{ContentType: o.media, ServerSideEncryption: b.encryption, SendContentMd5: true}
	if o.sign != "" {
		options.UserMetadata = map[string]string{signName: o.sign}
	}
	return options
}

// putNew puts an object where none is: fs.ErrExist where one is. A store that refuses
// the condition gets none, which leaves a moment for two objects of one name to meet.
func (b *bucket) putNew(ctx context.Context, name string, o object) error {
	if !b.unguarded {
		err := b.put(ctx, name, o, true)
		if e, ok := errors.AsType[minio.ErrorResponse](err); !ok || e.Code != minio.NotImplemented && e.StatusCode != http.StatusNotImplemented {
			return err
		}
		b.unguarded = true
	}
	return b.put(ctx, name, o, false)
}

// Put replaces an object of the name.
func (b *bucket) Put(ctx context.Context, name string, content deliver.Content, size int64) error {
	return b.put(ctx, name, object{content: content, size: size, media: "application/json"}, false)
}

// sign says whose an object is; "" when it does not tell.
func (b *bucket) sign(ctx context.Context, name string) (string, error) {
	info, err := b.client.StatObject(ctx, b.name, b.prefix+name, minio.StatObjectOptions{})
	if err != nil {
		return "", known(fmt.Errorf("look for %s: %w", b.prefix+name, err))
	}
	return info.Metadata.Get("X-Amz-Meta-" + signName), nil
}

func (b *bucket) Read(ctx context.Context, name string) ([]byte, error) {
	in, err := b.client.GetObject(ctx, b.name, b.prefix+name, minio.GetObjectOptions{})
	if err != nil {
		return nil, known(fmt.Errorf("get %s: %w", b.prefix+name, err))
	}
	defer in.Close()
	raw, err := io.ReadAll(io.LimitReader(in, deliver.MaxPlan))
	if err != nil {
		return nil, known(fmt.Errorf("get %s: %w", b.prefix+name, err))
	}
	return raw, nil
}

// maxListed bounds how many old plans are looked at.
const maxListed = 100_000

func (b *bucket) List(ctx context.Context, folder string) (out []deliver.Entry, err error) {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	for o := range b.client.ListObjects(ctx, b.name, minio.ListObjectsOptions{Prefix: b.prefix + folder + "/"}) {
		if o.Err != nil {
			return nil, o.Err
		}
		if len(out) == maxListed {
			break
		}
		out = append(out, deliver.Entry{Name: path.Base(o.Key), Size: o.Size, Modified: o.LastModified})
	}
	return out, nil
}

func (b *bucket) Remove(ctx context.Context, name string) error {
	return b.client.RemoveObject(ctx, b.name, b.prefix+name, minio.RemoveObjectOptions{})
}

// known adds to an answer what it means for a delivery.
func known(err error) error {
	e, _ := errors.AsType[minio.ErrorResponse](err)
	switch {
	case e.Code == minio.NoSuchBucket:
		return err
	case e.Code == minio.NoSuchKey || e.StatusCode == http.StatusNotFound:
		return fmt.Errorf("%w (%w)", err, fs.ErrNotExist)
	case e.StatusCode == http.StatusPreconditionFailed:
		return fmt.Errorf("%w (%w)", err, fs.ErrExist)
	}
	return err
}
