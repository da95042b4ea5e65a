// Command gothreads has many threads that are all in use at once.
package main

import (
	"fmt"
	"os"
	"runtime"
	"strconv"
	"sync"
	"syscall"
)

func main() {
	n, _ := strconv.Atoi(os.Args[1])
	pid := os.Getpid()
	var here, gone sync.WaitGroup
	here.Add(n)
	gone.Add(n)
	leave := make(chan bool)
	for range n {
		go func() {
			defer gone.Done()
			runtime.LockOSThread() // never unlocked: the thread ends with us
			for range 50 {
				if got := syscall.Getpid(); got != pid {
					fmt.Println("wrong PID", got)
					os.Exit(1)
				}
			}
			var p [2]int
			if err := syscall.Pipe(p[:]); err != nil {
				fmt.Println(err)
				os.Exit(1)
			}
			here.Done()
			<-leave
			var b [1]byte
			syscall.Write(p[1], b[:])
			if n, err := syscall.Read(p[0], b[:]); n != 1 || err != nil {
				fmt.Println(n, err)
				os.Exit(1)
			}
		}()
	}
	here.Wait()
	fmt.Println("ready")
	os.Stdin.Read(make([]byte, 1))
	close(leave)
	gone.Wait()
	os.Exit(n % 100)
}
