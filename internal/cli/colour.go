package cli

import (
	"fmt"
	"io"
	"os"

	"golang.org/x/sys/unix"
)

// palette holds the escape sequences that colour a line. The zero value colours nothing.
type palette struct{ bold, red, green, yellow, cyan, reset string }

func (p palette) paint(colour, line string) string {
	if colour == "" {
		return line
	}
	return colour + line + p.reset
}

// newPalette returns the palette for w. It obeys --color first, then the variables
// FORCE_COLOR, CLICOLOR_FORCE, NO_COLOR and TERM. Without any of them it colours a terminal.
func newPalette(when string, w io.Writer) (palette, error) {
	switch when {
	case "", colourAuto:
		if !wantsColour(w) {
			return palette{}, nil
		}
	case colourNever:
		return palette{}, nil
	case colourAlways:
	default:
		return palette{}, fmt.Errorf("--color: %q: must be auto, always or never", when)
	}
	return palette{bold: "\x1b[1m", red: "\x1b[31m", green: "\x1b[32m", yellow: "\x1b[33m", cyan: "\x1b[36m", reset: "\x1b[0m"}, nil
}

func wantsColour(w io.Writer) bool {
	forced := os.Getenv("CLICOLOR_FORCE")
	switch {
	case os.Getenv("FORCE_COLOR") != "", forced != "" && forced != "0":
		return true
	case os.Getenv("NO_COLOR") != "", os.Getenv("TERM") == "dumb":
		return false
	}
	f, ok := w.(*os.File)
	if !ok {
		return false
	}
	_, err := unix.IoctlGetTermios(int(f.Fd()), unix.TCGETS)
	return err == nil
}
