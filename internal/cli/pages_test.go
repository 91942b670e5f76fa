package cli

import (
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
)

func pageText(t *testing.T, page string) string {
	t.Helper()
	text, err := os.ReadFile(page)
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

// pageFiles returns the paths of README and of all pages of docs/ and .github/.
func pageFiles(t *testing.T) []string {
	t.Helper()
	pages := []string{"../../README.md"}
	for _, dir := range []string{"docs", ".github"} {
		found, err := filepath.Glob("../../" + dir + "/*.md")
		if err != nil || len(found) == 0 {
			t.Fatalf("no page in %s: %v", dir, err)
		}
		pages = append(pages, found...)
	}
	return pages
}

// pagesText returns README and all other pages.
func pagesText(t *testing.T) string {
	t.Helper()
	var text strings.Builder
	for _, page := range pageFiles(t) {
		text.WriteString(pageText(t, page))
	}
	return text.String()
}

// A newcomer reads README in five minutes.
func TestReadmeIsAPage(t *testing.T) {
	if n := len(pageText(t, "../../README.md")); n > 12<<10 {
		t.Errorf("README has %d bytes, want at most 12 KiB: the pages of docs/ have room", n)
	}
}

func TestReadmeHasEveryCommandAndExitCode(t *testing.T) {
	text := pageText(t, "../../README.md")
	for _, leaf := range leafCommands("", testApp().Commands) {
		group, word, _ := strings.Cut(leaf.name, " ")
		row := regexp.MustCompile("(?m)^\\|.*`slotgen " + group + `[^|]*\|`).FindString(text)
		if row == "" || !strings.Contains(row, word+"`") {
			t.Errorf("README's table of commands does not have %q", leaf.name)
		}
	}
	for _, code := range []string{"0", "1", "2"} {
		if !strings.Contains(text, "\n| "+code+" | ") {
			t.Errorf("README has no exit code %s", code)
		}
	}
}

// The table of settings has exactly the flags with a variable, with their defaults.
func TestTableOfSettings(t *testing.T) {
	want := map[string]string{}
	for _, leaf := range leafCommands("", testApp().Commands) {
		for _, f := range leaf.flags {
			if variables := f.GetEnvVars(); len(variables) > 0 {
				value, _, _ := strings.Cut(f.GetDefaultText(), " ")
				want[dashed(f.Names()[0])] = variables[0] + " " + value
			}
		}
	}
	row := regexp.MustCompile("(?m)^\\| `(--[a-z-]+)` \\| `([A-Z0-9_]+)` \\| `([^`]*)`")
	got := map[string]string{}
	for _, page := range pageFiles(t) {
		for _, match := range row.FindAllStringSubmatch(pageText(t, page), -1) {
			if _, twice := got[match[1]]; twice {
				t.Errorf("the pages have %s in two rows", match[1])
			}
			got[match[1]] = match[2] + " " + match[3]
		}
	}
	for flag, setting := range want {
		if got[flag] != setting {
			t.Errorf("the row of %s has %q, want %q", flag, got[flag], setting)
		}
	}
	if len(got) != len(want) {
		t.Errorf("the tables have %d settings, want %d: %v", len(got), len(want), got)
	}
}

// anchorsOf returns the anchors that GitHub gives to the headings of a page.
func anchorsOf(text string) []string {
	var anchors []string
	for _, match := range regexp.MustCompile(`(?m)^#+ (.+)$`).FindAllStringSubmatch(text, -1) {
		words := regexp.MustCompile(`[^\w\- ]`).ReplaceAllString(strings.ToLower(match[1]), "")
		anchors = append(anchors, strings.ReplaceAll(words, " ", "-"))
	}
	return anchors
}

func TestLinksOfPagesLeadSomewhere(t *testing.T) {
	for _, page := range pageFiles(t) {
		for _, match := range regexp.MustCompile(`\]\(([^)]+)\)`).FindAllStringSubmatch(pageText(t, page), -1) {
			if strings.HasPrefix(match[1], "https://") {
				continue
			}
			file, anchor, hasAnchor := strings.Cut(match[1], "#")
			target := page
			if file != "" {
				target = filepath.Join(filepath.Dir(page), file)
			}
			if _, err := os.Stat(target); err != nil {
				t.Errorf("%s: a link leads nowhere: %v", page, err)
			} else if hasAnchor && !slices.Contains(anchorsOf(pageText(t, target)), anchor) {
				t.Errorf("%s: %q has no heading for %q", page, target, anchor)
			}
		}
	}
}

// Comments cite the design by page and heading.
func TestCitedSectionsExist(t *testing.T) {
	cite := regexp.MustCompile(`(docs/[a-z]+\.md), "([A-Z][^"]*)"`)
	cited := 0
	err := filepath.WalkDir("../..", func(path string, _ fs.DirEntry, err error) error {
		if err != nil || filepath.Ext(path) != ".go" {
			return err
		}
		for _, match := range cite.FindAllStringSubmatch(pageText(t, path), -1) {
			cited++
			if !strings.Contains(pageText(t, "../../"+match[1]), "\n## "+match[2]+"\n") {
				t.Errorf("%s cites %s, which has no section %q", path, match[1], match[2])
			}
		}
		return nil
	})
	if err != nil || cited < 10 {
		t.Errorf("%d citations, want at least 10: %v", cited, err)
	}
}
