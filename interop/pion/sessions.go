package main

import (
	"sync"

	"github.com/pion/dtls/v3"
)

// sessions keeps what resumption needs: a client's by the server's address, a server's by session id.
type sessions struct {
	lock sync.Mutex
	kept map[string]dtls.Session
}

func newSessions() *sessions { return &sessions{kept: map[string]dtls.Session{}} }

func (s *sessions) Set(key []byte, session dtls.Session) error {
	s.lock.Lock()
	defer s.lock.Unlock()
	s.kept[string(key)] = session
	return nil
}

func (s *sessions) Get(key []byte) (dtls.Session, error) {
	s.lock.Lock()
	defer s.lock.Unlock()
	return s.kept[string(key)], nil
}

func (s *sessions) Del(key []byte) error {
	s.lock.Lock()
	defer s.lock.Unlock()
	delete(s.kept, string(key))
	return nil
}
