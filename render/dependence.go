package render

import (
	"text/template"
	"text/template/parse"
)

// maxCalls bounds how deep templates are followed that call each other.
const maxCalls = 16

// dependence tells what a node of a template depends on. What it does not know
// depends on the profile.
type dependence struct {
	root  *template.Template
	calls int
}

// isCommon tells whether a node renders the same for all profiles of a pass. Dot is
// the profile where top is true, else something that they have in common.
// Functions give the same answer for the same arguments (Functions).
func (d dependence) isCommon(node parse.Node, top bool) bool {
	switch n := node.(type) {
	case *parse.TextNode, *parse.StringNode, *parse.NumberNode, *parse.BoolNode, *parse.NilNode,
		*parse.IdentifierNode, *parse.BreakNode, *parse.ContinueNode:
		return true
	case *parse.DotNode:
		return !top
	case *parse.FieldNode:
		return !top || isCommon(n.Ident[0])
	case *parse.ChainNode:
		return d.isCommon(n.Node, top)
	case *parse.CommandNode:
		return d.all(n.Args, top)
	case *parse.ActionNode:
		return d.pipe(n.Pipe, top)
	case *parse.PipeNode:
		return d.pipe(n, top)
	case *parse.IfNode:
		return d.pipe(n.Pipe, top) && d.list(n.List, top) && d.list(n.ElseList, top)
	case *parse.RangeNode:
		return d.pipe(n.Pipe, top) && d.list(n.List, false) && d.list(n.ElseList, top)
	case *parse.WithNode:
		return d.pipe(n.Pipe, top) && d.list(n.List, false) && d.list(n.ElseList, top)
	case *parse.TemplateNode:
		return d.call(n, top)
	}
	return false
}

func (d dependence) all(nodes []parse.Node, top bool) bool {
	for _, n := range nodes {
		if !d.isCommon(n, top) {
			return false
		}
	}
	return true
}

func (d dependence) list(l *parse.ListNode, top bool) bool { return l == nil || d.all(l.Nodes, top) }

// pipe takes no pipeline that sets a variable: it may be used anywhere.
func (d dependence) pipe(p *parse.PipeNode, top bool) bool {
	if p == nil {
		return true
	}
	for _, c := range p.Cmds {
		if !d.all(c.Args, top) {
			return false
		}
	}
	return len(p.Decl) == 0
}

// call looks into the template that is called, with dot being what it is given.
func (d dependence) call(n *parse.TemplateNode, top bool) bool {
	called := d.root.Lookup(n.Name)
	if d.calls == 0 || called == nil || called.Tree == nil {
		return false
	}
	d.calls--
	given := d.pipe(n.Pipe, top)
	return (given || top && isDot(n.Pipe)) && d.list(called.Root, !given)
}

func isDot(p *parse.PipeNode) bool {
	if len(p.Decl) > 0 || len(p.Cmds) != 1 || len(p.Cmds[0].Args) != 1 {
		return false
	}
	_, ok := p.Cmds[0].Args[0].(*parse.DotNode)
	return ok
}
