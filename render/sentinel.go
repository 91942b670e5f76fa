package render

import (
	"bytes"
	"fmt"
	"maps"
	"path"
	"regexp"
	"slices"
	"strings"

	"mvdan.cc/sh/v3/syntax"
)

// checkSpans returns a finding for each quoted text of the data that stands where its quotes do not
// protect. A box knows the place of each text in the output, so the check looks at these places in
// the script that root would run.
//
// Data can't hide a wrong place. The syntax before a place decides whether a quote opens a word there.
// That is the text of the template, and texts whose places are right.
func checkSpans(f File, spans []span) []finding {
	if f.Mode != ScriptMode {
		return nil
	}
	program := interpreter(f)
	languages := shellLanguages(program)
	var findings []finding
	var shells []quotes
	for _, s := range spans {
		problem := ""
		switch name := s.quote.String(); {
		case s.quote == plainWord:
		case s.quote == shellQuoted && languages != nil:
			if shells == nil {
				shells = shellQuotes(f, languages)
			}
			if !protects(shells, f.Data, s) {
				problem = fmt.Sprintf(`%[1]s %[2]s does not protect here: in double quotes and here-documents write value={{ %[1]s %[2]s }} `+
					`before it, and "$value" here; a comment, backquotes, arithmetic, the name of a command or of a variable, and a script `+
					`for eval, trap or sh -c are no place for data`, name, s.Key)
			}
		case s.quote == execlineQuoted && program == "execlineb":
			if !opensInExecline(f.Data, s) {
				problem = fmt.Sprintf("the quotes of %s %s do not protect here, as in quotes or a comment: let it begin a word of its own", name, s.Key)
			}
		default:
			problem = fmt.Sprintf("%s %s is not for a script of %q: shquote is for sh and bash, execquote for execlineb, plain for any", name, s.Key, program)
		}
		if problem != "" {
			findings = append(findings, at(f, s.start, problem))
		}
	}
	return findings
}

// quotes holds the single-quoted parts of the words of a script: the offset behind each by its offset.
type quotes map[int]int

// shellQuotes returns the quotes of a script in each language that can parse it.
func shellQuotes(f File, languages []syntax.LangVariant) []quotes {
	var all []quotes
	for _, lang := range languages {
		if script, err := parseAs(lang, f); err == nil {
			all = append(all, quotesOf(script))
		}
	}
	return all
}

// quotesOf finds the single quotes of a script. It leaves out the parts where shells differ, or where
// the text between the quotes is read once more.
func quotesOf(script *syntax.File) quotes {
	q := quotes{}
	var commands []*syntax.Word
	syntax.Walk(script, func(n syntax.Node) bool {
		switch n := n.(type) {
		case *syntax.DblQuoted, *syntax.ParamExp, *syntax.ArithmExp, *syntax.ArithmCmd, *syntax.LetClause, *syntax.TestClause, *syntax.CStyleLoop:
			return false
		case *syntax.CmdSubst:
			return !n.Backquotes
		case *syntax.Redirect:
			return n.Op != syntax.Hdoc && n.Op != syntax.DashHdoc
		case *syntax.Assign: // data names no variable
			return n.Index == nil && !n.Naked
		case *syntax.ArrayElem:
			return n.Index == nil
		case *syntax.CallExpr:
			if len(n.Args) > 0 {
				commands = append(commands, n.Args[0])
			}
			return !readsAgain(n.Args)
		case *syntax.SglQuoted:
			if !n.Dollar {
				q[int(n.Pos().Offset())] = int(n.End().Offset())
			}
		}
		return true
	})
	maps.DeleteFunc(q, func(offset, _ int) bool { // data names no command
		return slices.ContainsFunc(commands, func(w *syntax.Word) bool {
			return int(w.Pos().Offset()) <= offset && offset < int(w.End().Offset())
		})
	})
	return q
}

// readers names the commands that take an argument for a script, an expression or a name.
func readers() []string {
	return strings.Fields(". source eval trap alias unalias let read getopts unset mapfile readarray hash")
}

// flagReaders returns the programs that do so behind a flag, and the letter of that flag.
func flagReaders() map[string]string {
	return map[string]string{
		"sh": "c", "dash": "c", "ash": "c", "bash": "c", "zsh": "c", "ksh": "c", "busybox": "c", "su": "c", "env": "S", "python": "c",
		"python3": "c", "perl": "e", "ruby": "e", "node": "e", "lua": "e", "php": "r", "test": "v", "[": "v", "printf": "v",
	}
}

var shortFlags = regexp.MustCompile("^-[A-Za-z]+$")

// readsAgain reports whether a command takes one of its arguments for a script, an expression or the
// name of a variable. The shell finds names like a[$(id)] there.
func readsAgain(words []*syntax.Word) bool {
	letter := ""
	for i, w := range words {
		word := path.Base(w.Lit())
		switch reader, found := flagReaders()[word]; {
		case i == 0 && slices.Contains(readers(), word):
			return true
		case letter != "" && shortFlags.MatchString(word) && strings.HasSuffix(word, letter):
			return true
		case found:
			letter = reader
		}
	}
	return false
}

// protects reports whether a text consists of whole single-quoted parts in every language, with
// escaped single quotes between them.
func protects(languages []quotes, script []byte, s span) bool {
	for _, q := range languages {
		i, found := s.start, false
		for i < s.end {
			if end, quoted := q[i]; quoted {
				i, found = end, true
				continue
			}
			if !found || !bytes.HasPrefix(script[i:s.end], []byte(`\'`)) {
				return false
			}
			i += len(`\'`)
		}
		if i != s.end {
			return false
		}
	}
	return len(languages) > 0 && (s.start == 0 || script[s.start-1] != '$')
}

// opensInExecline reports whether a quoted word begins at the place of a text, by the rules of
// execlineb: a comment begins at the start of a word, and a backslash escapes the next character.
func opensInExecline(script []byte, s span) bool {
	inWord, inQuotes, inComment := false, false, false
	for i := 0; i < s.start; i++ {
		switch c := script[i]; {
		case inComment:
			inComment = c != '\n'
		case c == '\\':
			i++
			inWord = true
		case c == '"':
			inQuotes = !inQuotes
			inWord = true
		case inQuotes:
		case c == '#' && !inWord:
			inComment = true
		default:
			inWord = !strings.ContainsRune(" \t\r\n", rune(c))
		}
		if i >= s.start {
			return false
		}
	}
	return !inQuotes && !inComment
}
