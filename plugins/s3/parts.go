package main

import (
	"context"
	"crypto/md5"
	"encoding/base64"
	"errors"
	"io"
	"time"

	"github.com/minio/minio-go/v7"
)

// A file larger than partSize bytes goes in parts of that size at least, of which
// there are at most maxParts; a part is read twice and never kept in memory.
const (
	partSize = 16 << 20
	maxParts = 10_000
)

// abortTimeout bounds the request that gives up an upload, also when the call is at its end.
const abortTimeout = 10 * time.Second

// putParts uploads an object in parts. The condition belongs to the request that
// makes the object of them, where the client's own upload in parts leaves it out.
func (b *bucket) putParts(ctx context.Context, key string, o object, onlyNew bool) (err error) {
	core := minio.Core{Client: b.client}
	id, err := core.NewMultipartUpload(ctx, b.name, key, b.options(o))
	if err != nil {
		return err
	}
	defer func() {
		if err != nil {
			late, cancel := context.WithTimeout(context.WithoutCancel(ctx), abortTimeout)
			defer cancel()
			_ = core.AbortMultipartUpload(late, b.name, key, id) // stores drop what is never completed by a rule of the bucket
		}
	}()
	var parts []minio.CompletePart
	size := max(partSize, (o.size+maxParts-1)/maxParts)
	for at := int64(0); at < o.size; at += size {
		part := io.NewSectionReader(o.content, at, min(size, o.size-at))
		sum := md5.New()
		if _, err := io.Copy(sum, part); err != nil {
			return err
		}
		if _, err := part.Seek(0, io.SeekStart); err != nil {
			return err
		}
		done, err := core.PutObjectPart(ctx, b.name, key, id, len(parts)+1, part, part.Size(), minio.PutObjectPartOptions{
			Md5Base64: base64.StdEncoding.EncodeToString(sum.Sum(nil)),
		})
		if err != nil {
			return err
		}
		parts = append(parts, minio.CompletePart{PartNumber: done.PartNumber, ETag: done.ETag})
	}
	if len(parts) == 0 {
		return errors.New("an object of no parts")
	}
	var last minio.PutObjectOptions
	if onlyNew {
		last.SetMatchETagExcept("*")
	}
	_, err = core.CompleteMultipartUpload(ctx, b.name, key, id, parts, last)
	return err
}
