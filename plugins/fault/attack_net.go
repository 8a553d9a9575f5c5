package main

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/netip"
	"os"
	"strconv"
	"strings"
	"time"
	"unsafe"

	"golang.org/x/sys/unix"

	"github.com/twinleaf-scan/twinleaf/sdk"
	pluginv2 "github.com/twinleaf-scan/twinleaf/sdk/proto/v2"
)

// patience bounds what waits for others.
const patience = 2 * time.Second

// socket makes a socket of the family that arg names.
func socket(_ context.Context, c deedCall) (string, error) {
	kinds := map[string][3]int{
		"netlink": {unix.AF_NETLINK, unix.SOCK_RAW, unix.NETLINK_ROUTE},
		"vsock":   {unix.AF_VSOCK, unix.SOCK_STREAM, 0},
		"raw":     {unix.AF_INET, unix.SOCK_RAW, unix.IPPROTO_ICMP},
		"packet":  {unix.AF_PACKET, unix.SOCK_RAW, 0},
		"crypto":  {unix.AF_ALG, unix.SOCK_SEQPACKET, 0},
		"inet6":   {unix.AF_INET6, unix.SOCK_STREAM, 0},
	}
	k, known := kinds[c.arg]
	if !known {
		return "", sdk.Refuse("unknown-attack", "", "no family is called %q", c.arg)
	}
	fd, err := unix.Socket(k[0], k[1], k[2])
	if err != nil {
		return "", err
	}
	return "a socket", unix.Close(fd)
}

func tcp(_ context.Context, c deedCall) (string, error) { return connectTo(c.arg, unix.IPPROTO_TCP) }

func mptcp(_ context.Context, c deedCall) (string, error) {
	return connectTo(c.arg, unix.IPPROTO_MPTCP)
}

func connectTo(address string, protocol int) (string, error) {
	to, err := netip.ParseAddrPort(address)
	if err != nil {
		return "", err
	}
	fd, err := unix.Socket(unix.AF_INET, unix.SOCK_STREAM, protocol)
	if err != nil {
		return "", err
	}
	defer unix.Close(fd)
	return "a connection", unix.Connect(fd, &unix.SockaddrInet4{Addr: to.Addr().As4(), Port: int(to.Port())})
}

func udp(_ context.Context, c deedCall) (string, error) {
	conn, err := net.DialTimeout("udp", c.arg, patience)
	if err != nil {
		return "", err
	}
	defer conn.Close()
	_, err = conn.Write([]byte("evil"))
	return "a packet out", err
}

func listenTCP(context.Context, deedCall) (string, error) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return "", err
	}
	return "a port", l.Close()
}

// unixSocket connects to a path, or to a name that begins with @.
func unixSocket(_ context.Context, c deedCall) (string, error) {
	conn, err := net.DialTimeout("unix", c.arg, patience)
	if err != nil {
		return "", err
	}
	defer conn.Close()
	if _, err := io.WriteString(conn, "CONNECT 127.0.0.1:1 HTTP/1.1\r\nHost: 127.0.0.1:1\r\n\r\n"); err != nil {
		return "", err
	}
	_ = conn.SetReadDeadline(time.Now().Add(patience))
	_, err = conn.Read(make([]byte, 1))
	return "an answer", err
}

// foreignNumbers makes a socket by the number that the call has for x32 programs.
func foreignNumbers(context.Context, deedCall) (string, error) {
	const x32 = 0x40000000
	fd, _, errno := unix.RawSyscall(x32|unix.SYS_SOCKET, unix.AF_INET, unix.SOCK_STREAM, 0)
	if errno != 0 {
		return "", errno
	}
	return "a socket", unix.Close(int(fd))
}

// ioURing sets up a ring, by which calls are made past a filter of calls.
func ioURing(context.Context, deedCall) (string, error) {
	var params [120]byte
	fd, _, errno := unix.Syscall(unix.SYS_IO_URING_SETUP, 4, uintptr(unsafe.Pointer(&params)), 0)
	if errno != 0 {
		return "", errno
	}
	return "a ring", unix.Close(int(fd))
}

// reach asks for a connection to host:port in the proper way.
func reach(ctx context.Context, c deedCall) (string, error) {
	conn, err := sdk.Dial(ctx, c.arg)
	if err != nil {
		return "", err
	}
	return "a connection", conn.Close()
}

// get asks for a page by HTTP, wherever that leads.
func get(ctx context.Context, c deedCall) (string, error) {
	answer, err := sdk.HTTP(ctx).Get(c.arg)
	if err != nil {
		return "", err
	}
	defer answer.Body.Close()
	return answer.Status, nil
}

// proxy says the quoted string arg to the process's way out, and waits for the answer
// that opens a tunnel.
func proxy(_ context.Context, c deedCall) (string, error) {
	words, err := strconv.Unquote(c.arg)
	if err != nil {
		return "", sdk.Refuse("unknown-attack", "", "%s: %v", c.arg, err)
	}
	way := os.Getenv(pluginv2.EgressKey)
	if way == "" {
		return "", errors.New("no proxy")
	}
	conn, err := net.DialTimeout("unix", way, patience)
	if err != nil {
		return "", err
	}
	defer conn.Close()
	_ = conn.SetDeadline(time.Now().Add(patience))
	if _, err := io.WriteString(conn, words); err != nil {
		return "", err
	}
	status, err := bufio.NewReader(conn).ReadString('\n')
	if err != nil {
		return "", fmt.Errorf("no answer: %w", err)
	}
	if strings.Contains(status, " 200 ") {
		return "a tunnel", nil
	}
	return "", errors.New(word(status, 1))
}
