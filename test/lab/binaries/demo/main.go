// The application of the lab's pods: says which version answers, and misbehaves as its environment asks.
//
//	VERSION           what it answers with (default 1)
//	PORT              where it listens (default 8080)
//	READY_AFTER_MS    /ready answers 503 for so long after the start
//	READY=never       /ready answers 503 until POST /ready/on
//	ON_SIGTERM        exit (at once), drain (default: takes no new connection, open exchanges end)
//	                  or ignore (only SIGKILL ends it)
//	DRAIN_MS          how long `drain` goes on as before first (default 0)
//	CRASH=start       ends with code 1 instead of listening; CRASH_AFTER_MS ends it later
//
// As `demo get URL` it prints what answers there, for those who ask from inside a pod.
//
// GET /ready, POST /ready/on, POST /ready/off, GET /slow?ms=N, POST /crash, GET / and any other path.
package main

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"os"
	"os/signal"
	"strconv"
	"sync/atomic"
	"syscall"
	"time"
)

type answer struct {
	Version  string `json:"version"`
	Hostname string `json:"hostname"`
	Method   string `json:"method"`
	Path     string `json:"path"`
	Host     string `json:"host"`
	Client   string `json:"client"`
}

func main() {
	if len(os.Args) == 3 && os.Args[1] == "get" {
		os.Exit(get(os.Args[2]))
	}
	if os.Getenv("CRASH") == "start" {
		fmt.Fprintln(os.Stderr, "demo: CRASH=start")
		os.Exit(1)
	}
	if after := milliseconds("CRASH_AFTER_MS", 0); after > 0 {
		time.AfterFunc(after, func() {
			fmt.Fprintln(os.Stderr, "demo: CRASH_AFTER_MS has passed")
			os.Exit(1)
		})
	}
	version := setting("VERSION", "1")
	hostname, _ := os.Hostname()
	server := &http.Server{
		Addr:              ":" + setting("PORT", "8080"),
		Handler:           handler(version, hostname),
		ReadHeaderTimeout: 30 * time.Second,
	}
	ended := make(chan struct{})
	go obeySignals(server, ended)
	fmt.Printf("demo: version %s on %s\n", version, server.Addr)
	if err := server.ListenAndServe(); err != http.ErrServerClosed {
		fmt.Fprintln(os.Stderr, "demo:", err)
		os.Exit(1)
	}
	<-ended
}

func get(url string) int {
	client := http.Client{Timeout: 5 * time.Second}
	response, err := client.Get(url)
	if err != nil {
		fmt.Fprintln(os.Stderr, "demo:", err)
		return 1
	}
	defer response.Body.Close()
	if _, err = io.Copy(os.Stdout, response.Body); err != nil || response.StatusCode >= 400 {
		fmt.Fprintln(os.Stderr, "demo:", response.Status, err)
		return 1
	}
	return 0
}

func handler(version, hostname string) http.Handler {
	var ready atomic.Bool
	if os.Getenv("READY") != "never" {
		time.AfterFunc(milliseconds("READY_AFTER_MS", 0), func() { ready.Store(true) })
	}
	mux := http.NewServeMux()
	mux.HandleFunc("GET /ready", func(response http.ResponseWriter, _ *http.Request) {
		if !ready.Load() {
			response.WriteHeader(http.StatusServiceUnavailable)
		}
	})
	mux.HandleFunc("POST /ready/on", func(http.ResponseWriter, *http.Request) { ready.Store(true) })
	mux.HandleFunc("POST /ready/off", func(http.ResponseWriter, *http.Request) { ready.Store(false) })
	mux.HandleFunc("POST /crash", func(http.ResponseWriter, *http.Request) { os.Exit(1) })
	mux.HandleFunc("/", func(response http.ResponseWriter, request *http.Request) {
		if request.URL.Path == "/slow" {
			wait, _ := strconv.Atoi(request.URL.Query().Get("ms"))
			select {
			case <-time.After(time.Duration(min(wait, 60_000)) * time.Millisecond):
			case <-request.Context().Done():
				return
			}
		}
		response.Header().Set("Content-Type", "application/json")
		response.Header().Set("X-Version", version)
		_ = json.NewEncoder(response).Encode(answer{
			Version: version, Hostname: hostname, Method: request.Method,
			Path: request.URL.RequestURI(), Host: request.Host, Client: request.RemoteAddr,
		})
	})
	return mux
}

func obeySignals(server *http.Server, ended chan<- struct{}) {
	signals := make(chan os.Signal, 1)
	signal.Notify(signals, syscall.SIGTERM, syscall.SIGINT)
	for {
		<-signals
		switch setting("ON_SIGTERM", "drain") {
		case "ignore":
			continue
		case "exit":
			os.Exit(0)
		}
		time.Sleep(milliseconds("DRAIN_MS", 0))
		_ = server.Shutdown(context.Background())
		close(ended)
		return
	}
}

func setting(name, otherwise string) string {
	if value := os.Getenv(name); value != "" {
		return value
	}
	return otherwise
}

func milliseconds(name string, otherwise int) time.Duration {
	value, err := strconv.Atoi(setting(name, strconv.Itoa(otherwise)))
	if err != nil || value < 0 {
		fmt.Fprintf(os.Stderr, "demo: %s wants a number of milliseconds\n", name)
		os.Exit(2)
	}
	return time.Duration(value) * time.Millisecond
}
