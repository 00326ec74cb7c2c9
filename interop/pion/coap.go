package main

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"strconv"
	"strings"

	"github.com/pion/dtls/v3"
	coap "github.com/plgd-dev/go-coap/v3/dtls"
	"github.com/plgd-dev/go-coap/v3/message"
	"github.com/plgd-dev/go-coap/v3/message/codes"
	"github.com/plgd-dev/go-coap/v3/mux"
	coapNet "github.com/plgd-dev/go-coap/v3/net"
	"github.com/plgd-dev/go-coap/v3/options"
	udp "github.com/plgd-dev/go-coap/v3/udp/client"
)

// pattern is n bytes that tell where they belong.
func pattern(n int) []byte {
	made := make([]byte, n)
	for i := range made {
		made[i] = byte(32 + i%90)
	}
	return made
}

func (s *settings) body() ([]byte, error) {
	if !strings.HasPrefix(s.payload, "@") {
		return []byte(s.payload), nil
	}
	length, err := strconv.Atoi(s.payload[1:])
	if err != nil {
		return nil, err
	}
	return pattern(length), nil
}

func coapClient(s *settings) error {
	clientOptions, err := s.clientOptions()
	if err != nil {
		return err
	}
	for range s.times {
		conn, err := s.dial(clientOptions)
		if err != nil {
			return err
		}
		say(described("session", conn))
		if err := s.exchange(coap.Client(conn, options.WithCloseSocket())); err != nil {
			return err
		}
	}
	say(event{"event": "done"})
	return nil
}

func (s *settings) exchange(client *udp.Conn) error {
	ctx, cancel := context.WithTimeout(context.Background(), s.timeout)
	defer cancel()
	// Close sends close_notify; Done tells when it is out.
	defer func() {
		_ = client.Close()
		<-client.Done()
	}()
	ask := func() (interface {
		Code() codes.Code
		ReadBody() ([]byte, error)
	}, error) {
		if s.payload == "" {
			return client.Get(ctx, s.path)
		}
		body, err := s.body()
		if err != nil {
			return nil, err
		}
		return client.Put(ctx, s.path, message.TextPlain, bytes.NewReader(body))
	}
	answer, err := ask()
	if err != nil {
		return err
	}
	body, err := answer.ReadBody()
	if err != nil {
		return err
	}
	say(event{"event": "response", "code": answer.Code().String(), "length": len(body), "text": string(body)})
	return nil
}

func coapServer(s *settings) error {
	serverOptions, err := s.serverOptions()
	if err != nil {
		return err
	}
	listener, err := coapNet.NewDTLSListener("udp4", s.address, coapNet.NewDTLSServerOptions(serverOptions...))
	if err != nil {
		return err
	}
	address := listener.Addr().String()
	port, err := strconv.Atoi(address[strings.LastIndex(address, ":")+1:])
	if err != nil {
		return err
	}
	say(event{"event": "ready", "port": port})
	onConnection := func(conn *udp.Conn) {
		if secured, ok := conn.NetConn().(*dtls.Conn); ok {
			say(described("session", secured))
		}
	}
	return coap.NewServer(options.WithMux(routes()), options.WithOnNewConn(onConnection)).Serve(listener)
}

func routes() *mux.Router {
	router := mux.NewRouter()
	answer := func(path string, handle func(mux.ResponseWriter, *mux.Message) error) {
		err := router.Handle(path, mux.HandlerFunc(func(w mux.ResponseWriter, r *mux.Message) {
			if err := handle(w, r); err != nil {
				say(event{"event": "problem", "path": path, "error": err.Error()})
			}
		}))
		if err != nil {
			panic(err)
		}
	}
	answer("/hello", func(w mux.ResponseWriter, _ *mux.Message) error {
		return w.SetResponse(codes.Content, message.TextPlain, strings.NewReader("hello from go-coap"))
	})
	answer("/large", func(w mux.ResponseWriter, _ *mux.Message) error {
		return w.SetResponse(codes.Content, message.TextPlain, bytes.NewReader(pattern(10240)))
	})
	answer("/sink", func(w mux.ResponseWriter, r *mux.Message) error {
		length := int64(0)
		if r.Body() != nil {
			copied, err := io.Copy(io.Discard, r.Body())
			if err != nil {
				return err
			}
			length = copied
		}
		return w.SetResponse(codes.Changed, message.TextPlain, strings.NewReader(fmt.Sprint(length)))
	})
	return router
}
