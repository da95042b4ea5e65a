// Command interp stands for lsf-binfmt in tests: it prints how it was called.
package main

import (
	"fmt"
	"os"
)

var version = "one"

func main() { fmt.Printf("interp %s: %q\n", version, os.Args[2:]) }
