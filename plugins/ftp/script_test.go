package main

import (
	"io"
	"net"
	"net/textproto"
	"testing"

	"github.com/jlaffaye/ftp"
)

// script is a server of a bubble, over pipes.
type script struct {
	answer func(command string) []string // nil: nothing that it knows
	list   string                        // what every list holds
	begun  bool
}

// session is one of a user who is logged in.
func (s *script) session(t testing.TB) *files {
	t.Helper()
	c, err := ftp.Dial("of the bubble:21", ftp.DialWithDialFunc(s.dial))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = c.Quit() })
	return &files{ftp: c, pace: usual}
}

func (s *script) dial(_, _ string) (net.Conn, error) {
	client, server := net.Pipe()
	if s.begun {
		go s.give(server)
	} else {
		s.begun = true
		go s.talk(server)
	}
	return pipe{client}, nil
}

// pipe has an address of the type that the library counts on.
type pipe struct{ net.Conn }

func (pipe) RemoteAddr() net.Addr { return &net.TCPAddr{} }

func (s *script) give(conn net.Conn) {
	_, _ = io.WriteString(conn, s.list)
	_ = conn.Close()
}

func (s *script) talk(conn net.Conn) {
	text := textproto.NewConn(conn)
	defer text.Close()
	_ = text.PrintfLine("220 ready")
	for {
		command, err := text.ReadLine()
		if err != nil {
			return
		}
		answers := s.answer(command)
		if answers == nil {
			answers = []string{"502 " + command + " is not known"}
		}
		for _, a := range answers {
			_ = text.PrintfLine("%s", a)
		}
	}
}
