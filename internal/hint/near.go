package hint

import "github.com/xrash/smetrics"

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
