package identity

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/sha256"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/hex"
	"encoding/pem"
	"errors"
	"fmt"
	"io/fs"
	"math/big"
	"os"
	"time"

	"github.com/twinleaf-scan/twinleaf/internal/durable"
)

// years for which a certificate is made. Nobody renews it: it names a key, which is pinned.
const years = 30

// Types of the PEM blocks.
const (
	keyBlock  = "PRIVATE KEY"
	certBlock = "CERTIFICATE"
)

// Fingerprint is the SHA-256 of the certificate's public key (its SubjectPublicKeyInfo)
// in lower-case hexadecimal: 64 characters.
func Fingerprint(c *x509.Certificate) string {
	sum := sha256.Sum256(c.RawSubjectPublicKeyInfo)
	return hex.EncodeToString(sum[:])
}

// newKey makes key and certificate on disk and takes them.
func (i *Identity) newKey() error {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return err
	}
	der, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		return err
	}
	if err := i.writePEM(keyFile, keyBlock, der); err != nil {
		return err
	}
	return i.certify(key)
}

// certify makes a certificate of the key on disk and takes both.
func (i *Identity) certify(key crypto.Signer) error {
	serial, err := rand.Int(rand.Reader, new(big.Int).Lsh(big.NewInt(1), 127))
	if err != nil {
		return err
	}
	now := time.Now().UTC()
	t := x509.Certificate{
		SerialNumber: serial, Subject: pkix.Name{CommonName: i.ID, Organization: []string{"Twinleaf"}}, DNSNames: []string{i.ID},
		NotBefore: now.AddDate(0, 0, -1), NotAfter: now.AddDate(years, 0, 0),
		KeyUsage:    x509.KeyUsageDigitalSignature,
		ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth, x509.ExtKeyUsageClientAuth}, BasicConstraintsValid: true,
	}
	der, err := x509.CreateCertificate(rand.Reader, &t, &t, key.Public(), key)
	if err != nil {
		return err
	}
	if err := i.writePEM(certFile, certBlock, der); err != nil {
		return err
	}
	return i.take(key, der)
}

// take makes the certificate that TLS uses.
func (i *Identity) take(key crypto.Signer, der []byte) error {
	leaf, err := x509.ParseCertificate(der)
	if err != nil {
		return err
	}
	i.Cert = tls.Certificate{Certificate: [][]byte{der}, PrivateKey: key, Leaf: leaf}
	i.Fingerprint = Fingerprint(leaf)
	return nil
}

// readKey reads what newKey made. A certificate that is missing is made again, for the
// peer knows the key. A key that is missing is made again only outside of a pair.
func (i *Identity) readKey() error {
	key, err := i.loadKey()
	if errors.Is(err, fs.ErrNotExist) {
		return i.keyLost()
	}
	if err != nil {
		return err
	}
	der, err := i.readPEM(certFile, certBlock)
	if errors.Is(err, fs.ErrNotExist) {
		return i.certify(key)
	}
	if err != nil {
		return err
	}
	again := "stop the server and delete " + i.path(certFile) + ": it is made again from the key"
	if err := i.take(key, der); err != nil {
		return broken(i.path(certFile), fmt.Sprintf("is damaged (%v)", err), again)
	}
	if public, ok := i.Cert.Leaf.PublicKey.(*ecdsa.PublicKey); !ok || !public.Equal(key.Public()) {
		return broken(i.path(certFile), "does not belong to "+keyFile, again)
	}
	if i.Cert.Leaf.Subject.CommonName != i.ID {
		return broken(i.path(certFile), fmt.Sprintf("is the certificate of %.60q, this server is %s", i.Cert.Leaf.Subject.CommonName, i.ID), again)
	}
	return nil
}

func (i *Identity) keyLost() error {
	if _, err := os.Stat(i.path(pairFile)); err == nil {
		return broken(i.path(keyFile), "is missing, and the peer knows this server by it", restore+"; or leave the pair on both servers and form it again")
	}
	if _, err := os.Stat(i.path(certFile)); err == nil {
		return broken(i.path(keyFile), "is missing", restore+"; or delete "+i.path(certFile)+" too, and both are made anew")
	}
	return i.newKey()
}

func (i *Identity) loadKey() (crypto.Signer, error) {
	info, err := os.Stat(i.path(keyFile))
	if err != nil {
		return nil, err
	}
	if open := info.Mode().Perm() & 0o077; open != 0 {
		return nil, broken(i.path(keyFile), fmt.Sprintf("may be read by others (mode %#o)", info.Mode().Perm()), "chmod 600 "+i.path(keyFile))
	}
	der, err := i.readPEM(keyFile, keyBlock)
	if err != nil {
		return nil, err
	}
	key, err := x509.ParsePKCS8PrivateKey(der)
	if err != nil {
		return nil, broken(i.path(keyFile), "is damaged", restore)
	}
	ec, ok := key.(*ecdsa.PrivateKey)
	if !ok || ec.Curve != elliptic.P256() {
		return nil, broken(i.path(keyFile), "holds another kind of key than this server makes (ECDSA P-256)", restore)
	}
	return ec, nil
}

func (i *Identity) writePEM(name, block string, der []byte) error {
	return durable.Write(i.path(name), pem.EncodeToMemory(&pem.Block{Type: block, Bytes: der}), 0o600)
}

// readPEM gives the one block that a file holds.
func (i *Identity) readPEM(name, want string) ([]byte, error) {
	raw, err := readSmall(i.path(name))
	if err != nil {
		return nil, err
	}
	block, rest := pem.Decode(raw)
	if block == nil || block.Type != want || len(rest) > 0 {
		return nil, broken(i.path(name), "is damaged", restore)
	}
	return block.Bytes, nil
}
