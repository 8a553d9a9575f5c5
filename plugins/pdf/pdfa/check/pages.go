package check

import (
	"strings"

	"github.com/pdfcpu/pdfcpu/pkg/pdfcpu/types"

	"github.com/twinleaf-scan/twinleaf/plugins/pdf/content"
)

// pages walks the page tree.
func (c *checker) pages() {
	count := c.node(c.ctx.RootDict["Pages"], 0)
	root, err := c.ctx.DereferenceDict(c.ctx.RootDict["Pages"])
	if err != nil || root == nil {
		c.fail("page tree", 0, "it has no root")
		return
	}
	if n, _ := root["Count"].(types.Integer); int(n) != count || count == 0 {
		c.fail("page tree", 0, "it counts %d pages and has %d", n, count)
	}
}

const maxDepth = 20

// node counts the pages below a node.
func (c *checker) node(o types.Object, depth int) int {
	d, err := c.ctx.DereferenceDict(o)
	ref, _ := o.(types.IndirectRef)
	number := int(ref.ObjectNumber)
	if err != nil || d == nil || depth > maxDepth {
		c.fail("page tree", number, "a node is missing or too deep")
		return 0
	}
	if name(d["Type"]) == "Page" {
		c.page(number, d)
		return 1
	}
	if _, ok := d["Resources"]; ok {
		c.fail("page", number, "resources are inherited")
	}
	kids, err := c.ctx.DereferenceArray(d["Kids"])
	if err != nil {
		c.fail("page tree", number, "%v", err)
	}
	n := 0
	for _, kid := range kids {
		n += c.node(kid, depth+1)
	}
	return n
}

func (c *checker) page(number int, d types.Dict) {
	c.forbid(d, "AA", number)
	c.forbid(d, "PresSteps", number)
	c.box(number, d)
	resources, err := c.ctx.DereferenceDict(d["Resources"])
	if err != nil || resources == nil {
		c.fail("page", number, "it has no resources of its own")
		return
	}
	for _, o := range resources {
		inner, err := c.ctx.DereferenceDict(o)
		if err != nil {
			continue
		}
		for k, v := range inner {
			if _, err := c.ctx.Dereference(v); err != nil {
				c.fail("page", number, "resource %s: %v", k, err)
			}
		}
	}
	if d["Contents"] != nil {
		c.content(number, d["Contents"], resources)
	}
}

func (c *checker) box(number int, d types.Dict) {
	box, err := c.ctx.DereferenceArray(d["MediaBox"])
	if err != nil || len(box) != 4 {
		c.fail("page", number, "it has no size")
		return
	}
	var v [4]float64
	for i, o := range box {
		switch o := o.(type) {
		case types.Integer:
			v[i] = float64(o)
		case types.Float:
			v[i] = float64(o)
		}
	}
	for _, side := range []float64{v[2] - v[0], v[3] - v[1]} {
		if side < minPage || side > maxPageSide {
			c.fail("page", number, "a side of %v", side)
		}
	}
	if unit, ok := d["UserUnit"]; ok && c.part1 {
		c.fail("page", number, "UserUnit %v, which PDF 1.4 does not know", unit)
	}
}

// operators are those that our pages may use.
const operators = " q Q cm Do BT ET Tf Tr Tz Td Tm Tj "

// content checks the operators of a page, and that every code shown has a glyph
// and, at level u, a Unicode value.
func (c *checker) content(number int, o types.Object, resources types.Dict) {
	sd, stream := c.stream(o)
	if sd == nil {
		c.fail("page", number, "its content is no stream")
		return
	}
	depth, deepest := 0, 0
	var f *font
	s := content.NewScanner(sd.Content)
	for op, ok := s.Next(); ok; op, ok = s.Next() {
		if !strings.Contains(operators, " "+op.Name+" ") {
			c.fail("content", stream, "operator %q", op.Name)
		}
		switch op.Name {
		case "q":
			depth++
			deepest = max(deepest, depth)
		case "Q":
			depth--
		case "Do":
			c.resource(stream, resources, "XObject", op.Args)
		case "Tf":
			f = c.font(c.resource(stream, resources, "Font", op.Args))
		case "Tj":
			if f == nil {
				c.fail("content", stream, "text without a font")
				return
			}
			f.show(c, stream, op.Args)
		}
	}
	if depth != 0 || deepest > 28 {
		c.fail("content", stream, "q and Q leave %d open, %d deep", depth, deepest)
	}
}

// resource finds a resource by the name that is the first operand.
func (c *checker) resource(stream int, resources types.Dict, kind string, args []content.Token) types.Object {
	if len(args) == 0 {
		c.fail("content", stream, "no name of a resource")
		return nil
	}
	d, err := c.ctx.DereferenceDict(resources[kind])
	if err != nil || d[string(args[0].Text)] == nil {
		c.fail("content", stream, "%s %q is not among the resources", kind, args[0].Text)
		return nil
	}
	return d[string(args[0].Text)]
}
