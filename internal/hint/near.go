package hint

import (
	"fmt"

	"github.com/xrash/smetrics"
)

// DidYouMean returns a hint that names the nearest known word, or "" where none is near.
func DidYouMean(word string, known []string) string {
	if near := Nearest(word, known); near != "" {
		return fmt.Sprintf("did you mean %q?", near)
	}
	return ""
}

// Nearest returns the known word that was probably meant by a mistyped one, or ""
// when none is at most two edits away.
func Nearest(word string, known []string) string {
	best, least := "", min(3, len(word))
	for _, k := range known {
		if edits := smetrics.WagnerFischer(word, k, 1, 1, 1); edits < least {
			best, least = k, edits
		}
	}
	return best
}
