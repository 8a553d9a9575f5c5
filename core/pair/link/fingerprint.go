package link

import (
	"crypto/subtle"
	"crypto/tls"
	"fmt"
	"net/http"

	"github.com/twinleaf-scan/twinleaf/core"
	"github.com/twinleaf-scan/twinleaf/core/pair/identity"
)

// CodeUnknownCertificate is the code of refusing who shows another certificate than
// that of the peer, or none.
const CodeUnknownCertificate = "unknown-certificate"

// CodeNoPair is the code of refusing everybody because the server is in no pair.
const CodeNoPair = "no-pair"

// leaveToo is what to do when the peer has left the pair.
const leaveToo = `run "twinleaf pair leave" on the other server, too; or form the pair again: "twinleaf pair init" here, "twinleaf pair join CODE" there`

// rejoin is what to do when certificates do not fit.
const rejoin = `run "twinleaf pair status" on both servers; if one was set up anew, join it again: "twinleaf pair init" here, "twinleaf pair join CODE" there`

// FingerprintOf is the fingerprint of the certificate that a request came with, empty
// when it came with none. Who sent it has proven to have the key.
func FingerprintOf(r *http.Request) string { return fingerprintIn(r.TLS) }

func fingerprintIn(s *tls.ConnectionState) string {
	if s == nil || len(s.PeerCertificates) == 0 {
		return ""
	}
	return identity.Fingerprint(s.PeerCertificates[0])
}

// same compares fingerprints in constant time. None is the same as no other.
func same(a, b string) bool {
	return a != "" && subtle.ConstantTimeCompare([]byte(a), []byte(b)) == 1
}

// short is as much of a fingerprint as people compare.
func short(fingerprint string) string { return fingerprint[:min(len(fingerprint), 16)] }

// ClientTLS asks a server with the certificate self and talks to none but that of the
// fingerprint pin. Without a pin it talks to any: for joining, which has its own proof
// and reads the fingerprint from the answer's TLS state.
func ClientTLS(self tls.Certificate, pin string) *tls.Config {
	c := baseTLS(self)
	c.InsecureSkipVerify = true // the pin stands for names and authorities
	if pin != "" {
		c.VerifyConnection = func(s tls.ConnectionState) error { return checkPin(fingerprintIn(&s), pin) }
	}
	return c
}

func checkPin(shown, pin string) error {
	if same(shown, pin) {
		return nil
	}
	return &core.Failure{
		Code: CodeUnknownCertificate, Remedy: rejoin, Permanent: true,
		Detail: fmt.Sprintf("the server that answers shows the certificate %s, the peer's is %s", short(shown), short(pin)),
	}
}

// serverTLS asks for a certificate and takes any, or none: who may ask what is decided,
// and answered, request by request.
func serverTLS(self tls.Certificate) *tls.Config {
	c := baseTLS(self)
	c.ClientAuth = tls.RequestClientCert
	return c
}

func baseTLS(self tls.Certificate) *tls.Config {
	return &tls.Config{
		MinVersion:             tls.VersionTLS13,
		Certificates:           []tls.Certificate{self},
		NextProtos:             []string{"http/1.1"},
		SessionTicketsDisabled: true, // every connection proves its key
	}
}
