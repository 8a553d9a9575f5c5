package main

import (
	"bytes"
	"context"
	"crypto/ed25519"
	"crypto/rand"
	"encoding/pem"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"os/exec"
	"os/user"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/pkg/sftp"
	"golang.org/x/crypto/ssh"

	"github.com/twinleaf-scan/twinleaf/internal/ports"
	"github.com/twinleaf-scan/twinleaf/sdk/deliver/delivertest"
)

// remote is a server of this test's own, and what gets one in.
type remote struct {
	settings Settings
	dir      string // of this machine, and what settings.Dir names
	keyFile  string // OpenSSH only: the user's key, for other clients
	known    string // OpenSSH only: known_hosts
}

// privateKey gives a fresh key, as ssh-keygen would write it.
func privateKey(t testing.TB, passphrase string) (string, ssh.Signer) {
	t.Helper()
	_, key, err := ed25519.GenerateKey(rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	block, err := ssh.MarshalPrivateKey(key, "test")
	if passphrase != "" {
		block, err = ssh.MarshalPrivateKeyWithPassphrase(key, "test", []byte(passphrase))
	}
	if err != nil {
		t.Fatal(err)
	}
	signer, err := ssh.NewSignerFromKey(key)
	if err != nil {
		t.Fatal(err)
	}
	return string(pem.EncodeToMemory(block)), signer
}

// openSSH starts Debian's sshd for this user alone, with internal-sftp.
func openSSH(t testing.TB, options ...string) remote {
	t.Helper()
	sshd, err := exec.LookPath("sshd")
	if err != nil {
		sshd = "/usr/sbin/sshd"
	}
	if _, err := os.Stat(sshd); err != nil {
		t.Skip("sshd is missing: apt-get install openssh-server")
	}
	if os.Getuid() == 0 {
		if err := os.MkdirAll("/run/sshd", 0o755); err != nil { // where sshd as root wants to put its unprivileged half
			t.Skipf("sshd as root needs /run/sshd: %v", err)
		}
	}
	me, err := user.Current()
	if err != nil {
		t.Skipf("sshd lets in only users of this machine: %v", err)
	}
	home := t.TempDir()
	write := func(name, content string) string {
		path := filepath.Join(home, name)
		if err := os.WriteFile(path, []byte(content), 0o600); err != nil {
			t.Fatal(err)
		}
		return path
	}
	hostKey, host := privateKey(t, "")
	userKey, own := privateKey(t, "")
	address := ports.Keep(t)
	_, port, _ := net.SplitHostPort(address)
	hostLine := strings.TrimSpace(string(ssh.MarshalAuthorizedKey(host.PublicKey())))
	config := write("sshd_config", strings.Join(append([]string{
		"ListenAddress 127.0.0.1", "Port " + port, "HostKey " + write("host", hostKey), "PidFile none",
		"AuthorizedKeysFile " + write("authorized", string(ssh.MarshalAuthorizedKey(own.PublicKey()))),
		"StrictModes no", "UsePAM no", "PasswordAuthentication no", "KbdInteractiveAuthentication no",
		"PermitRootLogin prohibit-password", "MaxStartups 100",
		"Subsystem sftp internal-sftp", "ForceCommand internal-sftp",
	}, options...), "\n")+"\n")
	out := t.TempDir()
	said := &spoken{to: t.Output()}
	cmd := exec.Command(sshd, "-D", "-e", "-f", config)
	cmd.Stdout, cmd.Stderr = said, said
	delivertest.Start(t, address, cmd)
	r := remote{
		settings: Settings{
			Address: address, User: me.Username, PrivateKey: userKey,
			HostKey: ssh.FingerprintSHA256(host.PublicKey()), Dir: out,
		},
		dir: out, keyFile: write("id", userKey), known: write("known_hosts", "[127.0.0.1]:"+port+" "+hostLine+"\n"),
	}
	client, err := login(t.Context(), r.settings)
	if err != nil && said.holds("account is locked") {
		t.Skipf("the user %s of this machine is locked for logins", me.Username)
	}
	if err != nil {
		t.Fatal(err)
	}
	_ = client.Close()
	return r
}

// spoken passes on what a server says, and remembers it.
type spoken struct {
	to io.Writer

	mu  sync.Mutex // guards all
	all bytes.Buffer
}

func (s *spoken) Write(p []byte) (int, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.all.Write(p)
	return s.to.Write(p)
}

func (s *spoken) holds(words string) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return strings.Contains(s.all.String(), words)
}

// goServer is another SFTP server, with passwords: it knows no extension for
// moving, and its rename replaces what is there.
func goServer(t testing.TB, dialogue bool) remote {
	t.Helper()
	_, host := privateKey(t, "")
	const password = "hunter2 ö"
	config := &ssh.ServerConfig{MaxAuthTries: 3}
	config.AddHostKey(host)
	if dialogue {
		config.KeyboardInteractiveCallback = func(_ ssh.ConnMetadata, ask ssh.KeyboardInteractiveChallenge) (*ssh.Permissions, error) {
			answers, err := ask("", "", []string{"Password: "}, []bool{false})
			if err != nil || len(answers) != 1 || answers[0] != password {
				return nil, errors.New("no")
			}
			return nil, nil
		}
	} else {
		config.PasswordCallback = func(_ ssh.ConnMetadata, given []byte) (*ssh.Permissions, error) {
			if string(given) != password {
				return nil, errors.New("no")
			}
			return nil, nil
		}
	}
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = l.Close() })
	out := t.TempDir()
	go func() {
		for {
			conn, err := l.Accept()
			if err != nil {
				return
			}
			go serveOne(conn, config, out)
		}
	}()
	return remote{
		settings: Settings{Address: l.Addr().String(), User: "scanner", Password: password, HostKey: string(ssh.MarshalAuthorizedKey(host.PublicKey())), Dir: "in"},
		dir:      filepath.Join(out, "in"),
	}
}

func serveOne(conn net.Conn, config *ssh.ServerConfig, dir string) {
	defer conn.Close()
	_, channels, requests, err := ssh.NewServerConn(conn, config)
	if err != nil {
		return
	}
	go ssh.DiscardRequests(requests)
	for c := range channels {
		channel, requests, err := c.Accept()
		if err != nil {
			return
		}
		go func() {
			for r := range requests {
				_ = r.Reply(r.Type == "subsystem", nil)
			}
		}()
		server, err := sftp.NewServer(channel, sftp.WithServerWorkingDirectory(dir))
		if err != nil {
			return
		}
		_ = server.Serve()
		_ = server.Close()
	}
}

// foreign runs sftp(1) with a batch and gives what it says.
func foreign(t testing.TB, r remote, batch string) string {
	t.Helper()
	if _, err := exec.LookPath("sftp"); err != nil {
		t.Skip("sftp is missing: apt-get install openssh-client")
	}
	_, port, _ := net.SplitHostPort(r.settings.Address)
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	cmd := exec.CommandContext(ctx, "sftp", "-b", "-", "-F", "/dev/null", "-i", r.keyFile, "-P", port,
		"-o", "UserKnownHostsFile="+r.known, "-o", "IdentitiesOnly=yes", fmt.Sprintf("%s@127.0.0.1", r.settings.User))
	cmd.Stdin = strings.NewReader(batch)
	out, err := cmd.CombinedOutput()
	if err != nil {
		t.Fatalf("sftp: %v\n%s", err, out)
	}
	return string(out)
}
