package testscripts

import (
	"crypto/x509"
	"encoding/pem"
	"fmt"
	"net/http/httptest"
	"os"
	"path/filepath"

	"github.com/nats-io/jwt/v2"
	"github.com/nats-io/nkeys"
	"github.com/rogpeppe/go-internal/testscript"
)

// natsOperatorCommand writes what a NATS with TLS and accounts of an operator needs into a
// folder: nats.conf; ca.pem, which vouches for it; user.creds of a user who may do what
// docs/operations.md says that servers and workers need, and stranger.creds of one whom
// nobody there knows.
func natsOperatorCommand(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 2 {
		ts.Fatalf("usage: nats-operator FOLDER HOST:PORT")
	}
	dir := ts.MkAbs(args[0])
	ts.Check(os.MkdirAll(dir, 0o700))
	write := func(name string, content []byte) string {
		path := filepath.Join(dir, name)
		ts.Check(os.WriteFile(path, content, 0o600))
		return path
	}
	cert, key := natsCertificate(ts)
	write("ca.pem", cert)
	operator, account, name, creds := natsAccount(ts)
	write("user.creds", creds)
	_, _, _, creds = natsAccount(ts)
	write("stranger.creds", creds)
	write("nats.conf", fmt.Appendf(nil, "listen: %q\ntls { cert_file: %q, key_file: %q }\noperator: %q\nresolver: MEMORY\nresolver_preload { %s: %q }\n",
		args[1], write("cert.pem", cert), write("key.pem", key), operator, name, account))
}

// natsAccount is an operator, an account of it with its name, and the credentials of its user.
func natsAccount(ts *testscript.TestScript) (operator, account, name string, creds []byte) {
	keys := func(create func() (nkeys.KeyPair, error)) (nkeys.KeyPair, string) {
		pair, err := create()
		ts.Check(err)
		public, err := pair.PublicKey()
		ts.Check(err)
		return pair, public
	}
	op, opName := keys(nkeys.CreateOperator)
	acc, name := keys(nkeys.CreateAccount)
	user, userName := keys(nkeys.CreateUser)
	operator, err := jwt.NewOperatorClaims(opName).Encode(op)
	ts.Check(err)
	account, err = jwt.NewAccountClaims(name).Encode(op)
	ts.Check(err)
	claims := jwt.NewUserClaims(userName)
	for _, subject := range []string{"twinleaf.v1.>", "_INBOX.>"} {
		claims.Pub.Allow.Add(subject)
		claims.Sub.Allow.Add(subject)
	}
	token, err := claims.Encode(acc)
	ts.Check(err)
	seed, err := user.Seed()
	ts.Check(err)
	creds, err = jwt.FormatUserConfig(token, seed)
	ts.Check(err)
	return operator, account, name, creds
}

// natsCertificate is the certificate that net/http has for tests: 127.0.0.1 is in it, and it
// vouches for itself.
func natsCertificate(ts *testscript.TestScript) (cert, key []byte) {
	s := httptest.NewTLSServer(nil)
	defer s.Close()
	c := s.TLS.Certificates[0]
	raw, err := x509.MarshalPKCS8PrivateKey(c.PrivateKey)
	ts.Check(err)
	return pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: c.Certificate[0]}), pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: raw})
}
