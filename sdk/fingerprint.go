package sdk

import (
	"context"
	"encoding/json"
	"fmt"
	"maps"
)

// OpFingerprint is the one operation that a component may leave out; see
// [Component.Fingerprinted].
const OpFingerprint = "fingerprint" // recognizer

// FingerprintRequest asks a recognizer what its engine is.
type FingerprintRequest struct {
	Deep bool            `json:"deep,omitempty"` // nothing that was found out earlier may serve
	Kept json.RawMessage `json:"kept,omitempty"` // Keep of the last answer, of whichever process; empty: none
}

// Fingerprint is all that the text of a page depends on, beside the page: where two
// servers give the same fingerprint, they read the same.
type Fingerprint struct {
	Engine    string            `json:"engine"` // its name alone, e.g. tesseract
	Version   string            `json:"version"`
	Libraries map[string]string `json:"libraries,omitempty"` // name to version
	SIMD      string            `json:"simd,omitempty"`      // which of its code it has chosen for the processor
	Data      map[string]string `json:"data,omitempty"`      // language to SHA-256 of its data
	Golden    string            `json:"golden,omitempty"`    // SHA-256 of the text of a page that the plug-in brings with it
	Keep      json.RawMessage   `json:"keep,omitempty"`      // comes back with the next request; at most [MaxKeep] bytes
}

// LibraryBuild is the name among Libraries under which a plug-in says how its engine was
// built, where it may be built in several ways: an engine of one version is not the same in
// all of them.
const LibraryBuild = "build"

// MaxKeep is how much of a fingerprint the host keeps for the next one.
const MaxKeep = 256 << 10

// Fingerprinted gives a recognizer the operation that tells two servers whether their
// engines are the same. It is asked for when they compare themselves, now and then while
// pages are read; it should take no more than 0.2 s and recognise nothing that it knows.
func (c Component) Fingerprinted(fn func(context.Context, FingerprintRequest) (Fingerprint, error)) Component {
	if c.kind != KindRecognizer && c.err == nil {
		c.err = fmt.Errorf("a %s has no engine to give a fingerprint of", c.kind)
	}
	c.ops = maps.Clone(c.ops)
	add(&c, OpFingerprint, func(ctx context.Context, r FingerprintRequest, _ struct{}) (Fingerprint, error) {
		return fn(ctx, r)
	})
	return c
}
