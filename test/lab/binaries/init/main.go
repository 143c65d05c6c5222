// The first process of a lab: it lives as long as somebody holds its standard input, and everything in its
// process namespace ends with it. It collects orphans and lets the machine reach one port of the lab's own
// network through a Unix socket.
//
//	init SOCKET PORT
package main

import (
	"fmt"
	"io"
	"net"
	"os"
	"os/signal"
	"syscall"
)

func main() {
	if len(os.Args) != 3 {
		fmt.Fprintln(os.Stderr, "usage: init SOCKET PORT")
		os.Exit(2)
	}
	listener, err := net.Listen("unix", os.Args[1])
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	go forward(listener, net.JoinHostPort("127.0.0.1", os.Args[2]))
	go collectOrphans()
	signal.Ignore(syscall.SIGINT, syscall.SIGTERM, syscall.SIGHUP)
	fmt.Println("ready")
	_, _ = io.Copy(io.Discard, os.Stdin)
}

func forward(listener net.Listener, target string) {
	for {
		from, err := listener.Accept()
		if err != nil {
			fmt.Fprintln(os.Stderr, err)
			return
		}
		go func() {
			defer from.Close()
			to, err := net.Dial("tcp", target)
			if err != nil {
				return
			}
			defer to.Close()
			done := make(chan struct{}, 2)
			go pipe(to, from, done)
			go pipe(from, to, done)
			<-done
			<-done
		}()
	}
}

type halfCloser interface{ CloseWrite() error }

// A direction that ended is closed for writing, so that the other end sees it while it may still answer.
func pipe(to, from net.Conn, done chan<- struct{}) {
	_, _ = io.Copy(to, from)
	_ = to.(halfCloser).CloseWrite()
	done <- struct{}{}
}

func collectOrphans() {
	died := make(chan os.Signal, 1)
	signal.Notify(died, syscall.SIGCHLD)
	for range died {
		for {
			pid, err := syscall.Wait4(-1, nil, syscall.WNOHANG, nil)
			if pid <= 0 || err != nil {
				break
			}
		}
	}
}
