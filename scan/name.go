package scan

import (
	"fmt"
	"strings"
)

// ServicePrefix begins the name of every slot.
const ServicePrefix = "gateway-"

// DefaultName is the reserved name of the profile that is the home itself.
const DefaultName = "default"

// maxNameLen keeps ".gateway-NAME.new" within NAME_MAX (255 bytes), and
// "gateway-NAME" within the 251 that s6-svscan takes.
const maxNameLen = 242

const allowed = ", only a-z, 0-9, _ and - are allowed"

// CheckName returns why no profile can have the name, or "" when one can:
// ^[a-z0-9][a-z0-9_-]*$, at most 242 bytes (docs/design.md, "Scan").
func CheckName(name string) string {
	if name == "" {
		return "name is empty"
	}
	if len(name) > maxNameLen {
		return fmt.Sprintf("name has %d bytes, more than %d", len(name), maxNameLen)
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
