package journal

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"math"
	"os"
	"path/filepath"
	"strconv"
	"time"

	"github.com/nats-io/nats-server/v2/server"
	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
)

const (
	streamName  = "JOURNAL"
	subject     = "j"
	startWithin = time.Minute // a crash start reads all blocks once

	// pollWrite is how often a write that has no answer looks whether the store
	// has given up: JetStream does not answer a publish that it could not write.
	pollWrite = 100 * time.Millisecond
)

// blockDir is where the engine keeps its blocks below the journal's folder.
func blockDir(dir string) string {
	return filepath.Join(dir, "jetstream", "$G", "streams", streamName, "msgs")
}

// engine is one embedded NATS server with one stream and one connection to it.
// It opens no socket.
type engine struct {
	srv  *server.Server
	log  *natsLog
	nc   *nats.Conn
	js   jetstream.JetStream
	acks *nats.Subscription // answers to the one write that is under way
	gone chan struct{}      // closed when the engine stops
}

// engineState is what the stream says of itself.
type engineState struct {
	first, last, messages Seq
	deleted               int
}

// startEngine starts the server on dir. first is the sequence of the first
// message of a stream that does not exist yet.
func startEngine(ctx context.Context, dir string, first Seq, log *slog.Logger, smallBlocks bool) (*engine, error) {
	srv, err := server.NewServer(&server.Options{
		ServerName: "journal",
		DontListen: true,
		NoSigs:     true,
		JetStream:  true,
		StoreDir:   dir,
		SyncAlways: true,
		MaxPayload: frameMax + 4096,
		// Space is watched by the journal itself.
		JetStreamMaxStore:  math.MaxInt64 / 2,
		JetStreamMaxMemory: 1 << 20,
	})
	if err != nil {
		return nil, fmt.Errorf("start the journal's engine in %s: %w", dir, err)
	}
	if _, err := os.Stat(blockDir(dir)); err == nil {
		smallBlocks = false // the limit that makes them would drop what is there
	}
	e := &engine{srv: srv, log: &natsLog{log: log}, gone: make(chan struct{})}
	srv.SetLoggerV2(e.log, false, false, false)
	srv.Start() // comes back when the server is up
	if !srv.ReadyForConnections(startWithin) || !srv.JetStreamEnabled() {
		e.stop()
		return nil, fmt.Errorf("start the journal's engine in %s: it did not come up; its log lines say why", dir)
	}
	if err := e.connect(ctx, first, smallBlocks); err != nil {
		e.stop()
		return nil, fmt.Errorf("open the journal's stream in %s: %w", dir, err)
	}
	return e, nil
}

func (e *engine) connect(ctx context.Context, first Seq, smallBlocks bool) error {
	nc, err := nats.Connect("", nats.InProcessServer(e.srv), nats.NoReconnect(),
		nats.ErrorHandler(func(_ *nats.Conn, _ *nats.Subscription, err error) {
			e.log.log.Debug("journal engine's connection", "err", err)
		}))
	if err != nil {
		return err
	}
	e.nc = nc
	if e.acks, err = nc.SubscribeSync(nc.NewRespInbox()); err != nil {
		return err
	}
	if e.js, err = jetstream.New(nc); err != nil {
		return err
	}
	ctx, cancel := context.WithTimeout(ctx, startWithin)
	defer cancel()
	cfg := jetstream.StreamConfig{
		Name:               streamName,
		Subjects:           []string{subject},
		Retention:          jetstream.LimitsPolicy,
		Storage:            jetstream.FileStorage,
		Replicas:           1,
		DenyDelete:         true,
		AllowDirect:        true,
		AllowAtomicPublish: true,
		FirstSeq:           uint64(first),
		MaxBytes:           -1,
	}
	if smallBlocks {
		// The engine derives 32 kB blocks from a small limit and keeps them for as
		// long as it runs, also when the limit is lifted at once.
		cfg.MaxBytes = 100_000
		if _, err := e.js.CreateStream(ctx, cfg); err != nil {
			return err
		}
		cfg.MaxBytes = -1
	}
	_, err = e.js.Stream(ctx, streamName)
	switch {
	case errors.Is(err, jetstream.ErrStreamNotFound):
		// New, or its meta file is damaged: then this adopts the blocks again.
		_, err = e.js.CreateStream(ctx, cfg)
	case err == nil:
		var si *jetstream.StreamInfo
		if si, err = e.info(ctx); err == nil {
			cfg.FirstSeq = si.Config.FirstSeq
			_, err = e.js.UpdateStream(ctx, cfg)
		}
	}
	return err
}

func (e *engine) info(ctx context.Context) (*jetstream.StreamInfo, error) {
	s, err := e.js.Stream(ctx, streamName)
	if err != nil {
		return nil, err
	}
	return s.CachedInfo(), nil
}

func (e *engine) state(ctx context.Context) (engineState, error) {
	si, err := e.info(ctx)
	if err != nil {
		return engineState{}, err
	}
	s := si.State
	return engineState{Seq(s.FirstSeq), Seq(s.LastSeq), Seq(s.Msgs), s.NumDeleted}, nil
}

// put writes one frame behind last and waits until it is on disk.
func (e *engine) put(ctx context.Context, last Seq, raw []byte) error {
	m := &nats.Msg{Subject: subject, Data: raw, Header: nats.Header{}}
	m.Header.Set(jetstream.ExpectedLastSeqHeader, strconv.FormatUint(uint64(last), 10))
	return e.publish(ctx, m, last+1)
}

// putBatch writes frames behind last, all or none, and waits until they are on disk.
func (e *engine) putBatch(ctx context.Context, last Seq, frames [][]byte) error {
	id := strconv.FormatUint(uint64(last+1), 36)
	for i, raw := range frames {
		m := &nats.Msg{Subject: subject, Data: raw, Header: nats.Header{}}
		m.Header.Set("Nats-Batch-Id", id)
		m.Header.Set("Nats-Batch-Sequence", strconv.Itoa(i+1))
		if i == 0 {
			m.Header.Set(jetstream.ExpectedLastSeqHeader, strconv.FormatUint(uint64(last), 10))
		}
		if i == len(frames)-1 {
			m.Header.Set("Nats-Batch-Commit", "1")
			return e.publish(ctx, m, last+Seq(len(frames)))
		}
		if err := e.nc.PublishMsg(m); err != nil {
			return err
		}
	}
	return nil
}

// publish sends m and waits for the word that sequence want is on disk. After
// an error the engine has to be started anew: the answer may still come.
func (e *engine) publish(ctx context.Context, m *nats.Msg, want Seq) error {
	m.Reply = e.acks.Subject
	lines := e.log.errors.Load()
	if err := e.nc.PublishMsg(m); err != nil {
		return err
	}
	for {
		wait, cancel := context.WithTimeout(ctx, pollWrite)
		answer, err := e.acks.NextMsgWithContext(wait)
		cancel()
		switch {
		case err == nil:
			return checkAck(answer, want)
		case ctx.Err() != nil:
			return ctx.Err()
		case !errors.Is(err, context.DeadlineExceeded):
			return err
		}
		if e.givenUp(lines) {
			return errors.New("the engine gave the write up; its log lines say why")
		}
	}
}

// givenUp reports whether the engine, which says nothing to a write that it
// could not do, has logged an error since lines were counted or has switched
// itself off. Starting it again tells what became of the write.
func (e *engine) givenUp(lines int64) bool {
	return e.log.errors.Load() > lines || !e.srv.JetStreamEnabled()
}

// purge drops every message below before.
func (e *engine) purge(ctx context.Context, before Seq) error {
	s, err := e.js.Stream(ctx, streamName)
	if err != nil {
		return err
	}
	return s.Purge(ctx, jetstream.WithPurgeSequence(uint64(before)))
}

// stop ends the server; nothing of it runs when it returns.
func (e *engine) stop() {
	close(e.gone)
	if e.nc != nil {
		e.nc.Close()
	}
	e.srv.Shutdown()
	e.srv.WaitForShutdown()
}
