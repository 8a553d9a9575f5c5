package main

import (
	"crypto/md5"
	"crypto/sha1"
	"encoding/base64"
	"encoding/hex"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/twinleaf-scan/twinleaf/internal/ports"
	"github.com/twinleaf-scan/twinleaf/sdk/deliver/delivertest"
)

const (
	user     = "scänner"
	password = "hunter2 ö:&"
)

// remote is a server of this test's own.
type remote struct {
	url string // of dir
	dir string // of this machine
}

// apache starts Debian's apache2 with mod_dav, which asks for a password in the way
// that auth tells: none, basic or digest.
func apache(t testing.TB, auth string) remote {
	t.Helper()
	program := "/usr/sbin/apache2"
	if _, err := os.Stat(program); err != nil {
		t.Skip("apache2 is missing: apt-get install apache2")
	}
	home := t.TempDir()
	for _, dir := range []string{home, filepath.Dir(home)} {
		if err := os.Chmod(dir, 0o755); err != nil { // apache2 may work as another user
			t.Fatal(err)
		}
	}
	files := filepath.Join(home, "files")
	for _, dir := range []string{files, filepath.Join(home, "state")} {
		if err := os.Mkdir(dir, 0o777); err != nil {
			t.Fatal(err)
		}
		everybodys(t, dir)
	}
	address := ports.Keep(t)
	lines := []string{
		"ServerName 127.0.0.1", "Listen " + address, "PidFile " + home + "/pid", "ErrorLog /dev/stderr", "LogLevel warn",
		"DefaultRuntimeDir " + home, "Mutex posixsem", "StartServers 1",
		"DocumentRoot " + home, "DavLockDB " + home + "/state/locks",
	}
	modules := []string{"mpm_event", "authn_core", "authn_file", "authz_core", "authz_user", "auth_basic", "auth_digest", "alias", "dav", "dav_fs"}
	for i, m := range modules {
		modules[i] = "LoadModule " + m + "_module /usr/lib/apache2/modules/mod_" + m + ".so"
	}
	lines = append(modules, lines...)
	if os.Getuid() == 0 {
		lines = append(lines, "User #65534", "Group #65534") // apache2 does not work as root
	}
	lines = append(lines, "Alias /dav "+files, `<Directory "`+files+`">`, "Dav On", "DavMinTimeout 0")
	lines = append(lines, login(t, home, auth)...)
	lines = append(lines, "</Directory>")
	config := filepath.Join(home, "apache.conf")
	if err := os.WriteFile(config, []byte(strings.Join(lines, "\n")+"\n"), 0o644); err != nil {
		t.Fatal(err)
	}
	delivertest.Start(t, address, exec.Command(program, "-X", "-f", config))
	return remote{"http://" + address + "/dav", files}
}

// everybodys lets apache2 write to a folder when it works as another user.
func everybodys(t testing.TB, dir string) {
	t.Helper()
	if err := os.Chmod(dir, 0o777); err != nil {
		t.Fatal(err)
	}
}

func login(t testing.TB, home, auth string) []string {
	t.Helper()
	const realm = "twinleaf"
	file, content := filepath.Join(home, "users"), ""
	switch auth {
	case "basic":
		sum := sha1.Sum([]byte(password))
		content = user + ":{SHA}" + base64.StdEncoding.EncodeToString(sum[:]) + "\n"
	case "digest":
		sum := md5.Sum([]byte(user + ":" + realm + ":" + password))
		content = user + ":" + realm + ":" + hex.EncodeToString(sum[:]) + "\n"
	default:
		return []string{"Require all granted"}
	}
	if err := os.WriteFile(file, []byte(content), 0o644); err != nil {
		t.Fatal(err)
	}
	return []string{"AuthType " + auth, "AuthName " + realm, fmt.Sprintf("Auth%sProvider file", auth), "AuthUserFile " + file, "Require valid-user"}
}
