// Command muster-pion is an independent DTLS peer: pion/dtls, alone or under go-coap, in either role, with pre-shared keys or certificates.
// It prints one JSON object a line; what it cannot do it prints as {"event":"failed","error":...} and ends with 1.
package main

import (
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"os"
	"sync"
)

var usage = `usage: muster-pion COMMAND [flags]
  echo-server    DTLS that sends back what it gets
  echo-client    sends -text over DTLS and prints what comes back, -times connections one after the other
  coap-server    go-coap over DTLS: GET /hello, /large, PUT and POST /sink
  coap-client    a GET or PUT of -path over DTLS, -times connections one after the other
  bench-server   accepts -handshakes handshakes and prints what they cost
  bench-client   makes -handshakes handshakes and prints what they cost
`

var commands = map[string]func(*settings) error{
	"echo-server":  echoServer,
	"echo-client":  echoClient,
	"coap-server":  coapServer,
	"coap-client":  coapClient,
	"bench-server": benchServer,
	"bench-client": benchClient,
}

type event map[string]any

var printing sync.Mutex

// say prints one line. Several goroutines do.
func say(what event) {
	line, err := json.Marshal(what)
	if err != nil {
		panic(err)
	}
	printing.Lock()
	defer printing.Unlock()
	fmt.Println(string(line))
}

func main() {
	if len(os.Args) < 2 {
		fmt.Fprint(os.Stderr, usage)
		os.Exit(2)
	}
	run, known := commands[os.Args[1]]
	if !known {
		fmt.Fprint(os.Stderr, usage)
		os.Exit(2)
	}
	given := &settings{}
	flags := flag.NewFlagSet(os.Args[1], flag.ContinueOnError)
	given.register(flags)
	if err := flags.Parse(os.Args[2:]); err != nil {
		if errors.Is(err, flag.ErrHelp) {
			return
		}
		os.Exit(2)
	}
	if err := run(given); err != nil {
		say(event{"event": "failed", "error": err.Error()})
		os.Exit(1)
	}
}
