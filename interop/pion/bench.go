package main

import (
	"context"
	"os"
	"runtime"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"time"

	"github.com/pion/dtls/v3"
)

// cpu is what this process used so far, user and system.
func cpu() time.Duration {
	var used syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &used); err != nil {
		panic(err)
	}
	return time.Duration(used.Utime.Nano() + used.Stime.Nano())
}

// resident is the memory of this process in bytes, after a collection.
func resident() int64 {
	runtime.GC()
	runtime.GC()
	text, err := os.ReadFile("/proc/self/statm")
	if err != nil {
		panic(err)
	}
	pages, err := strconv.ParseInt(strings.Fields(string(text))[1], 10, 64)
	if err != nil {
		panic(err)
	}
	return pages * int64(os.Getpagesize())
}

type meter struct {
	cpu      time.Duration
	resident int64
	began    time.Time
}

func startMeter() meter { return meter{resident: resident(), cpu: cpu(), began: time.Now()} }

// report is taken while all sessions are open.
func (m meter) report(role string, handshakes int, failed int) {
	used := cpu() - m.cpu
	wall := time.Since(m.began)
	memory := resident() - m.resident
	say(event{
		"event":                  "bench",
		"role":                   role,
		"handshakes":             handshakes,
		"failed":                 failed,
		"cpuSeconds":             used.Seconds(),
		"wallSeconds":            wall.Seconds(),
		"handshakesPerCpuSecond": float64(handshakes) / used.Seconds(),
		"bytesPerSession":        float64(memory) / float64(handshakes),
	})
}

func benchClient(s *settings) error {
	options, err := s.clientOptions()
	if err != nil {
		return err
	}
	measured := startMeter()
	var lock sync.Mutex
	open := make([]*dtls.Conn, 0, s.handshakes)
	failed := 0
	turns := make(chan struct{}, s.handshakes)
	for range s.handshakes {
		turns <- struct{}{}
	}
	close(turns)
	var working sync.WaitGroup
	for range s.concurrency {
		working.Go(func() {
			for range turns {
				conn, err := s.dial(options)
				lock.Lock()
				if err != nil {
					failed++
				} else {
					open = append(open, conn)
				}
				lock.Unlock()
			}
		})
	}
	working.Wait()
	measured.report("client", len(open), failed)
	for _, conn := range open {
		_ = conn.Close()
	}
	return nil
}

// benchServer holds every session open until the last handshake is done.
func benchServer(s *settings) error {
	listener, err := s.listen()
	if err != nil {
		return err
	}
	measured := startMeter()
	results := make(chan *dtls.Conn, s.handshakes)
	go func() {
		for {
			accepted, err := listener.Accept()
			if err != nil {
				return
			}
			go func() {
				conn := accepted.(*dtls.Conn)
				ctx, cancel := context.WithTimeout(context.Background(), s.timeout)
				defer cancel()
				if err := conn.HandshakeContext(ctx); err != nil {
					_ = conn.Close()
					results <- nil
					return
				}
				results <- conn
			}()
		}
	}()
	open := make([]*dtls.Conn, 0, s.handshakes)
	failed := 0
	for len(open)+failed < s.handshakes {
		if conn := <-results; conn == nil {
			failed++
		} else {
			open = append(open, conn)
		}
	}
	measured.report("server", len(open), failed)
	for _, conn := range open {
		_ = conn.Close()
	}
	return listener.Close()
}
