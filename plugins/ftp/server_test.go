package main

import (
	"crypto/x509"
	"encoding/pem"
	"fmt"
	"net"
	"net/http/httptest"
	"os"
	"os/exec"
	"os/user"
	"path/filepath"
	"strings"
	"testing"

	"github.com/twinleaf-scan/twinleaf/internal/ports"
	"github.com/twinleaf-scan/twinleaf/sdk/deliver/delivertest"
)

// remote is a server of this test's own, and what gets one in.
type remote struct {
	settings Settings
	dir      string // of this machine, and what settings.Dir names
}

const (
	someone  = "scanner"
	password = "open sesame"
	crypted  = "$6$twinleaf$RM0r9gRndedBU.grkL6pW4O.rDtEIL4m.3OEaQ/jUAPQrbizFQRUnq5u9PAFTVd7CjTSzEkCo1.cc0ZbgqN080" // of password, as crypt(3) has it
)

func write(t testing.TB, path, content string) string {
	t.Helper()
	if err := os.WriteFile(path, []byte(content), 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

// certificate gives the files of a server's certificate for 127.0.0.1 and its key, and the
// certificate in PEM.
func certificate(t testing.TB, home string) (certificateFile, keyFile, ca string) {
	t.Helper()
	server := httptest.NewTLSServer(nil)
	defer server.Close()
	pair := server.TLS.Certificates[0]
	key, err := x509.MarshalPKCS8PrivateKey(pair.PrivateKey)
	if err != nil {
		t.Fatal(err)
	}
	ca = string(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: pair.Certificate[0]}))
	keyText := string(pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: key}))
	return write(t, filepath.Join(home, "cert.pem"), ca), write(t, filepath.Join(home, "key.pem"), keyText), ca
}

// proFTPD starts Debian's proftpd for this user alone. It lets in a file only over a
// connection that resumes the session of the one for commands.
func proFTPD(t testing.TB, tls string, options ...string) remote {
	t.Helper()
	const program, modules = "/usr/sbin/proftpd", "/usr/lib/proftpd"
	for _, file := range []string{program, modules + "/mod_tls.so"} {
		if _, err := os.Stat(file); err != nil {
			t.Skip("proftpd is missing: apt-get install proftpd-core proftpd-mod-crypto")
		}
	}
	me, err := user.Current()
	if err != nil {
		t.Fatal(err)
	}
	group, err := user.LookupGroupId(me.Gid)
	if err != nil {
		t.Fatal(err)
	}
	home, out, address := t.TempDir(), t.TempDir(), ports.Keep(t)
	_, port, _ := net.SplitHostPort(address)
	users := write(t, filepath.Join(home, "users"), fmt.Sprintf("%s:%s:%s:%s::%s:/bin/false\n", someone, crypted, me.Uid, me.Gid, out))
	lines := []string{
		"ModulePath " + modules, "LoadModule mod_tls.c", "ServerName test", "ServerType standalone", "DefaultServer on", "UseIPv6 off",
		"DefaultAddress 127.0.0.1 127.0.0.2", "Port " + port, "User " + me.Username, "Group " + group.Name, "RootLogin on", "MaxInstances 50",
		"AuthOrder mod_auth_file.c", "AuthUserFile " + users, "RequireValidShell off", "UseReverseDNS off", "WtmpLog off", "TransferLog none",
		"PidFile " + home + "/pid", "ScoreboardFile " + home + "/scoreboard", "SystemLog " + home + "/log", "DelayEngine off", "AllowOverwrite on",
	}
	r := remote{Settings{Address: address, User: someone, Password: password, TLS: tls, Dir: "in"}, filepath.Join(out, "in")}
	if tls != tlsNone {
		cert, key, ca := certificate(t, home)
		r.settings.CA = ca
		lines = append(lines, "TLSEngine on", "TLSRequired on", "TLSRSACertificateFile "+cert, "TLSRSACertificateKeyFile "+key, "TLSLog "+home+"/tls")
	}
	if tls == tlsImplicit {
		lines = append(lines, "TLSOptions UseImplicitSSL")
	}
	config := write(t, filepath.Join(home, "conf"), strings.Join(append(lines, options...), "\n")+"\n")
	t.Cleanup(func() {
		for _, name := range []string{"log", "tls"} {
			if said, err := os.ReadFile(filepath.Join(home, name)); err == nil && t.Failed() {
				t.Logf("the end of %s of proftpd:\n%s", name, said[max(0, len(said)-4000):])
			}
		}
	})
	delivertest.Start(t, address, exec.Command(program, "-n", "-q", "-c", config))
	return r
}

// pyftpdlib starts the FTP server that is written in Python, without TLS, with changes to
// its handler.
func pyftpdlib(t testing.TB, changes string) remote {
	t.Helper()
	const python = "/usr/bin/python3" // which the distribution's packages are for
	if err := exec.Command(python, "-c", "import pyftpdlib.servers").Run(); err != nil {
		t.Skip("pyftpdlib is missing: apt-get install python3-pyftpdlib")
	}
	out, address := t.TempDir(), ports.Keep(t)
	host, port, _ := net.SplitHostPort(address)
	program := `
import sys, logging, warnings
warnings.simplefilter("ignore")
from pyftpdlib.authorizers import DummyAuthorizer
from pyftpdlib.handlers import FTPHandler
from pyftpdlib.servers import FTPServer
out, host, port, user, password = sys.argv[1:]
logging.basicConfig(level=logging.WARNING)
class Handler(FTPHandler):
    authorizer = DummyAuthorizer()
Handler.authorizer.add_user(user, password, out, perm="elradfmwMT")
Handler.banner = "ready"
` + changes + `
FTPServer((host, int(port)), Handler).serve_forever()
`
	delivertest.Start(t, address, exec.Command(python, "-c", program, out, host, port, someone, password))
	return remote{Settings{Address: address, User: someone, Password: password, TLS: tlsNone, Dir: "in"}, filepath.Join(out, "in")}
}
