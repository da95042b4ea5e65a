// A FreeBSD program in a container. It says where it is, waits for a signal if
// asked to, and exits with a status of its own.
package main

import (
	"fmt"
	"os"
	"os/signal"
	"runtime"
	"strconv"
	"syscall"
)

func main() {
	release, err := syscall.Sysctl("kern.osrelease")
	if err != nil {
		fmt.Println("sysctl:", err)
		os.Exit(1)
	}
	fmt.Println(runtime.GOOS, release)
	for _, arg := range os.Args[1:] {
		switch arg {
		case "pid":
			fmt.Println("pid", os.Getpid())
		case "files":
			// What is written can be read, by way of the container's file system.
			err := os.WriteFile("/file", []byte("text"), 0o600)
			text, rerr := os.ReadFile("/file")
			fmt.Println("file", string(text), err, rerr)
		case "wait":
			c := make(chan os.Signal, 1)
			signal.Notify(c, syscall.SIGTERM)
			fmt.Println("ready")
			fmt.Println("got", <-c)
		default:
			status, err := strconv.Atoi(arg)
			if err != nil {
				fmt.Println(err)
				status = 1
			}
			os.Exit(status)
		}
	}
}
