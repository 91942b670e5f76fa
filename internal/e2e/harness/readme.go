package harness

import (
	"strings"
	"testing"
)

// ReadmeBlock is a fenced code block of README or of another page.
type ReadmeBlock struct {
	// Info is the text after the opening fence, such as "sh override".
	Info, Text string
}

// AllReadmeBlocks returns every fenced code block of README.
func AllReadmeBlocks(t *testing.T) []ReadmeBlock {
	t.Helper()
	return PageBlocks(t, "README.md")
}

// PageBlocks returns every fenced code block of a page.
func PageBlocks(t *testing.T, page string) []ReadmeBlock {
	t.Helper()
	parts := strings.Split("\n"+ReadText(t, page), "\n```")
	if len(parts)%2 == 0 {
		t.Fatalf("a code block of %s does not end", page)
	}
	var blocks []ReadmeBlock
	for i := 1; i < len(parts); i += 2 {
		info, text, _ := strings.Cut(parts[i], "\n")
		blocks = append(blocks, ReadmeBlock{info, text + "\n"})
	}
	return blocks
}

// ReadmeBlocks returns the texts of the code blocks whose Info is "sh " and the word.
func ReadmeBlocks(t *testing.T, word string) []string {
	t.Helper()
	var blocks []string
	for _, b := range AllReadmeBlocks(t) {
		if b.Info == "sh "+word {
			blocks = append(blocks, b.Text)
		}
	}
	return blocks
}
