package render

import (
	"bytes"
	"cmp"
	"errors"
	"fmt"
	"slices"
	"text/template"
	"text/template/parse"

	"slotgen/scan"
)

// part is a piece of a file's template. One that uses only what all profiles of a
// pass have in common comes to the same text for each of them: it is executed once,
// since executing is most of what rendering costs.
type part struct {
	template *template.Template
	common   bool
}

// common is what the profiles of a pass have in common.
type common struct {
	home, user          string
	uid, gid            int
	commandDir, command string
	env                 []scan.EnvVar
}

func commonOf(p scan.Profile) common {
	return common{p.Home, p.User, p.UID, p.GID, p.CommandDir, p.Command, p.Env}
}

func isCommon(field string) bool {
	switch field {
	case "Home", "User", "UID", "GID", "CommandDir", "Command", "Env":
		return true
	}
	return false
}

func (c common) equal(to common) bool {
	return c.home == to.home && c.user == to.user && c.uid == to.uid && c.gid == to.gid &&
		c.commandDir == to.commandDir && c.command == to.command && slices.Equal(c.env, to.env)
}

// texts is what the common parts of a file come to, nil for the others, or errTooLong.
type texts struct {
	of    common
	parts [][]byte
	err   error
}

// split returns the parts of a template, one after the other. A variable may reach
// from one into the next: a template that sets one is a single part.
func split(t *template.Template) []part {
	var parts []part
	var nodes [][]parse.Node
	for _, n := range t.Root.Nodes {
		if a, ok := n.(*parse.ActionNode); ok && len(a.Pipe.Decl) > 0 {
			return []part{{template: t}}
		}
		common := dependence{t, maxCalls}.isCommon(n, true)
		if len(parts) == 0 || parts[len(parts)-1].common != common {
			parts, nodes = append(parts, part{common: common}), append(nodes, nil)
		}
		nodes[len(nodes)-1] = append(nodes[len(nodes)-1], n)
	}
	for i := range parts {
		tree := &parse.Tree{Name: t.Name(), Root: &parse.ListNode{NodeType: parse.NodeList, Nodes: nodes[i]}}
		// The error is for templates that are being executed in package html/template.
		parts[i].template, _ = t.AddParseTree(t.Name()+" in parts", tree)
	}
	return parts
}

// execute appends the file's text for a profile to out, and returns it.
func (f file) execute(out *bytes.Buffer, p scan.Profile, context any) ([]byte, error) {
	known := f.known.Load()
	if known == nil || !known.of.equal(commonOf(p)) {
		var err error
		if known, err = f.executeCommon(p, context); err != nil {
			return nil, err
		}
		f.known.Store(known)
	}
	if known.err != nil {
		return nil, f.errorOf(known.err, context)
	}
	if len(f.parts) == 1 && f.parts[0].common {
		return known.parts[0], nil
	}
	start, text := out.Len(), boundedBehind(out)
	for i, part := range f.parts {
		if part.common {
			if _, err := text.Write(known.parts[i]); err != nil {
				return nil, f.errorOf(err, context)
			}
		} else if err := part.template.Execute(text, context); err != nil {
			return nil, f.errorOf(err, context)
		}
	}
	return out.Bytes()[start:out.Len():out.Len()], nil
}

func (f file) executeCommon(p scan.Profile, context any) (*texts, error) {
	known := &texts{of: commonOf(p), parts: make([][]byte, len(f.parts))}
	for i, part := range f.parts {
		if !part.common {
			continue
		}
		var out bytes.Buffer
		err := part.template.Execute(boundedBehind(&out), context)
		if errors.Is(err, errTooLong) {
			known.err = err // it took its time: once is enough
			break
		}
		if err != nil {
			return nil, f.errorOf(err, context)
		}
		known.parts[i] = out.Bytes()
	}
	return known, nil
}

// errorOf returns the error of the whole template where one of its parts has one:
// messages name the file that the template makes.
func (f file) errorOf(err error, context any) error {
	if !errors.Is(err, errTooLong) {
		var out bytes.Buffer
		err = cmp.Or(f.template.Execute(boundedBehind(&out), context), err)
	}
	if errors.Is(err, errTooLong) {
		return fmt.Errorf("%s: %w", f.file, err)
	}
	return err
}
