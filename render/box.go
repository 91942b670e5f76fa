package render

import (
	"bytes"
	"errors"
	"fmt"
	"reflect"
	"strconv"
	"strings"
	"text/template"
	"text/template/parse"

	"slotgen/scan"
)

// box renders templates that see data. One goroutine uses it at a time.
type box struct {
	root *template.Template
	// misused is the first text of the data that was formatted in this rendering, or nil.
	misused *datum
	// rounds counts the rounds of all ranges in this rendering.
	rounds int
	// text is the output so far, and spans are the quoted texts in it.
	text  boundedText
	spans []span
}

// span is the place of a quoted text of the data in the output.
type span struct {
	start, end int
	*datum
}

// sinkName is the function that a box adds to every action that prints, and limitName the one that it
// adds to the value of every range. No template can call them: they are added when all are parsed.
const (
	sinkName  = "print_of_data"
	limitName = "range_of_data"
)

// newBox returns a box with copies of the templates.
func newBox(root *template.Template) (*box, error) {
	b := &box{}
	var err error
	if b.root, err = root.Clone(); err != nil {
		return nil, err
	}
	b.root.Funcs(b.functions()).Funcs(template.FuncMap{sinkName: b.sink, limitName: b.limit})
	for _, t := range b.root.Templates() {
		if t.Tree == nil || t.Root == nil {
			continue
		}
		tree := t.Copy()
		addSinks(tree.Root)
		if _, err := b.root.AddParseTree(t.Name(), tree); err != nil {
			return nil, err
		}
	}
	return b, nil
}

// addSinks adds the sink to the end of every pipeline whose value is printed, and the limit to ranges.
func addSinks(node parse.Node) {
	branch := func(n *parse.BranchNode) {
		addSinks(n.List)
		addSinks(n.ElseList)
	}
	switch n := node.(type) {
	case *parse.ListNode:
		if n != nil {
			for _, child := range n.Nodes {
				addSinks(child)
			}
		}
	case *parse.IfNode:
		branch(&n.BranchNode)
	case *parse.RangeNode:
		addCall(n.Pipe, limitName)
		branch(&n.BranchNode)
	case *parse.WithNode:
		branch(&n.BranchNode)
	case *parse.ActionNode:
		if len(n.Pipe.Decl) == 0 {
			addCall(n.Pipe, sinkName)
		}
	}
}

func addCall(pipe *parse.PipeNode, name string) {
	pos := pipe.Position()
	pipe.Cmds = append(pipe.Cmds, &parse.CommandNode{
		NodeType: parse.NodeCommand, Pos: pos, Args: []parse.Node{parse.NewIdentifier(name).SetPos(pos)},
	})
}

// maxRounds bounds the rounds of all ranges in one rendering. Data could keep a pass busy for ever.
const maxRounds = 100_000

var errTooManyRounds = fmt.Errorf("the ranges of this template come to more than %d rounds", maxRounds)

// limit counts the rounds that a range over value will have.
func (b *box) limit(value any) (any, error) {
	rounds := int64(0)
	switch v := reflect.ValueOf(value); {
	case v.CanInt():
		rounds = v.Int()
	case v.Kind() == reflect.Slice, v.Kind() == reflect.Array, v.Kind() == reflect.Map:
		rounds = int64(v.Len())
	}
	if rounds > maxRounds-int64(b.rounds) {
		return value, errTooManyRounds
	}
	b.rounds += int(max(rounds, 0))
	return value, refuseOpaque(value)
}

// sink returns the value that an action prints. It opens a quoted text of the data, and returns an
// error for any other text of the data.
func (b *box) sink(value any) (any, error) {
	switch v := value.(type) {
	case string:
		return v, nil
	case opaque:
		if v.open == nil || v.open().quote == unquoted {
			return nil, misuseOf(v)
		}
		d := v.open()
		b.spans = append(b.spans, span{len(b.text), len(b.text) + len(d.Text), d})
		return d.Text, nil
	case float64:
		return strconv.FormatFloat(v, 'f', -1, 64), nil
	}
	if b.holdsOpaque(value) {
		return nil, errors.New(b.misused.advice())
	}
	return value, refuseComposite(value, false)
}

// render renders one file of a profile that has data. It returns the findings about quoted texts
// that stand where the quotes do not hold.
func (b *box) render(f file, p scan.Profile) (File, []finding, error) {
	b.misused, b.rounds, b.text, b.spans = nil, 0, nil, nil
	p.Data = b.bind(p.Data).(map[string]any)
	err := b.root.Lookup(f.name()).Execute(&b.text, p)
	rendered, err := f.finish(b.text, err)
	if err == nil && (b.misused != nil || bytes.Contains(rendered.Data, []byte(mark))) {
		err = fmt.Errorf("template %s: it prints a text of the data that is not quoted", f.name())
	}
	if err != nil {
		return File{}, nil, b.explained(err)
	}
	return rendered, checkSpans(rendered, b.spans), nil
}

// explained returns an error of a rendering without the names that the box has added. An error of
// text/template may hold the mark of a text that it has formatted, which is then the mistake.
func (b *box) explained(err error) error {
	text := err.Error()
	for _, name := range []string{sinkName, limitName} {
		text = strings.Replace(text, "at <"+name+">: error calling "+name+": ", "", 1)
	}
	if i := strings.Index(text, mark); i >= 0 && b.misused != nil {
		text = text[:strings.LastIndex(text[:i], ": ")+2] + b.misused.advice()
	}
	return errors.New(scan.Printable(text))
}
