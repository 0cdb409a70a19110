// Programs around the official Go client, for the suite `clients-go`.
//
//	go-clients PROGRAM [ARGUMENTS]     JSON in, and as its last line {"calls": N, "result": ..}
package main

import (
	"fmt"
	"os"
)

// Each reads standard input and gives what it found; what it reads and gives is told with it.
var programs = map[string]func(*session, []string) (any, error){
	"consumer":       consume,       // consumer.go
	"consumer-group": consumerGroup, // consumer_group.go
	"context":        context,       // context.go
	"cursors":        cursors,       // cursors.go
	"histograms":     histograms,    // search.go
	"index":          index,         // index.go
	"producer":       produce,       // producer.go
	"pull":           pull,          // pull.go
	"put":            put,           // put.go
	"refusal":        refusal,       // refusal.go
	"resources":      resources,     // resources.go
	"search":         search,        // search.go
	"shards":         shards,        // shards.go
}

func main() {
	if err := run(os.Args[1:]); err != nil {
		fmt.Fprintln(os.Stderr, "go-clients:", err)
		os.Exit(1)
	}
}

func run(args []string) error {
	if len(args) == 0 {
		return fmt.Errorf("which program?")
	}
	program, known := programs[args[0]]
	if !known {
		return fmt.Errorf("there is no program %q", args[0])
	}
	session, err := newSession()
	if err != nil {
		return err
	}
	found, err := program(session, args[1:])
	if err != nil {
		return err
	}
	return session.answer(found)
}
