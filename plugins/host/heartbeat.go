package host

import (
	"context"
	"fmt"
	"slices"
	"sync"
	"time"

	goplugin "github.com/hashicorp/go-plugin"
	"google.golang.org/grpc/codes"
	healthv1 "google.golang.org/grpc/health/grpc_health_v1"
	"google.golang.org/grpc/status"
)

// pulse is what the heartbeat knows of a process. It belongs to the heartbeat.
type pulse struct {
	client healthv1.HealthClient // nil: the process cannot be asked
	missed int                   // questions in a row without an answer
	since  time.Time             // when the first of them was asked
	cpu    time.Duration         // what the process had used then
}

// listen finds whom to ask. A plug-in that does not serve health is watched by the
// deadlines of its calls alone.
func (p *pulse) listen(protocol goplugin.ClientProtocol) {
	if c, ok := protocol.(*goplugin.GRPCClient); ok {
		p.client = healthv1.NewHealthClient(c.Conn)
	}
}

// patient is a process with the pool that it belongs to.
type patient struct {
	pool *pool
	*worker
}

// beat asks every process now and then whether it is well, until the host closes, and
// has those replaced that do not answer.
func (h *Host) beat() {
	tick := time.NewTicker(h.config.Heartbeat)
	defer tick.Stop()
	for {
		select {
		case <-h.life.Done():
			return
		case <-tick.C:
		}
		var all sync.WaitGroup
		for _, w := range h.patients() {
			all.Go(func() { h.examine(w) })
		}
		all.Wait()
	}
}

func (h *Host) patients() []patient {
	var all []patient
	for _, p := range h.plugins {
		if pool, _ := p.ready(); pool != nil {
			pool.mu.Lock()
			for _, w := range pool.idle {
				all = append(all, patient{pool, w})
			}
			for w := range pool.busy {
				all = append(all, patient{pool, w})
			}
			pool.mu.Unlock()
		}
	}
	return all
}

// examine asks one process once.
func (h *Host) examine(w patient) {
	if w.pulse.client == nil {
		return
	}
	asked := time.Now()
	ctx, cancel := context.WithTimeout(h.life, h.config.Heartbeat)
	defer cancel()
	_, err := w.pulse.client.Check(ctx, &healthv1.HealthCheckRequest{Service: goplugin.GRPCServiceName})
	switch code := status.Code(err); {
	case w.gone() || h.life.Err() != nil:
	case code == codes.Unimplemented:
		w.pulse.client = nil
	case code == codes.DeadlineExceeded, code == codes.Unavailable:
		h.missed(w, asked)
	default: // whatever it said, it answers
		w.pulse.missed = 0
	}
}

// alive is the CPU time that a busy process must have used since its first missed answer
// to be taken for one that works and does not come to answering: an engine that holds
// its interpreter's lock, or a machine under load.
const aliveCPU = 20 * time.Millisecond

// missed notes a question without an answer, asked at a time. The last of too many ends
// the process.
func (h *Host) missed(w patient, asked time.Time) {
	now := cpuOf(int(w.pid.Load()))
	if w.pulse.missed == 0 {
		w.pulse.since, w.pulse.cpu = asked, now
	}
	w.pulse.missed++
	switch {
	case w.pulse.missed < h.config.Misses:
	case w.pool.works(w.worker) && now-w.pulse.cpu >= aliveCPU:
		w.pulse.missed = 0
		h.log.Debug("plug-in too busy to answer", "plugin", w.pool.plugin.name(), "pid", w.ID())
	default:
		w.pool.lost(w.worker, time.Since(w.pulse.since))
	}
}

// works reports whether a call runs on w.
func (p *pool) works(w *worker) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	_, busy := p.busy[w]
	return busy
}

// lost ends a process that has not answered for a time. One that is idle is replaced
// here; a call that runs on it ends by itself and sees to that.
func (p *pool) lost(w *worker, silent time.Duration) {
	detail := fmt.Sprintf("%s has not answered for %s; its process was replaced", p.plugin.engine(), silent.Round(max(time.Second, silent/10).Truncate(time.Second)))
	w.hung.Store(&detail)
	w.kill()
	p.mu.Lock()
	p.counts.Hung++
	p.trouble(detail)
	i := slices.Index(p.idle, w)
	if i >= 0 {
		p.idle = slices.Delete(p.idle, i, i+1)
	}
	p.mu.Unlock()
	p.host.log.Error("plug-in has stopped answering", "plugin", p.plugin.name(), "engine", p.plugin.about.Engine, "pid", w.ID(), "silent", silent, "busy", i < 0)
	if i >= 0 {
		p.replace(nil, w.writes)
	}
}

// engine names a plug-in by what it wraps.
func (p *plugin) engine() string {
	if p.about.Engine == "" {
		return "plug-in " + p.name()
	}
	return fmt.Sprintf("engine %s of plug-in %s", p.about.Engine, p.name())
}
