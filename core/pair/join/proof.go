package join

import (
	"crypto/hmac"
	"crypto/sha256"

	"golang.org/x/crypto/scrypt"

	"github.com/twinleaf-scan/twinleaf/core/pair"
)

// defaultCost is scrypt's N: 64 MiB and some tenths of a second for each guess.
const defaultCost = 1 << 16

// purpose keeps what is proved here from proving anything elsewhere.
const purpose = "twinleaf pair 1 "

// proofs are what both servers show each other: each has the code, and each means the
// two keys that it sees.
type proofs struct{ key []byte }

// newProofs takes the fingerprints of the keys with which both servers speak TLS.
func newProofs(secret [5]byte, primary, joiner string, cost int) (proofs, error) {
	key, err := scrypt.Key(secret[:], []byte(purpose+primary+" "+joiner), cost, 8, 1, sha256.Size)
	return proofs{key}, err
}

// of is the proof that a server of a role shows, 32 bytes.
func (p proofs) of(r pair.Role) []byte {
	h := hmac.New(sha256.New, p.key)
	h.Write([]byte(purpose + string(r)))
	return h.Sum(nil)
}

// holds compares in constant time.
func (p proofs) holds(r pair.Role, shown []byte) bool { return hmac.Equal(p.of(r), shown) }
