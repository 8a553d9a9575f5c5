package core

import (
	"bytes"
	"encoding/json"
	"strings"
)

// Mask stands for a secret wherever settings are shown. Where it is written, the
// secret that is there stays.
const Mask = "********"

// CodeSecret is the code of a failure: a sealed secret does not open with this server's key.
const CodeSecret = "secret"

// SealedPrefix begins a sealed secret: the way of sealing, for which the rest is Base64.
const SealedPrefix = "v1:"

// sealedField is the only field of the object that stands for a secret in the journal:
// {"sealed": "v1:…"}.
const sealedField = "sealed"

// SealedForm is how a sealed secret stands in a JSON value.
func SealedForm(sealed string) map[string]any { return map[string]any{sealedField: sealed} }

// Sealed reports whether a decoded JSON value is the form of a sealed secret, and gives
// what is sealed in it.
func Sealed(value any) (string, bool) {
	object, ok := value.(map[string]any)
	if !ok || len(object) != 1 {
		return "", false
	}
	text, ok := object[sealedField].(string)
	return text, ok && strings.HasPrefix(text, SealedPrefix)
}

// MaySeal reports whether JSON can hold a sealed secret at all.
func MaySeal(value []byte) bool { return bytes.Contains(value, []byte(`"`+sealedField+`"`)) }

// MaskSecrets is a JSON value with Mask in the place of every sealed secret.
func MaskSecrets(value []byte) []byte {
	if !MaySeal(value) {
		return value
	}
	d := json.NewDecoder(bytes.NewReader(value))
	d.UseNumber()
	var tree any
	if err := d.Decode(&tree); err != nil {
		return []byte(`"` + Mask + `"`) // whatever it is, it may hold a secret
	}
	masked, err := json.Marshal(masked(tree))
	if err != nil {
		return []byte(`"` + Mask + `"`)
	}
	return masked
}

func masked(tree any) any {
	if _, ok := Sealed(tree); ok {
		return Mask
	}
	switch v := tree.(type) {
	case map[string]any:
		for name := range v {
			v[name] = masked(v[name])
		}
	case []any:
		for i := range v {
			v[i] = masked(v[i])
		}
	}
	return tree
}
