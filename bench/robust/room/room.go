// Package room makes a small network for a fault run: two servers, each in a network
// namespace of its own, and the caller's machine with two addresses, one for clients and
// one for the desk, from which the run itself looks at the servers. A router stands
// between all of them, and drops without a word what it is told to drop, in one direction
// or in both, as a broken switch or a firewall does.
//
// It needs root and the command ip, nothing else.
package room

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"strings"
	"time"
)

// Who is in the room.
const (
	North   = "north"
	South   = "south"
	Clients = "clients"
	Desk    = "desk"
)

// Room is a running network.
type Room struct {
	tag    string
	street int // apart from those of other rooms on this machine
	cuts   map[[2]string]bool
}

// Address is where somebody is reached: in the block that is set apart for tests of
// networks (RFC 2544).
func (r *Room) Address(who string) string {
	if who == Desk {
		return r.network(Clients) + ".3"
	}
	return r.network(who) + ".2"
}

// network is the first three numbers of the addresses at somebody's cable.
func (r *Room) network(who string) string {
	house := map[string]int{North: 1, South: 2, Clients: 3}[who]
	return fmt.Sprintf("198.18.%d", 4*r.street+house)
}

func (r *Room) gateway(who string) string { return r.network(who) + ".1" }

// Open makes the network.
func Open(ctx context.Context) (*Room, error) {
	if os.Geteuid() != 0 {
		return nil, errors.New("network namespaces need root")
	}
	if _, err := exec.LookPath("ip"); err != nil {
		return nil, errors.New("the command ip is missing (package iproute2)")
	}
	r := &Room{tag: fmt.Sprintf("tl%d", os.Getpid()%100000), street: os.Getpid() % 63, cuts: map[[2]string]bool{}}
	if err := r.build(ctx); err != nil {
		return nil, errors.Join(fmt.Errorf("make a network: %w", err), r.Close())
	}
	return r, nil
}

func (r *Room) build(ctx context.Context) error {
	steps := []string{"netns add " + r.space("router")}
	for _, who := range []string{North, South} {
		steps = append(steps, "netns add "+r.space(who))
	}
	for _, who := range []string{North, South, Clients} {
		steps = append(steps, r.cable(who)...)
	}
	steps = append(steps, "addr add "+r.Address(Desk)+"/24 dev "+r.wire(Clients, "a"))
	for _, who := range []string{North, South} {
		steps = append(steps, "route add "+r.network(who)+".0/24 via "+r.gateway(Clients))
	}
	for _, step := range steps {
		if err := ip(ctx, step); err != nil {
			return err
		}
	}
	forward := append(r.Exec("router"), "sh", "-c", "echo 1 >/proc/sys/net/ipv4/ip_forward")
	if out, err := exec.CommandContext(ctx, forward[0], forward[1:]...).CombinedOutput(); err != nil {
		return fmt.Errorf("let the router forward: %w: %s", err, out)
	}
	return nil
}

// cable joins somebody to the router. The caller's own end stays where the caller is.
func (r *Room) cable(who string) []string {
	a, b, router := r.wire(who, "a"), r.wire(who, "b"), r.space("router")
	at := ""
	out := []string{"link add " + a + " type veth peer name " + b, "link set " + b + " netns " + router}
	if who != Clients {
		at = "-n " + r.space(who) + " "
		out = append(out, "link set "+a+" netns "+r.space(who), at+"link set lo up")
	}
	out = append(out,
		at+"addr add "+r.Address(who)+"/24 dev "+a, at+"link set "+a+" up",
		"-n "+router+" addr add "+r.gateway(who)+"/24 dev "+b, "-n "+router+" link set "+b+" up")
	if who != Clients {
		out = append(out, at+"route add default via "+r.gateway(who))
	}
	return out
}

func (r *Room) space(who string) string { return r.tag + "-" + who }

// wire is the name of one end of a cable; the kernel wants it short.
func (r *Room) wire(who, end string) string { return r.tag + who[:1] + end }

// Exec is what goes in front of a command that shall run in a server's place.
func (r *Room) Exec(who string) []string { return []string{"ip", "netns", "exec", r.space(who)} }

// Cut drops whatever goes from one to another from now on, without a word to either.
func (r *Room) Cut(ctx context.Context, from, to string) error {
	way := [2]string{from, to}
	if r.cuts[way] {
		return nil
	}
	r.cuts[way] = true
	return ip(ctx, r.rule("add", way))
}

// Mend undoes Cut.
func (r *Room) Mend(ctx context.Context, from, to string) error {
	way := [2]string{from, to}
	if !r.cuts[way] {
		return nil
	}
	delete(r.cuts, way)
	return ip(ctx, r.rule("del", way))
}

// MendAll undoes every Cut.
func (r *Room) MendAll(ctx context.Context) error {
	var errs []error
	for way := range r.cuts {
		errs = append(errs, r.Mend(ctx, way[0], way[1]))
	}
	return errors.Join(errs...)
}

func (r *Room) rule(verb string, way [2]string) string {
	return fmt.Sprintf("-n %s rule %s from %s to %s blackhole", r.space("router"), verb, r.Address(way[0]), r.Address(way[1]))
}

// Close takes the network down. Whoever runs in it must have ended.
func (r *Room) Close() error {
	ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
	defer cancel()
	_ = ip(ctx, "link del "+r.wire(Clients, "a")) // may not be there yet
	for _, who := range []string{North, South, "router"} {
		_ = ip(ctx, "netns del "+r.space(who))
	}
	return nil
}

func ip(ctx context.Context, line string) error {
	out, err := exec.CommandContext(ctx, "ip", strings.Fields(line)...).CombinedOutput()
	if err != nil {
		return fmt.Errorf("ip %s: %w: %s", line, err, strings.TrimSpace(string(out)))
	}
	return nil
}
