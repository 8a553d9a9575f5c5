package main

import (
	"context"
	"errors"
	"io/fs"
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
	if remedy := person(err, s.User); remedy != "" {
		out.Temporary, out.Remedy = false, remedy
		return out
	}
	status, _ := errors.AsType[*sftp.StatusError](err)
	switch {
	case errors.Is(err, fs.ErrPermission):
		out.Temporary = false
		out.Remedy = "let the user " + s.User + " write to " + where + " on " + s.Address + ", then retry the job"
	case errors.Is(err, fs.ErrNotExist):
		out.Remedy = "make " + where + " on " + s.Address + ", or say create: true in the settings"
	case status != nil && status.FxCode() == sftp.ErrSSHFxFailure: // SFTP has no word for a full disk
		out.Remedy = "see whether " + where + " on " + s.Address + " is full; the delivery is tried again by itself"
	}
	return out
}

// person says what a person has to do before anything else helps; "" where there is
// no such thing.
func person(err error, user string) string {
	if wrong, ok := errors.AsType[*wrongKeyError](err); ok {
		if wrong.named {
			return "ask the server's owner whether its key was changed; if not, somebody is listening in. Then set hostKey to the new fingerprint"
		}
		return "compare the fingerprint with the one that the server's owner tells you, then set hostKey to it"
	}
	if _, ok := errors.AsType[*ssh.AlgorithmNegotiationError](err); ok {
		return "the server knows only outdated encryption; have it brought up to date"
	}
	if strings.Contains(err.Error(), "unable to authenticate") { // the library has no type for it
		return "see whether the user " + user + " gets in with this password or privateKey, set them right, then retry the job"
	}
	return ""
}
