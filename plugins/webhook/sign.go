package main

import (
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"errors"
	"fmt"
	"hash"
	"io"
	"strconv"
	"strings"
	"time"
)

// The headers of Standard Webhooks 1.0.0 (github.com/standard-webhooks/standard-webhooks,
// spec/standard-webhooks.md), and the usual one for the key.
const (
	headerID        = "webhook-id"        // the same for every try and repetition
	headerTime      = "webhook-timestamp" // of the try, Unix seconds
	headerSignature = "webhook-signature" // v1,BASE64 for each secret, parted by spaces
	headerKey       = "Idempotency-Key"   // as webhook-id
)

const secretPrefix = "whsec_"

// Bounds of a signing key in bytes, from the specification.
const (
	minSigningKey = 24
	maxSigningKey = 64
)

// signingKey reads whsec_ and base64, or base64 alone.
func signingKey(secret string) ([]byte, error) {
	key, err := base64.StdEncoding.DecodeString(strings.TrimPrefix(secret, secretPrefix))
	if err != nil {
		return nil, fmt.Errorf("not base64 with %s before it; \"openssl rand -base64 32\" makes one", secretPrefix)
	}
	if len(key) < minSigningKey || len(key) > maxSigningKey {
		return nil, fmt.Errorf("has %d bytes, not %d to %d; \"openssl rand -base64 32\" makes one", len(key), minSigningKey, maxSigningKey)
	}
	return key, nil
}

// messageID names a delivery. It is made of the key, whose own characters may be
// anything, while an id must not hold a full stop.
func messageID(key string) string {
	sum := sha256.Sum256([]byte(key))
	return "msg_" + hex.EncodeToString(sum[:16])
}

// sign signs ID.TIME.BODY with each secret. The body is read, not held.
func sign(ctx context.Context, secrets []string, id string, at time.Time, body io.Reader) (string, error) {
	var macs []hash.Hash
	var all []io.Writer
	for _, s := range secrets {
		key, err := signingKey(s)
		if err != nil {
			return "", errors.New("a secret cannot be read") // Validate has said why
		}
		mac := hmac.New(sha256.New, key)
		macs, all = append(macs, mac), append(all, mac)
	}
	w := io.MultiWriter(all...)
	if _, err := io.WriteString(w, id+"."+strconv.FormatInt(at.Unix(), 10)+"."); err != nil {
		return "", err
	}
	if _, err := io.Copy(w, &stopping{ctx, body}); err != nil {
		return "", fmt.Errorf("sign: %w", err)
	}
	var signatures []string
	for _, mac := range macs {
		signatures = append(signatures, "v1,"+base64.StdEncoding.EncodeToString(mac.Sum(nil)))
	}
	return strings.Join(signatures, " "), nil
}
