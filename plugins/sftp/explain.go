package main

import (
	"context"
	"errors"
	"io/fs"
	"net"
	"strings"

	"github.com/pkg/sftp"
	"golang.org/x/crypto/ssh"

	"github.com/twinleaf-scan/twinleaf/sdk"
)

// explain says what a person can do about an error. What only a person can cure, a
// wrong key or password, is not tried again by itself: servers lock out who tries
// too often.
func explain(ctx context.Context, err error, s Settings) error {
	if err == nil {
		return nil
	}
	if _, told := errors.AsType[*sdk.Error](err); told {
		return err
	}
	if ctx.Err() != nil {
		return context.Cause(ctx)
	}
	out := &sdk.Error{Code: "destination", Detail: "deliver to " + s.Address + ": " + err.Error(), Temporary: true}
	out.Remedy = "see whether the server answers: sftp -P PORT USER@HOST; the delivery is tried again by itself"
	where := "the folder " + s.Dir
	if s.Dir == "" {
		where = "the user's own folder"
	}
	status, _ := errors.AsType[*sftp.StatusError](err)
	switch {
	case keyTrouble(err, out), isAuth(err, out, s.User):
		out.Temporary = false
	case errors.Is(err, fs.ErrPermission):
		out.Temporary = false
		out.Remedy = "let the user " + s.User + " write to " + where + " on " + s.Address + ", then retry the job"
	case errors.Is(err, fs.ErrNotExist):
		out.Remedy = "make " + where + " on " + s.Address + ", or say create: true in the settings"
	case status != nil && strings.Contains(strings.ToLower(err.Error()), "quota"), status != nil && status.FxCode() == sftp.ErrSSHFxFailure:
		out.Remedy = "see whether " + where + " on " + s.Address + " is full; the delivery is tried again by itself"
	}
	return out
}

// keyTrouble tells how to name the right host key.
func keyTrouble(err error, out *sdk.Error) bool {
	wrong, ok := errors.AsType[*wrongKeyError](err)
	if !ok {
		return false
	}
	out.Remedy = "compare the fingerprint with the one that the server's owner tells you, then set hostKey to it"
	if wrong.named {
		out.Remedy = "ask the server's owner whether its key was changed; if not, somebody is listening in. Then set hostKey to the new fingerprint"
	}
	return true
}

// isAuth reports whether the server did not let us in.
func isAuth(err error, out *sdk.Error, user string) bool {
	if _, network := errors.AsType[net.Error](err); network {
		return false
	}
	if _, protocol := errors.AsType[*ssh.AlgorithmNegotiationError](err); protocol {
		out.Remedy = "the server knows only outdated encryption; have it brought up to date"
		return true
	}
	if !strings.Contains(err.Error(), "unable to authenticate") {
		return false
	}
	out.Remedy = "see whether the user " + user + " gets in with this password or privateKey, set them right, then retry the job"
	return true
}
