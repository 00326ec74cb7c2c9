package main

import (
	"crypto/tls"
	"crypto/x509"
	"encoding/hex"
	"flag"
	"fmt"
	"net"
	"os"
	"strings"
	"time"

	"github.com/pion/dtls/v3"
)

type settings struct {
	address     string
	identity    string
	key         string
	hint        string
	suites      string
	ems         string
	mtu         int
	resume      bool
	cid         int
	padding     int
	certificate string
	privateKey  string
	authority   string
	keyLog      string
	timeout     time.Duration
	times       int
	messages    int
	text        string
	path        string
	payload     string
	handshakes  int
	concurrency int
}

func (s *settings) register(flags *flag.FlagSet) {
	flags.StringVar(&s.address, "address", "127.0.0.1:0", "where a server listens, where a client goes")
	flags.StringVar(&s.identity, "identity", "Client_identity", "PSK identity")
	flags.StringVar(&s.key, "psk", "73656372657450534b", "pre-shared key, hexadecimal")
	flags.StringVar(&s.hint, "hint", "", "server: PSK identity hint; none when empty")
	flags.StringVar(&s.suites, "suites", "C0A8", "cipher suites in order of preference: C0A8,00AE,C037, with certificates C0AE,C0AC,C02B")
	flags.StringVar(&s.ems, "ems", "request", "extended master secret: request, require or never")
	flags.IntVar(&s.mtu, "mtu", 1200, "handshake messages are fragmented to this size")
	flags.BoolVar(&s.resume, "resume", false, "keep sessions and resume them by id")
	flags.IntVar(&s.cid, "cid", -1, "length of the connection id asked for; -1: the extension is not offered")
	flags.IntVar(&s.padding, "padding", 0, "bytes of padding in each record under a connection id")
	flags.StringVar(&s.certificate, "cert", "", "certificates with their chain, PEM, in place of the pre-shared key")
	flags.StringVar(&s.privateKey, "key", "", "private key of -cert, PEM")
	flags.StringVar(&s.authority, "ca", "", "with -cert: authorities that have to have certified the peer, PEM")
	flags.StringVar(&s.keyLog, "keylog", "", "file for an NSS key log")
	flags.DurationVar(&s.timeout, "timeout", 10*time.Second, "for one handshake, one answer")
	flags.IntVar(&s.times, "times", 1, "client: connections, one after the other")
	flags.IntVar(&s.messages, "messages", 1, "echo-client: how often -text is sent on each connection")
	flags.StringVar(&s.text, "text", "hello", "echo-client: what to send")
	flags.StringVar(&s.path, "path", "/hello", "coap-client: path")
	flags.StringVar(&s.payload, "payload", "", "coap-client: makes it a PUT of this; @N means N bytes")
	flags.IntVar(&s.handshakes, "handshakes", 100, "bench: how many")
	flags.IntVar(&s.concurrency, "concurrency", 16, "bench-client: handshakes at a time")
}

var suiteNumbers = map[string]dtls.CipherSuiteID{
	"C0A8": dtls.TLS_PSK_WITH_AES_128_CCM_8,
	"00AE": dtls.TLS_PSK_WITH_AES_128_CBC_SHA256,
	"C037": dtls.TLS_ECDHE_PSK_WITH_AES_128_CBC_SHA256,
	"C0AE": dtls.TLS_ECDHE_ECDSA_WITH_AES_128_CCM_8,
	"C0AC": dtls.TLS_ECDHE_ECDSA_WITH_AES_128_CCM,
	"C02B": dtls.TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256,
}

var emsModes = map[string]dtls.ExtendedMasterSecretType{
	"request": dtls.RequestExtendedMasterSecret,
	"require": dtls.RequireExtendedMasterSecret,
	"never":   dtls.DisableExtendedMasterSecret,
}

// options are the same for both roles; pion gives the identity of a client as "hint".
func (s *settings) options() ([]dtls.Option, error) {
	key, err := hex.DecodeString(s.key)
	if err != nil {
		return nil, fmt.Errorf("-psk: %w", err)
	}
	var suites []dtls.CipherSuiteID
	for _, name := range strings.Split(s.suites, ",") {
		number, known := suiteNumbers[name]
		if !known {
			return nil, fmt.Errorf("-suites: %q is none of C0A8, 00AE, C037, C0AE, C0AC, C02B", name)
		}
		suites = append(suites, number)
	}
	ems, known := emsModes[s.ems]
	if !known {
		return nil, fmt.Errorf("-ems: %q is none of request, require, never", s.ems)
	}
	made := []dtls.Option{
		dtls.WithCipherSuites(suites...),
		dtls.WithExtendedMasterSecret(ems),
		dtls.WithMTU(s.mtu),
	}
	if s.resume {
		made = append(made, dtls.WithSessionStore(newSessions()))
	}
	if s.cid == 0 {
		made = append(made, dtls.WithConnectionIDGenerator(dtls.OnlySendCIDGenerator()))
	} else if s.cid > 0 {
		made = append(made, dtls.WithConnectionIDGenerator(dtls.RandomCIDGenerator(s.cid)))
	}
	if s.padding > 0 {
		made = append(made, dtls.WithPaddingLengthGenerator(func(uint) uint { return uint(s.padding) }))
	}
	if s.keyLog != "" {
		file, err := os.OpenFile(s.keyLog, os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600)
		if err != nil {
			return nil, err
		}
		made = append(made, dtls.WithKeyLogWriter(file))
	}
	if s.certificate != "" {
		certificate, err := tls.LoadX509KeyPair(s.certificate, s.privateKey)
		if err != nil {
			return nil, err
		}
		return append(made, dtls.WithCertificates(certificate)), nil
	}
	return append(made, dtls.WithPSK(func([]byte) ([]byte, error) { return key, nil })), nil
}

func (s *settings) authorities() (*x509.CertPool, error) {
	pem, err := os.ReadFile(s.authority)
	if err != nil {
		return nil, err
	}
	pool := x509.NewCertPool()
	if !pool.AppendCertsFromPEM(pem) {
		return nil, fmt.Errorf("-ca: no certificate in %s", s.authority)
	}
	return pool, nil
}

func (s *settings) clientOptions() ([]dtls.ClientOption, error) {
	shared, err := s.options()
	if err != nil {
		return nil, err
	}
	made := []dtls.ClientOption{}
	for _, option := range shared {
		made = append(made, option)
	}
	if s.certificate == "" {
		return append(made, dtls.WithPSKIdentityHint([]byte(s.identity))), nil
	}
	authorities, err := s.authorities()
	if err != nil {
		return nil, err
	}
	host, _, err := net.SplitHostPort(s.address)
	if err != nil {
		return nil, err
	}
	return append(made, dtls.WithRootCAs(authorities), dtls.WithServerName(host)), nil
}

func (s *settings) serverOptions() ([]dtls.ServerOption, error) {
	shared, err := s.options()
	if err != nil {
		return nil, err
	}
	key, err := hex.DecodeString(s.key)
	if err != nil {
		return nil, err
	}
	made := []dtls.ServerOption{}
	for _, option := range shared {
		made = append(made, option)
	}
	if s.certificate != "" {
		authorities, err := s.authorities()
		if err != nil {
			return nil, err
		}
		return append(made, dtls.WithClientCAs(authorities), dtls.WithClientAuth(dtls.RequireAndVerifyClientCert)), nil
	}
	made = append(made, dtls.WithPSK(func(identity []byte) ([]byte, error) {
		if string(identity) != s.identity {
			return nil, fmt.Errorf("no key for identity %q", identity)
		}
		return key, nil
	}))
	if s.hint != "" {
		made = append(made, dtls.WithPSKIdentityHint([]byte(s.hint)))
	}
	return made, nil
}

func (s *settings) udpAddress() (*net.UDPAddr, error) {
	return net.ResolveUDPAddr("udp4", s.address)
}
