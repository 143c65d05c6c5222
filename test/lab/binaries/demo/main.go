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
// GET /ready or /readyz, POST /ready/on, POST /ready/off, GET /slow?ms=N[&bytes=N], POST /upload, POST /crash, GET / and
// any other path. An answer repeats the X-Request-Id that it was asked with, names its pod in X-Pod, and promises its body
// by X-Body-Bytes and X-Body-Sha256; one of N bytes takes `ms` to stream.
package main

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
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
	// What proxies on the way say of who asked first.
	ForwardedFor string `json:"forwardedFor,omitempty"`
	Request      string `json:"requestId,omitempty"`
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
	for _, path := range []string{"GET /ready", "GET /readyz"} {
		mux.HandleFunc(path, func(response http.ResponseWriter, _ *http.Request) {
			if !ready.Load() {
				response.WriteHeader(http.StatusServiceUnavailable)
			}
		})
	}
	mux.HandleFunc("POST /ready/on", func(http.ResponseWriter, *http.Request) { ready.Store(true) })
	mux.HandleFunc("POST /ready/off", func(http.ResponseWriter, *http.Request) { ready.Store(false) })
	mux.HandleFunc("POST /crash", func(http.ResponseWriter, *http.Request) { os.Exit(1) })
	mux.HandleFunc("POST /upload", func(response http.ResponseWriter, request *http.Request) {
		head(response, request, version, hostname)
		hash := sha256.New()
		bytes, err := io.Copy(hash, request.Body)
		if err != nil {
			panic(http.ErrAbortHandler)
		}
		send(response, fmt.Appendf(nil, "{\"bytes\":%d,\"sha256\":\"%x\"}\n", bytes, hash.Sum(nil)))
	})
	mux.HandleFunc("/", func(response http.ResponseWriter, request *http.Request) {
		head(response, request, version, hostname)
		if request.URL.Path == "/slow" {
			query := request.URL.Query()
			wait, _ := strconv.Atoi(query.Get("ms"))
			bytes, _ := strconv.Atoi(query.Get("bytes"))
			if bytes > 0 {
				stream(response, request, min(bytes, bytesMax), min(wait, waitMax))
				return
			}
			if !pause(request, time.Duration(min(wait, waitMax))*time.Millisecond) {
				return
			}
		}
		body, _ := json.Marshal(answer{
			Version: version, Hostname: hostname, Method: request.Method,
			Path: request.URL.RequestURI(), Host: request.Host, Client: request.RemoteAddr,
			ForwardedFor: request.Header.Get("X-Forwarded-For"),
			Request:      request.Header.Get("X-Request-Id"),
		})
		send(response, append(body, '\n'))
	})
	return mux
}

const (
	waitMax  = 60_000
	bytesMax = 1 << 20
	slices   = 20
)

func head(response http.ResponseWriter, request *http.Request, version, hostname string) {
	response.Header().Set("X-Version", version)
	response.Header().Set("X-Pod", hostname)
	if id := request.Header.Get("X-Request-Id"); id != "" {
		response.Header().Set("X-Request-Id", id)
	}
}

func promise(response http.ResponseWriter, body []byte) {
	digest := sha256.Sum256(body)
	response.Header().Set("X-Body-Bytes", strconv.Itoa(len(body)))
	response.Header().Set("X-Body-Sha256", hex.EncodeToString(digest[:]))
}

func send(response http.ResponseWriter, body []byte) {
	response.Header().Set("Content-Type", "application/json")
	promise(response, body)
	_, _ = response.Write(body)
}

// Byte n of every streamed body is n*31 modulo 251.
func stream(response http.ResponseWriter, request *http.Request, bytes, ms int) {
	body := make([]byte, bytes)
	for n := range body {
		body[n] = byte(n * 31 % 251)
	}
	response.Header().Set("Content-Type", "application/octet-stream")
	promise(response, body)
	controller := http.NewResponseController(response)
	for n := range slices {
		if _, err := response.Write(body[bytes*n/slices : bytes*(n+1)/slices]); err != nil {
			return
		}
		_ = controller.Flush()
		if !pause(request, time.Duration(ms)*time.Millisecond/slices) {
			return
		}
	}
}

// False when the client has gone.
func pause(request *http.Request, wait time.Duration) bool {
	select {
	case <-time.After(wait):
		return true
	case <-request.Context().Done():
		return false
	}
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
