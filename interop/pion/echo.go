package main

import (
	"context"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"net"
	"time"

	"github.com/pion/dtls/v3"
)

// described says what a finished handshake agreed on.
func described(name string, conn *dtls.Conn) event {
	what := event{"event": name, "peer": conn.RemoteAddr().String()}
	if state, ok := conn.ConnectionState(); ok {
		what["suite"] = fmt.Sprintf("%04X", uint16(state.CipherSuiteID))
		what["sessionId"] = hex.EncodeToString(state.SessionID)
		what["identityHint"] = string(state.IdentityHint)
	}
	return what
}

func (s *settings) dial(options []dtls.ClientOption) (*dtls.Conn, error) {
	address, err := s.udpAddress()
	if err != nil {
		return nil, err
	}
	conn, err := dtls.DialWithOptions("udp4", address, options...)
	if err != nil {
		return nil, err
	}
	ctx, cancel := context.WithTimeout(context.Background(), s.timeout)
	defer cancel()
	if err := conn.HandshakeContext(ctx); err != nil {
		return nil, errors.Join(err, conn.Close())
	}
	return conn, nil
}

func echoClient(s *settings) error {
	options, err := s.clientOptions()
	if err != nil {
		return err
	}
	for range s.times {
		conn, err := s.dial(options)
		if err != nil {
			return err
		}
		say(described("session", conn))
		for range s.messages {
			if err := s.ask(conn); err != nil {
				return err
			}
		}
		if err := conn.Close(); err != nil {
			return err
		}
	}
	say(event{"event": "done"})
	return nil
}

// ask sends -text and prints what comes back.
func (s *settings) ask(conn *dtls.Conn) error {
	if _, err := conn.Write([]byte(s.text)); err != nil {
		return err
	}
	if err := conn.SetReadDeadline(time.Now().Add(s.timeout)); err != nil {
		return err
	}
	buffer := make([]byte, 16384)
	length, err := conn.Read(buffer)
	if err != nil {
		return err
	}
	say(event{"event": "data", "text": string(buffer[:length])})
	return nil
}

func (s *settings) listen() (net.Listener, error) {
	address, err := s.udpAddress()
	if err != nil {
		return nil, err
	}
	options, err := s.serverOptions()
	if err != nil {
		return nil, err
	}
	listener, err := dtls.ListenWithOptions("udp4", address, options...)
	if err != nil {
		return nil, err
	}
	say(event{"event": "ready", "port": listener.Addr().(*net.UDPAddr).Port})
	return listener, nil
}

func echoServer(s *settings) error {
	listener, err := s.listen()
	if err != nil {
		return err
	}
	for {
		accepted, err := listener.Accept()
		if err != nil {
			return err
		}
		go s.echo(accepted.(*dtls.Conn))
	}
}

func (s *settings) echo(conn *dtls.Conn) {
	ctx, cancel := context.WithTimeout(context.Background(), s.timeout)
	defer cancel()
	peer := conn.RemoteAddr().String()
	if err := conn.HandshakeContext(ctx); err != nil {
		say(event{"event": "refused", "peer": peer, "error": err.Error()})
		_ = conn.Close()
		return
	}
	say(described("session", conn))
	buffer := make([]byte, 16384)
	for {
		length, err := conn.Read(buffer)
		if err != nil {
			what := event{"event": "closed", "peer": peer}
			if !errors.Is(err, io.EOF) {
				what["error"] = err.Error()
			}
			say(what)
			_ = conn.Close()
			return
		}
		if now := conn.RemoteAddr().String(); now != peer {
			peer = now
			say(event{"event": "moved", "peer": peer})
		}
		if _, err := conn.Write(buffer[:length]); err != nil {
			say(event{"event": "closed", "peer": peer, "error": err.Error()})
			return
		}
	}
}
