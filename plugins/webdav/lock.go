package main

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"time"

	"github.com/twinleaf-scan/twinleaf/sdk/deliver"
)

// A server may look whether a name is free and move then, in two steps. So deliveries
// into one folder take turns: they lock the file .twinleaf/lock, which protects
// nothing else. The lock ends by itself lockFor after a crash.
const (
	lockFor  = 30 * time.Second
	lockPoll = 200 * time.Millisecond
	lockWait = lockFor + 30*time.Second
)

const lockInfo = `<?xml version="1.0" encoding="utf-8"?>` +
	`<lockinfo xmlns="DAV:"><lockscope><exclusive/></lockscope><locktype><write/></locktype><owner>twinleaf</owner></lockinfo>`

// Lock waits for its turn. Where the server knows no locks there are no turns.
func (c *client) Lock(ctx context.Context) (func(), error) {
	const name = deliver.Private + "/lock"
	ctx, cancel := context.WithTimeout(ctx, lockWait)
	defer cancel()
	for {
		token, err := c.lock(ctx, name)
		if err == nil {
			return func() { c.unlock(name, token) }, nil
		}
		status, _ := errors.AsType[*statusError](err)
		if status == nil {
			return nil, err
		}
		switch status.status {
		case http.StatusMethodNotAllowed, http.StatusNotImplemented, http.StatusBadRequest, http.StatusForbidden, http.StatusUnsupportedMediaType:
			return func() {}, nil
		case http.StatusLocked:
		default:
			return nil, err
		}
		select {
		case <-time.After(lockPoll):
		case <-ctx.Done():
			return nil, fmt.Errorf("other deliveries hold the folder: %w", err)
		}
	}
}

func (c *client) lock(ctx context.Context, name string) (token string, err error) {
	answer, err := c.do(ctx, request{
		method: "LOCK", path: c.base.Path + name, body: deliver.Bytes([]byte(lockInfo)), size: int64(len(lockInfo)),
		header: map[string]string{
			"Depth": "0", "Content-Type": "application/xml; charset=utf-8",
			"Timeout": fmt.Sprintf("Second-%d", int(lockFor.Seconds())),
		},
	}, http.StatusOK, http.StatusCreated)
	if err != nil {
		return "", err
	}
	defer drain(answer)
	return answer.Header.Get("Lock-Token"), nil
}

// unlockTimeout bounds the request that gives the lock back, also when the call is at its end.
const unlockTimeout = 10 * time.Second

// unlock is a courtesy: the lock ends by itself.
func (c *client) unlock(name, token string) {
	ctx, cancel := context.WithTimeout(context.Background(), unlockTimeout)
	defer cancel()
	answer, err := c.do(ctx, request{method: "UNLOCK", path: c.base.Path + name, header: map[string]string{"Lock-Token": token}}, http.StatusNoContent, http.StatusOK)
	if err == nil {
		drain(answer)
	}
}
