// A Linux program that says whether it is under a seccomp filter.
package main

import (
	"fmt"
	"os"
	"strings"
)

func main() {
	text, err := os.ReadFile("/proc/self/status")
	if err != nil {
		fmt.Println(err)
		os.Exit(1)
	}
	_, after, _ := strings.Cut(string(text), "\nSeccomp:")
	mode, _, _ := strings.Cut(after, "\n")
	fmt.Println("seccomp", strings.TrimSpace(mode))
}
