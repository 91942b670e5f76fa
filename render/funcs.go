package render

import (
	"errors"
	"fmt"
	"maps"
	"strings"
	"text/template"

	"github.com/Masterminds/sprig/v3"
)

// Functions returns the functions that a template may call: sprig's hermetic text functions,
// and shquote, execquote, plain and required. It leaves out sprig's functions whose result differs
// from call to call.
func Functions() template.FuncMap {
	funcs := sprig.HermeticTxtFuncMap()
	for _, name := range unrepeatable() {
		delete(funcs, name)
	}
	maps.Copy(funcs, bounded(funcs))
	maps.Copy(funcs, template.FuncMap{"shquote": shquote, "execquote": execquote, "plain": plain, "required": required})
	return funcs
}

// unrepeatable names sprig functions that depend on chance, map order, the clock or the time
// zone, although sprig counts them as hermetic. With them a second pass would find the slot
// changed.
func unrepeatable() []string {
	return []string{
		"ago", "bcrypt", "durationRound", "encryptAES", "genCA", "genCAWithKey", "genPrivateKey",
		"genSelfSignedCert", "genSelfSignedCertWithKey", "genSignedCert", "genSignedCertWithKey",
		"htpasswd", "keys", "mustToDate", "randInt", "shuffle", "toDate", "values",
	}
}

var errNUL = errors.New("the value has a NUL byte, and no script can hold one")

// shquote returns value as one word for a POSIX shell.
func shquote(value any) (string, error) {
	s, err := text(value)
	if err != nil {
		return "", err
	}
	return "'" + strings.ReplaceAll(s, "'", `'\''`) + "'", nil
}

// execquote returns value as one word for execlineb.
func execquote(value any) (string, error) {
	s, err := text(value)
	if err != nil {
		return "", err
	}
	var b strings.Builder
	b.WriteByte('"')
	for i := range len(s) {
		switch c := s[i]; {
		case c == '"' || c == '\\':
			b.WriteByte('\\')
			b.WriteByte(c)
		case c < ' ' || c == 0x7f:
			fmt.Fprintf(&b, `\0x%02x`, c)
		default:
			b.WriteByte(c)
		}
	}
	b.WriteByte('"')
	return b.String(), nil
}

// plain returns value as it is. It refuses a value with a character that means something to a shell
// or to execline.
func plain(value any) (string, error) {
	const allowed = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789._:/@%+,=-"
	s, err := text(value)
	if err == nil && strings.Trim(s, allowed) != "" {
		err = errors.New("only letters, digits and . _ : / @ % + , = - are")
	}
	if err != nil {
		return "", err
	}
	return s, nil
}

func text(value any) (string, error) {
	if value == nil {
		return "", errors.New("there is no value to quote")
	}
	s, ok := value.(string)
	if !ok {
		s = fmt.Sprint(value)
	}
	if strings.IndexByte(s, 0) >= 0 {
		return "", errNUL
	}
	return s, nil
}

// required fails the template with message when value is missing, nil or the empty string.
func required(message string, value any) (any, error) {
	if value == nil || value == "" {
		return nil, errors.New(message)
	}
	return value, nil
}
