// Command prog is what test/bench measures: built for Linux and for FreeBSD,
// it prints for each operation the nanoseconds that one takes.
package main

import (
	"fmt"
	"io"
	"io/fs"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"syscall"
	"time"
)

func main() {
	if len(os.Args) > 1 && os.Args[1] == "exit" {
		return
	}
	dir, err := os.MkdirTemp("", "lsf-bench")
	check(err)
	defer os.RemoveAll(dir)
	file := filepath.Join(dir, "file")
	check(os.WriteFile(file, make([]byte, 4096), 0o666))
	for i := range 200 {
		sub := filepath.Join(dir, "tree", strconv.Itoa(i%10))
		check(os.MkdirAll(sub, 0o777))
		check(os.WriteFile(filepath.Join(sub, strconv.Itoa(i)), nil, 0o666))
	}
	fd, err := syscall.Open(file, syscall.O_RDONLY, 0)
	check(err)
	zero, err := syscall.Open("/dev/zero", syscall.O_RDONLY, 0)
	if err != nil {
		zero = fd
	}

	b := make([]byte, 1)
	var st syscall.Stat_t
	measure("getppid", 2000, func() { syscall.Getppid() })
	measure("read 1 byte", 2000, func() { _, err := syscall.Read(zero, b); check(err) })
	measure("fstat", 2000, func() { check(syscall.Fstat(fd, &st)) })
	measure("stat", 2000, func() { check(syscall.Stat(file, &st)) })
	measure("open, close", 1000, func() {
		fd, err := syscall.Open(file, syscall.O_RDONLY, 0)
		check(err)
		check(syscall.Close(fd))
	})
	measure("mmap, munmap", 1000, func() {
		m, err := syscall.Mmap(-1, 0, 1<<16, syscall.PROT_READ, syscall.MAP_PRIVATE|syscall.MAP_ANON)
		check(err)
		check(syscall.Munmap(m))
	})
	pipe()
	measure("clock", 2000, func() { time.Now() })
	measure("walk 200 files", 20, func() {
		check(filepath.WalkDir(filepath.Join(dir, "tree"), func(_ string, d fs.DirEntry, err error) error {
			check(err)
			_, err = d.Info()
			return err
		}))
	})
	measure("fork, exec, wait", 30, func() { check(exec.Command(os.Args[0], "exit").Run()) })
	serve()
}

// pipe measures a byte's way to another thread and back.
func pipe() {
	var there, back [2]int
	check(syscall.Pipe(there[:]))
	check(syscall.Pipe(back[:]))
	go func() {
		b := make([]byte, 1)
		for {
			if n, err := syscall.Read(there[0], b); n != 1 || err != nil {
				return
			}
			if _, err := syscall.Write(back[1], b); err != nil {
				return
			}
		}
	}()
	b := make([]byte, 1)
	measure("pipe round trip", 1000, func() {
		_, err := syscall.Write(there[1], b)
		check(err)
		_, err = syscall.Read(back[0], b)
		check(err)
	})
	syscall.Close(there[1])
}

// serve measures a request to an HTTP server over a connection that stays.
func serve() {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	check(err)
	go http.Serve(l, http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { io.WriteString(w, "hello") }))
	measure("HTTP request", 300, func() {
		r, err := http.Get("http://" + l.Addr().String())
		check(err)
		_, err = io.Copy(io.Discard, r.Body)
		check(err)
		r.Body.Close()
	})
}

// measure prints the median of several runs of n operations each.
func measure(name string, n int, f func()) {
	f()
	var runs []time.Duration
	for range 5 {
		start := time.Now()
		for range n {
			f()
		}
		runs = append(runs, time.Since(start)/time.Duration(n))
	}
	slices.Sort(runs)
	fmt.Printf("%s\t%d\n", name, runs[len(runs)/2].Nanoseconds())
}

func check(err error) {
	if err != nil {
		fmt.Fprintln(os.Stderr, "prog:", err)
		os.Exit(1)
	}
}
