package harness

import (
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

// Block is a fenced code block of a page.
type Block struct {
	Page string
	Info string // the text after the opening fence, such as "sh override"
	Text string
	// Output is the text of the block after this one, when that has no Info: what the commands print.
	Output string
	// HasOutput reports whether there is such a block.
	HasOutput bool
}

// Pages returns the paths of README and of all pages of docs/ and .github/.
func Pages(t *testing.T) []string {
	t.Helper()
	pages := []string{"README.md"}
	for _, pattern := range []string{"docs/*.md", ".github/*.md"} {
		found, err := filepath.Glob(pattern)
		if err != nil {
			t.Fatal(err)
		}
		pages = append(pages, found...)
	}
	return pages
}

// PageBlocks returns the code blocks of a page. The output of commands is part of their block.
func PageBlocks(t *testing.T, page string) []Block {
	t.Helper()
	parts := strings.Split("\n"+ReadText(t, page), "\n```")
	if len(parts)%2 == 0 {
		t.Fatalf("a code block of %s does not end", page)
	}
	var blocks []Block
	for i := 1; i < len(parts); i += 2 {
		info, text, _ := strings.Cut(parts[i], "\n")
		if last := len(blocks) - 1; info == "" && last >= 0 && isSession(blocks[last].Info) && !blocks[last].HasOutput {
			blocks[last].Output, blocks[last].HasOutput = text+"\n", true
			continue
		}
		blocks = append(blocks, Block{Page: page, Info: info, Text: text + "\n"})
	}
	return blocks
}

// MarkedBlocks returns the code blocks of all pages with the given Info.
func MarkedBlocks(t *testing.T, info string) []Block {
	t.Helper()
	var blocks []Block
	for _, page := range Pages(t) {
		blocks = append(blocks, PageMarkedBlocks(t, page, info)...)
	}
	return blocks
}

// PageMarkedBlocks returns the code blocks of a page with the given Info.
func PageMarkedBlocks(t *testing.T, page, info string) []Block {
	t.Helper()
	var blocks []Block
	for _, b := range PageBlocks(t, page) {
		if b.Info == info {
			blocks = append(blocks, b)
		}
	}
	return blocks
}

// JoinTexts returns the texts of the blocks as one script.
func JoinTexts(blocks []Block) string {
	var script strings.Builder
	for _, b := range blocks {
		script.WriteString(b.Text)
	}
	return script.String()
}

func isSession(info string) bool { return info == "sh" || strings.HasPrefix(info, "sh ") }

// endOfBlock separates the outputs of the blocks in the output of a session.
const endOfBlock = "# end of block\n"

// SessionScript returns a shell script that runs the blocks one after the other, as a reader types
// them. A block without an Output ends the session with its first failing command. The exit code of
// the others is part of what their page tells.
func SessionScript(blocks []Block) string {
	var script strings.Builder
	script.WriteString("exec 2>&1\n")
	for _, b := range blocks {
		option := "set -e\n"
		if b.HasOutput {
			option = "set +e\n"
		}
		script.WriteString(option + b.Text + "printf '%s' '" + endOfBlock + "'\n")
	}
	return script.String() + "exit 0\n"
}

// changing matches what differs from one run to the next: durations, times and process numbers.
// Columns get wider with them.
var changing = regexp.MustCompile(`\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\+0000|\bpid \d+|\b\d+(?:\.\d+)?(?:ms|[smhd])(?: \d+[smh])?\b|\b\d+ ms\b|host=\S+| +`)

// normal returns an output with everything that changes replaced.
func normal(output string) string {
	output = changing.ReplaceAllStringFunc(output, func(text string) string {
		if strings.Trim(text, " ") == "" {
			return " "
		}
		return "*"
	})
	return strings.ReplaceAll(output, " \n", "\n")
}

// CheckSession compares the output of a session with the outputs on the blocks' pages.
func CheckSession(t *testing.T, blocks []Block, output string) {
	t.Helper()
	got := strings.Split(output, endOfBlock)
	if len(got) != len(blocks)+1 {
		t.Fatalf("%d of %d blocks of %s ran:\n%s", len(got)-1, len(blocks), blocks[0].Page, output)
	}
	for i, b := range blocks {
		if normal(got[i]) != normal(b.Output) {
			t.Errorf("%s: the block\n%s\nprints\n%s\nand the page says\n%s", b.Page, b.Text, got[i], b.Output)
		}
	}
}
