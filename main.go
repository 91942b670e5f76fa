// Slotgen turns the profiles on a persistent volume into s6 service directories, at every
// boot of a container.
package main

import (
	"os"

	"slotgen/internal/cli"
)

func main() {
	os.Exit(cli.Run(os.Args, os.Stdout, os.Stderr))
}
