package hint

import (
	"fmt"

	"github.com/xrash/smetrics"
)

// DidYouMean returns a hint that names the nearest known word, or "" if no word is near.
func DidYouMean(word string, known []string) string {
	if near := Nearest(word, known); near != "" {
		return fmt.Sprintf("did you mean %q?", near)
	}
	return ""
}

// Nearest returns the known word with the fewest edits to word: at most two, and fewer than
// the length of word. It returns "" if there is none.
func Nearest(word string, known []string) string {
	best, least := "", min(3, len(word))
	for _, k := range known {
		if edits := smetrics.WagnerFischer(word, k, 1, 1, 1); edits < least {
			best, least = k, edits
		}
	}
	return best
}
