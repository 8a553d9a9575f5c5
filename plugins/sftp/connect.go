package main

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"path"
	"strings"
	"time"

	"github.com/pkg/sftp"
	"golang.org/x/crypto/ssh"

	"github.com/twinleaf-scan/twinleaf/sdk"
	"github.com/twinleaf-scan/twinleaf/sdk/deliver"
)

// handshakeTimeout bounds the way to a session, stallTimeout how long a server may
// leave a read or a write waiting.
const (
	handshakeTimeout = 30 * time.Second
	stallTimeout     = 2 * time.Minute
)

// open logs in and makes the folders.
func open(ctx context.Context, s Settings) (*files, error) {
	client, err := login(ctx, s)
	if err != nil {
		return nil, err
	}
	session, err := sftp.NewClient(client)
	if err != nil {
		return nil, errors.Join(fmt.Errorf("start SFTP: %w", err), client.Close())
	}
	to := &files{sftp: session, ssh: client, dir: s.Dir}
	to.perm, _ = s.mode() // Validate has read it
	to.keeps = strings.Contains(string(client.ServerVersion()), "OpenSSH")
	// Whatever waits for the server is released when the call ends.
	to.unwatch = context.AfterFunc(ctx, func() { _ = client.Close() })
	if err := to.makeFolders(s.Create == nil || *s.Create); err != nil {
		to.close()
		return nil, err
	}
	return to, nil
}

// login asks for one family of host keys after the other until one is known. Nothing
// is told to a server whose key is unknown.
func login(ctx context.Context, s Settings) (*ssh.Client, error) {
	keys, err := parseHostKeys(s.HostKey)
	if err != nil {
		return nil, err
	}
	auth, err := s.auth()
	if err != nil {
		return nil, err
	}
	var wrong wrongKeyError
	var last error
	for _, algorithms := range keys.wanted() {
		client, err := handshake(ctx, s.Address, &ssh.ClientConfig{
			User: s.User, Auth: auth, HostKeyAlgorithms: algorithms,
			HostKeyCallback: keys.check(&wrong), ClientVersion: "SSH-2.0-Twinleaf",
		})
		if err == nil {
			return client, nil
		}
		last = err
		if !errors.Is(err, errUnknownKey) && !noSuchKey(err) {
			return nil, err
		}
	}
	if len(wrong.shown) > 0 {
		return nil, &wrong
	}
	return nil, last
}

// noSuchKey reports whether a server has no host key of the family that was asked for.
func noSuchKey(err error) bool {
	_, ok := errors.AsType[*ssh.AlgorithmNegotiationError](err)
	return ok && strings.Contains(err.Error(), "host key")
}

func handshake(ctx context.Context, address string, config *ssh.ClientConfig) (*ssh.Client, error) {
	ctx, cancel := context.WithTimeout(ctx, handshakeTimeout)
	defer cancel()
	conn, err := sdk.Dial(ctx, address)
	if err != nil {
		return nil, err
	}
	stop := context.AfterFunc(ctx, func() { _ = conn.Close() })
	defer stop()
	c, channels, requests, err := ssh.NewClientConn(&deliver.Patient{Conn: conn, Stall: stallTimeout}, address, config)
	if err != nil {
		_ = conn.Close()
		if ctx.Err() != nil {
			err = fmt.Errorf("no SSH session with %s: %w", address, context.Cause(ctx))
		}
		return nil, err
	}
	return ssh.NewClient(c, channels, requests), nil
}

// signer is nil where there is no private key.
func (s *Settings) signer() (ssh.Signer, error) {
	if s.PrivateKey == "" {
		return nil, nil
	}
	pem := []byte(strings.TrimSpace(s.PrivateKey) + "\n")
	signer, err := ssh.ParsePrivateKey(pem)
	if _, locked := errors.AsType[*ssh.PassphraseMissingError](err); locked {
		if s.Passphrase == "" {
			return nil, errors.New("the key is locked; give its passphrase")
		}
		signer, err = ssh.ParsePrivateKeyWithPassphrase(pem, []byte(s.Passphrase))
		if err != nil {
			return nil, errors.New("the passphrase does not open the key")
		}
	}
	if err != nil {
		return nil, errors.New("is not a private key as ssh-keygen writes it, from BEGIN to END with its line ends")
	}
	return signer, nil
}

// auth offers the key first, then the password, also to servers that ask for it in a dialogue.
func (s *Settings) auth() ([]ssh.AuthMethod, error) {
	var out []ssh.AuthMethod
	signer, err := s.signer()
	if err != nil {
		return nil, err
	}
	if signer != nil {
		out = append(out, ssh.PublicKeys(signer))
	}
	if s.Password != "" {
		out = append(out, ssh.Password(s.Password), ssh.KeyboardInteractive(s.answer))
	}
	return out, nil
}

// answer gives the password to the one question that hides what is typed.
func (s *Settings) answer(_, _ string, questions []string, echos []bool) ([]string, error) {
	if len(questions) == 0 {
		return nil, nil
	}
	if len(questions) != 1 || echos[0] {
		return nil, errors.New("the server asks for more than a password")
	}
	return []string{s.Password}, nil
}

// makeFolders makes the destination's folder where that is wanted, and the private one.
func (f *files) makeFolders(create bool) error {
	if create && f.dir != "" {
		if err := f.sftp.MkdirAll(f.dir); err != nil {
			return fmt.Errorf("make the folder %s: %w", f.dir, err)
		}
	}
	private := path.Join(f.dir, deliver.Private)
	_, err := f.sftp.Stat(private)
	if !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	if err := f.sftp.Mkdir(private); err != nil {
		if _, there := f.sftp.Stat(private); there != nil {
			return fmt.Errorf("make the folder %s: %w", private, err)
		}
		return nil
	}
	_ = f.sftp.Chmod(private, 0o700) // a server without permissions need not take it
	return nil
}
