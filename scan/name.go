package scan

import (
	"fmt"
	"strings"
)

// maxService is the length of the longest name of a service, in bytes. It keeps ".SERVICE.new"
// within NAME_MAX (255 bytes), and the service within the 251 that s6-svscan takes.
const maxService = 250

// MaxName returns the length of the longest name of a profile, in bytes.
func (l Layout) MaxName() int { return maxService - len(l.Prefix) }

const allowed = ", only a-z, 0-9, _ and - are allowed"

// CheckName returns why no profile can have the name, or "" when one can:
// ^[a-z0-9][a-z0-9_-]*$, at most MaxName bytes (docs/design.md, "Scan").
func (l Layout) CheckName(name string) string {
	if name == "" {
		return "name is empty"
	}
	if len(name) > l.MaxName() {
		return fmt.Sprintf("name has %d bytes, more than %d", len(name), l.MaxName())
	}
	for i, r := range name {
		switch {
		case r >= 'a' && r <= 'z', r >= '0' && r <= '9':
		case r == '_' || r == '-':
			if i == 0 {
				return fmt.Sprintf("name begins with %q, not with a lower-case letter or a digit", r)
			}
		case r >= 'A' && r <= 'Z':
			return "name has an upper-case letter" + allowed
		default:
			return "name has " + describe(name, i, r) + allowed
		}
	}
	return ""
}

func describe(name string, i int, r rune) string {
	switch {
	case r == '\n':
		return "a newline"
	case r == ' ':
		return "a space"
	case r == '\uFFFD' && !strings.HasPrefix(name[i:], "\uFFFD"):
		return "a byte that is not UTF-8"
	}
	return fmt.Sprintf("the character %+q", r)
}
