package cli

import (
	"bytes"
	"fmt"
	"io"
	"os"
	"strings"
	"text/tabwriter"

	"golang.org/x/sys/unix"

	"slotgen/scan"
)

// table is a list of rows with aligned columns. The first row is the head.
type table struct {
	rows    [][]string
	colours []string // of each row; "" colours nothing
}

// add adds a row. It escapes what a terminal would obey.
func (t *table) add(colour string, cells ...string) {
	for i := range cells {
		cells[i] = scan.Printable(cells[i])
	}
	t.rows = append(t.rows, cells)
	t.colours = append(t.colours, colour)
}

// print prints the table. On a terminal it cuts the last column, so that a row is one line.
func (t *table) print(out *output, colours palette) {
	var text bytes.Buffer
	tw := tabwriter.NewWriter(&text, 0, 0, 2, ' ', 0)
	for _, row := range t.rows {
		fmt.Fprintln(tw, strings.Join(row, "\t"))
	}
	_ = tw.Flush() // into a buffer
	width := terminalWidth(out.w)
	for i, line := range strings.Split(strings.TrimSuffix(text.String(), "\n"), "\n") {
		line = shorten(strings.TrimRight(line, " "), width)
		fmt.Fprintln(out, colours.paint(t.colours[i], line))
	}
}

// shorten cuts a line that has more than width characters. A width of 0 cuts nothing.
func shorten(line string, width int) string {
	runes := []rune(line)
	if width == 0 || len(runes) <= width {
		return line
	}
	return string(runes[:width-1]) + "…"
}

// terminalWidth returns the number of columns of a terminal, or 0 when w is none or does not
// know.
func terminalWidth(w io.Writer) int {
	f, ok := w.(*os.File)
	if !ok {
		return 0
	}
	size, err := unix.IoctlGetWinsize(int(f.Fd()), unix.TIOCGWINSZ)
	if err != nil {
		return 0
	}
	return int(size.Col)
}

// printFields prints one line for each name and its value, without the empty values.
func printFields(out *output, fields [][2]string) {
	tw := tabwriter.NewWriter(out, 0, 0, 2, ' ', 0)
	for _, f := range fields {
		if f[1] != "" {
			fmt.Fprintf(tw, "%s:\t%s\n", f[0], scan.Printable(f[1]))
		}
	}
	_ = tw.Flush() // out remembers the error
}

// printLines prints a head and indented lines below it. It prints nothing when there are none.
func printLines(out *output, head string, lines []string) {
	if len(lines) == 0 {
		return
	}
	fmt.Fprintln(out, head+":")
	for _, line := range lines {
		fmt.Fprintln(out, "  "+scan.Printable(line))
	}
}
